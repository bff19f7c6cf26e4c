"""From parameters to an argument list, and from the engine's end to QGIS's, with the fake engine."""

import json
from pathlib import Path

import processing
import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
)
from support import LEFT, TOP, pump


def run(fake_engine, feedback, parameters, mode="", algorithm="pansharpen"):
    """Returns the result and the arguments that the engine was started with."""
    notes = fake_engine(mode)
    result = processing.run(f"seamline:{algorithm}", parameters, feedback=feedback)
    return result, json.loads(notes["argv"].read_text())


def test_a_plain_run_passes_paths_and_the_model_alone(fake_engine, feedback, scene, tmp_path):
    output = str(tmp_path / "out.tif")
    result, argv = run(fake_engine, feedback, {**scene, "OUTPUT": output})
    assert result == {"OUTPUT": output}
    assert argv == [
        *("pansharpen", scene["MS"], scene["PAN"], output, "--model", "salad-pan-tiny"),
        *("--overwrite", "--json", "--cancel-on-stdin-eof"),
    ]
    assert feedback.steps == sorted(feedback.steps)
    assert feedback.steps[-1] == 100.0
    assert "HQNR: 0.9" in feedback.lines


def test_every_option_reaches_the_engine(fake_engine, feedback, scene, tmp_path):
    options = {"TILE": 256, "OVERLAP": 32, "STEPS": 4, "SEED": 7, "DEVICE": "cpu", "CONSISTENCY": "off"}
    options.update({"SENSOR": "WV2", "COREGISTER": True, "BANDS": [3, 1], "KEEP": True, "NODATA": -9999})
    extent = f"{LEFT + 8},{LEFT + 72.25},{TOP - 64},{TOP - 16} [EPSG:32631]"
    _, argv = run(
        fake_engine,
        feedback,
        {**scene, **options, "MODEL": "gsa", "EXTENT": extent, "OUTPUT": str(tmp_path / "out.tif")},
    )
    assert argv[4:-4] == [
        *(
            "--model",
            "gsa",
            "--bands",
            "3,1",
            "--extent",
            repr(LEFT + 8),
            repr(TOP - 64),
            repr(LEFT + 72.25),
            repr(TOP - 16),
        ),
        *("--tile", "256", "--overlap", "32", "--steps", "4", "--seed", "7", "--device", "cpu", "--nodata", "-9999.0"),
        *("--consistency", "off", "--sensor", "WV2", "--coregister"),
    ]
    assert argv[-4:] == ["--overwrite", "--resume", "--json", "--cancel-on-stdin-eof"]


def test_super_resolution_passes_its_scale_and_a_model_folder(fake_engine, feedback, scene, tmp_path):
    parameters = {"INPUT": scene["MS"], "SCALE": 2, "MODEL_FOLDER": str(tmp_path), "OUTPUT": str(tmp_path / "o.tif")}
    _, argv = run(fake_engine, feedback, parameters, algorithm="superres")
    assert argv[:-3] == ["superres", scene["MS"], str(tmp_path / "o.tif"), "--model", str(tmp_path), "--scale", "2"]


