"""Models of another package run in QGIS as those that ship: no line of the plugin knows them."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsFeature,
    QgsGeometry,
    QgsPalettedRasterRenderer,
    QgsPointXY,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsSettings,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from support import LEFT, PROGRAM, ROOT, TOP, layers_called, options, pixels_of, pump, qgis_process, write_raster

from seamline.qgis_plugin.environment import clean_environment

CLASSES = [
    ("water", (30, 90, 200)),
    ("forest", (20, 110, 40)),
    ("field", (220, 200, 90)),
    ("soil", (150, 110, 70)),
    ("built-up", (190, 60, 60)),
]


@pytest.fixture(scope="module")
def installed(real_python, tmp_path_factory):
    """(Python, folder of models): an environment with what the engine's has, and the package of the toys."""
    folder = tmp_path_factory.mktemp("toys")
    say = "import site, sys; print(next(path for path in sys.path if path.endswith('-packages')))"
    clean = clean_environment(os.environ)
    packages = subprocess.run([real_python, "-c", say], env=clean, capture_output=True, text=True, check=True)
    subprocess.run([real_python, "-m", "venv", "--without-pip", str(folder / "env")], env=clean, check=True)
    python = str(folder / "env" / "bin" / "python")
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    (site / "engine.pth").write_text(packages.stdout)
    packaged = str(ROOT / "tests" / "toys" / "packaged.py")
    subprocess.run([python, packaged, str(site), str(folder / "models")], env=clean, check=True)
    return python, folder / "models"


@pytest.fixture
def toys(plugin, installed, monkeypatch):
    """The folder of the models, for an engine that finds them by name too."""
    python, models = installed
    monkeypatch.setenv("SEAMLINE_PYTHON", python)
    monkeypatch.setenv("SEAMLINE_MODELS", str(models))
    QgsSettings().remove("seamline/models")
    yield models
    QgsSettings().remove("seamline/models")


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """A reference of 0.5 m in another zone, over the west of the scene alone, with a hole."""
    folder = tmp_path_factory.mktemp("guide")
    pixels = np.random.default_rng(3).integers(1, 900, (1, 256, 160), dtype=np.uint16)
    pixels[:, 100:140, 60:110] = 0
    near = write_raster(folder / "near.tif", pixels, 0.5)
    far = folder / "far.tif"
    gdal.Warp(str(far), str(near), dstSRS="EPSG:32632", xRes=0.5, yRes=0.5).FlushCache()
    return str(far)


