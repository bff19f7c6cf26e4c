"""Every algorithm on real images, in the real program: what QGIS gives is what the command line and Python give."""

import json
import os
import subprocess
from pathlib import Path

import processing
import pytest
from osgeo import gdal
from support import PROGRAM, ROOT, pixels_of

DATA = os.environ.get("SEAMLINE_DATA", "")
pytestmark = [
    pytest.mark.skipif(not Path(DATA, "pansharpen").is_dir(), reason="SEAMLINE_DATA does not name real imagery"),
    pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed"),
]
LEARNED = ROOT / "models" / "weights" / "salad-pan-tiny"
TILE = 192


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """WorldView-2 over Rotterdam: four bands of 80 x 80 px at 2 m, PAN of 320 x 320 px at 0.5 m."""
    return cut(Path(DATA, "pansharpen", "spacenet6_wv2_1"), 80, 4, tmp_path_factory.mktemp("pair"))


def cut(scene, size, ratio, folder):
    """The upper left ``size`` MS px of a scene along each side."""
    paths = {"MS": (folder / "ms.tif", size), "PAN": (folder / "pan.tif", size * ratio)}
    for path, px in paths.values():
        gdal.Translate(str(path), str(scene / path.name), srcWin=[0, 0, px, px])
    return {name: str(path) for name, (path, _) in paths.items()}


@pytest.fixture(scope="module")
def profile(tmp_path_factory, real_python):
    """A fresh profile with the plugin enabled, as an environment for ``qgis_process``."""
    config = tmp_path_factory.mktemp("config")
    plugins = config / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "seamline").symlink_to(ROOT)
    env = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(config), "SEAMLINE_PYTHON": real_python}
    subprocess.run([PROGRAM, "plugins", "enable", "seamline"], env=env, check=True, capture_output=True)
    return env


def qgis_process(env, algorithm, **parameters):
    """Run an algorithm in the real program.  Returns its results."""
    words = [f"{name}={value}" for name, value in parameters.items()]
    ran = subprocess.run(
        [PROGRAM, "--json", "run", str(algorithm), "--", *words], env=env, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)["results"]


@pytest.fixture(scope="module")
def fused(pair, profile, tmp_path_factory):
    """The whole pair, fused by the learned model in the real program."""
    if not LEARNED.is_dir():
        pytest.skip("this checkout has no weights")
    folder = tmp_path_factory.mktemp("fused")
    facts = {"MODEL": "salad-pan-tiny", "TILE": TILE, "DEVICE": "cpu"}
    outputs = {"OUTPUT": folder / "fused.tif", "REPORT": folder / "fused.html"}
    return qgis_process(profile, "seamline:pansharpen", **pair, **facts, **outputs)


def test_one_request_has_one_output_whichever_door_it_comes_by(fused, pair, real_python, tmp_path):
    ours = pixels_of(fused["OUTPUT"])
    assert ours[:3] == (320, 320, 4)
    options = ["--model", "salad-pan-tiny", "--tile", str(TILE), "--device", "cpu"]
    command = [real_python, str(ROOT / "launch.py"), "pansharpen", pair["MS"], pair["PAN"], str(tmp_path / "c.tif")]
    subprocess.run([*command, *options], check=True, capture_output=True)
    assert pixels_of(tmp_path / "c.tif") == ours
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import launch, seamline\n"
        "seamline.pansharpen(sys.argv[2], sys.argv[3], out=sys.argv[4], model='salad-pan-tiny', tile=int(sys.argv[5]),"
        " device='cpu')"
    )
    words = [str(ROOT), pair["MS"], pair["PAN"], str(tmp_path / "p.tif"), str(TILE)]
    subprocess.run([real_python, "-c", code, *words], check=True, capture_output=True)
    assert pixels_of(tmp_path / "p.tif") == ours


