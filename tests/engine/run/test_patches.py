"""Models that speak of whole patches: every promise holds for outputs that are coarser than the base grid."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from seamline.engine.contract import ModelSpec, OutputSpec
from seamline.engine.errors import RequestError, RunError
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, plan_run, run
from seamline.engine.testing import PatchMeans, assert_is_crop, assert_same_pixels

PATCH = 8
TURNED = Affine.translation(412_345.5, 5_123_456.25) * Affine.rotation(17) * Affine.scale(0.37, -0.37)


def scene(write_raster, height, width, **more):
    values = np.random.default_rng(height + width).integers(1, 4000, (2, height, width)).astype(np.uint16)
    return write_raster(f"{height}x{width}.tif", values, **more), values


def asked(path, out, **options):
    # Sums of whole numbers over 64 px are exact in float32, so that means are too.
    return Request(inputs={"image": str(path)}, out=str(out), threads=1, dtype="float32", **options)


def means(values):
    """The means of whole patches, the last ones filled up as in a mirror."""
    pad = [(0, 0), *((0, -length % PATCH) for length in values.shape[1:])]
    filled = np.pad(values.astype(np.float64), pad, mode="reflect")
    count, height, width = filled.shape
    return filled.reshape(count, height // PATCH, PATCH, width // PATCH, PATCH).mean(axis=(2, 4))


@pytest.mark.parametrize(("height", "width"), [(96, 128), (101, 171), (65, 57), (7, 50), (8, 9), (5, 3), (1, 1)])
@pytest.mark.parametrize("transform", [from_origin(500_000, 5_000_000, 2, 2), TURNED, None])
def test_each_px_says_what_its_patch_does_exactly_there(height, width, transform, write_raster, tmp_path):
    more = {"crs": None, "transform": Affine.identity()} if transform is None else {"transform": transform}
    path, values = scene(write_raster, height, width, **more)
    run(asked(path, tmp_path / "o.tif"), PatchMeans(PATCH))
    with rasterio.open(path) as source, rasterio.open(tmp_path / "o.tif") as file:
        assert file.shape == (math.ceil(height / PATCH), math.ceil(width / PATCH))
        assert np.array_equal(file.read(), means(values))
        assert file.crs == source.crs
        if transform is None:
            assert file.transform.is_identity
        else:
            assert np.allclose(file.transform, source.transform * Affine.scale(PATCH), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("tile", "overlap"), [(32, 0), (32, 16), (48, 21), (128, 64), (256, 5)])
def test_any_tiles_give_the_same_pixels(tile, overlap, write_raster, tmp_path):
    path, _ = scene(write_raster, 203, 137)
    run(asked(path, tmp_path / "a.tif"), PatchMeans(PATCH))
    run(asked(path, tmp_path / "b.tif", tile=tile, overlap=overlap), PatchMeans(PATCH))
    assert_same_pixels(tmp_path / "a.tif", tmp_path / "b.tif")


def test_shards_give_the_pixels_of_one_run(write_raster, tmp_path):
    path, _ = scene(write_raster, 203, 137)
    run(asked(path, tmp_path / "a.tif"), PatchMeans(PATCH))
    for index in (2, 3, 1):
        run(asked(path, tmp_path / "b.tif"), PatchMeans(PATCH), shard=Shard(index, 3))
    merge(tmp_path / "b.tif")
    assert_same_pixels(tmp_path / "a.tif", tmp_path / "b.tif")


@pytest.mark.parametrize("window", [(0, 0, 1, 1), (9, 17, 30, 60), (8, 16, 8, 8), (130, 200, 7, 3), (64, 7, 73, 2)])
def test_a_window_grows_to_whole_patches_and_holds_those_of_the_whole(window, write_raster, tmp_path):
    path, _ = scene(write_raster, 203, 137, transform=TURNED)
    run(asked(path, tmp_path / "a.tif"), PatchMeans(PATCH))
    run(asked(path, tmp_path / "b.tif", window=window), PatchMeans(PATCH))
    assert_is_crop(tmp_path / "b.tif", tmp_path / "a.tif")
    column, row, width, height = window
    with rasterio.open(tmp_path / "b.tif") as file:
        assert np.allclose(
            file.transform, TURNED * Affine.translation(column // 8 * 8, row // 8 * 8) * Affine.scale(8), atol=1e-9
        )
        expected = (math.ceil((row + height) / 8) - row // 8, math.ceil((column + width) / 8) - column // 8)
        assert file.shape == expected


def test_an_extent_is_covered_by_whole_patches(write_raster, tmp_path):
    path, _ = scene(write_raster, 203, 137, transform=from_origin(500_000, 5_000_000, 2, 2))
    run(asked(path, tmp_path / "a.tif"), PatchMeans(PATCH))
    run(asked(path, tmp_path / "b.tif", extent=(500_017, 4_999_950, 500_049, 4_999_983)), PatchMeans(PATCH))
    assert_is_crop(tmp_path / "b.tif", tmp_path / "a.tif")
    with rasterio.open(tmp_path / "b.tif") as file:
        assert tuple(file.bounds) == (500_016, 4_999_936, 500_064, 4_999_984)


def test_a_patch_is_masked_where_all_of_its_px_are(write_raster, tmp_path):
    """Tiles with holes stand above tiles without, and beside them, at a rim inside a patch."""
    values = np.random.default_rng(1).integers(1, 4000, (1, 203, 137)).astype(np.uint16)
    valid = np.ones((203, 137), np.bool_)
    valid[:41, 3:50] = valid[150:, 100:] = False
    values[:, ~valid] = 0
    path = write_raster("holes.tif", values, nodata=0)
    run(asked(path, tmp_path / "o.tif"), PatchMeans(PATCH))
    expected = np.add.reduceat(np.add.reduceat(valid, range(0, 203, 8), axis=0), range(0, 137, 8), axis=1) > 0
    with rasterio.open(tmp_path / "o.tif") as file:
        assert np.array_equal(file.dataset_mask() > 0, expected)
        whole = np.minimum.reduceat(np.minimum.reduceat(valid, range(0, 203, 8), axis=0), range(0, 137, 8), axis=1)
        assert np.array_equal(file.read()[:, whole], means(values)[:, whole])
    counts = json.loads((tmp_path / "o.report.json").read_text())["counts"]
    assert counts["masked"] == (~expected).sum()


@dataclass(frozen=True, slots=True)
class Broken(PatchMeans):
    """Gives a px too few, or what is not finite in the last patch of a tile."""

    how: str = "shape"

    def predict(self, batch, where):
        found = PatchMeans.predict(self, batch, where)
        if self.how == "shape":
            return found[..., 1:]
        found[..., -1, -1] = float("nan")
        return found


def test_a_prediction_of_another_shape_is_refused(write_raster, tmp_path):
    path, _ = scene(write_raster, 70, 70)
    with pytest.raises(RunError, match=r"returned image of \(1, 2, 8, 7\) for \(1, 2, 8, 8\)"):
        run(asked(path, tmp_path / "o.tif"), Broken(PATCH))
    assert not (tmp_path / "o.tif").exists()


@pytest.mark.parametrize("masked", [True, False])
def test_a_value_that_is_not_finite_stops_the_run_where_any_px_of_its_patch_is_valid(masked, write_raster, tmp_path):
    values = np.full((1, 64, 64), 500, np.uint16)
    values[:, 56:, 56:] = 0
    values[:, 60, 59] = 0 if masked else 1
    path = write_raster("dark.tif", values, nodata=0)
    if masked:
        run(asked(path, tmp_path / "p.tif"), Broken(PATCH, how="nan"))
        return
    with pytest.raises(RunError, match="not finite"):
        run(asked(path, tmp_path / "p.tif"), Broken(PATCH, how="nan"))


def test_the_estimate_of_memory_falls_with_the_patch(write_raster, tmp_path):
    path, _ = scene(write_raster, 203, 137)
    fine, coarse = (plan_run(asked(path, tmp_path / "o.tif"), PatchMeans(patch))[1] for patch in (1, PATCH))
    assert coarse.memory_bytes < fine.memory_bytes
    assert coarse.output_bytes * 50 < fine.output_bytes


def test_consistency_means_nothing_for_patches(write_raster, tmp_path):
    path, _ = scene(write_raster, 70, 70)
    plan, _ = plan_run(asked(path, tmp_path / "o.tif", consistency="on"), PatchMeans(PATCH))
    assert plan.consistency == "off"
    assert plan.sights == ()


def test_tiles_that_patches_do_not_fit_are_refused(write_raster, tmp_path):
    path, _ = scene(write_raster, 70, 70)
    for tile in (40, 16):
        with pytest.raises(RequestError, match="--tile"):
            run(asked(path, tmp_path / "o.tif", tile=tile, overlap=0), PatchMeans(PATCH))


@pytest.mark.parametrize("wrong", [{"scale": 2}, {"align": 8}, {"align": 24}, {"patch": 0}])
def test_a_specification_that_cuts_patches_is_no_specification(wrong):
    spec = PatchMeans(PATCH).spec
    with pytest.raises(ValueError, match=r"patches of \d px need"):
        replace(spec, **wrong)


# What holds the largest of its planes


@dataclass(frozen=True, slots=True)
class Sure:
    """Three classes by three bands, and the largest of these."""

    identity: str = "sure@1"

    @property
    def spec(self):
        kinds = {"planes": 3, "range": "native"}
        return ModelSpec(
            name="sure",
            version="1",
            task="segment",
            inputs=PatchMeans().spec.inputs,
            main="image",
            outputs=(
                OutputSpec(name="classes", blend="argmax", overview="mode", **kinds),
                OutputSpec(name="probabilities", dtype="float32", **kinds),
                OutputSpec(name="confidence", blend="max", unit="1", **kinds),
            ),
            tile=32,
            overlap=16,
        )

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        """Tiles disagree, so that what is blended first is not what is decided first."""
        image = batch["image"] / 4000 + torch_like(batch["image"], where)
        return dict.fromkeys(where.wanted, image)


def torch_like(image, where):
    import torch

    shifts = [((row // 16) % 3 + (column // 16) % 2) / 10 for row, column in where.origins]
    return torch.tensor(shifts)[:, None, None, None] * torch.tensor([1.0, -1.0, 0.5])[:, None, None]


def test_confidence_is_the_largest_of_the_blended_planes(write_raster, tmp_path):
    values = np.random.default_rng(3).integers(1, 4000, (3, 90, 70)).astype(np.uint16)
    values[:, 20:30, 10:40] = 0
    path = write_raster("in.tif", values, nodata=0)
    also = {name: str(tmp_path / f"{name}.tif") for name in ("probabilities", "confidence")}
    run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), also=also, dtype="int16"), Sure())
    with (
        rasterio.open(tmp_path / "o.tif") as classes,
        rasterio.open(also["probabilities"]) as planes,
        rasterio.open(also["confidence"]) as sure,
    ):
        known = classes.dataset_mask() > 0
        assert (sure.count, sure.dtypes, sure.descriptions, sure.units) == (1, ("float32",), ("confidence",), ("1",))
        assert np.isnan(sure.nodata)
        assert np.array_equal(sure.read(1)[known], planes.read().max(axis=0)[known])
        picked = np.take_along_axis(planes.read(), classes.read()[:1].astype(int) % 3, axis=0)[0]
        assert np.array_equal(sure.read(1)[known], picked[known])
        assert np.isnan(sure.read(1)[~known]).all()


def test_the_largest_of_one_plane_is_no_confidence():
    with pytest.raises(ValueError, match="classes are planes, 2 to 255"):
        OutputSpec(name="confidence", blend="max", planes=1)
