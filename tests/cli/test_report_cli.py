"""``seamline report``: one page that needs nothing but itself, of any finished run and of no other."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.cli.group import cli
from seamline.report.colours import shown_bands
from seamline.tests.engine.inputs.hostile import Listener, mask_vrt


def seamline(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def run(small_pair, tmp_path):
    """A finished run."""
    out = tmp_path / "fused.tif"
    answer = seamline("pansharpen", *small_pair, out, "--model", "brovey", "--device", "cpu")
    assert answer.exit_code == 0, answer.output
    return out


class Page(HTMLParser):
    """Collects what a page refers to, its elements of data by their names, and its facts."""

    def __init__(self, path):
        super().__init__()
        self.raw = path.read_text(encoding="utf-8")
        self.links, self.open, self.data, self._at = [], [], {}, None
        self.feed(self.raw)
        self.facts = json.loads(self.data["facts"])

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "input"):
            self.open.append(tag)
        named = dict(attrs)
        self._at = named.get("id") if tag == "script" else None
        self.links += [value for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._at = None

    def handle_data(self, data):
        if self._at:
            self.data[self._at] = self.data.get(self._at, "") + data

    @property
    def layers(self):
        return [layer["name"] for layer in self.facts["layers"]]


def page_of(out):
    answer = seamline("report", out)
    assert answer.exit_code == 0, answer.output
    return Page(out.with_name(f"{out.stem}.report.html"))


def refused(*arguments):
    answer = seamline("report", *arguments)
    assert answer.exit_code == 2, answer.output
    return answer.output


def changed(out, **facts):
    """The report of an output, with other facts."""
    report = out.with_name(f"{out.stem}.report.json")
    report.write_text(json.dumps(json.loads(report.read_text()) | facts))


def test_the_page_is_self_contained_and_says_what_was_made(run):
    answer = seamline("report", run)
    assert answer.exit_code == 0, answer.output
    path = run.with_name("fused.report.html")
    assert answer.output.strip() == str(path)
    page = Page(path)
    assert page.open == []
    assert page.links == ["#measures"]
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=|@import", page.raw)
    assert "default-src 'none'" in page.raw
    assert page.layers == ["output", "input-ms", "input-pan", "difference", "ndvi"]
    facts, report = page.facts, json.loads(run.with_name("fused.report.json").read_text())
    assert facts["heading"]["model"].startswith("brovey 2")
    told = dict(facts["provenance"])
    assert told["Identity of the run"] == report["identity"]
    assert told["Licence of the model"] == "GPL-2.0-or-later"
    assert [row["name"] for row in facts["consistency"]] == ["blue", "green", "red", "nir"]
    assert facts["change"][0]["name"] == "NDVI"


@pytest.mark.parametrize(("score", "good"), [(1.02, True), (1.9, False)])
def test_a_seam_score_comes_with_its_verdict(run, score, good):
    metrics = {"seam_score": score, "seam_control_band": [0.8, 1.3], "consistency": [None, 0.01]}
    changed(run, metrics=metrics)
    facts = page_of(run).facts
    (seam,) = (verdict for verdict in facts["verdicts"] if verdict["title"] == "Seam score")
    assert (seam["value"], seam["good"]) == (score, good)
    assert [(row["name"], row["value"]) for row in facts["consistency"]] == [("green", 0.01)]


def test_names_cannot_break_out_of_the_text(run):
    report = run.with_name("fused.report.json")
    facts = json.loads(report.read_text())
    evil = "</script><script>alert('x')</script><!--title-->"
    facts |= {"model": evil, "inputs": {evil: evil}, "note": evil}
    report.write_text(json.dumps(facts))
    page = page_of(run)
    assert page.open == []
    assert "<script>alert" not in page.raw
    assert page.facts["heading"]["note"] == evil, "a mark in a name was filled in"


def test_a_page_can_be_put_elsewhere_and_named_by_its_report_or_its_folder(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for named in (run.with_name("fused.report.json"), tmp_path):
        page = tmp_path / "elsewhere" / "page.html"
        answer = seamline("report", named, page, "--json")
        assert answer.exit_code == 0, answer.output
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        page.unlink()


def test_a_run_is_found_from_another_folder(small_pair, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "runs")
    names = [f"../{path.name}" for path in small_pair]
    assert seamline("pansharpen", *names, "o.tif", "--model", "brovey", "--device", "cpu").exit_code == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "input-pan" in page_of(Path("../runs/o.tif")).layers
    (tmp_path / "moved").mkdir()
    for path in (tmp_path / "runs").glob("o.*"):
        path.rename(tmp_path / "moved" / path.name)
    assert "input-pan" in page_of(tmp_path / "moved" / "o.tif").layers


def test_without_its_inputs_the_page_says_what_it_lacks(run, small_pair):
    for path in small_pair:
        path.unlink()
    page = page_of(run)
    assert page.layers == ["output"]
    assert [text.split(":")[0] for text in page.facts["missing"]] == ["Input pan", "Input ms"]


def test_an_input_of_other_ground_is_no_layer(run, small_pair):
    with rasterio.open(small_pair[0], "r+") as file:
        file.transform = from_origin(900000, 5000000, 2, 2)
    page = page_of(run)
    assert "input-ms" not in page.layers
    assert "does not lie along the output" in page.facts["missing"][0]


def test_a_report_that_names_a_network_fetches_nothing(run, small_pair, tmp_path):
    report = run.with_name("fused.report.json")
    facts = json.loads(report.read_text())
    with Listener(tmp_path) as listener:
        for place in (f"/vsicurl/http://{listener.address}/a.tif", f"http://{listener.address}/a.tif"):
            bands = {name: [band | {"path": place} for band in told] for name, told in facts["input_bands"].items()}
            changed(run, input_bands=bands)
            assert page_of(run).layers == ["output"]
        changed(run, input_bands=facts["input_bands"])
        (small_pair[0].parent / "ms.tif.msk").write_text(mask_vrt(f"/vsicurl/http://{listener.address}/m.tif"))
        assert "input-ms" not in page_of(run).layers
        changed(run, outputs=[f"http://{listener.address}/a.tif"])
        assert "the output of this report is gone" in refused(report)
        assert listener.heard == []


def test_what_is_no_finished_run_is_refused(tmp_path):
    assert "there is no report of it" in refused(tmp_path / "nothing.tif")
    assert "the folder holds no output of a run" in refused(tmp_path)
    (tmp_path / "o.tif.seamline").mkdir()
    assert "this run is not finished" in refused(tmp_path / "o.tif")
    assert "this run is not finished" in refused(tmp_path / "o.tif.seamline")
    odd = '{"model": "a", "metrics": {}, "outputs": %s}'
    for content in (
        "[1]",
        "[" * 10**5,
        odd % "3",
        odd % "[]",
        odd % "[3]",
        '{"model": 1, "metrics": 2, "outputs": ["a"]}',
    ):
        (tmp_path / "x.report.json").write_text(content)
        assert "no report of a run" in refused(tmp_path / "x.tif")
    (tmp_path / "y.report.json").write_text("{}")
    assert "the folder holds the reports of 2 runs" in refused(tmp_path)


def test_a_report_of_another_version_is_refused_by_its_number(run):
    changed(run, format=99)
    assert "its report is of another version (format 99;" in refused(run)


@pytest.mark.parametrize(
    "facts",
    [
        {"metrics": {"consistency": 3}},
        {"input_bands": {"ms": [3]}},
        {"instrument": {"gain": 0.3}},
        {"boundaries": {"rows": 3}},
        {"counts": [1]},
        {"layers": {"image": {"path": 3}}},
    ],
)
def test_a_damaged_report_is_refused_and_leaves_the_page_that_was_there(run, facts):
    page = run.with_name("fused.report.html")
    page.write_text("the page that was there")
    changed(run, **facts)
    assert "this is no report of a run" in refused(run)
    assert page.read_text() == "the page that was there"
    assert not list(run.parent.glob("*.part"))


def test_an_output_that_is_gone_is_told(run):
    run.unlink()
    assert "the output of this report is gone" in refused(run)


def test_a_page_that_cannot_be_written_is_refused(run, small_pair, tmp_path):
    for place in (tmp_path / "nowhere" / "page.html", tmp_path / ("n" * 300 + ".html")):
        assert "the page cannot be written" in refused(run, place)
    assert "the page is a folder" in refused(run, tmp_path)
    for place in (run, run.with_name("fused.report.json"), small_pair[1]):
        held = place.read_bytes()
        assert "the page would replace a file of the run" in refused(run, place)
        assert place.read_bytes() == held


def test_a_disk_that_fills_up_leaves_the_page_that_was_there(run, monkeypatch):
    page = run.with_name("fused.report.html")
    page.write_text("the page that was there")
    monkeypatch.setattr("seamline.report.page.template.fill", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    assert "the page cannot be written (No space)" in refused(run)
    assert page.read_text() == "the page that was there"


def test_a_reference_is_scored_and_its_difference_a_layer(run, tmp_path):
    reference = tmp_path / "truth.tif"
    with rasterio.open(run) as file:
        values, profile = file.read(), file.profile
    with rasterio.open(reference, "w", **profile) as file:
        file.write(values + np.uint16(20))
    answer = seamline("report", run, "--reference", reference)
    assert answer.exit_code == 0, answer.output
    page = Page(run.with_name("fused.report.html"))
    assert {"error", "reference"} <= set(page.layers)
    scores = {score["name"]: score for score in page.facts["scores"]}
    assert {"Q2n", "SAM", "ERGAS", "PSNR", "SSIM"} <= scores.keys()
    assert all(score["meaning"] for score in scores.values())
    assert [raster["title"] for raster in page.facts["samples"]["spectra"]][-1] == "Reference"


@pytest.mark.parametrize(("shift", "crs"), [(0.3, "EPSG:32633"), (0.0, "EPSG:32632")])
def test_a_reference_on_another_grid_is_refused(run, write_raster, shift, crs):
    grid = from_origin(500000 + shift, 5000000, 0.5, 0.5)
    reference = write_raster("truth.tif", np.ones((4, 80, 96), np.uint16), transform=grid, crs=crs)
    said = refused(run, "--reference", reference)
    assert "its pixels do not lie on those of the output" in said or "its CRS" in said
    assert "the file does not exist" in refused(run, "--reference", "nowhere.tif")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("blue", "green", "red", "nir"), [3, 2, 1]),
        (("Red", "Green", "Blue"), [1, 2, 3]),
        (("B04", "B03", "B02", "B08"), [1, 2, 3]),
        (("", "", ""), [1, 2, 3]),
        (("", "", "", ""), [3, 2, 1]),
        (("", ""), [1]),
        (("pan",), [1]),
    ],
)
def test_the_colours_are_the_bands_that_say_so(names, shown):
    assert shown_bands(names) == shown
