"""The engine's process inherits nothing that breaks it."""

import json
import os
import sys

import pytest

from seamline.qgis_plugin.engine_process import PROTOCOL, EngineError, EngineProcess
from seamline.qgis_plugin.environment import clean_environment

POISON = {
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/usr/lib/python3/dist-packages",
    "PYTHONEXECUTABLE": "/usr/bin/python3",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYTHONUSERBASE": "/nowhere",
    "PYTHONPLATLIBDIR": "nowhere",
    "__PYVENV_LAUNCHER__": "/nowhere/python",
    "PROJ_LIB": "/usr/share/proj",
    "PROJ_DATA": "/usr/share/proj",
    "PROJ_NETWORK": "ON",
    "GDAL_DATA": "/usr/share/gdal",
    "GDAL_DRIVER_PATH": "/nowhere",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "1000000",
    "LD_LIBRARY_PATH": "/nowhere",
    "LD_PRELOAD": "/nowhere/library.so",
    "DYLD_LIBRARY_PATH": "/nowhere",
    "DYLD_FALLBACK_LIBRARY_PATH": "/nowhere",
    "DYLD_INSERT_LIBRARIES": "/nowhere/library.dylib",
    "QT_PLUGIN_PATH": "/nowhere",
    "QT_QPA_PLATFORM_PLUGIN_PATH": "/nowhere",
}

# QGIS on Windows sets these too; the engine may see them, and they must not matter.
INERT = {
    "GDAL_FILENAME_IS_UTF8": "YES",
    "QGIS_PREFIX_PATH": "/nowhere/apps/qgis",
    "OSGEO4W_ROOT": "/nowhere",
    "SSL_CERT_FILE": "/nowhere/cert.pem",
}


def test_poison_goes_and_the_rest_stays():
    kept = {"HOME": "/home/a b", "CUDA_VISIBLE_DEVICES": "0", "https_proxy": "http://proxy", "PYTHONUTF8": "1"}
    before = {**POISON, **kept}
    cleaned = clean_environment(before, windows=False)
    assert not set(POISON) & set(cleaned)
    assert kept.items() <= cleaned.items()
    assert cleaned["PYTHONNOUSERSITE"] == cleaned["PYTHONUNBUFFERED"] == "1"
    assert set(POISON) <= set(before), "the host's variables were changed"


def test_windows_path_loses_the_folders_of_osgeo4w():
    env = {
        "OSGEO4W_ROOT": "C:\\OSGeo4W",
        "Path": "C:\\OSGeo4W\\bin;c:/osgeo4w/apps/qgis/bin;;C:\\Windows;C:\\OSGeo4Wish;C:\\OSGeo4W",
    }
    assert clean_environment(env, windows=True)["Path"] == "C:\\Windows;C:\\OSGeo4Wish"
    assert clean_environment(env, windows=False)["Path"] == env["Path"]
    assert clean_environment({"PATH": "C:\\a;C:\\b"}, windows=True)["PATH"] == "C:\\a;C:\\b"


def variables_of_the_child(monkeypatch):
    """Names of the variables that a process started now would see."""
    from support import FAKE

    monkeypatch.setenv("FAKE_ENGINE", "environment")
    command = [sys.executable, str(FAKE), "pansharpen", *PROTOCOL]
    with pytest.raises(EngineError) as caught:
        EngineProcess(command).run(on_event=lambda _: None, on_log=lambda _: None, is_cancelled=lambda: False)
    return set(json.loads(caught.value.what))


def test_a_poisoned_host_starts_a_clean_child(monkeypatch):
    for name, value in POISON.items():
        monkeypatch.setenv(name, value)
    seen = variables_of_the_child(monkeypatch)
    assert not set(POISON) & seen
    assert {"PATH", "PYTHONNOUSERSITE"} <= seen
    assert os.environ["PYTHONHOME"] == "/nowhere"
