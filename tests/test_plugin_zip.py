"""The zip is one that the plugin repository takes, its code one that Qt 6 takes, and the checks of both find faults."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import check_plugin_zip  # noqa: E402
import check_qt6  # noqa: E402

WHEEL_WEIGHTS_BYTES = 40_000_000


@pytest.fixture(scope="module")
def built(tmp_path_factory, working_tree):
    """The zip of the files as they are now, less what is kept out."""
    target = tmp_path_factory.mktemp("zip") / "seamline.zip"
    command = ["git", "archive", "--worktree-attributes", "--format=zip", "--prefix=seamline/", f"--output={target}"]
    subprocess.run([*command, working_tree], cwd=ROOT, check=True)
    return target


def test_the_zip_keeps_every_rule(built):
    assert check_plugin_zip.problems(built) == []


@pytest.fixture
def small(tmp_path, built, monkeypatch):
    """A zip with a few files of the real one; call it with what is added or, as None, left out."""
    monkeypatch.setattr(check_plugin_zip, "_bandit", lambda root: [])
    monkeypatch.setattr(check_plugin_zip, "_secrets", lambda root: [])
    names = [f"seamline/{name}" for name in (*check_plugin_zip._FILES, "qgis_plugin/icons/seamline.svg")]

    def make(changes):
        with zipfile.ZipFile(built) as archive:
            files = {name: archive.read(name) for name in names}
        files.update(changes(files) if callable(changes) else changes)
        target = tmp_path / "small.zip"
        with zipfile.ZipFile(target, "w") as archive:
            for name, data in files.items():
                if data is not None:
                    archive.writestr(name, data)
        return check_plugin_zip.problems(target)

    return make


def test_the_few_files_alone_keep_the_rules(small):
    assert small({}) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"other/file.py": b""}, "not below the one top folder"),
        ({"seamline/../../file.py": b""}, "not below the one top folder"),
        ({"seamline/.gitignore": b""}, "hidden"),
        ({"seamline/tests/test_a.py": b""}, "does not belong in the plugin"),
        ({"seamline/models/weights/a/model.json": b"{}"}, "does not belong in the plugin"),
        ({"seamline/a.safetensors": b"0"}, "a binary"),
        ({"seamline/data.txt": b"\0"}, "holds binary data"),
        ({"seamline/LICENSE": None}, "LICENSE is missing"),
        ({"seamline/LICENSE": b"mine"}, "not the GPL"),
        ({"seamline/qgis_plugin/new.py": b"match a:\n    case 1:\n        pass\n"}, "qgis_plugin/new.py: "),
        (
            lambda files: {"seamline/metadata.txt": files["seamline/metadata.txt"] + b"\nextra=100 %\nx=%(no)s\n"},
            "metadata.txt: ",
        ),
        (
            lambda files: {"seamline/metadata.txt": files["seamline/metadata.txt"].replace(b"tracker=", b"t=")},
            "tracker is missing",
        ),
        (
            lambda files: {
                "seamline/metadata.txt": files["seamline/metadata.txt"].replace(b"\nversion=", b"\nversion=9")
            },
            "is not that of pyproject.toml",
        ),
    ],
)
def test_a_fault_in_the_zip_is_found(changes, sentence, small):
    assert sentence in "\n".join(small(changes))


def test_too_large_a_zip_is_found(small, monkeypatch):
    monkeypatch.setattr(check_plugin_zip, "MOST_BYTES", 1000)
    assert "more than 1000" in "\n".join(small({}))


def test_a_secret_and_a_dangerous_call_are_found(tmp_path):
    (tmp_path / "a.py").write_text("import subprocess\nsubprocess.call('ls ' + input(), shell=True)\n")
    key = "AKIA" + "IOSFODNN7REALKEY"
    (tmp_path / "b.py").write_text(f"aws = '{key}'\n")
    assert any("B602" in line for line in check_plugin_zip._bandit(tmp_path))
    assert any("b.py" in line for line in check_plugin_zip._secrets(tmp_path))


@pytest.mark.parametrize("path", sorted((ROOT / "qgis_plugin").rglob("*.py")), ids=lambda path: path.stem)
def test_the_plugin_takes_nothing_that_qt6_lacks(path):
    assert check_qt6.problems(path.read_text(encoding="utf-8"), path.name) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("from qgis.PyQt.QtCore import Qt\nx = Qt.AlignLeft", "PyQt6 has no Qt.AlignLeft"),
        ("from qgis.PyQt.QtWidgets import QMessageBox as M\nx = M.Ok", "PyQt6 has no QMessageBox.Ok"),
        ("from qgis.PyQt.QtWidgets import QPlainTextEdit\nx = QPlainTextEdit.NoWrap", "has no QPlainTextEdit.NoWrap"),
        ("from qgis.PyQt.QtWidgets import QAction", "PyQt6.QtWidgets has no QAction"),
        ("from qgis.PyQt.QtNowhere import QThing", "PyQt6.QtNowhere has no QThing"),
        ("from qgis.PyQt.QtCore import Qt\nx = Qt.AlignmentFlag.AlignLeftish", "has no Qt.AlignmentFlag.AlignLeftish"),
        ("dialog.exec_()", "exec_() is gone; call exec()"),
        ("make().exec_()", "exec_() is gone; call exec()"),
    ],
)
def test_what_qt6_lacks_is_found(source, sentence):
    assert sentence in "\n".join(check_qt6.problems(source, "x.py"))


@pytest.mark.parametrize(
    "source",
    [
        "from qgis.PyQt.QtCore import Qt\nx = Qt.AlignmentFlag.AlignLeft.value",
        "from qgis.PyQt.QtWidgets import QMessageBox\nx = QMessageBox.StandardButton.Ok",
        "from qgis.PyQt.QtWidgets import QPushButton\nx = QPushButton.setText",  # of a base class
        "from qgis.PyQt.QtWidgets import QPushButton\nx = QPushButton.objectName",  # of a base in another module
        "from qgis.PyQt.QtCore import pyqtSignal, QT_VERSION_STR",
        "try:\n from qgis.PyQt.QtGui import QAction\nexcept ImportError:\n from qgis.PyQt.QtWidgets import QAction",
        "dialog.exec()",
    ],
)
def test_what_qt6_has_passes(source):
    assert check_qt6.problems(source, "x.py") == []


def test_the_wheel_holds_the_weights_and_no_more_than_it_may():
    import fnmatch
    import tomllib

    weights = [path for path in (ROOT / "models" / "weights").rglob("*") if path.is_file()]
    assert {"model.json", "model.safetensors"} <= {path.name for path in weights}
    assert sum(path.stat().st_size for path in weights) <= WHEEL_WEIGHTS_BYTES
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["seamline.models"]
    for path in weights:
        name = path.relative_to(ROOT / "models").as_posix()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), f"{name} is not in the wheel"