def test_the_canvas_shows_the_pixels_of_the_full_run(fused, pair, plugin, real_python, feedback, monkeypatch):
    monkeypatch.setenv("SEAMLINE_PYTHON", real_python)
    whole = gdal.Open(fused["OUTPUT"])
    left, size, _, top, _, _ = whole.GetGeoTransform()
    # A canvas knows nothing of pixels: its edges lie anywhere.
    canvas = (left + 101.3 * size, left + 233.6 * size, top - 290.2 * size, top - 120.7 * size)
    box = ",".join(map(str, canvas)) + f" [EPSG:{whole.GetSpatialRef().GetAuthorityCode(None)}]"
    facts = {"MODEL": "salad-pan-tiny", "TILE": TILE, "DEVICE": "cpu", "EXTENT": box, "OUTPUT": "TEMPORARY_OUTPUT"}
    found = processing.run("seamline:pansharpen", {**pair, **facts}, feedback=feedback)
    part = gdal.Open(found["OUTPUT"])
    assert (part.RasterXSize, part.RasterYSize) == (133, 171)
    assert (part.ReadAsArray() == whole.ReadAsArray(101, 120, 133, 171)).all()
    assert any(line.startswith("Estimate: ") for line in feedback.lines)


def test_the_report_shows_before_and_after(fused):
    page = Path(fused["REPORT"]).read_text(encoding="utf-8")
    assert all(f'"name": "{name}"' in page for name in ("output", "input-ms", "input-pan"))
    assert "salad-pan-tiny" in page


def test_a_fused_image_is_evaluated_by_its_inputs(fused, pair, profile, tmp_path):
    outputs = {"REPORT": tmp_path / "t.html", "METRICS": tmp_path / "m.json"}
    found = qgis_process(profile, "seamline:evaluate", FUSED=fused["OUTPUT"], **pair, SENSOR="WV2", **outputs)
    metrics = json.loads((tmp_path / "m.json").read_text())["metrics"]
    assert found["HQNR"] == metrics["HQNR"] == pytest.approx((1 - metrics["D_lambda"]) * (1 - metrics["D_s"]))
    assert 0.7 < found["HQNR"] < 1
    assert "Q2N" not in found
    assert "HQNR" in (tmp_path / "t.html").read_text()


def test_a_model_is_evaluated_by_walds_protocol(pair, profile, tmp_path):
    found = qgis_process(profile, "seamline:evaluate", **pair, PROTOCOL=True, MODEL="gsa", SENSOR="WV2", BITS=11)
    assert 0.5 < found["Q2N"] < 1
    assert found["ERGAS"] > 0


def test_an_image_equals_itself(pair, profile, tmp_path):
    found = qgis_process(profile, "seamline:evaluate", FUSED=pair["MS"], REFERENCE=pair["MS"], RATIO=4, BITS=11)
    assert (found["Q2N"], found["SAM"], found["ERGAS"]) == (pytest.approx(1), pytest.approx(0), 0)
    assert "PSNR" not in found, "it is infinite, which no number of Processing can be"


def test_a_model_is_adapted_and_used(pair, profile, tmp_path):
    if not LEARNED.is_dir():
        pytest.skip("this checkout has no weights")
    landsat = Path(DATA, "pansharpen", "landsat8_istanbul")
    scene = {"MS": landsat / "ms.tif", "PAN": landsat / "pan.tif"}
    adapted = qgis_process(profile, "seamline:adapt", **scene, STEPS=2, DEVICE="cpu", OUTPUT=tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]
    assert {"KEPT_STEP", "LOSS_BEFORE", "LOSS_AFTER"} <= adapted.keys()
    card = json.loads((tmp_path / "mine" / "model.json").read_text())
    assert card["name"] == "salad-pan-tiny-adapted"
    run = {"MODEL_FOLDER": adapted["OUTPUT"], "OUTPUT": tmp_path / "o.tif", "TILE": TILE}
    found = qgis_process(profile, "seamline:pansharpen", **pair, EXTENT=first_pixels(pair["PAN"]), **run)
    assert gdal.Open(found["OUTPUT"]).GetMetadataItem("SEAMLINE_MODEL").startswith("salad-pan-tiny-adapted@")


def first_pixels(path):
    dataset = gdal.Open(path)
    left, size, _, top, _, _ = dataset.GetGeoTransform()
    return f"{left},{left + 64 * size},{top - 64 * size},{top} [EPSG:{dataset.GetSpatialRef().GetAuthorityCode(None)}]"


