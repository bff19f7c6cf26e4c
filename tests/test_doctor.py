"""The doctor speaks whatever is broken, and each failure comes with its fix."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch

import seamline
from seamline import doctor
from seamline.doctor import Finding, examine, line
from seamline.models import registry

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def quick(monkeypatch):
    """Without the small run, which has a test of its own."""
    monkeypatch.setattr(doctor, "_self_test", lambda: iter(()))


def bad() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine() if not finding.ok}


def test_a_whole_installation_is_well_and_says_what_it_found():
    findings = {finding.what: finding for finding in examine()}
    assert [finding for finding in findings.values() if not finding.ok] == []
    assert seamline.__version__ in findings["Seamline"].detail
    assert sys.executable in findings["Python"].detail
    assert findings["torch"].detail == version("torch")
    assert findings["self-test"].detail.startswith("pan-sharpened")
    assert "model salad-pan-tiny" in findings or not registry.WEIGHTS.is_dir()


def test_a_missing_and_an_old_package_end_the_examination_with_cures(monkeypatch):
    def without_rasterio(name):
        if name == "rasterio":
            raise PackageNotFoundError(name)
        return "1.9.1" if name == "torch" else version(name)

    monkeypatch.setattr(doctor, "version", without_rasterio)
    found = bad()
    assert found["rasterio"].detail == "is missing"
    assert "pip install" in found["rasterio"].fix
    assert "Settings > Options > Seamline" in found["rasterio"].fix
    assert found["torch"].detail.startswith("is 1.9.1, needed is 2.")
    assert "self-test" not in {finding.what for finding in examine()}


def test_a_package_that_the_system_cannot_load_is_a_finding(quick, monkeypatch):
    load = importlib.import_module

    def broken(name):
        if name == "torch":
            raise OSError("[WinError 126] The specified module could not be found: c10.dll")
        return load(name)

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    monkeypatch.setattr(doctor.platform, "system", lambda: "Windows")
    assert "c10.dll" in bad()["torch"].detail
    assert "Visual C++" in bad()["torch"].fix


def test_a_package_on_a_disk_that_starts_nothing_is_not_to_be_installed_again(quick, monkeypatch):
    load = importlib.import_module

    def unmapped(name):
        if name == "numpy":
            raise ImportError("_multiarray.so: failed to map segment from shared object: Operation not permitted")
        return load(name)

    monkeypatch.setattr(doctor.importlib, "import_module", unmapped)
    assert "noexec" in bad()["numpy"].fix
    assert "pip install" not in bad()["numpy"].fix


def test_no_folder_for_temporary_files_is_a_finding_and_no_defect(monkeypatch):
    def nowhere(**_):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", nowhere)
    assert bad()["self-test"].detail.startswith("no folder takes temporary files (No usable temporary directory")
    assert "TMPDIR" in bad()["self-test"].fix


def test_a_home_that_is_missing_or_cannot_be_written_changes_nothing(tmp_path):
    """Nor does a folder of the program that takes no compiled files."""
    home = tmp_path / "home"
    home.write_text("no folder")
    for given in ({}, {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONPYCACHEPREFIX": str(home)}):
        env = {name: value for name, value in os.environ.items() if name != "HOME" and not name.startswith("XDG_")}
        command = [sys.executable, str(ROOT / "launch.py"), "doctor", "--json"]
        ran = subprocess.run(command, env=env | given, capture_output=True, text=True, check=False)
        events = [json.loads(text) for text in ran.stdout.splitlines()]
        assert [event for event in events[:-1] if not event["ok"]] == []
        assert (ran.returncode, events[-1]["ok"]) == (0, True), ran.stderr


def test_an_installed_engine_of_another_version_is_said(quick, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "9.9" if name == "seamline" else version(name))
    found = bad()["installed seamline"]
    assert f"is version 9.9, while this is version {seamline.__version__}" in found.detail
    assert f"install version {seamline.__version__}" in found.fix


def test_a_card_that_torch_cannot_use_is_said_with_what_to_do(quick, monkeypatch):
    monkeypatch.setattr(doctor, "_nvidia_card", lambda: "NVIDIA T1000")
    (finding,) = [finding for finding in examine() if finding.what == "device"]
    if not torch.cuda.is_available():
        assert "though NVIDIA T1000 is there" in finding.detail
        assert "to use it, " in finding.fix
        assert finding.fix in line(finding)


@pytest.mark.parametrize(
    ("compare", "sentence"),
    [
        (RuntimeError("CUDA error: no kernel image is available\nmore"), "no kernel image is available"),
        ((0.1, 0.5), "differs from the processor's by 0.5"),
    ],
)
def test_a_card_that_computes_wrong_or_not_at_all_is_bad(compare, sentence, quick, monkeypatch):
    def compared(*_):
        if isinstance(compare, Exception):
            raise compare
        return compare

    monkeypatch.setattr("seamline.engine.run.device.pick_device", lambda wanted: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    monkeypatch.setattr(doctor, "_compare", compared)
    found = bad()["device"]
    assert sentence in found.detail
    assert "cpu" in found.fix


def test_the_small_computation_is_right_on_the_processor():
    seconds, deviation = doctor._compare(torch, "cpu")
    assert seconds >= 0
    assert deviation == 0


def test_no_models_and_a_broken_model_are_said(quick, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "WEIGHTS", tmp_path)
    assert "no learned model" in bad()["models"].detail
    assert "models install" in bad()["models"].fix
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "model.json").write_text("{")
    assert "torn" in bad()["model torn"].detail


def test_whatever_goes_wrong_is_a_finding(monkeypatch):
    def explode():
        raise ZeroDivisionError("a defect")
        yield

    monkeypatch.setattr(doctor, "_self_test", explode)
    assert bad()["self-test"].detail == "ZeroDivisionError: a defect"


# In a Python without any package: -S leaves site-packages out.
BARE = [sys.executable, "-S", str(ROOT / "launch.py")]


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BARE, *arguments], capture_output=True, text=True, check=False)


def test_without_packages_the_doctor_still_speaks():
    ran = launch("doctor")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "BAD  click: is missing; set the engine up again" in ran.stdout
    events = [json.loads(text) for text in launch("doctor", "--json").stdout.splitlines()]
    assert {"finding", "done"} == {event["event"] for event in events}
    assert events[-1]["ok"] is False
    assert "torch" in {event["what"] for event in events[:-1] if not event["ok"]}


def test_without_packages_any_other_command_is_one_sentence():
    ran = launch("pansharpen", "a.tif", "b.tif", "c.tif", "--json")
    (event,) = [json.loads(text) for text in ran.stdout.splitlines()]
    assert ran.returncode == 1
    assert event["event"] == "error"
    assert event["what"].startswith("this Python lacks what the engine needs: click is missing")
    assert event["where"] == sys.executable
    assert "Traceback" not in ran.stderr
    assert launch("models", "list").stderr.startswith(f"error: {sys.executable}: this Python lacks")


def test_a_package_that_goes_missing_later_is_no_defect_of_ours(monkeypatch):
    from click.testing import CliRunner

    from seamline.cli.group import cli

    def gone():
        raise ModuleNotFoundError("No module named 'rasterio'", name="rasterio")
        yield

    monkeypatch.setattr(doctor, "examine", gone)
    ran = CliRunner().invoke(cli, ["doctor"])
    assert ran.exit_code == 1
    assert "this Python lacks a package (No module named 'rasterio'); run seamline doctor" in ran.stderr
    assert "please report" not in ran.stderr


def test_an_old_python_is_refused_in_one_sentence():
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 18); sys.argv = ['launch.py', 'doctor', '--json'];"
        f"runpy.run_path({str(ROOT / 'launch.py')!r}, run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)
    event = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert event["what"] == "this is Python 3.9, the engine needs 3.11, 3.12 or 3.13"


def test_the_command_line_gives_events_and_an_exit_code():
    ran = subprocess.run(
        [sys.executable, str(ROOT / "launch.py"), "doctor", "--json"], capture_output=True, text=True, check=False
    )
    events = [json.loads(text) for text in ran.stdout.splitlines()]
    assert events[-1] == {"event": "done", "outputs": [], "report": None, "metrics": {}, "ok": ran.returncode == 0}
    assert all(set(event) == {"event", "what", "ok", "detail", "fix"} for event in events[:-1])
