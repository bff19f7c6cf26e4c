"""Maps of classes: what is asked of the engine, and shapes of classes as they lie on the screen."""

import json

import numpy as np
import processing
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)
from support import EPSG, LEFT, TOP, pump

NAMES = ["water", "forest", "field"]
COLOURS = [(0, 0, 255), (0, 128, 0), (200, 200, 0)]


@pytest.fixture
def class_map(tmp_path):
    """What the fake engine passes off as its map: bands of three classes with their colours."""
    path = tmp_path / "map.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 64, 64, 1, gdal.GDT_Byte)
    dataset.SetGeoTransform((LEFT, 2.0, 0.0, TOP, 0.0, -2.0))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    dataset.SetProjection(crs.ExportToWkt())
    table = gdal.ColorTable()
    for number, colour in enumerate(COLOURS):
        table.SetColorEntry(number, colour)
    dataset.GetRasterBand(1).SetColorTable(table)
    dataset.GetRasterBand(1).SetNoDataValue(255)
    dataset.GetRasterBand(1).WriteArray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 3)
    dataset.FlushCache()
    return str(path)


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """What it passes off as the polygons of the map: a square of each of two classes."""
    path = tmp_path / "shapes.gpkg"
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(EPSG)
    layer = dataset.CreateLayer("classes", crs, ogr.wkbMultiPolygon)
    layer.CreateField(ogr.FieldDefn("class", ogr.OFTInteger))
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    for number in (0, 2):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["class"], feature["name"] = number, NAMES[number]
        x = LEFT + 10 * number
        ring = f"({x} {TOP},{x + 9} {TOP},{x + 9} {TOP - 9},{x} {TOP - 9},{x} {TOP})"
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"MULTIPOLYGON(({ring}))"))
        layer.CreateFeature(feature)
    del layer, dataset
    monkeypatch.setenv("FAKE_ENGINE_SHAPES", str(path))
    monkeypatch.setenv("FAKE_ENGINE_CATEGORIES", json.dumps(NAMES))
    return path


@pytest.fixture
def run(fake_engine, feedback, class_map, shapes, tmp_path):
    """Run a task.  Returns its results and the arguments of the engine."""

    def start(name, **parameters):
        notes = fake_engine("")
        given = {"INPUT": class_map, "MODEL_FOLDER": str(tmp_path), "OUTPUT": str(tmp_path / "out.tif")}
        found = processing.run(f"seamline:{name}", {**given, **parameters}, feedback=feedback)
        return found, json.loads(notes["argv"].read_text())

    return start


def test_polygons_and_what_becomes_of_them_reach_the_engine(run, tmp_path):
    wanted = str(tmp_path / "p.gpkg")
    found, argv = run("segment", POLYGONS=wanted, MIN_AREA=100, SIMPLIFY=1.5)
    assert found == {"OUTPUT": str(tmp_path / "out.tif"), "POLYGONS": wanted}
    assert argv[3:-3] == [*("--model", str(tmp_path), "--min-area", "100.0", "--simplify", "1.5", "--polygons", wanted)]


def test_what_concerns_polygons_is_not_said_where_there_are_none(run):
    _, argv = run("segment", MIN_AREA=100, SIMPLIFY=1.5)
    assert not {"--min-area", "--simplify", "--polygons"} & set(argv)


def test_patches_and_confidence_reach_the_engine(run, tmp_path):
    wanted = {"PATCHES": str(tmp_path / "p.gpkg"), "CONFIDENCE": str(tmp_path / "c.tif")}
    found, argv = run("classify", **wanted)
    assert found == {"OUTPUT": str(tmp_path / "out.tif"), **wanted}
    assert argv[3:-3] == [
        *("--model", str(tmp_path), "--also", f"confidence={wanted['CONFIDENCE']}", "--patches", wanted["PATCHES"])
    ]


def test_a_temporary_place_is_a_geopackage(run):
    assert run("segment", POLYGONS="TEMPORARY_OUTPUT")[0]["POLYGONS"].endswith(".gpkg")


@pytest.mark.parametrize("name", ["p.shp", "p.geojson", "p"])
def test_another_format_is_refused(name, run, tmp_path):
    with pytest.raises(QgsProcessingException, match="gpkg"):
        run("segment", POLYGONS=str(tmp_path / name))
    assert not (tmp_path / "pid").exists()


def test_a_geopackage_that_is_open_is_left_alone(run, shapes, tmp_path):
    opened = QgsVectorLayer(str(shapes), "opened")
    assert opened.startEditing()
    with pytest.raises(QgsProcessingException, match="the file is open in QGIS or in another program"):
        run("segment", POLYGONS=str(shapes))
    assert not (tmp_path / "pid").exists()
    opened.rollBack()


@pytest.fixture
def project(qgis_app):
    project = QgsProject.instance()
    project.clear()
    yield project
    project.clear()


@pytest.mark.parametrize(("name", "output"), [("segment", "POLYGONS"), ("classify", "PATCHES")])
def test_shapes_lie_above_the_map_in_its_colours(
    name, output, fake_engine, feedback, class_map, shapes, project, tmp_path
):
    from processing.gui.Postprocessing import handleAlgorithmResults

    fake_engine("")
    context, ended = QgsProcessingContext(), []
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"seamline:{name}")
    places = {"OUTPUT": "out.tif", output: "a.gpkg", "CONFIDENCE": "c.tif"}
    outputs = {n: QgsProcessingOutputLayerDefinition(str(tmp_path / path), project) for n, path in places.items()}
    parameters = {"INPUT": class_map, "MODEL_FOLDER": str(tmp_path), **outputs}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    assert pump(lambda: bool(ended))[0]
    assert ended[0][0], feedback.lines
    assert handleAlgorithmResults(algorithm, context, feedback)
    nodes = project.layerTreeRoot().findGroup("Seamline").findLayers()
    above, below, confidence = (node.layer() for node in nodes)
    assert [node.isVisible() for node in nodes] == [True, True, False]
    assert isinstance(below.renderer(), QgsPalettedRasterRenderer)
    assert [each.label for each in below.renderer().classes()] == NAMES
    renderer = above.renderer()
    assert isinstance(renderer, QgsCategorizedSymbolRenderer)
    found = [(each.value(), each.label(), each.symbol().color().getRgb()[:3]) for each in renderer.categories()]
    assert found == list(zip(range(3), NAMES, COLOURS, strict=True))
    assert renderer.classAttribute() in [field.name() for field in above.fields()]
    assert above.metadata().title() == "a.gpkg"
    assert confidence.name() == f"Confidence (map, {tmp_path.name})"


def test_classes_of_a_map_without_colours_are_loaded_all_the_same(feedback, shapes, tmp_path):
    from seamline.qgis_plugin.results import ShapeLayer

    plain = tmp_path / "plain.tif"
    gdal.GetDriverByName("GTiff").Create(str(plain), 4, 4, 1, gdal.GDT_Byte).FlushCache()
    plain.with_name("plain.report.json").write_text(json.dumps({"layers": {"classes": {"categories": NAMES}}}))
    ShapeLayer(str(plain)).postProcessLayer(QgsVectorLayer(str(shapes), "s"), QgsProcessingContext(), feedback)
    assert feedback.lines == ["The layer is loaded, but could not be styled: 0 colours for 3 classes"]
