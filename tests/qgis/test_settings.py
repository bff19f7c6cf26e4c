"""Where the engine's Python is looked for, and what is said when it is nowhere."""

from pathlib import Path

import pytest

from seamline.qgis_plugin import settings
from seamline.qgis_plugin.settings import find_python
from seamline.qgis_plugin.setup.state import State, write_state


def make_python(folder):
    path = folder / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.symlink_to("/usr/bin/python3")
    return str(path)


def test_the_variable_goes_before_the_setting_before_set_up_before_the_checkout(tmp_path):
    beside = make_python(tmp_path / ".venv")
    env = {"SEAMLINE_PYTHON": "/from/variable"}
    assert find_python(env, "/from/setting", tmp_path) == "/from/variable"
    assert find_python({}, "/from/setting", tmp_path) == "/from/setting"
    assert find_python({}, "/from/setting", tmp_path, "/made/python") == "/from/setting"
    assert find_python({}, "", tmp_path, "/made/python") == "/made/python"
    assert find_python({}, "", tmp_path) == beside
    assert find_python({}, "", tmp_path / "elsewhere") == ""


def test_an_environment_folder_stands_for_its_python(tmp_path):
    python = make_python(tmp_path / "my env")
    assert find_python({}, str(tmp_path / "my env"), tmp_path) == python


def test_the_setting_is_read_where_the_options_dialog_saves_it(plugin, monkeypatch, tmp_path):
    from processing.core.ProcessingConfig import ProcessingConfig
    from qgis.core import QgsSettings

    monkeypatch.delenv("SEAMLINE_PYTHON", raising=False)
    python = make_python(tmp_path / "chosen")
    assert "SEAMLINE_PYTHON" in ProcessingConfig.settings
    try:
        ProcessingConfig.setSettingValue("SEAMLINE_PYTHON", python)
        assert settings.engine_python() == python
        assert settings.setup_problem() == ""
    finally:
        ProcessingConfig.setSettingValue("SEAMLINE_PYTHON", "")
        QgsSettings().remove("Processing/Configuration/SEAMLINE_PYTHON")


@pytest.mark.parametrize(
    ("system", "env", "expected"),
    [
        ("linux", {}, "/home/zoë b/.local/share/seamline"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/seamline"),
        ("darwin", {}, "/home/zoë b/Library/Application Support/seamline"),
        ("win32", {"LOCALAPPDATA": "/home/zoë b/AppData/Local"}, "/home/zoë b/AppData/Local/seamline"),
        ("win32", {}, "/home/zoë b/AppData/Local/seamline"),
    ],
)
def test_the_usual_folder_is_where_the_system_wants_it(system, env, expected):
    assert settings.usual_folder(system, env, Path("/home/zoë b")) == Path(expected)


def test_what_set_up_completed_is_the_engine_and_what_it_did_not_is_none(plugin, monkeypatch, tmp_path):
    monkeypatch.delenv("SEAMLINE_PYTHON", raising=False)
    monkeypatch.setattr(settings, "setup_folder", lambda: tmp_path)
    monkeypatch.setattr(settings, "ROOT", tmp_path / "nowhere")
    python = make_python(tmp_path / "env")
    assert settings.engine_python() == ""
    write_state(tmp_path, State(is_complete=True))
    assert settings.engine_python() == python


@pytest.mark.parametrize("chosen", ["", "/nowhere/python"])
def test_a_missing_engine_is_one_sentence(plugin, chosen, monkeypatch, tmp_path):
    monkeypatch.setenv("SEAMLINE_PYTHON", chosen)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    assert "SEAMLINE_PYTHON" in settings.setup_problem()
    assert chosen in settings.setup_problem()