def test_a_reference_passes_with_its_outputs_and_its_weight(fake_engine, feedback, scene, tmp_path):
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "GUIDANCE": 1.5, "STEPS": 2}
    places = {name: str(tmp_path / f"{name}.tif") for name in ("OUTPUT", "UNCERTAINTY", "TRUST")}
    result, argv = run(fake_engine, feedback, {**parameters, **places}, algorithm="superres_reference")
    assert result == places
    assert argv[:-3] == [
        *("superres", scene["MS"], places["OUTPUT"], "--guide", f"reference={scene['PAN']}"),
        *("--model", "ds-dit-tiny-x4", "--steps", "2", "--guidance", "1.5"),
        *("--also", f"uncertainty={places['UNCERTAINTY']}", "--also", f"trust={places['TRUST']}"),
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"REFERENCE": None}, "QGIS cannot read a raster here; Reference raster"),
        ({"MODEL": "bicubic"}, "'bicubic' is not on offer; Model; choose one of ds-dit-tiny-x4"),
        ({"GUIDANCE": 3}, "GUIDANCE"),
    ],
)
def test_a_wrong_request_with_a_reference_starts_nothing(change, sentence, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    parameters = {"INPUT": scene["MS"], "REFERENCE": scene["PAN"], "OUTPUT": str(tmp_path / "out.tif"), **change}
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("seamline:superres_reference", parameters, feedback=feedback)
    assert sentence in str(caught.value)
    assert not notes["pid"].exists()


@pytest.mark.parametrize("choice", [3, "3", "brovey"])
def test_a_choice_is_a_word_or_its_number(choice, fake_engine, feedback, scene, tmp_path):
    _, argv = run(fake_engine, feedback, {**scene, "MODEL": choice, "OUTPUT": str(tmp_path / "out.tif")})
    assert argv[argv.index("--model") + 1] == "brovey"


def test_an_extent_in_degrees_becomes_one_of_the_pan_grid(fake_engine, feedback, scene, tmp_path):
    _, argv = run(
        fake_engine,
        feedback,
        {**scene, "EXTENT": "3.0002,3.001,45.1526,45.1532 [EPSG:4326]", "OUTPUT": str(tmp_path / "out.tif")},
    )
    at = argv.index("--extent")
    xmin, ymin, xmax, ymax = map(float, argv[at + 1 : at + 5])
    # One degree is 78.7 km by 111.1 km at this latitude, 3 degrees east is the zone's central meridian (x = 500 km).
    assert xmin == pytest.approx(LEFT + 0.0002 * 78_680, abs=1.0)
    assert xmax - xmin == pytest.approx(0.0008 * 78_680, abs=1.0)
    assert ymax - ymin == pytest.approx(0.0006 * 111_130, abs=1.0)
    assert TOP - 128 < ymin < ymax < TOP + 128


def test_a_temporary_output_is_a_tif(fake_engine, feedback, scene):
    result, _ = run(fake_engine, feedback, {**scene, "OUTPUT": "TEMPORARY_OUTPUT"})
    assert result["OUTPUT"].endswith(".tif")


def test_strange_lines_and_warnings_are_shown(fake_engine, feedback, scene, tmp_path):
    run(fake_engine, feedback, {**scene, "OUTPUT": str(tmp_path / "out.tif")}, mode="garbage")
    assert "{not json" in feedback.lines
    assert "the overlap is small; 'Overlap (px)'; raise it" in feedback.lines


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("error", "^band 5 is not there; MS; choose bands 1 to 4$"),
        ("killed", "^the engine was killed by the system"),
        ("no file", "^the engine reports success but wrote no file"),
    ],
)
def test_a_failure_is_one_exception_with_one_sentence(mode, sentence, fake_engine, feedback, scene, tmp_path):
    with pytest.raises(QgsProcessingException, match=sentence):
        run(fake_engine, feedback, {**scene, "OUTPUT": str(tmp_path / "out.tif")}, mode=mode)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"MODEL": "no-such-model"}, "'no-such-model' is not on offer; Model; choose one of salad-pan-tiny, gsa"),
        ({"MODEL": 9}, "'9' is not on offer"),
        ({"EXTENT": "0,1,0,1 [EPSG:32631]"}, "the extent does not meet the layer"),
        ({"PAN": "/nowhere.tif"}, "QGIS cannot read a raster here; Panchromatic raster"),
        ({"OUTPUT": "/nowhere/out.tif"}, "the output's folder does not exist or cannot be written; /nowhere"),
        ({"OUTPUT": "out.png"}, "png"),
        ({"TILE": 3}, "TILE"),
    ],
)
def test_a_wrong_request_starts_nothing(change, sentence, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    with pytest.raises(QgsProcessingException) as caught:
        processing.run(
            "seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "out.tif"), **change}, feedback=feedback
        )
    assert sentence in str(caught.value)
    assert not notes["pid"].exists()


def test_an_input_is_never_the_output(fake_engine, feedback, scene, tmp_path):
    fake_engine("")
    link = tmp_path / "link.tif"
    link.symlink_to(scene["PAN"])
    for output in (scene["PAN"], str(link)):
        with pytest.raises(QgsProcessingException, match="the output is also an input"):
            processing.run("seamline:pansharpen", {**scene, "OUTPUT": output}, feedback=feedback)


def layer_in_memory(scene):
    from osgeo import gdal

    gdal.GetDriverByName("GTiff").CreateCopy("/vsimem/pan.tif", gdal.Open(scene["PAN"])).FlushCache()
    return QgsRasterLayer("/vsimem/pan.tif", "only here")


def layer_with_options(scene):
    return QgsRasterLayer(f"{scene['PAN']}|option:NUM_THREADS=2", "opened specially")


def layer_of_a_server(scene):
    return QgsRasterLayer("type=xyz&url=http://localhost:1/%7Bx%7D/%7By%7D/%7Bz%7D.png", "a map", "wms")


def layer_of_other_files(scene):
    from osgeo import gdal

    gdal.BuildVRT(scene["PAN"] + ".vrt", [scene["PAN"]]).FlushCache()
    return QgsRasterLayer(scene["PAN"] + ".vrt", "virtual")


def layer_of_another_crs(scene):
    from osgeo import gdal

    gdal.Warp(scene["PAN"] + ".32632.tif", scene["PAN"], dstSRS="EPSG:32632").FlushCache()
    return QgsRasterLayer(scene["PAN"] + ".32632.tif", "far pan")


def layer_of_a_geopackage(scene):
    from osgeo import gdal

    path = scene["PAN"] + ".gpkg"
    for table in ("one", "two"):
        # The tiles of a GeoPackage are of bytes.
        options = ["APPEND_SUBDATASET=YES", f"RASTER_TABLE={table}"]
        gdal.Translate(path, scene["PAN"], format="GPKG", outputType=gdal.GDT_Byte, creationOptions=options)
    return QgsRasterLayer(f"GPKG:{path}:two", "a table")


def layer_of_a_variable(scene):
    from osgeo import gdal

    gdal.Translate(scene["PAN"] + ".nc", scene["PAN"], format="netCDF").FlushCache()
    return QgsRasterLayer(f'NETCDF:"{scene["PAN"]}.nc":Band1', "a variable")


def layer_of_a_whole_file(scene):
    layer_of_a_variable(scene)
    return QgsRasterLayer(scene["PAN"] + ".nc", "all of it")


def layer_in_an_archive(scene):
    import zipfile

    with zipfile.ZipFile(scene["PAN"] + ".zip", "w") as archive:
        archive.write(scene["PAN"], "in/pan.tif")
    return QgsRasterLayer(f"/vsizip/{scene['PAN']}.zip/in/pan.tif", "zipped")


def layer_with_a_crs_of_its_own(scene):
    layer = QgsRasterLayer(scene["PAN"], "set by hand")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32632"))
    return layer


def layer_whose_file_has_no_crs(scene):
    from osgeo import gdal

    path = scene["PAN"] + ".bare.tif"
    gdal.Translate(path, scene["PAN"], creationOptions=["PROFILE=BASELINE", "TFW=YES"]).FlushCache()
    layer = QgsRasterLayer(path, "bare")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32631"))
    return layer


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            layer_of_a_geopackage,
            "'a table' is one raster in a file that can hold many, .*; Panchromatic raster;",
        ),
        (layer_of_a_variable, "'a variable' is one raster in a file that can hold many"),
        (layer_of_a_whole_file, "'all of it' is one raster in a file that can hold many"),
        (layer_in_an_archive, "'zipped' lies in an archive; Panchromatic raster; save it as GeoTIFF"),
        (
            layer_with_a_crs_of_its_own,
            "'set by hand' has the CRS EPSG:32632 in QGIS, and EPSG:32631 in its",
        ),
        (layer_whose_file_has_no_crs, "'bare' has the CRS EPSG:32631 in QGIS, and none in its file"),
        (layer_of_other_files, "'virtual' is a virtual raster, which stands for other files"),
        (layer_of_another_crs, "'ms' is in EPSG:32631 and 'far pan' is in EPSG:32632; .*; reproject one of them"),
        (layer_in_memory, "lives in the memory of QGIS alone"),
        (layer_with_options, "is opened with options or a login"),
        (layer_of_a_server, "comes from 'wms', not from a raster"),
    ],
)
def test_a_layer_that_only_qgis_has_is_refused(make, sentence, fake_engine, feedback, scene, tmp_path):
    notes = fake_engine("")
    parameters = {**scene, "PAN": make(scene), "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException, match=sentence):
        processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert not notes["pid"].exists()


@pytest.mark.parametrize("algorithm", ["superres", "adapt", "train", "evaluate", "evaluate_map"])
def test_every_algorithm_holds_the_crs_that_is_set_by_hand_for_the_truth(
    algorithm, fake_engine, feedback, scene, tmp_path
):
    notes = fake_engine("")
    layer = layer_with_a_crs_of_its_own(scene)
    inputs = {
        "superres": {"INPUT": layer, "OUTPUT": str(tmp_path / "out.tif")},
        "adapt": {"MS": scene["MS"], "PAN": layer, "OUTPUT": str(tmp_path / "model")},
        "train": {"IMAGES": [layer], "LABEL_RASTER": scene["PAN"], "OUTPUT": str(tmp_path / "model")},
        "evaluate": {"FUSED": scene["PAN"], "REFERENCE": layer},
        "evaluate_map": {"MAP": scene["PAN"], "LABEL_RASTER": layer},
    }
    with pytest.raises(QgsProcessingException, match="has the CRS EPSG:32632 in QGIS, and EPSG:32631 in its file"):
        processing.run(f"seamline:{algorithm}", inputs[algorithm], feedback=feedback)
    assert not notes["pid"].exists()


def test_a_crs_without_a_name_comes_back_from_a_project_as_that_of_the_file(plugin, scene, tmp_path):
    from osgeo import gdal

    from seamline.qgis_plugin.layers import gdal_path

    path, project = str(tmp_path / "own.tif"), QgsProject.instance()
    gdal.Translate(path, scene["PAN"], outputSRS="+proj=tmerc +lat_0=1 +lon_0=3 +k=0.99 +datum=WGS84").FlushCache()
    project.clear()
    project.addMapLayer(QgsRasterLayer(path, "own"))
    assert project.write(str(tmp_path / "project.qgs"))
    project.clear()
    assert project.read(str(tmp_path / "project.qgs"))
    (layer,) = project.mapLayers().values()
    assert gdal_path(layer, "Input") == path
    project.clear()


def test_a_layer_of_the_project_is_passed_by_its_path(fake_engine, feedback, scene, tmp_path):
    layer = QgsRasterLayer(scene["MS"], "a layer")
    QgsProject.instance().addMapLayer(layer)
    try:
        _, argv = run(fake_engine, feedback, {**scene, "MS": layer.id(), "OUTPUT": str(tmp_path / "out.tif")})
    finally:
        QgsProject.instance().removeMapLayer(layer)
    assert argv[1] == scene["MS"]


@pytest.fixture
def background(fake_engine, feedback, scene, tmp_path):
    """Start an algorithm as the toolbox does.  Returns the task, its context, and the list that its end goes to."""
    kept = []  # the task holds the context without owning it

    def start(mode):
        notes = fake_engine(mode)
        context, ended = QgsProcessingContext(), []
        output = QgsProcessingOutputLayerDefinition(str(tmp_path / "out.tif"), QgsProject.instance())
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
        task = QgsProcessingAlgRunnerTask(algorithm, {**scene, "OUTPUT": output}, context, feedback)
        task.executed.connect(lambda ok, results: ended.append((ok, results)))
        kept.extend((task, context))
        QgsApplication.taskManager().addTask(task)
        return task, context, ended, notes

    return start


def test_a_result_of_the_background_is_loaded_into_the_project(background, tmp_path):
    _, context, ended, _ = background("")
    assert pump(lambda: bool(ended))[0]
    output = str(tmp_path / "out.tif")
    assert ended == [(True, {"OUTPUT": output})]
    assert context.willLoadLayerOnCompletion(output)
    assert context.layerToLoadOnCompletionDetails(output).name == "Pan-sharpened (ms, salad-pan-tiny)"


def test_cancel_in_the_background_leaves_no_child_and_lets_qgis_turn(background, feedback, tmp_path):
    task, _, ended, notes = background("slow")
    assert pump(lambda: any(0 < step < 100 for step in feedback.steps))[0]
    feedback.cancel()
    task.cancel()
    has_ended, turns = pump(lambda: bool(ended))
    assert has_ended
    assert turns > 1, "the event loop stood still"
    assert max(feedback.steps) < 100
    assert not Path("/proc", notes["pid"].read_text()).exists()
    assert not (tmp_path / "out.tif").exists()


def test_the_dialog_opens_with_every_parameter(plugin, scene, qgis_iface, monkeypatch):
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from qgis.gui import QgsBrowserGuiModel

    from seamline.qgis_plugin import catalogue

    monkeypatch.setattr(qgis_iface, "browserModel", lambda: QgsBrowserGuiModel(), raising=False)
    for name in ("pansharpen", "superres", "segment", "classify"):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"seamline:{name}")
        dialog = AlgorithmDialog(algorithm)
        dialog.setParameters({**scene, "INPUT": scene["MS"]})
        parameters = dialog.createProcessingParameters()
        assert parameters["MODEL"] == next((model.name for model in catalogue.offered(name)), None)
        assert parameters["TILE"] is None
        assert "UNCERTAINTY" not in parameters, "deviations are computed although nobody asked for them"
        dialog.deleteLater()


