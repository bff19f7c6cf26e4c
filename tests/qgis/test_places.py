"""No output takes the place of an input, of another output, or of what belongs to one; each can be written."""

import os
import shutil
from pathlib import Path

import processing
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingOutputLayerDefinition, QgsProject, QgsProperty


@pytest.fixture
def here(scene, tmp_path):
    """The scene in a folder of the test's own, with statistics and a world file beside its PAN."""
    folder = tmp_path / "scene"
    folder.mkdir()
    paths = {name: str(shutil.copy(path, folder)) for name, path in scene.items()}
    (folder / "pan.tif.aux.xml").write_text("<PAMDataset/>")
    (folder / "pan.tfw").write_text("0.5\n0\n0\n-0.5\n0\n0\n")
    (folder / "ms.report.json").write_text("{}")
    return paths


def content(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


RASTER = {"pansharpen": ("MS", "PAN"), "superres": ("INPUT",), "superres_reference": ("INPUT", "REFERENCE")}


def given(algorithm, here, folder):
    """Parameters of an algorithm with an output of its own, and the file of its first input."""
    if algorithm == "evaluate":
        return {"FUSED": here["PAN"], "PAN": here["PAN"], "MS": here["MS"]}, here["PAN"]
    names = RASTER[algorithm]
    inputs = dict(zip(names, (here["MS"], here["PAN"]), strict=False))
    return {**inputs, "OUTPUT": str(folder / "out.tif")}, inputs[names[0]]


@pytest.mark.parametrize(
    ("algorithm", "output"),
    [
        *(("pansharpen", name) for name in ("OUTPUT", "UNCERTAINTY", "SUPPORT", "REPORT")),
        *(("superres", name) for name in ("OUTPUT", "UNCERTAINTY", "SUPPORT", "REPORT")),
        *(("superres_reference", name) for name in ("UNCERTAINTY", "SUPPORT", "TRUST", "REPORT")),
        *(("evaluate", name) for name in ("REPORT", "METRICS")),
    ],
)
@pytest.mark.parametrize("how", ["itself", "a link", "a hard link", "an expression", "a place in the project"])
def test_no_output_is_an_input(algorithm, output, how, here, fake_engine, feedback, tmp_path):
    notes = fake_engine("")
    parameters, path = given(algorithm, here, tmp_path)
    other = tmp_path / "other.tif"
    if how == "a link":
        other.symlink_to(path)
    if how == "a hard link":
        os.link(path, other)
    places = {
        "a link": str(other),
        "a hard link": str(other),
        "an expression": QgsProperty.fromExpression(f"'{path}'"),
        "a place in the project": QgsProcessingOutputLayerDefinition(path, QgsProject.instance()),
    }
    before = content(tmp_path)
    with pytest.raises(QgsProcessingException, match="the output is also an input"):
        processing.run(f"seamline:{algorithm}", {**parameters, output: places.get(how, path)}, feedback=feedback)
    assert content(tmp_path) == before
    assert not notes["pid"].exists()


@pytest.mark.parametrize("name", ["pan.tif.aux.xml", "pan.tfw", "pan.tif.ovr", "ms.report.json", "ms.tif.msk"])
def test_no_output_belongs_to_an_input(name, here, fake_engine, feedback, tmp_path):
    notes = fake_engine("")
    parameters = {**here, "OUTPUT": str(tmp_path / "out.tif"), "REPORT": str(tmp_path / "scene" / name)}
    with pytest.raises(QgsProcessingException, match="the output belongs to an input; Report"):
        processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert not notes["pid"].exists()


@pytest.mark.parametrize(
    ("places", "sentence"),
    [
        ({"UNCERTAINTY": "out.tif"}, "two outputs are one file"),
        ({"UNCERTAINTY": "u.tif", "REPORT": "u.tif"}, "two outputs are one file"),
        ({"REPORT": "out.tif"}, "two outputs are one file"),
        ({"ALSO": "support", "REPORT": "out-support.tif"}, "two outputs are one file"),
        ({"REPORT": "out.report.json"}, "the output belongs to another output"),
        ({"REPORT": "out.tif.aux.xml"}, "the output belongs to another output"),
        ({"REPORT": "out.tif.seamline"}, "the output belongs to another output"),
        ({"UNCERTAINTY": "nowhere/u.tif"}, "the output's folder does not exist or cannot be written"),
        ({"REPORT": "nowhere/r.html"}, "the output's folder does not exist or cannot be written"),
        ({"REPORT": "scene"}, "the output is a folder"),
        ({"UNCERTAINTY": "u" * 250 + ".tif"}, "the name of the output is too long; Uncertainty: uuu"),
        ({"OUTPUT": "u" * 246 + ".tif"}, "the name of the output is too long; Pan-sharpened: uuu"),
        ({"REPORT": "r" * 260 + ".html"}, "the name of the output is too long"),
    ],
)
def test_outputs_keep_apart_and_can_be_written(places, sentence, here, fake_engine, feedback, tmp_path):
    notes = fake_engine("")
    wanted = {name: text if name == "ALSO" else str(tmp_path / text) for name, text in places.items()}
    with pytest.raises(QgsProcessingException, match=sentence):
        processing.run(
            "seamline:pansharpen", {**here, "OUTPUT": str(tmp_path / "out.tif"), **wanted}, feedback=feedback
        )
    assert not notes["pid"].exists()


@pytest.mark.parametrize("name", ["METRICS", "REPORT"])
def test_a_table_in_no_folder_is_refused_before_anything_is_measured(name, here, fake_engine, feedback, tmp_path):
    notes = fake_engine("")
    parameters, _ = given("evaluate", here, tmp_path)
    with pytest.raises(QgsProcessingException, match="the output's folder does not exist"):
        processing.run("seamline:evaluate", {**parameters, name: "/nowhere/t"}, feedback=feedback)
    assert not notes["pid"].exists()


def test_a_model_folder_is_no_place_for_a_report_of_its_own_name(here, fake_engine, feedback, tmp_path):
    notes = fake_engine("")
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    parameters = {**here, "MODEL_FOLDER": str(model), "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match="the output belongs to an input"):
        processing.run("seamline:pansharpen", {**parameters, "REPORT": str(model / "model.json")}, feedback=feedback)
    assert not notes["pid"].exists()


def test_files_that_share_a_folder_and_a_stem_are_fine(here, fake_engine, feedback, tmp_path):
    fake_engine("")
    places = {"OUTPUT": "ms-fused.tif", "UNCERTAINTY": "ms-u.tif", "REPORT": "ms.html"}
    wanted = {name: str(tmp_path / "scene" / path) for name, path in places.items()}
    before = content(tmp_path / "scene")
    assert processing.run("seamline:pansharpen", {**here, **wanted}, feedback=feedback) == wanted
    after = content(tmp_path / "scene")
    assert {path: after[path] for path in before} == before


def test_the_image_of_a_training_is_not_its_report(here, fake_engine, feedback, tmp_path):
    from qgis.core import QgsFeature, QgsGeometry, QgsVectorFileWriter, QgsVectorLayer

    notes = fake_engine("")
    drawn = QgsVectorLayer("Polygon?crs=EPSG:32631&field=kind:string", "drawn", "memory")
    feature = QgsFeature(drawn.fields())
    feature["kind"] = "field"
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((500010 4999990,500020 4999990,500020 4999980,500010 4999990))"))
    drawn.dataProvider().addFeature(feature)
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "ESRI Shapefile"
    shapes = str(tmp_path / "labels.shp")
    QgsVectorFileWriter.writeAsVectorFormatV3(drawn, shapes, QgsProject.instance().transformContext(), options)
    parameters = {"IMAGES": [here["MS"]], "LABELS": shapes, "CLASS_FIELD": "kind", "REST": "other"}
    parameters["OUTPUT"] = str(tmp_path / "model")
    for path, sentence in (
        (here["MS"], "the output is also an input; Quality"),
        (shapes, "the output is also an input"),
        (str(tmp_path / "labels.dbf"), "the output belongs to an input"),
        (str(tmp_path / "model.confusion.png"), "the output belongs to another output"),
    ):
        before = content(tmp_path)
        with pytest.raises(QgsProcessingException, match=sentence):
            processing.run("seamline:train", {**parameters, "REPORT": path}, feedback=feedback)
        assert content(tmp_path) == before
    assert not notes["pid"].exists()
    assert gdal.Open(here["MS"]) is not None
