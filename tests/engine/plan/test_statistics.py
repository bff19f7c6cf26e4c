from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from seamline.engine.contract import InputSpec
from seamline.engine.plan.plan import Plan
from seamline.engine.plan.statistics import sample_blocks
from seamline.engine.request import Request
from seamline.engine.run import plan_run
from seamline.engine.serial import from_jsonable, to_jsonable
from seamline.engine.testing import PassThrough
from seamline.models import registry


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_blocks_lie_inside_and_cover_small_scenes(height, width):
    blocks = sample_blocks(height, width)
    assert 1 <= len(blocks) <= 64
    assert all(block.rows[1] <= height and block.columns[1] <= width for block in blocks)
    assert len({(block.row, block.column) for block in blocks}) == len(blocks)
    if max(height, width) <= 2048:
        assert sum(block.height * block.width for block in blocks) == height * width


def planned(pair, tmp_path, *, tile=128, **options):
    inputs = {"ms": str(pair[0]), "pan": str(pair[1])}
    return plan_run(
        Request(inputs=inputs, out=str(tmp_path / "o.tif"), tile=tile, **options), registry.resolve("gsa", "pansharpen")
    )[0]


def test_statistics_do_not_depend_on_the_extent(small_pair, tmp_path):
    whole, part = planned(small_pair, tmp_path), planned(small_pair, tmp_path, window=(8, 8, 20, 20))
    assert whole.statistics
    assert whole.statistics == part.statistics


def test_overviews_in_the_input_change_nothing(small_pair, tmp_path):
    before = planned(small_pair, tmp_path)
    with rasterio.open(small_pair[1], "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    assert planned(small_pair, tmp_path).statistics == before.statistics


def test_masked_pixels_do_not_enter(write_raster, small_pair, tmp_path):
    plans = []
    for under in (1, 60000):
        with rasterio.open(small_pair[1]) as file:
            pan, transform = file.read(), file.transform
        mask = np.ones(pan.shape[1:], np.bool_)
        mask[10:40, 20:60] = False
        pan[:, ~mask] = under
        path = write_raster(f"pan{under}.tif", pan, transform=transform, mask=mask)
        plans.append(planned((small_pair[0], path), tmp_path))
    assert plans[0].statistics == plans[1].statistics


def test_a_plan_survives_json_bit_for_bit(small_pair, tmp_path):
    plan = planned(small_pair, tmp_path)
    again = from_jsonable(Plan, json.loads(json.dumps(to_jsonable(plan))))
    assert again == plan
    assert again.identity == plan.identity


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"tile": 80, "overlap": 40}, {"batch": 2}, {"precision": "bf16"}, {"threads": 3}]
)
def test_whatever_decides_pixels_is_in_the_identity(small_pair, tmp_path, change):
    assert planned(small_pair, tmp_path, **change).identity != planned(small_pair, tmp_path).identity


@pytest.mark.parametrize("change", [{"compress": "deflate"}, {"memory": 10**9}])
def test_what_does_not_is_not(small_pair, tmp_path, change):
    assert planned(small_pair, tmp_path, **change).identity == planned(small_pair, tmp_path).identity


class Bounded(PassThrough):
    """Looks at the image in the unit range."""

    @property
    def spec(self):
        spec = PassThrough.spec.fget(self)
        return replace(spec, inputs=(InputSpec(name="image", range="unit"),), needs_statistics=True)

    def load(self, runtime):
        return self


def test_the_level_is_the_value_that_999_of_1000_samples_do_not_exceed(write_raster, tmp_path):
    """Every third pixel of every third row is a sample; samples are 0, 1, 2, ... here, in one block."""
    values = np.zeros((1, 240, 240), np.uint16)
    samples = values[0, ::3, ::3]
    samples[...] = np.arange(samples.size).reshape(samples.shape)
    values[0, ::3, ::3] = samples
    path = write_raster("ramp.tif", values)
    plan, _ = plan_run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif")), Bounded())
    assert plan.levels["image"] == (pytest.approx(0.999 * (samples.size - 1), rel=1e-6),)
