"""A shift between the inputs of a pair: found to a tenth of a coarse pixel or not stated, and corrected on request."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from seamline.engine.errors import MisregistrationWarning, RequestError
from seamline.engine.inputs.coregistration import _MOST_BLOCKS, correction, measure, moved
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.pair_blocks import _MOST_FINE, pair_blocks
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import Shard, agreement, merge, plan_run, run
from seamline.engine.testing import PassThrough, assert_is_crop, assert_same_pixels
from seamline.training.village.procedural import procedural_scene, simulate_pair

RATIO, SIDE = 4, 512
# (row, column) in px, pan -> ms, from the phase correlation in the README of the imagery.
REAL = {
    "landsat8_istanbul": (0.0, 0.0),
    "spacenet6_wv2_1": (0.09, 0.25),
    "spacenet6_wv2_2": (0.22, -0.31),
    "spacenet6_wv2_3": (0.23, 0.01),
}
PLANTED = [(0.5, -0.5), (1.3, 0.7), (-3.0, 3.0)]


def save(path, values, gsd, shift=(0.0, 0.0), **more):
    """A GeoTIFF whose georeference puts it (row, column) px too far down and right."""
    transform = from_origin(500000, 5000000, gsd, gsd) * Affine.translation(shift[1], shift[0])
    count, height, width = values.shape
    profile = {"count": count, "height": height, "width": width, "dtype": values.dtype, "crs": "EPSG:32633"} | more
    with rasterio.open(path, "w", driver="GTiff", transform=transform, **profile) as file:
        file.write(values)
    return path


@pytest.fixture(scope="module")
def truth():
    return procedural_scene(5, (SIDE, SIDE))


@pytest.fixture(scope="module")
def pixels(truth):
    """(MS, PAN) of a made-up scene, 128 and 512 px."""
    return simulate_pair(truth, ratio=RATIO, generator=np.random.default_rng(1))


@pytest.fixture(scope="module")
def files(pixels, tmp_path_factory):
    """(MS, PAN, MS 3 px too high and 1.3 px too far right)."""
    folder, (ms, pan) = tmp_path_factory.mktemp("pair"), pixels
    return (
        save(folder / "ms.tif", ms, 2.0),
        save(folder / "pan.tif", pan, 0.5),
        save(folder / "shifted.tif", ms, 2.0, (-3.0, 1.3)),
    )


def scenes(pan, ms):
    return describe("pan", str(pan)), describe("ms", str(ms))


def found_in(fine, coarse):
    return measure(fine, coarse, OpenPolicy(), lambda: None)


def planted(scene, shift):
    return moved(scene, (-shift[0], -shift[1]))


def request_for(ms, pan, out, **options):
    return Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(out), threads=1, tile=128, overlap=64, **options)


def fuse(ms, pan, out, **options):
    return run(request_for(ms, pan, out, consistency="area", **options), PassThrough(pair=True)).facts


@pytest.mark.parametrize("shift", PLANTED)
def test_a_planted_shift_is_found(files, shift):
    fine, coarse = scenes(files[1], files[0])
    found = found_in(fine, planted(coarse, shift))
    assert (found.row, found.column) == pytest.approx(shift, abs=0.05)
    assert max(found.spread) < 0.1
    assert found.blocks >= 5


@pytest.mark.parametrize("fine_px", [(2, -3), (5, 12), (-12, 1)])
def test_a_shift_of_the_pixels_themselves_is_found(truth, pixels, tmp_path, fine_px):
    shifted = np.roll(truth, fine_px, axis=(1, 2))
    ms, _ = simulate_pair(shifted, ratio=RATIO, generator=np.random.default_rng(2))
    ms_path, pan_path = save(tmp_path / "ms.tif", ms, 2.0), save(tmp_path / "pan.tif", pixels[1], 0.5)
    found = found_in(*scenes(pan_path, ms_path))
    assert (found.row, found.column) == pytest.approx([v / RATIO for v in fine_px], abs=0.1)


@pytest.mark.parametrize("name", REAL)
def test_real_pairs_and_planted_shifts_on_them(data, name):
    fine, coarse = (describe(kind, str(data / "pansharpen" / name / f"{kind}.tif")) for kind in ("pan", "ms"))
    own = found_in(fine, coarse)
    assert (own.row, own.column) == pytest.approx(REAL[name], abs=0.1)
    for shift in PLANTED:
        found = found_in(fine, planted(coarse, shift))
        assert (found.row - own.row, found.column - own.column) == pytest.approx(shift, abs=0.1)


def test_nothing_is_said_of_pairs_that_do_not_tell(pixels, files, tmp_path):
    ms, _ = pixels
    fine, coarse = scenes(files[1], files[0])
    rng = np.random.default_rng(3)
    other, _ = simulate_pair(procedural_scene(6, (SIDE, SIDE)), ratio=RATIO, generator=rng)
    stripes = (np.indices(ms.shape)[2] % 8 < 4) * 500 + 500
    for name, values in {
        "another scene": other,
        "noise": rng.integers(1, 2000, ms.shape),
        "flat": np.full(ms.shape, 700),
        "stripes": stripes + rng.integers(0, 20, ms.shape),
    }.items():
        path = save(tmp_path / f"{name}.tif", values.astype(np.uint16), 2.0)
        assert found_in(fine, describe("ms", str(path))) is None, name
    wide = stripes[:1].repeat(4, 1).repeat(4, 2) + rng.integers(0, 60, (1, SIDE, SIDE))
    striped = save(tmp_path / "striped pan.tif", wide.astype(np.uint16), 0.5)
    assert found_in(describe("pan", str(striped)), describe("ms", str(tmp_path / "stripes.tif"))) is None
    small = save(tmp_path / "small.tif", ms[:, :31], 2.0)
    assert found_in(fine, describe("ms", str(small))) is None
    turned = GeoBox(coarse.grid.shape, coarse.grid.affine * Affine.rotation(5), coarse.grid.crs)
    assert found_in(fine, replace(coarse, parts=(replace(coarse.parts[0], grid=turned),))) is None
    assert found_in(fine, planted(coarse, (1000.0, 0.0))) is None
    assert found_in(coarse, fine) is None


def test_masked_blocks_are_skipped_and_what_lies_under_a_mask_does_not_matter(pixels, tmp_path):
    ms, pan = (values.copy() for values in pixels)
    hidden = np.indices(ms.shape[1:]).sum(axis=0) < 90
    ms[:, hidden] = 0
    pan[:, hidden.repeat(4, 0).repeat(4, 1)] = 0
    pan_path = save(tmp_path / "pan.tif", pan, 0.5, nodata=0)
    one = found_in(*scenes(pan_path, save(tmp_path / "one.tif", ms, 2.0, (1.3, 0.0), nodata=0)))
    assert 1 <= one.blocks < 9
    assert (one.row, one.column) == pytest.approx((1.3, 0.0), abs=0.1)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        for name, fill in (("a", 1), ("b", 60000)):
            ms[:, hidden] = fill
            save(tmp_path / f"{name}.tif", ms, 2.0, (1.3, 0.0))
            with rasterio.open(tmp_path / f"{name}.tif", "r+") as file:
                file.write_mask(~hidden)
    a, b = (found_in(*scenes(pan_path, tmp_path / f"{name}.tif")) for name in ("a", "b"))
    assert a == b == one


@pytest.mark.parametrize("fine_px", [(400, 300), (40_000, 3_000), (300_000, 300_000)])
@pytest.mark.parametrize("ratio", [2, 4, 7.5, 40])
def test_what_is_looked_at_is_bounded(fine_px, ratio):
    fine = GeoBox(fine_px, from_origin(0, 0, 1, 1), "EPSG:32633")
    shape = tuple(int(n / ratio) for n in fine_px)
    blocks = pair_blocks(fine, GeoBox(shape, from_origin(0, 0, ratio, ratio), "EPSG:32633"), _MOST_BLOCKS)
    assert len(blocks) <= 32
    assert (len(blocks) > 0) == (min(shape) >= 32)
    for block in blocks:
        assert 32 <= block.height <= 64
        assert block.height * ratio <= _MOST_FINE
        assert 0 <= block.row <= shape[0] - block.height
        assert 0 <= block.column <= shape[1] - block.width


def test_corrections_that_are_refused(files):
    fine, coarse = scenes(files[1], files[0])
    with pytest.raises(RequestError, match="cannot be measured"):
        correction(None, fine, coarse)
    with pytest.raises(RequestError, match=r"by 8\.50 of its px .*corrects up to 8"):
        correction(found_in(fine, planted(coarse, (8.5, 0.0))), fine, coarse)


def test_a_run_warns_of_more_than_a_pixel_and_of_no_less(files):
    source = PassThrough(pair=True)
    with pytest.warns(
        MisregistrationWarning, match=r"3\.2\d of its px \(3\.0\d up, 1\.\d\d right\); pass --coregister"
    ):
        plan_run(request_for(files[2], files[1], "o.tif"), source)
    with warnings.catch_warnings():
        warnings.simplefilter("error", MisregistrationWarning)
        plan_run(request_for(files[0], files[1], "o.tif"), source)
        plan_run(request_for(files[2], files[1], "o.tif", coregister=True), source)


def test_a_corrected_run_is_that_of_files_that_fit(files, tmp_path):
    ms, pan, shifted = files
    facts = {
        name: fuse(path, pan, tmp_path / f"{name}.tif", coregister=coregister)
        for name, path, coregister in (("fit", ms, False), ("shifted", shifted, False), ("corrected", shifted, True))
    }
    assert facts["fit"]["coregistered"] is facts["shifted"]["coregistered"] is None
    assert facts["corrected"]["coregistered"] == pytest.approx([-3.0, 1.3], abs=0.05)
    measured = facts["corrected"]["misregistration"]
    assert [measured["row"], measured["column"]] == facts["corrected"]["coregistered"]
    assert measured == facts["shifted"]["misregistration"]
    fine = rasterio.open(pan)
    images = {}
    for name in facts:
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            column, row = ~fine.transform * (file.transform.c, file.transform.f)
            assert (row, column) == pytest.approx((round(row), round(column)), abs=1e-9), "off the lattice of PAN"
            # The ground that all three hold.
            top, left = 40 - round(row), 40 - round(column)
            images[name] = file.read()[:, top : top + 400, left : left + 400].astype(float)
    off = {name: np.sqrt(np.mean((images[name] - images["fit"]) ** 2)) for name in images}
    assert off["corrected"] < 0.05 * off["shifted"]


def test_the_correction_is_part_of_the_identity_and_the_measurement_is_not(files):
    source = PassThrough(pair=True)
    plan, _ = plan_run(request_for(files[0], files[1], "o.tif"), source)
    corrected, _ = plan_run(request_for(files[0], files[1], "o.tif", coregister=True), source)
    assert plan.misregistration == corrected.misregistration
    assert plan.identity == replace(plan, misregistration=None).identity
    assert plan.identity != corrected.identity


def test_shards_extents_and_resumed_runs_of_a_corrected_pair_agree(files, tmp_path, monkeypatch):
    whole = tmp_path / "whole.tif"
    _, pan, shifted = files
    whole_facts = fuse(shifted, pan, whole, coregister=True)
    part_facts = fuse(shifted, pan, tmp_path / "part.tif", coregister=True, window=(101, 57, 150, 201))
    assert part_facts["misregistration"] == whole_facts["misregistration"]
    assert_is_crop(tmp_path / "part.tif", whole)
    out, source = tmp_path / "sharded.tif", PassThrough(pair=True)
    request = request_for(shifted, pan, out, consistency="area", coregister=True)
    run(request, source, shard=Shard(2, 2))
    for change in ({"coregister": False}, {"seed": 1}):
        with pytest.raises(RequestError, match="another one"):
            run(replace(request, resume=True, **change), source)

    def again(*_):
        raise AssertionError("measured twice")

    monkeypatch.setattr(agreement, "measure", again)
    saved = Workspace.beside(out).plan()
    assert saved.shift == (saved.misregistration.row, saved.misregistration.column)
    run(request, source, shard=Shard(1, 2))
    merge(out)
    assert_same_pixels(out, whole)


def test_an_unfinished_run_without_the_correction_is_another_one(files, tmp_path):
    ms, pan, _ = files
    request, source = request_for(ms, pan, tmp_path / "o.tif"), PassThrough(pair=True)
    run(request, source, shard=Shard(1, 2))
    with pytest.raises(RequestError, match="another one"):
        run(replace(request, coregister=True, resume=True), source)
