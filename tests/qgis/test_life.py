"""The engine's life and death with QGIS: cancelled, orphaned, killed; the real engine with the learned model."""

import os
import signal
import subprocess

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
)
from support import PROGRAM, ROOT, engines_of, pixels_of, pump, wait_for, write_raster

LEARNED = ROOT / "models" / "weights" / "salad-pan-tiny"
pytestmark = pytest.mark.skipif(not LEARNED.is_dir(), reason="this checkout has no weights")
SETTINGS = {"MODEL": "salad-pan-tiny", "TILE": 256, "DEVICE": "cpu"}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A scene of six tiles, which take the learned model some seconds."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(2)
    pan = rng.integers(1, 2000, (1, 512, 384), dtype=np.uint16)
    ms = rng.integers(1, 2000, (4, 128, 96), dtype=np.uint16)
    return {
        "MS": str(write_raster(folder / "ms.tif", ms, 2.0)),
        "PAN": str(write_raster(folder / "pan.tif", pan, 0.5)),
    }


@pytest.fixture
def started(plugin, real_python, monkeypatch, large, tmp_path):
    """Starts a run as the toolbox does.  Returns its feedback, its output, what is heard of its end."""
    monkeypatch.setenv("SEAMLINE_PYTHON", real_python)
    kept = []

    def start(**more):
        feedback, context, ended, output = QgsProcessingFeedback(False), QgsProcessingContext(), [], tmp_path / "o.tif"
        parameters = {
            **large,
            **SETTINGS,
            "OUTPUT": QgsProcessingOutputLayerDefinition(str(output), QgsProject.instance()),
        }
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
        task = QgsProcessingAlgRunnerTask(algorithm, {**parameters, **more}, context, feedback)
        task.executed.connect(lambda ok, results: ended.append((ok, results)))
        kept.extend((task, context, feedback))
        QgsApplication.taskManager().addTask(task)
        return task, feedback, output, ended

    return start


def cancelled_at_40_percent(started, **more):
    """Turns of the event loop from the cancel to the end of the run, and the output."""
    task, feedback, output, ended = started(**more)
    assert pump(lambda: feedback.progress() >= 40 or ended)[0]
    assert not ended, feedback.textLog()
    feedback.cancel()
    task.cancel()
    has_ended, turns = pump(lambda: bool(ended))
    assert has_ended
    assert not output.exists()
    return turns, output


def test_cancel_at_40_percent_leaves_nothing_and_lets_qgis_turn(started, tmp_path):
    turns, output = cancelled_at_40_percent(started)
    assert turns > 1, "QGIS stood still"
    assert engines_of(output) == []
    assert list(tmp_path.iterdir()) == []


def test_a_kept_run_goes_on_and_gives_the_pixels_of_an_unbroken_one(started, tmp_path, large, real_python):
    from support import command_line_run

    _, output = cancelled_at_40_percent(started, KEEP=True)
    bands = sorted((tmp_path / "o.tif.seamline" / "bands").glob("*.tif"))
    assert bands
    _, feedback, _, ended = started(KEEP=True)
    assert pump(lambda: bool(ended))[0]
    assert ended[0][0], feedback.textLog()
    assert not (tmp_path / "o.tif.seamline").exists()
    whole = command_line_run(real_python, large, tmp_path / "whole.tif", "--model", "salad-pan-tiny", "--tile", "256")
    assert pixels_of(output) == pixels_of(whole)


def test_a_killed_engine_is_a_plain_error(started, tmp_path):
    _, feedback, output, ended = started()
    assert pump(lambda: feedback.progress() > 0 or ended)[0]
    (engine,) = engines_of(output)
    os.kill(engine, signal.SIGKILL)
    assert pump(lambda: bool(ended))[0]
    assert ended == [(False, {})]
    assert "the engine was killed by the system, as happens when memory runs out; after" in feedback.textLog()
    assert "Traceback" not in feedback.textLog()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed")
def test_the_engine_does_not_outlive_qgis(real_python, large, tmp_path):
    plugins = tmp_path / "config" / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "seamline").symlink_to(ROOT)
    env = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path / "config"), "SEAMLINE_PYTHON": real_python}
    subprocess.run([PROGRAM, "plugins", "enable", "seamline"], env=env, check=True, capture_output=True)
    output = tmp_path / "o.tif"
    words = [f"{name}={value}" for name, value in {**large, **SETTINGS, "OUTPUT": output}.items()]
    qgis = subprocess.Popen(
        [PROGRAM, "run", "seamline:pansharpen", "--", *words],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: list((tmp_path / "o.tif.seamline").glob("bands/*.tif")))
        assert engines_of(output)
        qgis.kill()
        wait_for(lambda: not engines_of(output))
        # It stopped, and did not come to its end.
        assert not output.exists()
    finally:
        qgis.kill()
        qgis.wait()