def test_the_dialogs_say_what_an_empty_value_means(plugin, scene, qgis_iface, monkeypatch):
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
    from qgis.gui import QgsBrowserGuiModel
    from qgis.PyQt.QtWidgets import QAbstractSpinBox, QLineEdit

    monkeypatch.setattr(qgis_iface, "browserModel", lambda: QgsBrowserGuiModel(), raising=False)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
    dialog = AlgorithmDialog(algorithm)
    wrappers = dialog.mainWidget().wrappers
    tile, bands = wrappers["TILE"].wrappedWidget(), wrappers["BANDS"].wrappedWidget()
    spin = tile if isinstance(tile, QAbstractSpinBox) else tile.findChild(QAbstractSpinBox)
    assert pump(lambda: spin.text() == "default")[0]
    assert pump(lambda: bands.findChild(QLineEdit).text() == "all bands")[0]
    dialog.setParameters(scene)
    assert dialog.createProcessingParameters()["TILE"] is None
    dialog.setParameters({**scene, "TILE": 64, "BANDS": [2, 1]})
    assert spin.text() == "64"
    assert bands.findChild(QLineEdit).text() != "all bands"
    parameters = dialog.createProcessingParameters()
    assert (parameters["TILE"], parameters["BANDS"]) == (64, [2, 1])
    dialog.deleteLater()
    many = BatchAlgorithmDialog(QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen"))
    assert many.mainWidget().batchRowCount() == 1
    many.deleteLater()


def test_it_works_as_a_step_of_a_processing_model(fake_engine, feedback, scene, tmp_path):
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
    )

    notes = fake_engine("")
    step = QgsProcessingModelChildAlgorithm("seamline:pansharpen")
    step.setChildId("sharpen")
    for name, value in {**scene, "MODEL": "gsa"}.items():
        step.addParameterSources(name, [QgsProcessingModelChildParameterSource.fromStaticValue(value)])
    fused = QgsProcessingModelOutput("fused")
    fused.setChildOutputName("OUTPUT")
    fused.setChildId("sharpen")
    step.setModelOutputs({"fused": fused})
    model = QgsProcessingModelAlgorithm("a model", "")
    model.addChildAlgorithm(step)
    model.initAlgorithm()
    output = model.parameterDefinitions()[0].name()
    _, ok = model.run({output: str(tmp_path / "fused.tif")}, QgsProcessingContext(), feedback)
    assert ok, feedback.lines
    argv = json.loads(notes["argv"].read_text())
    assert argv[:6] == ["pansharpen", scene["MS"], scene["PAN"], str(tmp_path / "fused.tif"), "--model", "gsa"]
    assert (tmp_path / "fused.tif").exists()