def test_a_sentinel_scene_is_super_resolved(profile, tmp_path):
    source = next(Path(DATA, "sentinel2", "native_10_20_60").rglob("*b20*.tif"))
    found = qgis_process(
        profile, "seamline:superres", INPUT=source, MODEL="bicubic", SCALE=2, OUTPUT=tmp_path / "o.tif"
    )
    fine, coarse = gdal.Open(found["OUTPUT"]), gdal.Open(str(source))
    assert (fine.RasterXSize, fine.RasterYSize) == (2 * coarse.RasterXSize, 2 * coarse.RasterYSize)
    names = [d.GetRasterBand(i).GetDescription() for d in (fine, coarse) for i in range(1, coarse.RasterCount + 1)]
    assert names[: coarse.RasterCount] == names[coarse.RasterCount :]


def test_the_model_that_ships_super_resolves_and_says_how_sure_it_is(profile, tmp_path):
    if not (ROOT / "models" / "weights" / "slimdiffsr-tiny-x4").is_dir():
        pytest.skip("this checkout has no weights")
    part, elsewhere = tmp_path / "part.tif", tmp_path / "elsewhere"
    source = next(Path(DATA, "sentinel2", "native_10_20_60").rglob("*b10*.tif"))
    gdal.Translate(str(part), str(source), srcWin=[100, 100, 64, 48])
    elsewhere.mkdir()
    outputs = {"OUTPUT": tmp_path / "o.tif", "UNCERTAINTY": elsewhere / "u.tif"}
    qgis_process(profile, "seamline:superres", INPUT=part, DEVICE="cpu", **outputs)
    image, deviations = (gdal.Open(str(path)) for path in outputs.values())
    assert image.GetMetadataItem("SEAMLINE_MODEL").startswith("slimdiffsr-tiny-x4@")
    assert (image.RasterXSize, image.RasterYSize) == (deviations.RasterXSize, deviations.RasterYSize) == (256, 192)
    assert deviations.RasterCount == image.RasterCount
    assert (deviations.ReadAsArray() >= 0).all()
    assert deviations.ReadAsArray().any()
    assert not list(tmp_path.glob("*uncertainty*")), "what the engine laid beside the output is still there"


def test_a_graphical_model_sharpens_and_then_super_resolves(pair, profile, plugin, real_python, tmp_path):
    path = tmp_path / "chain.model3"
    write_model(path)
    found = qgis_process(profile, path, **{"ms": pair["MS"], "pan": pair["PAN"], "refine:result": tmp_path / "o.tif"})
    fine = gdal.Open(str(tmp_path / "o.tif"))
    assert (fine.RasterXSize, fine.RasterYSize, fine.RasterCount) == (640, 640, 4)
    assert fine.GetMetadataItem("SEAMLINE_MODEL").startswith("bicubic")
    assert str(tmp_path / "o.tif") in map(str, found.values())


def write_model(path):
    """A model of two steps, as the designer saves it: pan-sharpen, then super-resolve what came out."""
    from qgis.core import (
        QgsProcessingModelAlgorithm,
        QgsProcessingModelChildAlgorithm,
        QgsProcessingModelChildParameterSource,
        QgsProcessingModelOutput,
        QgsProcessingModelParameter,
        QgsProcessingParameterRasterLayer,
    )

    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("chain", "tests")
    for name in ("ms", "pan"):
        model.addModelParameter(QgsProcessingParameterRasterLayer(name, name), QgsProcessingModelParameter(name))
    sharpen = QgsProcessingModelChildAlgorithm("seamline:pansharpen")
    sharpen.setChildId("sharpen")
    sharpen.addParameterSources("MS", [source.fromModelParameter("ms")])
    sharpen.addParameterSources("PAN", [source.fromModelParameter("pan")])
    sharpen.addParameterSources("MODEL", [source.fromStaticValue("gsa")])
    refine = QgsProcessingModelChildAlgorithm("seamline:superres")
    refine.setChildId("refine")
    refine.addParameterSources("INPUT", [source.fromChildOutput("sharpen", "OUTPUT")])
    refine.addParameterSources("MODEL", [source.fromStaticValue("bicubic")])
    refine.addParameterSources("SCALE", [source.fromStaticValue(2)])
    result = QgsProcessingModelOutput("result")
    result.setChildId("refine")
    result.setChildOutputName("OUTPUT")
    refine.setModelOutputs({"result": result})
    model.addChildAlgorithm(sharpen)
    model.addChildAlgorithm(refine)
    assert model.toFile(str(path))
