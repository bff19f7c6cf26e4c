"""From labels that are drawn in QGIS to a map, with the engine itself."""

import json

import numpy as np
import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from support import LEFT, ROOT, TOP, engines_of, pump, write_raster

pytestmark = pytest.mark.skipif(
    not (ROOT / "models" / "weights" / "terra-ldm-tiny").is_dir(), reason="this checkout has no weights"
)
SIDE, SQUARE = 256, 32
LEARNED = 0.7
"""Share that who guesses does not reach, and a training does that had little of a busy machine."""


@pytest.fixture(scope="module")
def truth():
    """A chessboard: 0 for smooth, 1 for rough."""
    rows = np.arange(SIDE) // SQUARE
    return (rows[:, None] + rows[None, :]) % 2


@pytest.fixture(scope="module")
def image(truth, tmp_path_factory):
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (4, SIDE, SIDE)) * np.where(truth, 220, 15)
    means = 900 + 150 * truth + 100 * np.arange(4)[:, None, None]
    path = tmp_path_factory.mktemp("image") / "image.tif"
    return str(write_raster(path, (means + noise).clip(1, 4000).astype(np.uint16), 2.0))


@pytest.fixture
def drawn(plugin, truth):
    """Half of the squares, each drawn a little smaller than it is."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:32631&field=kind:string", "labels", "memory")
    for row, column in np.ndindex(SIDE // SQUARE, SIDE // SQUARE):
        if (row + 2 * column) % 4 < 2:
            made = QgsFeature(layer.fields())
            made["kind"] = ("smooth", "rough")[truth[row * SQUARE, column * SQUARE]]
            x, y = LEFT + 2.0 * SQUARE * column + 8, TOP - 2.0 * SQUARE * row - 8
            made.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, y - 2 * SQUARE + 16, x + 2 * SQUARE - 16, y)))
            layer.dataProvider().addFeature(made)
    QgsProject.instance().addMapLayer(layer)
    yield layer
    QgsProject.instance().removeMapLayer(layer)


@pytest.fixture
def engine(plugin, real_python, monkeypatch):
    monkeypatch.setenv("SEAMLINE_PYTHON", real_python)


def asked(image, drawn, folder):
    given = {"IMAGES": [image], "LABELS": drawn.id(), "CLASS_FIELD": "kind", "MINUTES": 6, "DEVICE": "cpu"}
    return {**given, "OUTPUT": str(folder)}


def test_drawn_labels_become_a_model_that_maps_the_scene(engine, image, drawn, truth, feedback, tmp_path):
    page = tmp_path / "quality.html"
    trained = processing.run(
        "seamline:train", {**asked(image, drawn, tmp_path / "model"), "REPORT": str(page)}, feedback=feedback
    )
    assert trained["ACCURACY"] > LEARNED
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model.confusion.png", "quality.html"}
    assert "data:image/png;base64," in page.read_text(encoding="utf-8")
    assert any(line.startswith("rough: IoU ") for line in feedback.lines)
    places = {"OUTPUT": tmp_path / "map.tif", "POLYGONS": tmp_path / "map.gpkg", "CONFIDENCE": tmp_path / "c.tif"}
    parameters = {"INPUT": image, "MODEL_FOLDER": trained["OUTPUT"], "DEVICE": "cpu", "MIN_AREA": 100}
    processing.run("seamline:segment", {**parameters, **{n: str(p) for n, p in places.items()}}, feedback=feedback)
    facts = json.loads((tmp_path / "map.report.json").read_text(encoding="utf-8"))
    assert facts["layers"]["classes"]["categories"] == ["rough", "smooth"]
    found = gdal.Open(str(places["OUTPUT"])).ReadAsArray()
    assert ((found == 0) == truth).mean() > LEARNED
    confidence = gdal.Open(str(places["CONFIDENCE"])).ReadAsArray()
    assert confidence.min() >= 0.5
    file = gdal.OpenEx(str(places["POLYGONS"]))
    assert {row["name"] for row in file.GetLayer(0)} == {"rough", "smooth"}


def test_a_cancelled_training_leaves_nothing(engine, image, drawn, feedback, tmp_path):
    context, ended = QgsProcessingContext(), []
    context.setProject(QgsProject.instance())
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:train")
    task = QgsProcessingAlgRunnerTask(algorithm, asked(image, drawn, tmp_path / "model"), context, feedback)
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    assert pump(lambda: "Learning the classes" in feedback.lines or ended)[0]
    assert not ended, feedback.lines
    feedback.cancel()
    has_ended, turns = pump(lambda: bool(ended))
    assert has_ended
    assert turns > 1, "QGIS stood still"
    assert engines_of(tmp_path / "model") == []
    assert list(tmp_path.iterdir()) == []


def test_one_class_is_refused_in_the_words_of_the_dialog(engine, image, drawn, feedback, tmp_path):
    drawn.setSubsetString("\"kind\" = 'rough'")
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("seamline:train", asked(image, drawn, tmp_path / "model"), feedback=feedback)
    assert "'Class of the rest'" in str(caught.value)
    assert "--" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