def command_line(installed, *words):
    """What the command line writes, for comparison."""
    python, _ = installed
    command = [python, str(ROOT / "launch.py"), *map(str, words), "--device", "cpu"]
    ran = subprocess.run(command, env=clean_environment(os.environ), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


needs_program = pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed")


@needs_program
def test_a_segmentation_in_the_program(profile, toys, installed, scene, tmp_path):
    out, expected = tmp_path / "out.tif", tmp_path / "expected.tif"
    places = {"PROBABILITIES": tmp_path / "p.tif", "UNCERTAINTY": tmp_path / "u.tif"}
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-segments", "DEVICE": "cpu", "OUTPUT": out, **places}
    ran = qgis_process(profile, "run", "seamline:segment", *options(parameters))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    also = ["--also", f"probabilities={tmp_path / 'p2.tif'}", "--uncertainty", tmp_path / "u2.tif"]
    command_line(installed, "segment", scene["MS"], expected, "--model", toys / "toy-segments", *also)
    assert pixels_of(out) == pixels_of(expected)
    for name in ("p", "u"):
        assert pixels_of(tmp_path / f"{name}.tif") == pixels_of(tmp_path / f"{name}2.tif")


@needs_program
def test_a_reference_in_another_zone_in_the_program(profile, toys, installed, scene, guide, tmp_path):
    out, expected, without = (tmp_path / f"{name}.tif" for name in ("out", "expected", "without"))
    model = toys / "toy-reference"
    parameters = {"INPUT": scene["MS"], "REFERENCE": guide, "MODEL_FOLDER": model, "DEVICE": "cpu", "OUTPUT": out}
    ran = qgis_process(profile, "run", "seamline:superres", *options(parameters))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    command_line(installed, "superres", scene["MS"], expected, "--model", model, "--reference", guide)
    command_line(installed, "superres", scene["MS"], without, "--model", model)
    assert pixels_of(out) == pixels_of(expected)
    assert pixels_of(out)[:3] == (128, 128, 4)
    differs = (gdal.Open(str(out)).ReadAsArray() != gdal.Open(str(without)).ReadAsArray()).any(axis=0)
    assert differs[:, 20:60].any()
    assert not differs[:, 90:].any()


def test_the_trust_in_a_reference_comes_with_its_ramp(toys, installed, scene, guide, feedback, tmp_path):
    places = {"OUTPUT": "out.tif", "TRUST": "elsewhere/t.tif"}
    (tmp_path / "elsewhere").mkdir()
    parameters = {"INPUT": scene["MS"], "REFERENCE": guide, "MODEL": "toy-reference", "DEVICE": "cpu"}
    project = in_toolbox("superres_reference", parameters, places, feedback, tmp_path)
    (image,), (trust,) = layers_called(project, "Super-resolved"), layers_called(project, "Trust in the reference")
    renderer = trust.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    assert (renderer.classificationMin(), renderer.classificationMax()) == (0, 1)
    assert trust.bandName(1).endswith(": trust in the reference, band 1")
    shown, hidden = project.layerTreeRoot().findGroup("Seamline").findLayers()
    assert (shown.layer(), shown.isVisible()) == (image, True)
    assert (hidden.layer(), hidden.isVisible()) == (trust, False)
    project.clear()
    expected = tmp_path / "expected.tif"
    words = ["--model", toys / "toy-reference", "--reference", guide, "--trust", tmp_path / "t2.tif"]
    command_line(installed, "superres", scene["MS"], expected, *words)
    assert pixels_of(tmp_path / "out.tif") == pixels_of(expected)
    assert pixels_of(tmp_path / places["TRUST"]) == pixels_of(tmp_path / "t2.tif")
    values = gdal.Open(str(tmp_path / "t2.tif")).ReadAsArray()
    assert (values[:, 80:110, 20:60] == 1).all()
    assert (values[:, 20:, 90:] == 0).all()


@needs_program
def test_a_model_that_shows_its_steps_in_the_program(profile, toys, installed, scene, tmp_path):
    out, expected = tmp_path / "out.tif", tmp_path / "expected.tif"
    model = toys / "toy-stepping"
    parameters = {"INPUT": scene["MS"], "MODEL_FOLDER": model, "SEED": 5, "TILE": 32, "OVERLAP": 16, "DEVICE": "cpu"}
    ran = qgis_process(profile, "run", "seamline:superres", *options({**parameters, "OUTPUT": out}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    words = ["--model", model, "--seed", 5, "--tile", 32, "--overlap", 16]
    command_line(installed, "superres", scene["MS"], expected, *words)
    assert pixels_of(out) == pixels_of(expected)


def test_an_extent_of_a_segmentation_has_the_pixels_of_the_whole(toys, scene, feedback, tmp_path):
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-segments", "DEVICE": "cpu"}
    whole, part = str(tmp_path / "whole.tif"), str(tmp_path / "part.tif")
    box = f"{LEFT + 30},{LEFT + 90},{TOP - 70},{TOP - 20} [EPSG:32631]"
    processing.run("seamline:segment", {**parameters, "OUTPUT": whole}, feedback=feedback)
    processing.run("seamline:segment", {**parameters, "EXTENT": box, "OUTPUT": part}, feedback=feedback)
    assert (gdal.Open(part).ReadAsArray() == gdal.Open(whole).ReadAsArray(15, 10, 30, 25)).all()


def in_toolbox(name, parameters, places, feedback, folder):
    """Run an algorithm as the toolbox does, with its outputs in a folder.  Returns the project, emptied before."""
    from processing.gui.Postprocessing import handleAlgorithmResults

    project, context, ended = QgsProject.instance(), QgsProcessingContext(), []
    project.clear()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"seamline:{name}")
    outputs = {n: QgsProcessingOutputLayerDefinition(str(folder / path), project) for n, path in places.items()}
    task = QgsProcessingAlgRunnerTask(algorithm, {**parameters, **outputs}, context, feedback)
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    assert pump(lambda: bool(ended))[0]
    assert ended[0][0], feedback.lines
    assert handleAlgorithmResults(algorithm, context, feedback)
    return project


def test_a_map_of_classes_comes_with_its_legend(toys, scene, feedback, tmp_path):
    places = {"OUTPUT": "classes.tif", "PROBABILITIES": "elsewhere/p.tif", "POLYGONS": "elsewhere/a.gpkg"}
    (tmp_path / "elsewhere").mkdir()
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-segments", "DEVICE": "cpu"}
    project = in_toolbox("segment", parameters, places, feedback, tmp_path)
    (classes,), (chances,) = layers_called(project, "Segmented"), layers_called(project, "Probabilities")
    renderer = classes.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    assert [(each.label, each.color.getRgb()[:3]) for each in renderer.classes()] == CLASSES
    assert isinstance(chances.renderer(), QgsSingleBandPseudoColorRenderer)
    assert [chances.bandName(band).partition(":")[2].strip() for band in range(1, 6)] == [name for name, _ in CLASSES]
    (shapes,) = layers_called(project, "Polygons")
    assert [(each.label(), each.symbol().color().getRgb()[:3]) for each in shapes.renderer().categories()] == CLASSES
    assert {shape["name"] for shape in shapes.getFeatures()} <= {name for name, _ in CLASSES}
    above, shown, hidden = project.layerTreeRoot().findGroup("Seamline").findLayers()
    assert (above.layer(), above.isVisible()) == (shapes, True)
    assert (shown.layer(), shown.isVisible(), shown.isExpanded()) == (classes, True, True)
    assert (hidden.layer(), hidden.isVisible()) == (chances, False)
    facts = json.loads((tmp_path / "classes.report.json").read_text())
    assert facts["outputs"] == [str(tmp_path / path) for path in ("classes.tif", "elsewhere/p.tif")]
    assert Path(facts["layers"]["probabilities"]["path"]).is_file()
    project.clear()


@needs_program
def test_polygons_in_the_program(profile, toys, installed, scene, tmp_path):
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-segments", "DEVICE": "cpu", "OUTPUT": tmp_path / "out.tif"}
    parameters.update(POLYGONS=tmp_path / "p.gpkg", MIN_AREA=20, SIMPLIFY=1.5)
    ran = qgis_process(profile, "run", "seamline:segment", *options(parameters))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    wanted = ["--polygons", tmp_path / "p2.gpkg", "--min-area", "20", "--simplify", "1.5"]
    command_line(installed, "segment", scene["MS"], tmp_path / "out2.tif", "--model", toys / "toy-segments", *wanted)
    got, expected = (shapes_of(tmp_path / f"{name}.gpkg") for name in ("p", "p2"))
    assert got == expected
    assert len(got) > 1


@needs_program
def test_patches_in_the_program(profile, toys, installed, scene, tmp_path):
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-patches", "DEVICE": "cpu", "OUTPUT": tmp_path / "out.tif"}
    parameters.update(PATCHES=tmp_path / "p.gpkg", CONFIDENCE=tmp_path / "c.tif")
    ran = qgis_process(profile, "run", "seamline:classify", *options(parameters))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    wanted = ["--patches", tmp_path / "p2.gpkg", "--confidence", tmp_path / "c2.tif"]
    command_line(installed, "classify", scene["MS"], tmp_path / "out2.tif", "--model", toys / "toy-patches", *wanted)
    assert pixels_of(tmp_path / "out.tif")[:3] == (4, 4, 1)  # patches of 16 px
    for name in ("out", "c"):
        assert pixels_of(tmp_path / f"{name}.tif") == pixels_of(tmp_path / f"{name}2.tif")
    assert shapes_of(tmp_path / "p.gpkg") == shapes_of(tmp_path / "p2.gpkg")
    assert len(shapes_of(tmp_path / "p.gpkg")) == 16


def shapes_of(path):
    file = gdal.OpenEx(str(path))
    return [row.ExportToJson() for row in file.GetLayer(0)]


def test_a_map_agrees_with_what_was_read_from_it(toys, scene, feedback, tmp_path):
    out, page = str(tmp_path / "out.tif"), tmp_path / "page.html"
    parameters = {"INPUT": scene["MS"], "MODEL": "toy-segments", "DEVICE": "cpu", "OUTPUT": out}
    processing.run("seamline:segment", parameters, feedback=feedback)
    pixels = gdal.Open(out).ReadAsArray()
    points = QgsVectorLayer("Point?crs=EPSG:32631&field=kind:string", "points", "memory")
    for row, column in np.argwhere(pixels != 255)[::97]:
        feature = QgsFeature(points.fields())
        feature["kind"] = CLASSES[pixels[row, column]][0]
        place = QgsPointXY(LEFT + 2.0 * float(column) + 1, TOP - 2.0 * float(row) - 1)
        feature.setGeometry(QgsGeometry.fromPointXY(place))
        points.dataProvider().addFeature(feature)
    measured = {"MAP": out, "LABELS": points, "CLASS_FIELD": "kind", "REPORT": str(page)}
    found = processing.run("seamline:evaluate_map", measured, feedback=feedback)
    assert (found["MIOU"], found["F1"], found["ACCURACY"]) == (1.0, 1.0, 1.0)
    assert "data:image/png;base64," in page.read_text(encoding="utf-8")


def test_the_engine_lists_them(toys):
    from seamline.qgis_plugin import catalogue

    assert catalogue.refresh()
    assert catalogue.find("segment", "toy-segments").outputs == ("classes", "probabilities", "uncertainty")
    assert catalogue.find("classify", "toy-patches").outputs == ("classes", "probabilities", "confidence")
    assert catalogue.find("superres", "toy-reference").bands == {"image": None, "reference": 1}
