"""Where outputs may go, and what a run that did not end leaves behind."""

import os
from pathlib import Path

import processing
import pytest
from qgis.core import QgsProcessingException, QgsProcessingOutputLayerDefinition


@pytest.mark.parametrize("folder", ["/proc", "/nowhere", "/dev/null"])
@pytest.mark.parametrize("wrap", [str, QgsProcessingOutputLayerDefinition])
def test_a_protected_folder_is_refused_before_the_start(folder, wrap, fake_engine, feedback, scene):
    notes = fake_engine("")
    parameters = {**scene, "OUTPUT": wrap(f"{folder}/out.tif")}
    with pytest.raises(
        QgsProcessingException, match="the output's folder does not exist or cannot be written; " + folder
    ):
        processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert not notes["pid"].exists()


def test_the_dialog_hears_of_it_too(plugin, scene, fake_engine, qgis_app):
    from qgis.core import QgsProcessingContext

    fake_engine("")
    algorithm = qgis_app.processingRegistry().createAlgorithmById("seamline:pansharpen")
    parameters = {**scene, "MODEL": "gsa", "OUTPUT": "/proc/out.tif"}
    is_right, sentence = algorithm.checkParameterValues(parameters, QgsProcessingContext())
    assert not is_right
    assert "/proc" in sentence


def cancelled_run(fake_engine, feedback, scene, output, **more):
    """A run that is cancelled after its first tiles.  Returns its result."""
    fake_engine("slow")
    feedback.progressChanged.connect(lambda step: feedback.cancel() if step >= 4 else None)
    return processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(output), **more}, feedback=feedback)


def test_a_cancelled_run_leaves_nothing(fake_engine, feedback, scene, tmp_path):
    out = tmp_path / "out" / "o.tif"
    out.parent.mkdir()
    assert "OUTPUT" not in cancelled_run(fake_engine, feedback, scene, out)
    assert list(out.parent.iterdir()) == []
    assert "Cancelled; nothing was written" in feedback.lines


def test_a_cancelled_run_that_is_to_be_resumed_leaves_its_parts_and_says_so(fake_engine, feedback, scene, tmp_path):
    out = tmp_path / "out" / "o.tif"
    out.parent.mkdir()
    cancelled_run(fake_engine, feedback, scene, out, KEEP=True)
    assert [path.name for path in out.parent.iterdir()] == ["o.tif.seamline"]
    assert any("o.tif.seamline; run it again" in line for line in feedback.lines)


def test_an_older_unfinished_run_outlives_a_refusal(fake_engine, feedback, scene, tmp_path):
    older = tmp_path / "o.tif.seamline"
    older.mkdir()
    (older / "plan.json").write_text("{}")
    os.utime(older / "plan.json", (1, 1))
    fake_engine("error")
    with pytest.raises(QgsProcessingException, match="band 5"):
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "o.tif")}, feedback=feedback)
    assert (older / "plan.json").exists()


def test_a_failed_run_leaves_nothing(fake_engine, feedback, scene, tmp_path):
    out = tmp_path / "out" / "o.tif"
    out.parent.mkdir()
    fake_engine("killed")
    with pytest.raises(QgsProcessingException, match="killed by the system"):
        processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(out)}, feedback=feedback)
    assert list(out.parent.iterdir()) == []


def test_another_unfinished_run_is_explained_in_the_words_of_the_dialog():
    from seamline.qgis_plugin.engine_process import EngineError
    from seamline.qgis_plugin.files import Unfinished

    error = EngineError("it is another one", where="/a/o.tif.seamline", fix="pass --overwrite without --resume")
    assert "untick 'Keep for resume'" in str(Unfinished("/a/o.tif", keep=True).explained(error))
    assert str(Unfinished("/a/o.tif", keep=False).explained(error)) == str(error)


def test_a_folder_with_something_in_it_is_no_place_for_a_model(fake_engine, feedback, scene, tmp_path):
    fake_engine("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(QgsProcessingException, match="something is in this folder already"):
        processing.run("seamline:adapt", {**scene, "OUTPUT": str(tmp_path / "taken")}, feedback=feedback)
    assert Path(tmp_path / "taken" / "file").exists()
