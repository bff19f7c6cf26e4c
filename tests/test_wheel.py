"""The wheel works by itself: installed elsewhere, with none of the checkout, it finds its models, and all is well."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import seamline

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import build_wheel  # noqa: E402

MODELS = {path.parent.name for path in (ROOT / "models" / "weights").glob("*/model.json")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, working_tree):
    return build_wheel.build(working_tree, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds the package of the wheel, and no other."""
    folder = tmp_path_factory.mktemp("bare é")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def seamline_of(installed, tmp_path):
    """Run the installed program in an empty folder, with the requirements of this Python; returns what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEAMLINE_")}
    # The package before that of the checkout, which this Python may know; the folder outside of both.
    env |= {"PYTHONPATH": str(installed), "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*words):
        command = [sys.executable, "-m", "seamline", *words]
        ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return run


def test_its_name_is_the_one_that_set_up_and_install_look_for(wheel):
    assert wheel.name == f"seamline-{seamline.__version__}-py3-none-any.whl"


def test_it_holds_the_weights_and_nothing_that_serves_the_checkout_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"seamline/models/weights/{name}/model.json" for name in MODELS} <= names
    folders = {name.split("/")[1] for name in names if name.startswith("seamline/")}
    assert not folders & {"tests", "tools", "benchmarks", "docs", ".github", ".ci"}


def test_the_doctor_of_the_installed_program_finds_all_well_and_no_model_of_elsewhere(seamline_of, installed):
    found = seamline_of("doctor")
    assert f"Seamline: {seamline.__version__} in {installed / 'seamline'}" in found
    weights = installed / "seamline" / "models" / "weights"
    for name in MODELS:
        assert f"model {name}: all files are as published ({weights / name})" in found
    assert "self-test: pan-sharpened a flat scene" in found


def test_the_installed_models_are_as_published(seamline_of):
    verified = seamline_of("models", "verify").splitlines()
    assert {f"{name}: all files are as published" for name in MODELS} <= set(verified)
