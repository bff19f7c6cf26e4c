"""What a person finds in the project after a run: colours, place in the layer tree, where the pixels come from."""

import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandGrayRenderer,
    QgsSingleBandPseudoColorRenderer,
)
from support import layers_called, pump, write_raster


@pytest.fixture
def project(qgis_app):
    project = QgsProject.instance()
    project.clear()
    yield project
    project.clear()


def named(path, names):
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for index, name in enumerate(names, 1):
        dataset.GetRasterBand(index).SetDescription(name)
    dataset.FlushCache()
    return str(path)


@pytest.fixture
def colours(tmp_path):
    """Four named bands whose colour bands have very different values."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 100, (4, 64, 64)) + np.array([100, 1000, 5000, 20000])[:, None, None]
    return named(write_raster(tmp_path / "ms.tif", pixels.astype(np.uint16), 2.0), ("blue", "green", "red", "nir"))


@pytest.fixture
def toolbox(fake_engine, feedback, scene, tmp_path, project):
    """Runs an algorithm as the toolbox does, layers loaded and finished; returns its results."""
    from processing.gui.Postprocessing import handleAlgorithmResults

    def run(output="out.tif", **parameters):
        fake_engine("")
        context = QgsProcessingContext()
        context.setProject(project)
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("seamline:pansharpen")
        outputs = {"OUTPUT": output, **{k: v for k, v in parameters.items() if k == "UNCERTAINTY"}}
        loaded = {
            name: QgsProcessingOutputLayerDefinition(str(tmp_path / path), project) for name, path in outputs.items()
        }
        ended = []
        task = QgsProcessingAlgRunnerTask(algorithm, {**scene, **parameters, **loaded}, context, feedback)
        task.executed.connect(lambda ok, results: ended.append((ok, results)))
        QgsApplication.taskManager().addTask(task)
        assert pump(lambda: bool(ended))[0]
        assert ended[0][0], feedback.lines
        assert handleAlgorithmResults(algorithm, context, feedback)
        return ended[0][1]

    return run


def layer(project, title):
    (found,) = layers_called(project, title)
    return found


def colour_bands(renderer):
    return renderer.redBand(), renderer.greenBand(), renderer.blueBand()


def test_a_result_without_a_model_to_look_at_has_natural_colours(toolbox, colours, project):
    toolbox(MS=colours)
    renderer = layer(project, "Pan-sharpened").renderer()
    assert isinstance(renderer, QgsMultiBandColorRenderer)
    assert colour_bands(renderer) == (3, 2, 1)
    stretch = renderer.redContrastEnhancement()
    algorithm = QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
    assert stretch.contrastEnhancementAlgorithm() == algorithm
    # 2 to 98 % of the red pixels, which are spread evenly over 5000 to 5099.
    assert 5000 <= stretch.minimumValue() <= 5005
    assert 5094 <= stretch.maximumValue() <= 5099


def test_a_result_is_drawn_as_its_input_is_drawn(toolbox, colours, project):
    shown = QgsRasterLayer(colours, "ms")
    project.addMapLayer(shown)
    shown.renderer().setRedBand(4)
    shown.renderer().setGreenBand(3)
    shown.renderer().setBlueBand(2)
    toolbox(MS=shown.id())
    ours = layer(project, "Pan-sharpened").renderer()
    assert colour_bands(ours) == (4, 3, 2)
    theirs = shown.renderer()
    assert ours.redContrastEnhancement().maximumValue() == theirs.redContrastEnhancement().maximumValue()


@pytest.mark.parametrize(("bands", "expected"), [([4, 3, 2], (1, 2, 3)), ([2, 4, 3], (2, 3, 1)), ([1, 4, 3], None)])
def test_chosen_bands_keep_the_colours_of_the_input(bands, expected, colours, project, qgis_app):
    from seamline.qgis_plugin.styling import Look

    shown = QgsRasterLayer(colours, "ms")
    project.addMapLayer(shown)
    shown.renderer().setRedBand(4)
    shown.renderer().setGreenBand(3)
    shown.renderer().setBlueBand(2)
    three = QgsRasterLayer(gdal.Translate(colours + ".3.tif", colours, bandList=bands).GetDescription(), "three")
    renderer = Look.of(shown, bands).renderer_for(three)
    assert (renderer and colour_bands(renderer)) == expected


def test_a_single_band_is_grey(tmp_path, qgis_app):
    from seamline.qgis_plugin.styling import draw_image

    path = write_raster(tmp_path / "one.tif", np.arange(1, 4097, dtype=np.uint16).reshape(1, 64, 64), 1.0)
    one = QgsRasterLayer(str(path), "one")
    draw_image(one, None)
    assert isinstance(one.renderer(), QgsSingleBandGrayRenderer)
    assert one.renderer().contrastEnhancement().maximumValue() > 3000


def test_uncertainty_gets_a_ramp_and_lies_hidden_below(toolbox, colours, project, tmp_path):
    toolbox(MS=colours, UNCERTAINTY="u.tif")
    deviations, image = layer(project, "Uncertainty"), layer(project, "Pan-sharpened")
    renderer = deviations.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    assert renderer.band() == 3
    items = renderer.shader().rasterShaderFunction().colorRampItemList()
    lightness = [item.color.lightness() for item in items]
    assert len(items) >= 5
    assert lightness == sorted(lightness)
    assert items[-1].value == pytest.approx(5098, abs=5)
    group = project.layerTreeRoot().findGroup("Seamline")
    assert [node.layer() for node in group.findLayers()] == [image, deviations]
    assert [node.isVisible() for node in group.findLayers()] == [True, False]
    assert len(project.layerTreeRoot().findLayers()) == 2


def test_other_outputs_are_loaded_drawn_by_a_ramp_and_described(toolbox, colours, project):
    toolbox(MS=colours, ALSO="queries")
    queries, image = layer(project, "Pan-sharpened: queries"), layer(project, "Pan-sharpened")
    renderer = queries.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    assert renderer.band() == 1
    # 2 to 98 % of the blue pixels, which are spread evenly over 100 to 199.
    assert (renderer.classificationMin(), renderer.classificationMax()) == pytest.approx((102, 197), abs=3)
    group = project.layerTreeRoot().findGroup("Seamline")
    assert [node.layer() for node in group.findLayers()] == [image, queries]
    assert [node.isVisible() for node in group.findLayers()] == [True, False]
    assert (queries.metadata().title(), queries.metadata().abstract()) == ("out-queries.tif", "the queries")
    assert (image.metadata().title(), image.metadata().abstract()) == ("out.tif", "computed")


def test_trust_has_a_ramp_of_its_own_from_0_to_1(tmp_path, qgis_app):
    from seamline.qgis_plugin.results import ResultLayer

    pixels = np.ones((4, 64, 64), np.uint16)
    bands = [f"trust in the reference, {band}" for band in ("blue", "green", "red", "nir")]
    trust = QgsRasterLayer(named(write_raster(tmp_path / "t.tif", pixels, 1.0), bands), "trust")
    ResultLayer("trust", None, tmp_path / "none.json").finish(trust)
    renderer = trust.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    assert renderer.band() == 3
    assert (renderer.classificationMin(), renderer.classificationMax()) == (0, 1)
    ramp = renderer.shader().rasterShaderFunction().colorRampItemList()
    assert (ramp[0].value, ramp[-1].value) == (0, 1)
    lightness = [0.2126 * c.redF() + 0.7152 * c.greenF() + 0.0722 * c.blueF() for c in (item.color for item in ramp)]
    assert len(ramp) >= 5
    assert lightness == sorted(lightness)


def test_support_is_drawn_by_its_share_from_0_to_1(tmp_path, qgis_app):
    from seamline.qgis_plugin.results import ResultLayer

    pixels = np.ones((4, 64, 64), np.uint16)
    bands = ["share of the detail that was added", *(f"added to {band}" for band in ("blue", "green", "red"))]
    support = QgsRasterLayer(named(write_raster(tmp_path / "s.tif", pixels, 1.0), bands), "support")
    ResultLayer("support", None, tmp_path / "none.json").finish(support)
    renderer = support.renderer()
    assert isinstance(renderer, QgsSingleBandPseudoColorRenderer)
    assert renderer.band() == 1
    assert (renderer.classificationMin(), renderer.classificationMax()) == (0, 1)


def class_map(path, colours):
    """A map of three classes and 255 for no data, with these colours for the first of them."""
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 64, 64, 1, gdal.GDT_Byte)
    band, table = dataset.GetRasterBand(1), gdal.ColorTable()
    for number, colour in enumerate(colours):
        table.SetColorEntry(number, colour)
    if colours:
        band.SetColorTable(table)
    band.SetNoDataValue(255)
    band.WriteArray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 3)
    dataset.FlushCache()
    return QgsRasterLayer(str(path), "classes")


def test_classes_have_the_colours_of_the_file_and_the_names_of_the_report(tmp_path, qgis_app):
    from seamline.qgis_plugin.styling import draw_classes

    shown = class_map(tmp_path / "classes.tif", [(0, 0, 255), (0, 128, 0), (200, 200, 0)])
    draw_classes(shown, ["water", "forest", "field"])
    renderer = shown.renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    found = [(each.value, each.label, each.color.getRgb()[:3]) for each in renderer.classes()]
    assert found == [(0, "water", (0, 0, 255)), (1, "forest", (0, 128, 0)), (2, "field", (200, 200, 0))]


def test_classes_without_colours_are_loaded_all_the_same(tmp_path, qgis_app, feedback):
    from seamline.qgis_plugin.results import ResultLayer

    shown = class_map(tmp_path / "classes.tif", [])
    report = tmp_path / "classes.report.json"
    report.write_text(json.dumps({"layers": {"classes": {"categories": ["water", "forest", "field"]}}}))
    ResultLayer("", None, report).postProcessLayer(shown, QgsProcessingContext(), feedback)
    assert feedback.lines == ["The layer is loaded, but could not be styled: 0 colours for 3 classes"]


def test_results_gather_in_one_group(toolbox, colours, project, tmp_path):
    toolbox(MS=colours)
    toolbox("second.tif", MS=colours)
    root = project.layerTreeRoot()
    assert [child.name() for child in root.children()] == ["Seamline"]
    assert len(root.findGroup("Seamline").findLayers()) == 2


def coarser(path, tmp_path):
    """A copy of half the size in other values, under another name."""
    small = str(tmp_path / "small.tif")
    gdal.Translate(small, path, width=32, height=32, scaleParams=[[0, 30000, 0, 300]]).FlushCache()
    return named(small, ("blue", "green", "red", "nir"))


@pytest.mark.parametrize("is_loaded", [True, False])
def test_a_layer_whose_file_is_written_again_shows_the_new_file(
    is_loaded, toolbox, colours, project, feedback, scene, tmp_path
):
    import processing

    toolbox(MS=colours)
    shown = layer(project, "Pan-sharpened")
    before = shown.renderer().redContrastEnhancement().maximumValue()
    assert shown.width() == 64
    small = coarser(colours, tmp_path)
    if is_loaded:
        toolbox(MS=small, MODEL="gsa")
    else:
        given = {**scene, "MS": small, "MODEL": "gsa", "OUTPUT": str(tmp_path / "out.tif")}
        processing.run("seamline:pansharpen", given, feedback=feedback)
    assert len(project.mapLayers()) == 1
    (shown,) = project.mapLayers().values()
    assert (shown.width(), shown.height()) == (32, 32)
    pixels = gdal.Open(small).ReadAsArray()
    centre = shown.extent().center()
    place = shown.dataProvider().sample(centre, 3)[0]
    assert place in pixels[2, 15:17, 15:17]
    assert shown.renderer().redContrastEnhancement().maximumValue() < before / 10
    assert "gsa" in "".join(shown.metadata().history())


def test_the_layer_knows_where_its_pixels_come_from(toolbox, colours, project):
    toolbox(MS=colours, MODEL="gsa")
    metadata = layer(project, "Pan-sharpened").metadata()
    history = "\n".join(metadata.history())
    for words in ("Seamline 9", "gsa, version 1", "Seed: 3", colours, "Identity of the run: abc"):
        assert words in history
    assert metadata.abstract() == "computed"
    assert metadata.licenses() == ["model: MIT"]
    assert metadata.title() == "out.tif"


def test_the_report_is_a_result_of_its_own(toolbox, colours, tmp_path):
    page = tmp_path / "page.html"
    found = toolbox(MS=colours, REPORT=str(page))
    assert found["REPORT"] == str(page)
    assert page.read_text().startswith("<!doctype html>")
    kinds = {
        o.name(): o.type()
        for o in QgsApplication.processingRegistry().algorithmById("seamline:pansharpen").outputDefinitions()
    }
    assert kinds["REPORT"] == "outputHtml"


def test_deviations_go_where_they_are_wanted(fake_engine, feedback, scene, tmp_path):
    import processing

    notes = fake_engine("")
    (tmp_path / "elsewhere").mkdir()
    wanted = tmp_path / "elsewhere" / "u.tif"
    processing.run(
        "seamline:pansharpen",
        {**scene, "OUTPUT": str(tmp_path / "out.tif"), "UNCERTAINTY": str(wanted)},
        feedback=feedback,
    )
    argv = json.loads(notes["argv"].read_text())
    name, _, path = argv[argv.index("--also") + 1].partition("=")
    beside = Path(path)
    assert name == "uncertainty"
    assert beside.parent == tmp_path  # as the engine demands
    assert wanted.exists()
    assert not beside.exists()
    facts = json.loads((tmp_path / "out.report.json").read_text())
    assert facts["outputs"] == [str(tmp_path / "out.tif"), str(wanted)]
    assert facts["layers"]["uncertainty"]["path"] == str(wanted)


def test_a_report_that_fails_costs_no_result(fake_engine, feedback, scene, tmp_path):
    import processing

    fake_engine("no report")
    parameters = {**scene, "OUTPUT": str(tmp_path / "out.tif"), "REPORT": str(tmp_path / "page.html")}
    found = processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert found == {"OUTPUT": str(tmp_path / "out.tif")}
    assert "There is no report: this is no report of a run" in feedback.lines
