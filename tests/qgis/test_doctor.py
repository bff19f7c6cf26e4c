"""The doctor in the toolbox: findings in the log and in a page, failures with their fix, also without an engine."""

import sys
from html.parser import HTMLParser
from pathlib import Path

import processing
import pytest
from qgis.core import QgsProcessingException
from support import PROGRAM, options, qgis_process


class Cells(HTMLParser):
    """The texts of the cells of a page."""

    def __init__(self, page):
        super().__init__()
        self.cells = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def run(fake_engine, feedback, tmp_path):
    def run(mode, **parameters):
        fake_engine(mode)
        parameters.setdefault("OUTPUT", str(tmp_path / "report é.html"))
        return processing.run("seamline:doctor", parameters, feedback=feedback)

    return run


def test_a_well_engine_has_no_problems_and_a_report(run, feedback, tmp_path):
    result = run("doctor")
    assert result == {"PROBLEMS": 0, "OUTPUT": str(tmp_path / "report é.html")}
    page = (tmp_path / "report é.html").read_text(encoding="utf-8")
    assert "All is well: 2 findings" in page
    assert "well  torch: 2.13.0" in feedback.lines
    assert Cells(page).cells[:4] == ["well", "torch", "2.13.0", ""]


def test_a_failure_is_a_result_with_its_fix_first_and_cannot_break_the_page(run, feedback):
    result = run("doctor bad")
    assert result["PROBLEMS"] == 1
    page = Path(result["OUTPUT"]).read_text(encoding="utf-8")
    assert Cells(page).cells[:4] == ["BAD", "rasterio", "<is missing> & gone", "install it"]
    assert "BAD  rasterio: <is missing> & gone; install it" in feedback.lines
    assert "1 of 3 need attention" in page


@pytest.mark.parametrize("mode", ["traceback", "killed", "error", "silent"])
def test_an_engine_that_cannot_examine_itself_is_a_finding(mode, run):
    result = run(mode)
    assert result["PROBLEMS"] == 1


def test_without_an_engine_it_says_what_to_do(plugin, feedback, monkeypatch, tmp_path):
    monkeypatch.setenv("SEAMLINE_PYTHON", "/nowhere/python")
    result = processing.run("seamline:doctor", {"OUTPUT": str(tmp_path / "r.html")}, feedback=feedback)
    assert result["PROBLEMS"] == 1
    assert any("/nowhere/python; set the Python" in line for line in feedback.lines)


def test_the_report_opens_in_the_result_viewer(plugin, qgis_app):
    from qgis.core import QgsProcessingOutputHtml

    algorithm = qgis_app.processingRegistry().algorithmById("seamline:doctor")
    assert isinstance(algorithm.outputDefinition("OUTPUT"), QgsProcessingOutputHtml)


def test_a_cancel_gives_nothing(run, feedback, tmp_path):
    feedback.cancel()
    assert "OUTPUT" not in run("slow")
    assert not (tmp_path / "report é.html").exists()


def test_a_folder_that_cannot_be_written_is_a_sentence(run):
    with pytest.raises(QgsProcessingException, match="the output's folder does not exist"):
        run("doctor", OUTPUT="/nowhere/report.html")


def test_a_python_without_the_packages_is_told_package_by_package(plugin, monkeypatch, feedback, tmp_path, scene):
    from seamline.qgis_plugin.setup.pythons import probe

    bare = tmp_path / "bin" / "python"
    bare.parent.mkdir()
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    bare.chmod(0o755)
    assert probe(str(bare)).version >= (3, 11)
    monkeypatch.setenv("SEAMLINE_PYTHON", str(bare))
    result = processing.run("seamline:doctor", {"OUTPUT": str(tmp_path / "r.html")}, feedback=feedback)
    assert result["PROBLEMS"] > 10
    assert any(line.startswith("BAD  torch: is missing; set the engine up again") for line in feedback.lines)
    with pytest.raises(QgsProcessingException, match=r"^this Python lacks what the engine needs: click is missing"):
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "out.tif")}, feedback=feedback)


@pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed")
def test_the_real_engine_is_well_and_says_so_from_the_shell(profile, real_python, tmp_path):
    report = tmp_path / "report.html"
    ran = qgis_process(profile, "run", "seamline:doctor", *options({"OUTPUT": report}), SEAMLINE_PYTHON=real_python)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "PROBLEMS:\t0" in ran.stdout
    page = report.read_text(encoding="utf-8")
    assert "All is well" in page
    cells = Cells(page).cells
    assert {"torch", "GDAL", "PROJ", "device", "self-test"} <= set(cells)
    assert any(text.startswith("pan-sharpened a flat scene with") for text in cells)
