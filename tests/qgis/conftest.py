"""Synthetic scenes, the registered provider, and a feedback that remembers what it was told."""

import gc
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests share support.py

from support import FAKE, NODATA, ROOT, command_line_run, qgis_process, write_raster

runpy.run_path(str(ROOT / "conftest.py"))  # names the checkout ``seamline``


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """Four bands of 64 x 64 at 2 m and their PAN of 256 x 256 at 0.5 m, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("a scene é")
    rng = np.random.default_rng(1)
    row, column = np.mgrid[:256, :256]
    pan = 800 + 300 * np.sin(row / 9.0) * np.cos(column / 13.0) + rng.normal(0, 10, (256, 256))
    coarse = pan.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    ms = np.stack([coarse * gain for gain in (0.7, 0.9, 1.1, 1.6)])
    ms[:, :8, :8] = NODATA
    return {
        "MS": str(write_raster(folder / "ms.tif", ms.astype(np.uint16), 2.0)),
        "PAN": str(write_raster(folder / "pan.tif", pan[None].astype(np.uint16), 0.5)),
    }


@pytest.fixture(scope="session")
def plugin(qgis_app, qgis_processing):
    """The plugin as QGIS loads it; unloaded at the end."""
    import seamline

    plugin = seamline.classFactory(None)
    plugin.initProcessing()
    yield plugin
    plugin.unload()
    gc.collect()  # contexts that tracebacks of refused runs hold: QGIS dies of those that go after it has ended
    assert qgis_app.processingRegistry().providerById("seamline") is None


@pytest.fixture
def feedback():
    from qgis.core import QgsProcessingFeedback

    class Remembering(QgsProcessingFeedback):
        def __init__(self):
            super().__init__(False)
            self.lines, self.steps = [], []
            self.progressChanged.connect(self.steps.append)

        def pushInfo(self, info):
            self.lines.append(info)

        pushConsoleInfo = pushWarning = pushCommandInfo = pushInfo

        def reportError(self, error, fatalError=False):
            self.lines.append(error)

    return Remembering()


@pytest.fixture
def fake_engine(plugin, monkeypatch, tmp_path):
    """The algorithms start the fake engine; call it with what should go wrong.  Returns where its notes are."""
    from seamline.qgis_plugin import settings

    notes = {"pid": tmp_path / "pid", "argv": tmp_path / "argv"}
    monkeypatch.setattr(settings, "launcher", lambda: FAKE)
    monkeypatch.setenv("SEAMLINE_PYTHON", sys.executable)
    monkeypatch.setenv("FAKE_ENGINE_PID", str(notes["pid"]))
    monkeypatch.setenv("FAKE_ENGINE_ARGV", str(notes["argv"]))

    def choose(mode):
        monkeypatch.setenv("FAKE_ENGINE", mode)
        return notes

    return choose


@pytest.fixture(scope="session")
def real_python():
    """The Python of the engine, or a skip that says why there is none; an engine that is there must work."""
    import subprocess

    from seamline.qgis_plugin.environment import clean_environment
    from seamline.qgis_plugin.settings import find_python

    python = find_python(os.environ, "", ROOT)
    if not python:
        pytest.skip("no engine environment: neither SEAMLINE_PYTHON nor .venv")
    probe = [python, str(ROOT / "launch.py"), "pansharpen", "--help"]
    ran = subprocess.run(probe, env=clean_environment(os.environ), capture_output=True, text=True, check=False)
    if "No module named" in ran.stderr and "named 'seamline" not in ran.stderr:
        pytest.skip(f"{python} lacks the engine's requirements: {ran.stderr.strip().splitlines()[-1]}")
    assert ran.returncode == 0, f"the engine does not start: {ran.stderr}"
    return python


@pytest.fixture(scope="session")
def reference(real_python, scene, tmp_path_factory):
    """The scene pan-sharpened with ``brovey`` on the command line: what QGIS must give."""
    output = tmp_path_factory.mktemp("reference") / "out.tif"
    return command_line_run(real_python, scene, output, "--model", "brovey")


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """A fresh profile whose plugins folder links to this checkout, with the plugin enabled."""
    config = tmp_path_factory.mktemp("config")
    plugins = config / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "seamline").symlink_to(ROOT)
    enabled = qgis_process(config, "plugins", "enable", "seamline")
    assert enabled.returncode == 0, enabled.stderr
    return config
