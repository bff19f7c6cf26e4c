"""What is drawn in QGIS reaches the engine as it is shown; a model or a measure of quality comes back."""

import json
from pathlib import Path

import processing
import pytest
from osgeo import gdal, ogr
from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsRendererCategory,
    QgsVectorLayer,
)
from support import LEFT, TOP, pump


def square(column, row):
    """A square of 10 m that many squares right of and below the scene's corner."""
    x, y = LEFT + 10 * column, TOP - 10 * row
    return f"Polygon(({x} {y},{x + 10} {y},{x + 10} {y - 10},{x} {y - 10},{x} {y}))"


def feature(layer, kind, wkt):
    made = QgsFeature(layer.fields())
    made["kind"] = kind
    made.setGeometry(QgsGeometry.fromWkt(wkt))
    return made


@pytest.fixture
def drawn(plugin):
    """A scratch layer of the project: four squares of two classes."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:32631&field=note:string&field=kind:string", "my fields / 1", "memory")
    kinds = ("water", "forest", "water", "forest")
    assert layer.dataProvider().addFeatures(
        [feature(layer, kind, square(place, 0)) for place, kind in enumerate(kinds)]
    )[0]
    QgsProject.instance().addMapLayer(layer)
    yield layer
    QgsProject.instance().removeMapLayer(layer)


@pytest.fixture
def train(fake_engine, feedback, scene, tmp_path):
    """Run it.  Returns the results, the arguments of the engine and the labels that it got, as (class, WKT)."""

    def run(labels, mode="", **parameters):
        notes = fake_engine(mode)
        given = {"IMAGES": [scene["MS"]], "LABELS": labels, "CLASS_FIELD": "kind", "OUTPUT": str(tmp_path / "model")}
        found = processing.run("seamline:train", {**given, **parameters}, feedback=feedback)
        field = {**given, **parameters}["CLASS_FIELD"]
        rows, copied = [], Path(str(notes["argv"]) + ".gpkg")
        if copied.exists():
            file = gdal.OpenEx(str(copied))
            got = file.GetLayer(0)
            rows = [(row.GetField(0) if field else None, row.GetGeometryRef().Clone()) for row in got]
            assert [each.name for each in got.schema if each.name != "colour"] == ([field] if field else [])
            assert got.GetSpatialRef().GetAuthorityCode(None) == "32631"
        return found, json.loads(notes["argv"].read_text()), rows

    return run


def first_squares(rows):
    return [(kind, (shape.GetEnvelope()[0] - LEFT) / 10) for kind, shape in rows]


def test_a_scratch_layer_becomes_a_model(train, drawn, scene, feedback, tmp_path):
    found, argv, rows = train(drawn)
    labels, cache = (argv[argv.index(word) + 1] for word in ("--labels", "--cache"))
    assert argv == [
        *("train", "--image", scene["MS"], "--class-field", "kind", "--task", "segment", "--labels", labels),
        *("--cache", cache, "--out", str(tmp_path / "model"), "--json", "--cancel-on-stdin-eof"),
    ]
    assert Path(cache).parent == Path(QgsProcessingUtils.tempFolder())  # which QGIS takes away at its end
    assert first_squares(rows) == [("water", 0), ("forest", 1), ("water", 2), ("forest", 3)]
    assert {shape.GetGeometryType() for _, shape in rows} == {ogr.wkbMultiPolygon}
    assert found == {"OUTPUT": str(tmp_path / "model"), "MIOU": 0.7, "ACCURACY": 0.875}
    assert feedback.steps == sorted(feedback.steps)
    assert feedback.steps[-1] == 100.0
    for line in ("mIoU: 0.7", "water: IoU 0.5, F1 0.6"):
        assert line in feedback.lines
    assert f"What was taken for what: {tmp_path / 'model.confusion.png'}" in feedback.lines
    assert f"To use the model, choose {tmp_path / 'model'} as 'Model folder' in 'Segment'" in feedback.lines


def test_the_labels_are_those_that_qgis_shows(train, drawn):
    drawn.setSubsetString("\"kind\" = 'water'")
    assert first_squares(train(drawn)[2]) == [("water", 0), ("water", 2)]


def test_edits_that_are_not_saved_count(train, drawn):
    assert drawn.startEditing()
    drawn.deleteFeature(next(drawn.getFeatures()).id())
    drawn.addFeature(feature(drawn, "field", square(5, 2)))
    changed = sorted(each.id() for each in drawn.getFeatures() if each["kind"] == "water")
    drawn.changeAttributeValue(changed[0], drawn.fields().indexOf("kind"), "lake")
    assert first_squares(train(drawn)[2]) == [("forest", 1), ("lake", 2), ("forest", 3), ("field", 5)]
    drawn.rollBack()


def test_selected_features_alone_may_be_taken(train, drawn):
    drawn.selectByExpression("\"kind\" = 'forest'")
    source = QgsProcessingFeatureSourceDefinition(drawn.id(), True)
    assert first_squares(train(source)[2]) == [("forest", 1), ("forest", 3)]


def test_classes_keep_the_colours_that_they_are_drawn_in(train, drawn, tmp_path):
    colours = {"water": "#1e5ac8", "forest": "#146e28"}
    categories = [
        QgsRendererCategory(kind, QgsFillSymbol.createSimple({"color": colour}), kind)
        for kind, colour in colours.items()
    ]
    drawn.setRenderer(QgsCategorizedSymbolRenderer("kind", categories))
    for labels in (drawn, QgsProcessingFeatureSourceDefinition(drawn.id(), False)):
        train(labels, OUTPUT="TEMPORARY_OUTPUT")
        file = gdal.OpenEx(str(tmp_path / "argv.gpkg"))
        assert [row["colour"] for row in file.GetLayer(0)] == [colours[kind] for kind in ("water", "forest") * 2]
    drawn.setRenderer(QgsCategorizedSymbolRenderer("note", categories))
    train(drawn)
    file = gdal.OpenEx(str(tmp_path / "argv.gpkg"))
    assert [each.name for each in file.GetLayer(0).schema] == ["kind"]


def test_curves_heights_and_broken_rings_reach_the_engine_as_polygons(train, plugin):
    layer = QgsVectorLayer("CurvePolygonZ?crs=EPSG:32631&field=kind:integer", "curves", "memory")
    x, y = LEFT + 20, TOP - 20
    circle = f"CurvePolygonZ(CIRCULARSTRING Z({x} {y} 5,{x + 5} {y + 5} 5,{x + 10} {y} 5,{x + 5} {y - 5} 5,{x} {y} 5))"
    bow = f"PolygonZ(({x} {y} 1,{x + 9} {y + 9} 1,{x} {y + 9} 1,{x + 9} {y} 1,{x} {y} 1))"
    layer.dataProvider().addFeatures([feature(layer, 3, circle), feature(layer, 4, bow), feature(layer, 5, "")])
    _, _, rows = train(layer)
    assert [kind for kind, _ in rows] == [3, 4]
    assert {shape.GetGeometryType() for _, shape in rows} == {ogr.wkbMultiPolygon}
    assert rows[0][1].GetArea() == pytest.approx(3.14159 * 25, rel=0.01)
    assert not rows[1][1].IsValid()  # repaired, and counted, by the engine


def test_points_stay_points(train, plugin):
    layer = QgsVectorLayer("Point?crs=EPSG:32631&field=kind:string", "points", "memory")
    layer.dataProvider().addFeature(feature(layer, "tree", f"Point({LEFT + 1} {TOP - 1})"))
    ((kind, shape),) = train(layer)[2]
    assert (kind, shape.GetGeometryName()) == ("tree", "MULTIPOINT")


def test_without_a_class_field_all_features_are_one_class_beside_the_rest(train, drawn, tmp_path):
    _, argv, rows = train(drawn, CLASS_FIELD=None, REST="other")
    assert "--class-field" not in argv
    file = gdal.OpenEx(str(tmp_path / "argv.gpkg"))
    assert file.GetLayer(0).GetName() == "my fields / 1"
    assert [kind for kind, _ in rows] == [None] * 4


@pytest.mark.parametrize("name", ["fid", "geom"])
def test_a_class_field_may_have_the_name_of_a_key(name, train, plugin):
    layer = QgsVectorLayer("Polygon?crs=EPSG:32631&field=fid:string&field=geom:string", "odd", "memory")
    made = QgsFeature(layer.fields())
    made.setAttributes(["of fid", "of geom"])
    made.setGeometry(QgsGeometry.fromWkt(square(0, 0)))
    layer.dataProvider().addFeature(made)
    assert first_squares(train(layer, CLASS_FIELD=name)[2]) == [(f"of {name}", 0)]


def test_labels_without_a_crs_have_that_of_the_image(train, plugin, feedback):
    layer = QgsVectorLayer("Polygon?field=kind:string", "nowhere", "memory")
    layer.setCrs(QgsCoordinateReferenceSystem())
    layer.dataProvider().addFeature(feature(layer, "water", square(1, 1)))
    train(layer)  # which looks at the CRS
    assert "The labels have no CRS; they are taken to have that of the image" in feedback.lines


def test_the_labels_are_taken_away_afterwards(train, drawn):
    _, argv, _ = train(drawn)
    labels = Path(argv[argv.index("--labels") + 1])
    assert labels.name == "my fields _ 1.gpkg"
    assert not labels.parent.exists()


def test_every_option_reaches_the_engine(train, drawn, scene, tmp_path):
    given = {"TASK": "classify", "REST": "other", "MINUTES": 5, "PATCH": 32, "FUSER": "experts", "BANDS": "1,2,3"}
    given.update(BACKBONE="terra-ldm-tiny", HOLD_OUT=0.25, SEED=7, DEVICE="cpu", IMAGES=[scene["MS"], scene["PAN"]])
    _, argv, _ = train(drawn, **given)
    labels = argv[argv.index("--labels") + 1]
    assert argv[1:-6] == [
        *("--image", scene["MS"], "--image", scene["PAN"], "--class-field", "kind", "--task", "classify"),
        *("--rest", "other", "--minutes", "5", "--patch", "32", "--fuser", "experts", "--backbone", "terra-ldm-tiny"),
        *("--bands", "1,2,3", "--hold-out", "0.25", "--seed", "7", "--device", "cpu", "--labels", labels),
    ]


def test_a_raster_of_labels_is_opened_where_it_lies(train, scene):
    _, argv, rows = train(None, CLASS_FIELD=None, LABEL_RASTER=scene["PAN"], IGNORE=0)
    assert argv[1:9] == ["--image", scene["MS"], "--labels", scene["PAN"], "--task", "segment", "--ignore", "0"]
    assert rows == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"LABELS": None}, "there are no labels; Labels; give a layer of polygons or points, or else a label raster"),
        ({"LABEL_RASTER": "PAN"}, "there are two sources of labels; Labels"),
        ({"LABELS": "/nowhere.gpkg"}, "QGIS cannot read a vector layer here; Labels"),
        ({"CLASS_FIELD": None}, "no class field is chosen; Class field; choose one of note, kind"),
        ({"CLASS_FIELD": "sort"}, "there is no field 'sort'; Class field; choose one of note, kind"),
        ({"IMAGES": ["MS", "/nowhere.tif"]}, "QGIS cannot read a raster here; Images"),
        ({"IMAGES": []}, "QGIS cannot read a raster here; Images"),
        ({"OUTPUT": "/nowhere/model"}, "the output's folder does not exist or cannot be written"),
        ({"TASK": "paint"}, "'paint' is not on offer; Task; choose one of segment, classify"),
    ],
)
def test_a_wrong_request_starts_nothing(change, sentence, train, drawn, scene, tmp_path):
    def known(value):
        return [known(each) for each in value] if isinstance(value, list) else scene.get(value, value)

    change = {name: known(value) for name, value in change.items()}
    with pytest.raises(QgsProcessingException) as caught:
        train(change.pop("LABELS", drawn), **change)
    assert sentence in str(caught.value)
    assert not (tmp_path / "pid").exists()


def test_a_layer_without_features_is_refused(train, drawn, tmp_path):
    source = QgsProcessingFeatureSourceDefinition(drawn.id(), True)  # nothing is selected
    with pytest.raises(QgsProcessingException, match="the layer has no features; Labels; draw some"):
        train(source)
    assert not (tmp_path / "pid").exists()


def test_a_folder_with_something_in_it_is_left_alone(train, drawn, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").touch()
    with pytest.raises(QgsProcessingException, match="something is in this folder already"):
        train(drawn)
    assert (tmp_path / "model" / "mine.txt").exists()


def test_a_failure_of_the_engine_is_told_in_the_words_of_the_dialog(train, drawn):
    with pytest.raises(QgsProcessingException, match=r"^band 5 is not there; MS; choose bands 1 to 4$"):
        train(drawn, "error")


def test_the_page_tells_the_quality_of_each_class(train, drawn, tmp_path):
    page = tmp_path / "quality.html"
    found, _, _ = train(drawn, REPORT=str(page))
    text = page.read_text(encoding="utf-8")
    assert found["REPORT"] == str(page)
    for words in ("Quality of the model", "<td>&lt;forest&gt;</td>", "0.9500", "data:image/png;base64,YSBwaWN0dXJl"):
        assert words in text
    assert "<forest>" not in text


def test_a_model_that_nobody_measured_has_no_quality(train, drawn, feedback, tmp_path):
    (tmp_path / "model.confusion.png").write_bytes(b"of an older model")
    page = tmp_path / "quality.html"
    found, _, _ = train(drawn, HOLD_OUT=0, REPORT=str(page))
    assert found == {"OUTPUT": str(tmp_path / "model"), "REPORT": str(page)}
    assert "data:image/png" not in page.read_text(encoding="utf-8")
    assert not any("What was taken for what" in line for line in feedback.lines)


def test_a_cancel_leaves_nothing(fake_engine, feedback, drawn, scene, tmp_path):
    notes, context, ended = fake_engine("slow"), QgsProcessingContext(), []
    context.setProject(QgsProject.instance())
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:train")
    parameters = {"IMAGES": [scene["MS"]], "LABELS": drawn.id(), "CLASS_FIELD": "kind"}
    task = QgsProcessingAlgRunnerTask(algorithm, {**parameters, "OUTPUT": str(tmp_path / "model")}, context, feedback)
    task.executed.connect(lambda ok, results: ended.append((ok, results)))
    QgsApplication.taskManager().addTask(task)
    assert pump(lambda: any(0 < step < 100 for step in feedback.steps))[0]
    feedback.cancel()
    assert pump(lambda: bool(ended))[0]
    assert not (tmp_path / "model").exists()
    assert "Cancelled; nothing was written" in feedback.lines
    argv = json.loads(notes["argv"].read_text())
    assert not Path(argv[argv.index("--labels") + 1]).exists()


def test_a_map_is_measured_against_labels(fake_engine, feedback, drawn, scene, tmp_path):
    notes, page, file = fake_engine(""), tmp_path / "page.html", tmp_path / "metrics.json"
    parameters = {"MAP": scene["MS"], "LABELS": drawn, "CLASS_FIELD": "kind", "REST": "other"}
    parameters.update(REPORT=str(page), METRICS=str(file))
    found = processing.run("seamline:evaluate_map", parameters, feedback=feedback)
    argv = json.loads(notes["argv"].read_text())
    labels, picture = (argv[argv.index(word) + 1] for word in ("--labels", "--confusion"))
    assert argv == [
        *("evaluate", scene["MS"], "--class-field", "kind", "--rest", "other", "--labels", labels),
        *("--confusion", picture, "--json", "--cancel-on-stdin-eof"),
    ]
    assert found == {"MIOU": 0.7, "ACCURACY": 0.875, "REPORT": str(page), "METRICS": str(file)}
    text = page.read_text(encoding="utf-8")
    for words in ("Quality of the map", "&lt;forest&gt;", "data:image/png;base64,YSBwaWN0dXJl", scene["MS"]):
        assert words in text
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert kept["metrics"]["classes"]["water"]["IoU"] == 0.5
    assert not any(Path(path).parent.exists() for path in (labels, picture))


def test_a_map_without_labels_is_not_measured(fake_engine, feedback, scene):
    fake_engine("")
    with pytest.raises(QgsProcessingException, match="there are no labels; Labels"):
        processing.run("seamline:evaluate_map", {"MAP": scene["MS"]}, feedback=feedback)
