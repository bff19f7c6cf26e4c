"""The folder for a computer without a network is whole, says what to do, and is what set-up in QGIS takes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import seamline
from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.setup.execution import Execution, setup_environment
from seamline.qgis_plugin.setup.plan import Choice, Plan, make_plan
from seamline.qgis_plugin.setup.requirements import read_requirements
from seamline.qgis_plugin.setup.state import finished_python
from seamline.qgis_plugin.setup.torch_build import CPU, CUDA_BUILDS
from seamline.tools import offline_bundle
from seamline.tools.offline_bundle import Bundle, make
from seamline.tools.offline_page import Contents, commands, page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "qgis_plugin"))

from wheels import write_wheel  # noqa: E402

NEEDED = read_requirements(ROOT)
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """A folder with a wheel of a few bytes for each requirement, in place of an index, and pip told so."""
    folder = tmp_path_factory.mktemp("index")
    pins = dict(line.split("==") for line in NEEDED.pins.splitlines() if "==" in line)
    for name, version in {**pins, "gradio": "6.99", "torch": f"{NEEDED.torch}+cpu"}.items():
        write_wheel(folder, name, version, extras=("array", "distributed"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def bundle(stand_ins, tmp_path_factory, working_tree):
    """A bundle of the stand-ins, below a folder with a space and an accent."""
    dist = tmp_path_factory.mktemp("dist of Zoë B")
    with zipfile.ZipFile(dist / "seamline.zip", "w") as plugin:
        plugin.writestr("seamline/metadata.txt", "")
    wanted = Bundle(dist, "linux-x86_64", MINOR, CPU, ("app",))
    left = wanted.folder / "old-1.0-py3-none-any.whl"
    left.parent.mkdir()
    left.touch()
    return make(wanted, dist / "seamline.zip", sys.executable, working_tree)


def test_the_calls_of_pip_ask_for_the_build_the_pins_and_the_extras(tmp_path):
    wanted = Bundle(tmp_path, "linux-x86_64", "3.12", CUDA_BUILDS[1], ("app", "cluster"))
    torch, rest = wanted.downloads(tmp_path / "seamline.whl")
    assert torch[-1] == f"torch=={NEEDED.torch}+cu126"
    assert {"--no-deps", "https://download.pytorch.org/whl/cu126"} <= set(torch)
    assert rest[-2:] == (torch[-1], f"{tmp_path / 'seamline.whl'}[app,cluster]")
    assert rest[rest.index("-c") + 1] == str(ROOT / "constraints.txt")
    assert not [word for word in rest if "://" in word], "PyTorch's index is asked for torch alone"
    assert all(":all:" in call for call in (torch, rest)), "the other computer may have no compiler"
    assert wanted.folder.name == "seamline-offline-linux-x86_64-python3.12"


def test_it_holds_all_that_is_required_and_nothing_of_before(bundle):
    names = {path.name for path in bundle.iterdir()}
    assert {f"seamline-{seamline.__version__}-py3-none-any.whl", "seamline.zip", "INSTALL.html", "SHA256SUMS"} <= names
    assert any(name.startswith(f"torch-{NEEDED.torch}+cpu") for name in names)
    there = {name.split("-")[0].replace("_", "-").lower() for name in names}
    assert {re.match(r"[\w-]+", package)[0] for package in NEEDED.packages} <= there
    assert "gradio" in there, "an extra that was asked for is missing"
    assert "old" not in there
    with zipfile.ZipFile(bundle.with_name(bundle.name + ".zip")) as packed:
        assert {Path(name).name for name in packed.namelist()} == names
        assert {name.split("/")[0] for name in packed.namelist()} == {bundle.name}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the system has no sha256sum")
def test_sha256sum_reads_its_sums(bundle):
    ran = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=bundle, capture_output=True, text=True, check=True)
    assert len(ran.stdout.splitlines()) == len(list(bundle.iterdir())) - 1


def test_set_up_in_qgis_takes_it_and_refuses_a_flipped_byte_by_name(bundle, tmp_path):
    folder, damaged = tmp_path / "engine", tmp_path / "copy"
    shutil.copytree(bundle, damaged)
    (wheel,) = damaged.glob("rasterio-*.whl")
    content = bytearray(wheel.read_bytes())
    content[len(content) // 2] ^= 1
    wheel.write_bytes(content)

    def set_up(wheels):
        choice = Choice(folder, BASE_PYTHON, replace(CPU, disk_bytes=1), wheels)
        plan = make_plan(choice, NEEDED, ROOT / "launch.py")
        assert plan.steps[-1].commands[0][-1] == str(wheels / f"seamline-{seamline.__version__}-py3-none-any.whl")
        # The stand-ins cannot take models out of a wheel.
        return Execution(Plan(choice, plan.steps[:-1]), setup_environment(os.environ, {})).run(
            on_step=lambda *_: None, on_line=lambda _: None, is_cancelled=lambda: False
        )

    with pytest.raises(EngineError, match=rf"^{re.escape(wheel.name)} is damaged"):
        set_up(damaged)
    assert set_up(bundle)
    listed = [finished_python(folder), "-m", "pip", "list"]
    assert "rasterio" in subprocess.run(listed, capture_output=True, text=True, check=True).stdout


class Text(HTMLParser):
    """The text of a page."""

    def __init__(self, html):
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data):
        self.text += data


def test_its_page_says_both_ways_in_the_names_that_are_there(bundle):
    text = Text((bundle / "INSTALL.html").read_text(encoding="utf-8")).text
    assert f'--no-index --find-links . --only-binary :all: "seamline[app]=={seamline.__version__}"' in text
    assert f"python{MINOR} -m venv seamline-env" in text
    assert "sha256sum -c SHA256SUMS" in text
    assert "Install from ZIP:\nseamline.zip in this folder" in text
    assert "http" not in text


def test_its_page_is_for_the_system_and_the_python_that_comes():
    windows = Contents("1", "win-amd64", "3.13", "CPU", (), "seamline.zip", "")
    assert commands(windows)[0] == "py -3.13 -m venv seamline-env"
    assert commands(windows)[-1] == "seamline-env\\Scripts\\seamline doctor"
    brought = replace(windows, system="macosx-14.0-arm64", standalone="cpython.tar.gz")
    assert commands(brought)[:3] == [
        "shasum -a 256 -c SHA256SUMS",
        "tar xf cpython.tar.gz",
        "python/bin/python3 -m venv seamline-env",
    ]
    assert "which set-up brings" in Text(page(brought)).text


def test_a_python_that_comes_too_fetches_the_wheels_itself(stand_ins, tmp_path, monkeypatch):
    """The wheels of another Python would not fit it."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{BASE_PYTHON}" "$@"\n')
    program.chmod(0o755)
    dist, made = tmp_path / "dist", []
    dist.mkdir()
    (dist / "seamline.zip").touch()
    known = replace(offline_bundle.standalone("linux", "x86_64"), version="3.11.99")
    archive = tmp_path / known.archive
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(program, "python/bin/python3")
    monkeypatch.setattr(offline_bundle, "standalone", lambda *_: known)

    def note(bundle, plugin, python, tree="HEAD"):
        made.append((bundle, python))
        bundle.folder.mkdir()
        return bundle.folder

    monkeypatch.setattr(offline_bundle, "make", note)
    words = [str(dist), "--standalone", str(archive)]
    with pytest.raises(SystemExit, match="is not the file that was published"):
        offline_bundle.main(words)
    right = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(offline_bundle, "standalone", lambda *_: replace(known, sha256=right))
    offline_bundle.main(words)
    ((bundle, python),) = made
    assert (bundle.python, bundle.standalone) == ("3.11", archive)
    assert python.endswith("bin/python3")
    with pytest.raises(SystemExit, match=r"set-up takes cpython-3\.11\.99"):
        offline_bundle.main([str(dist), "--standalone", str(tmp_path / "other.tar.gz")])


def test_what_cannot_be_made_is_a_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"seamline\.zip is missing; run: make plugin-zip"):
        offline_bundle.main([str(tmp_path)])
    (tmp_path / "seamline.zip").touch()
    with pytest.raises(SystemExit, match="TORCH=cu1: no such build for this computer; there is "):
        offline_bundle.main([str(tmp_path), "--torch", "cu1"])
