"""What the page does, without a browser: the engine's pixels, refusals and numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from seamline.app.asked import Asked, fitting_model, models_for
from seamline.app.desk import Desk
from seamline.app.folders import Folders
from seamline.app.measuring import Measured, table
from seamline.app.pictures import MOST_PX
from seamline.app.scene import Opened, checked_box, checked_window
from seamline.engine.errors import RequestError
from seamline.engine.quality.metrics import METRICS
from seamline.models import registry


@pytest.fixture
def desk(tmp_path):
    made = Desk(Folders.of([tmp_path]))
    yield made
    made.close()


def ended(desk, kind):
    """The last state of a piece of work, which must have gone well."""
    last = list(desk.worker.follow(kind))[-1]
    assert last.stage == "done", last.sentence
    return last.result


@pytest.mark.parametrize("model", ["brovey", "salad-pan-tiny"])
def test_a_preview_has_the_pixels_of_the_full_run(desk, small_pair, tmp_path, model):
    opened, _ = desk.open("pansharpen", "ms.tif", "pan.tif")
    asked = Asked(model=model, seed=3)
    column, row, width, height = window = (13, 9, 40, 31)
    desk.preview(opened, asked, window)
    preview = ended(desk, "preview")
    desk.run(opened, asked, "o.tif", None, "refuse")
    finished = ended(desk, "run")
    with rasterio.open(preview.path) as part, rasterio.open(finished.out) as whole:
        assert part.shape == (height, width)
        of_whole = whole.read()[:, row : row + height, column : column + width]
        assert np.array_equal(part.read(), of_whole)
        assert part.transform == whole.transform * Affine.translation(column, row)
    assert preview.before.size == preview.after.size == (width * 25, height * 25)
    assert finished.page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert desk.report == finished.page


def test_each_task_shows_its_result_beside_its_input(desk, write_raster):
    rng = np.random.default_rng(2)
    write_raster("rgb.tif", rng.integers(1, 255, (3, 40, 50), dtype=np.uint8), names=("red", "green", "blue"))
    for task, model in (("superres", "bicubic"), ("segment", "satdifuser-buildings")):
        opened, _ = desk.open(task, "rgb.tif", "")
        desk.preview(opened, Asked(model=model), (5, 6, 20, 12))
        preview = ended(desk, "preview")
        assert preview.before is not None
        assert preview.before.size == preview.after.size


def test_an_interrupted_run_is_gone_on_with(desk, small_pair, tmp_path):
    opened, _ = desk.open("pansharpen", "ms.tif", "pan.tif")
    asked = Asked(model="brovey")
    desk.run(opened, asked, "o.tif", None, "refuse")
    desk.worker.cancel("run")
    stopped = list(desk.worker.follow("run"))[-1]
    if stopped.stage == "cancelled":
        desk.run(opened, asked, "o.tif", None, "resume")
        ended(desk, "run")
    assert (tmp_path / "o.tif").is_file()
    desk.run(opened, asked, "o.tif", None, "refuse")
    assert "exists" in list(desk.worker.follow("run"))[-1].sentence
    desk.run(opened, asked, "o.tif", (0, 0, 20, 20), "overwrite")
    ended(desk, "run")
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.shape == (20, 20)


def test_further_outputs_lie_beside_the_first(desk, small_pair, tmp_path):
    opened, _ = desk.open("pansharpen", "ms.tif", "pan.tif")
    desk.run(opened, Asked(model="salad-pan-tiny", also=("uncertainty",)), "o.tif", None, "refuse")
    ended(desk, "run")
    assert (tmp_path / "o_uncertainty.tif").is_file()


def test_a_file_that_is_none_gives_the_sentence_of_the_engine(desk, small_pair, tmp_path):
    (tmp_path / "bad.tif").write_text("no raster")
    with pytest.raises(RequestError, match="cannot be opened as a raster"):
        desk.open("superres", "bad.tif", "")
    with pytest.raises(RequestError, match="larger than those"):
        desk.open("pansharpen", "pan.tif", "ms.tif")
    with pytest.raises(RequestError, match="no file was named"):
        desk.open("pansharpen", "ms.tif", "")


def test_what_is_measured_has_its_meaning_beside_it(desk, measurable_pair):
    opened, _ = desk.open("pansharpen", "ms.tif", "pan.tif")
    for resolution, names in (("reduced", {"Q2n", "SAM", "ERGAS"}), ("full", {"D_lambda", "D_s", "HQNR"})):
        desk.measure(opened, Asked(model="brovey", seed=5), resolution, (0, 0, 256, 256))
        measured = ended(desk, "measure")
        assert names <= set(measured.metrics)
        assert "brovey" in measured.title
        assert "seed 5" in measured.title
        shown = table(measured)
        assert all(METRICS[name].meaning in shown.replace("&#x27;", "'") for name in names)


def test_an_infinite_value_is_shown_as_one():
    assert "∞ dB" in table(Measured("a <b>", {"PSNR": None}))
    assert "a &lt;b&gt;" in table(Measured("a <b>", {}))


def test_every_metric_says_what_it_tells():
    assert all(metric.meaning for metric in METRICS.values())


GRID = GeoBox((50, 80), Affine(2, 0, 500_000, 0, -2, 5_000_000), "EPSG:32633")
FINE = GeoBox((200, 320), Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), "EPSG:32633")


@given(st.integers(0, 319), st.integers(0, 199), st.data())
def test_a_window_is_found_again_in_the_picture(column, row, data):
    window = (column, row, data.draw(st.integers(1, 320 - column)), data.draw(st.integers(1, 200 - row)))
    opened = Opened("pansharpen", {}, GRID, FINE, "")
    assert opened.window(opened.box(window)) == window


def test_what_is_drawn_over_the_rim_stays_on_the_scene():
    shifted = replace(Opened("pansharpen", {}, GRID, FINE, ""), fine=FINE.translate_pix(8, 4))
    assert shifted.window((0.0, 0.0, 1.0, 1.0)) == (0, 0, 312, 196)
    assert shifted.window(shifted.box(shifted.middle)) == shifted.middle


@pytest.mark.parametrize("box", [None, "", [0, 0, 1], [0, 0, 1, 2], [0, 0, 1, "1"], {"a": 1}, [float("nan")] * 4])
def test_what_is_no_part_of_a_picture_is_refused(box):
    with pytest.raises(RequestError):
        checked_box(box)


@pytest.mark.parametrize("window", [(0, 0, None, 4), (0, 0, 1.5, 4), (0, 0, float("inf"), 4)])
def test_what_is_no_window_is_refused(window):
    with pytest.raises(RequestError):
        checked_window(window)


def test_a_large_scene_is_drawn_small(desk, write_raster):
    write_raster("wide.tif", np.full((1, 30, 3 * MOST_PX), 7, np.uint8))
    _, picture = desk.open("superres", "wide.tif", "")
    assert picture.size == (MOST_PX, 10)


def test_the_models_are_those_of_the_registry_the_default_first():
    for task in ("pansharpen", "superres", "segment", "classify"):
        models, first = models_for(task)
        assert {name for _, name in models} == set(registry.names(task))
        assert first == models[0][1]
    assert models_for("pansharpen")[1] == "salad-pan-tiny"


def test_a_reference_brings_a_model_that_takes_it(desk, write_raster):
    write_raster("image.tif", np.full((1, 8, 8), 7, np.uint8))
    write_raster("fine.tif", np.full((1, 32, 32), 7, np.uint8), transform=Affine(0.5, 0, 500000, 0, -0.5, 5000000))
    alone, _ = desk.open("superres", "image.tif", "")
    guided, _ = desk.open("superres", "image.tif", "fine.tif")
    assert fitting_model(alone, "slimdiffsr-tiny-x4") == "slimdiffsr-tiny-x4"
    assert fitting_model(guided, "slimdiffsr-tiny-x4") == "ds-dit-tiny-x4"


AS_TRAINED = {"pan": 1.0, "ms": 1.0}


def test_options_that_a_model_does_not_have_do_not_count():
    asked = Asked.of(model="brovey", steps=4, seed=None, guidance=1.5, consistency="", also=None, **AS_TRAINED)
    assert asked == Asked(model="brovey")
    own = {"steps": 4, "seed": 7, "guidance": 1.5, "consistency": "off"}
    asked = Asked.of(model="ds-dit-tiny-x4", **own, also=["trust"], **AS_TRAINED)
    assert asked == Asked(model="ds-dit-tiny-x4", **own, also=("trust",))
