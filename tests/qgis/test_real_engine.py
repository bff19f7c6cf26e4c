"""The plugin with the engine itself: the pixels are those of the command line."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import processing
import pytest
from qgis.core import QgsProcessingException
from support import LEFT, ROOT, TOP, assert_sharpened, write_raster
from test_environment import INERT, POISON

from seamline.qgis_plugin.environment import clean_environment


@pytest.fixture
def engine(plugin, real_python, monkeypatch):
    monkeypatch.setenv("SEAMLINE_PYTHON", real_python)
    return real_python


def test_brovey_gives_the_pixels_of_the_command_line(engine, scene, reference, tmp_path, feedback):
    output = tmp_path / "from qgis.tif"
    parameters = {**scene, "MODEL": "brovey", "DEVICE": "cpu", "OUTPUT": str(output)}
    processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert_sharpened(output, reference)
    assert feedback.steps[-1] == 100.0


def test_a_poisoned_host_changes_nothing(engine, scene, reference, tmp_path, feedback, monkeypatch):
    for name, value in {**POISON, **INERT}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", os.pathsep.join(["/nowhere/bin", os.environ["PATH"]]))
    output = tmp_path / "from qgis.tif"
    parameters = {**scene, "MODEL": "brovey", "DEVICE": "cpu", "OUTPUT": str(output)}
    processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert_sharpened(output, reference)


@pytest.mark.parametrize("name", ["PYTHONHOME", "PROJ_DATA"])
def test_the_poison_works_where_it_is_not_taken_away(name, real_python):
    code = "import numpy, rasterio.crs; rasterio.crs.CRS.from_epsg(32631).to_wkt()"
    if name == "PROJ_DATA" and not Path(POISON[name], "proj.db").is_file():
        pytest.skip("there is no PROJ of the system")
    clean = clean_environment(os.environ)
    assert subprocess.run([real_python, "-c", code], env=clean, capture_output=True, check=False).returncode == 0
    poisoned = {**clean, name: POISON[name]}
    assert subprocess.run([real_python, "-c", code], env=poisoned, capture_output=True, check=False).returncode != 0


def test_an_extent_has_the_pixels_of_the_whole(engine, scene, reference, tmp_path, feedback):
    from osgeo import gdal

    output = tmp_path / "part.tif"
    box = f"{LEFT + 30},{LEFT + 90},{TOP - 70},{TOP - 20} [EPSG:32631]"
    parameters = {**scene, "MODEL": "brovey", "DEVICE": "cpu", "EXTENT": box, "OUTPUT": str(output)}
    processing.run("seamline:pansharpen", parameters, feedback=feedback)
    part = gdal.Open(str(output))
    left, _, _, top, _, _ = part.GetGeoTransform()
    assert (left, top) == (LEFT + 30, TOP - 20)
    assert (part.RasterXSize, part.RasterYSize) == (120, 100)
    window = gdal.Open(str(reference)).ReadAsArray(60, 40, 120, 100)
    assert (part.ReadAsArray() == window).all()


def test_identity_copies_the_pixels(engine, scene, tmp_path, feedback):
    from osgeo import gdal

    output = tmp_path / "copy.tif"
    parameters = {"INPUT": scene["MS"], "MODEL": "identity", "OUTPUT": str(output)}
    processing.run("seamline:superres", parameters, feedback=feedback)
    assert (gdal.Open(str(output)).ReadAsArray() == gdal.Open(scene["MS"]).ReadAsArray()).all()


def test_bicubic_refines_the_grid(engine, scene, tmp_path, feedback):
    from osgeo import gdal

    output = tmp_path / "fine.tif"
    processing.run(
        "seamline:superres",
        {"INPUT": scene["MS"], "MODEL": "bicubic", "SCALE": 2, "OUTPUT": str(output)},
        feedback=feedback,
    )
    fine = gdal.Open(str(output))
    assert (fine.RasterXSize, fine.RasterYSize, fine.RasterCount) == (128, 128, 4)
    assert fine.GetGeoTransform() == (LEFT, 1.0, 0.0, TOP, 0.0, -1.0)


def test_the_engines_own_error_is_the_users(engine, scene, tmp_path, feedback):
    parameters = {**scene, "MODEL": "brovey", "TILE": 128, "OVERLAP": 100, "OUTPUT": str(tmp_path / "out.tif")}
    with pytest.raises(QgsProcessingException) as caught:
        processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert "overlap" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "out.tif").exists()


def test_the_engine_has_every_model_that_is_said_to_ship_and_the_same_defaults(engine):
    from seamline.qgis_plugin import catalogue

    if not (ROOT / "models" / "weights").is_dir():
        pytest.skip("this checkout has no weights")
    listed = subprocess.run(
        [engine, str(ROOT / "launch.py"), "models", "list", "--json"], capture_output=True, text=True, check=True
    )
    models = json.loads(listed.stdout)
    for task, names in catalogue.SHIPPED.items():
        assert set(names) <= {model["name"] for model in models if model["task"] == task}
        assert names[0] == next(model["name"] for model in models if model["task"] == task and model["default"])


def test_the_engine_has_the_models_that_are_said_to_take_a_guide_and_each_is_explained(engine):
    from seamline.qgis_plugin import catalogue
    from seamline.qgis_plugin.about_models import about_models

    assert catalogue.refresh()
    for task in ("pansharpen", "superres", "segment", "classify"):
        assert {model.name for model in catalogue.offered(task)} <= set(about_models())
    assert catalogue.find("pansharpen", "salad-pan-tiny").most_steps == 50
    for (task, guide), names in catalogue.GUIDED.items():
        assert [model.name for model in catalogue.offered(task, guide)][: len(names)] == list(names)


def test_cancel_between_tiles_leaves_no_output(engine, tmp_path, feedback, monkeypatch):
    rng = np.random.default_rng(2)
    pan = rng.integers(1, 2000, (1, 1024, 1024), dtype=np.uint16)
    ms = rng.integers(1, 2000, (4, 256, 256), dtype=np.uint16)
    scene = {
        "MS": str(write_raster(tmp_path / "ms.tif", ms, 2.0)),
        "PAN": str(write_raster(tmp_path / "pan.tif", pan, 0.5)),
    }

    def after_two_tiles():
        return sum(0 < step < 100 for step in feedback.steps) >= 2

    monkeypatch.setattr(feedback, "isCanceled", after_two_tiles)
    parameters = {**scene, "MODEL": "mtf-glp-hpm", "TILE": 128, "DEVICE": "cpu", "OUTPUT": str(tmp_path / "out.tif")}
    result = processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert after_two_tiles()
    assert max(feedback.steps) < 100
    assert "OUTPUT" not in result
    assert not (tmp_path / "out.tif").exists()


def test_cancel_at_the_start_leaves_no_output(engine, scene, tmp_path, feedback):
    feedback.cancel()
    parameters = {**scene, "MODEL": "brovey", "TILE": 64, "OVERLAP": 32, "OUTPUT": str(tmp_path / "out.tif")}
    result = processing.run("seamline:pansharpen", parameters, feedback=feedback)
    assert "OUTPUT" not in result
    assert not (tmp_path / "out.tif").exists()
