"""The batch dialog: a saved batch of five scenes, each with its own output."""

import json

import pytest
from osgeo import gdal
from qgis.core import QgsApplication
from support import pixels_of

SCENES = 5


@pytest.fixture
def dialog(plugin, real_python, qgis_iface, monkeypatch):
    from processing.gui import BatchPanel
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
    from qgis.gui import QgsBrowserGuiModel

    monkeypatch.setenv("SEAMLINE_PYTHON", real_python)
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: QgsBrowserGuiModel(), raising=False)
    dialog = BatchAlgorithmDialog(QgsApplication.processingRegistry().createAlgorithmById("seamline:superres"))

    def load(path):
        monkeypatch.setattr(BatchPanel.QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
        dialog.mainWidget().load()
        dialog.mainWidget().checkLoadLayersOnCompletion.setChecked(False)

    dialog.load = load
    yield dialog
    dialog.deleteLater()


def test_a_saved_batch_of_five_scenes_runs_to_its_end(dialog, scene, tmp_path):
    jobs = []
    for i in range(SCENES):
        part = tmp_path / f"scene {i}.tif"
        gdal.Translate(str(part), scene["MS"], srcWin=[8 + i, 8, 40, 32])
        parameters = {"INPUT": repr(str(part)), "MODEL": repr("bicubic"), "SCALE": "2"}
        jobs.append({"PARAMETERS": parameters, "OUTPUTS": {"OUTPUT": str(tmp_path / f"fine {i}.tif")}})
    (tmp_path / "batch.json").write_text(json.dumps(jobs))
    dialog.load(tmp_path / "batch.json")
    assert dialog.mainWidget().batchRowCount() == SCENES
    dialog.runAlgorithm()
    outputs = [pixels_of(tmp_path / f"fine {i}.tif") for i in range(SCENES)]
    assert {size[:3] for size in outputs} == {(80, 64, 4)}
    assert len({size[3] for size in outputs}) == SCENES
    assert not list(tmp_path.glob("*.seamline"))