def test_an_output_that_is_skipped_in_a_dialog_is_not_made(fake_engine, feedback, scene, tmp_path):
    skipped = QgsProcessingOutputLayerDefinition("", QgsProject.instance())
    parameters = {**scene, "OUTPUT": str(tmp_path / "out.tif"), "UNCERTAINTY": skipped, "REPORT": ""}
    result, argv = run(fake_engine, feedback, parameters)
    assert list(result) == ["OUTPUT"]
    assert "--also" not in argv


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "there is no image to measure; Fused raster"),
        ({"FUSED": "PAN"}, "there is nothing to compare the image with"),
        ({"FUSED": "PAN", "MS": "MS"}, "there is nothing to compare the image with"),
        ({"PROTOCOL": True, "PAN": "PAN"}, "Wald's protocol needs the panchromatic and the multispectral raster"),
        ({"PROTOCOL": True, "PAN": "PAN", "MS": "MS", "FUSED": "PAN"}, "and no other"),
        ({"PROTOCOL": True, "PAN": "PAN", "MS": "MS", "MODEL": "none"}, "'none' is not on offer"),
    ],
)
def test_an_evaluation_without_a_sense_is_refused(given, sentence, fake_engine, feedback, scene):
    fake_engine("")
    parameters = {name: scene.get(value, value) for name, value in given.items()}
    with pytest.raises(QgsProcessingException, match=sentence):
        processing.run("seamline:evaluate", parameters, feedback=feedback)


def test_a_model_of_the_users_own_can_be_measured(fake_engine, feedback, scene, tmp_path):
    parameters = {"PROTOCOL": True, **scene, "MODEL_FOLDER": str(tmp_path)}
    _, argv = run(fake_engine, feedback, parameters, algorithm="evaluate")
    assert argv[argv.index("--model") + 1] == str(tmp_path)


def test_an_evaluation_passes_what_is_compared(fake_engine, feedback, scene, tmp_path):
    parameters = {"FUSED": scene["PAN"], "PAN": scene["PAN"], "MS": scene["MS"], "BITS": 11, "PHASE": "dlpan"}
    page = tmp_path / "t.html"
    result, argv = run(fake_engine, feedback, {**parameters, "REPORT": str(page)}, algorithm="evaluate")
    assert argv == [
        *("evaluate", scene["PAN"], "--pan", scene["PAN"], "--ms", scene["MS"], "--bits", "11", "--phase", "dlpan"),
        *("--json", "--cancel-on-stdin-eof"),
    ]
    assert result == {"HQNR": 0.9, "REPORT": str(page)}
    assert "HQNR" in page.read_text(encoding="utf-8")
