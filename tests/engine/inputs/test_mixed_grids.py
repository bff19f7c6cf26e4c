"""Bands of several pixel sizes as one input: sampled and made consistent from the pixels as delivered."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.coregistration import moved
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.reading import InputReader
from seamline.engine.output.workspace import Workspace
from seamline.engine.quality.rasters import RasterRows
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import Processes, plan_run, run
from seamline.engine.testing import GroundNoise, assert_is_crop, assert_same_pixels
from seamline.models.classical.interpolate import Bicubic, Identity

X, Y = 600000.0, 5000040.0
HEIGHT, WIDTH = 120, 90


def grid(pixel, x=X, y=Y):
    return from_origin(x, y, pixel, pixel)


def ground(seed, pixel):
    """Smooth ground with edges, as area means in pixels of 10, 20 or 60 m; (1, h, w), DN of 700 to 3000."""
    rng = np.random.default_rng(seed)
    fine = sum(
        rng.random((HEIGHT // n, WIDTH // n)).repeat(n, 0).repeat(n, 1) * weight
        for n, weight in ((30, 4), (6, 2), (2, 1))
    )
    n = pixel // 10
    return np.rint(700 + 330 * fine.reshape(HEIGHT // n, n, WIDTH // n, n).mean(axis=(1, 3)))[None].astype(np.uint16)


@pytest.fixture
def bands(write_raster):
    """Paths of four bands: 60, 10, 20 and 10 m, with holes where a DN is 0."""
    paths = []
    for seed, pixel in enumerate((60, 10, 20, 10)):
        values = ground(seed, pixel)
        values[0, 3:5, 4:6] = 0
        paths.append(write_raster(f"b{seed}.tif", values, transform=grid(pixel), nodata=0, names=(f"B{seed:02d}",)))
    return paths


def joined(paths):
    return ",".join(map(str, paths))


def test_the_finest_grid_is_that_of_the_input_and_every_band_keeps_its_own(bands):
    scene = describe("image", joined(bands))
    assert scene.grid.shape == (HEIGHT, WIDTH)
    assert [int(part.grid.affine.a) for part in scene.parts] == [60, 10, 20, 10]
    assert [band.name for band in scene.bands] == ["B00", "B01", "B02", "B03"]
    # Neighbours of one grid are one part, whatever their number.
    assert [len(part.bands) for part in describe("image", joined(bands), bands=(2, "b03", 1)).parts] == [2, 1]
    assert describe("image", joined(bands), bands=("B02",)).grid.shape == (HEIGHT // 2, WIDTH // 2)


@pytest.mark.parametrize("kernel", ["cubic", "lanczos"])
def test_a_coarse_band_is_read_as_an_input_of_its_own_would_be(bands, kernel):
    scene = describe("image", joined(bands))
    window = Window(17, 5, 61, 70)
    together = InputReader(scene, scene.grid, kernel, OpenPolicy())
    patch = together.patch(together.strip(window), window)
    for i, path in enumerate(bands):
        alone = InputReader(describe("image", str(path)), scene.grid, kernel, OpenPolicy())
        own = alone.patch(alone.strip(window), window)
        assert own.values[0].tobytes() == patch.values[i].tobytes()
        known = np.ones(own.values.shape, bool) if own.valid is None else own.valid
        np.testing.assert_array_equal(known[0], patch.valid[i])
        alone.close()
    together.close()


def test_identity_is_exact_for_the_finest_bands_and_masks_the_ground_of_coarse_holes(bands, tmp_path):
    out = tmp_path / "o.tif"
    run(Request(inputs={"image": joined(bands)}, out=str(out), tile=32, overlap=16), Identity())
    with rasterio.open(out) as data:
        made = data.read()
        assert data.transform == grid(10)
        assert data.descriptions == ("B00", "B01", "B02", "B03")
    for i, (path, size) in enumerate(zip(bands, (6, 1, 2, 1), strict=True)):
        with rasterio.open(path) as file:
            stored = file.read(1)
        np.testing.assert_array_equal(made[i] == 0, (stored == 0).repeat(size, 0).repeat(size, 1))
        if size == 1:
            np.testing.assert_array_equal(made[i], stored)


def request_for(bands, out, **options):
    return Request(
        inputs={"image": joined(bands)}, out=str(out), threads=1, seed=7, **({"consistency": "area"} | options)
    )


@pytest.mark.parametrize("source", [GroundNoise(), Bicubic(2)], ids=["noise", "bicubic"])
def test_same_pixels_for_any_extent_workers_and_shards(bands, tmp_path, source):
    tiling = {"tile": 64, "overlap": 24}
    whole = tmp_path / "whole.tif"
    run(request_for(bands, whole, **tiling), source)
    run(request_for(bands, tmp_path / "w.tif", **tiling), source, executor=Processes(2))
    assert_same_pixels(tmp_path / "w.tif", whole)
    extent = (X + 195, Y - 795, X + 505, Y - 405)
    run(request_for(bands, tmp_path / "e.tif", **tiling, extent=extent), source)
    assert_is_crop(tmp_path / "e.tif", whole)
    run(request_for(bands, tmp_path / "v.tif", **tiling, window=(61, 3, 20, 90)), source)
    assert_is_crop(tmp_path / "v.tif", whole)


def test_tiles_of_any_size_give_the_bits_of_one(write_raster, tmp_path):
    """What is read does not depend on the tile; only what fills holes does, as in every input."""
    whole = [write_raster(f"w{size}.tif", ground(size, size), transform=grid(size)) for size in (60, 10, 20)]
    for name, tile in (("one", 128), ("many", 32)):
        run(
            Request(inputs={"image": joined(whole)}, out=str(tmp_path / f"{name}.tif"), tile=tile, overlap=16),
            Identity(),
        )
    assert_same_pixels(tmp_path / "one.tif", tmp_path / "many.tif")


def by_hand(out, path):
    """RMS of (area means of a band of the output - its delivered pixels) over their mean, the rim included."""
    band, source = path
    with rasterio.open(out) as made, rasterio.open(source) as delivered:
        values, cells = made.read(band).astype(np.float64), delivered.read(1).astype(np.float64)
    n = values.shape[0] // cells.shape[0]
    means = values.reshape(cells.shape[0], n, cells.shape[1], n).mean(axis=(1, 3))
    return np.sqrt(np.mean((means - cells)[cells > 0] ** 2)) / cells[cells > 0].mean()


def test_each_band_equals_the_pixels_in_which_it_was_delivered(bands, tmp_path):
    """20 m bands at 2.5 m, ratio 8: by our figure and by hand."""
    residuals = {}
    for wanted in ("off", "area"):
        out = tmp_path / f"{wanted}.tif"
        request = request_for(bands, out, consistency=wanted, tile=64, overlap=16, dtype="float32")
        metrics = run(request, Bicubic(4)).facts["metrics"]
        residuals[wanted] = [by_hand(out, pair) for pair in enumerate(bands, 1)]
        np.testing.assert_allclose(metrics["consistency"], residuals[wanted], rtol=0.02, atol=2e-5)
    assert max(residuals["area"]) <= 0.005
    # What bicubic leaves by itself is worth a correction.
    assert residuals["off"][2] > 2 * residuals["area"][2]


def test_real_bands_of_10_20_and_60_m_keep_their_pixels(data, tmp_path):
    files = [data / "sentinel2/native_10_20_60/T49JGM_20171022" / f"b{pixel}.tif" for pixel in (10, 20, 60)]
    out, left, top, side = tmp_path / "o.tif", 120, 60, 120
    run(request_for(files, out, dtype="float32", tile=128, overlap=16, window=(left, top, side, side)), Bicubic(4))
    with rasterio.open(out) as made:
        values = made.read().astype(np.float64)
    first = 0
    for path, size in zip(files, (1, 2, 6), strict=True):
        with rasterio.open(path) as file:
            cells = file.read()[:, top // size : (top + side) // size, left // size : (left + side) // size]
        count, rows, columns = cells.shape
        means = values[first : first + count].reshape(count, rows, 4 * size, columns, 4 * size).mean(axis=(2, 4))
        residual = np.sqrt(np.mean((means - cells) ** 2, axis=(1, 2))) / cells.mean(axis=(1, 2))
        assert residual.max() <= 0.005
        first += count


def test_bands_on_the_output_grid_stay_while_coarser_ones_are_corrected(bands, tmp_path):
    metrics = {}
    for wanted in ("off", "area"):
        request = request_for(
            bands, tmp_path / f"{wanted}.tif", consistency=wanted, tile=32, overlap=16, dtype="float32"
        )
        metrics[wanted] = run(request, Identity()).facts["metrics"]["consistency"]
    off, area = metrics["off"], metrics["area"]
    assert (area[1], area[3]) == (0.0, 0.0)
    assert max(area) <= 0.005 < off[2]
    with rasterio.open(tmp_path / "area.tif") as data:
        made = data.read(2, masked=True)
    with rasterio.open(bands[1]) as file:
        np.testing.assert_array_equal(made.filled(0), file.read(1))


def test_a_model_may_change_bands_on_the_output_grid_and_no_consistency_undoes_it(bands, tmp_path):
    made = {}
    for wanted in ("off", "area"):
        run(request_for(bands, tmp_path / f"{wanted}.tif", consistency=wanted), GroundNoise())
        with rasterio.open(tmp_path / f"{wanted}.tif") as data:
            made[wanted] = data.read()
    changed = [bool((a != b).any()) for a, b in zip(made["off"], made["area"], strict=True)]
    assert changed == [True, False, True, False]


def test_what_is_only_measured_is_measured_in_every_cell(bands, tmp_path):
    """A cell of 60 m may lie across two row bands: each must see it whole, at its own scale and at others."""
    for source in (Identity(), Bicubic(2)):
        plan, _ = plan_run(request_for(bands, tmp_path / "o.tif", consistency="off"), source)
        assert plan.tiles.halo >= 6


def test_every_band_is_seen_through_the_gain_of_its_own(bands, tmp_path):
    request = request_for(bands[1:], tmp_path / "o.tif", consistency="mtf", sensor="Sentinel-2")
    plan, _ = plan_run(request, Bicubic(4))
    ten, twenty, other = plan.sights
    assert (ten.gains, twenty.gains, other.gains) == tuple((gain,) for gain in plan.gains)
    assert (ten.rows.slope, twenty.rows.slope, other.rows.slope) == (1 / 4, 1 / 8, 1 / 4)
    assert len(set(plan.gains)) == 3


def test_a_coarse_grid_that_ends_early_masks_what_it_does_not_cover(write_raster, tmp_path):
    fine = write_raster("f.tif", ground(0, 10)[:, :31, :33], transform=grid(10))
    coarse = write_raster("c.tif", ground(1, 20)[:, :15, :17], transform=grid(20))
    assert describe("image", f"{fine},{coarse}").has_invalid
    out = tmp_path / "o.tif"
    run(Request(inputs={"image": f"{fine},{coarse}"}, out=str(out), tile=32, overlap=8), Identity())
    with rasterio.open(out) as data:
        mask = data.dataset_mask() > 0
    assert mask[:30].all()
    assert not mask[30:].any()


def test_cells_between_fine_pixels_are_sampled_where_they_lie(write_raster):
    """A coarse grid may begin amid a fine pixel: its values stay where its own georeference puts them."""
    ramp = np.arange(16, dtype=np.float32).repeat(14).reshape(1, 16, 14).swapaxes(1, 2) * 100
    fine = write_raster("f.tif", np.zeros((1, 28, 30), np.float32), transform=grid(10))
    coarse = write_raster("c.tif", ramp, transform=grid(20, X - 5, Y + 5))
    scene = describe("image", f"{fine},{coarse}")
    reader = InputReader(scene, scene.grid, "cubic", OpenPolicy())
    window = Window(4, 6, 10, 12)
    patch = reader.patch(reader.strip(window), window)
    reader.close()
    columns = (np.arange(6, 18) + 0.5 + 0.5) / 2
    np.testing.assert_allclose(patch.values[1], np.broadcast_to((columns - 0.5) * 100, (10, 12)), rtol=1e-5)


MISFITS = {
    "no whole multiple": (
        grid(25),
        "EPSG:32633",
        (1, 48, 36),
        r"2\.5 x 2\.5 of those of .*fine\.tif, no whole multiple",
    ),
    "other ground": (grid(20, X + 60), "EPSG:32633", (1, 60, 45), r"it covers other ground than .*fine\.tif.*-te"),
    "too short": (grid(20), "EPSG:32633", (1, 58, 45), r"it covers other ground than .*fine\.tif"),
    "as fine, but shifted": (grid(10, X + 3), "EPSG:32633", (1, 120, 90), "it covers other ground than"),
    "another crs": (grid(20), "EPSG:32632", (1, 60, 45), "EPSG:32632 differs from EPSG:32633"),
    "turned": (grid(20) * Affine.rotation(3), "EPSG:32633", (1, 60, 45), r"turned against those of .*fine\.tif"),
}


@pytest.mark.parametrize(("transform", "crs", "shape", "sentence"), MISFITS.values(), ids=MISFITS)
@pytest.mark.parametrize("order", [1, -1])
def test_grids_that_do_not_fit_are_refused(write_raster, transform, crs, shape, sentence, order):
    fine = write_raster("fine.tif", ground(0, 10), transform=grid(10))
    coarse = write_raster("coarse.tif", np.ones(shape, np.uint16), transform=transform, crs=crs)
    with pytest.raises(RequestError, match=sentence):
        describe("image", joined([fine, coarse][::order]))


def test_data_types_that_differ_are_refused(write_raster):
    fine = write_raster("fine.tif", ground(0, 10), transform=grid(10))
    coarse = write_raster("coarse.tif", ground(0, 20).astype(np.float32), transform=grid(20))
    with pytest.raises(RequestError, match=r"coarse\.tif: its data type float32 differs from uint16 of .*fine\.tif"):
        describe("image", f"{fine},{coarse}")


def test_a_file_of_alpha_alone_is_refused_until_it_is_named(write_raster):
    path = write_raster("a.tif", ground(0, 10))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [ColorInterp.alpha]
    with pytest.raises(RequestError, match="it holds nothing but alpha; pass --bands 1"):
        describe("image", str(path))
    assert len(describe("image", str(path), bands=(1,)).bands) == 1


def test_metrics_want_bands_of_one_size(bands):
    with pytest.raises(RequestError, match="pixels of several sizes"):
        RasterRows(describe("fused", joined(bands)))
    with RasterRows(describe("fused", joined(bands[1::2]))) as rows:
        assert rows.values.shape == (2, HEIGHT, WIDTH)


def test_a_plan_of_several_grids_survives_its_file(bands, tmp_path):
    plan, needs = plan_run(request_for(bands, tmp_path / "o.tif"), Bicubic(2))
    workspace = Workspace.beside(tmp_path / "o.tif")
    workspace.create(plan)
    assert workspace.plan() == plan
    assert workspace.plan().identity == plan.identity
    fine, _ = plan_run(request_for([bands[1]] * 4, tmp_path / "o.tif"), Bicubic(2))
    assert needs.tiles == len(fine.row_bands) * len(fine.columns)


def test_a_correction_moves_all_grids_by_the_same_ground(bands):
    scene = describe("ms", joined(bands))
    by = moved(scene, (1.5, -0.25))
    for before, after in zip(scene.parts, by.parts, strict=True):
        assert (after.grid.affine.c, after.grid.affine.f) == (before.grid.affine.c + 2.5, before.grid.affine.f + 15)
        assert after.grid.shape == before.grid.shape


def test_a_list_of_many_files_may_be_longer_than_a_name(bands):
    assert len(describe("image", joined(bands * 40)).bands) == 160
