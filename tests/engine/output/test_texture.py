from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seamline.engine.ground.tiles import even_axis
from seamline.engine.output.texture import TextureMeter
from seamline.engine.pixels.blending import ramp_weights
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import PassThrough

AXIS = even_axis(800, tile=256, overlap=32, align=8)


def ratio(image, valid=None, chunks=(800,), axis=AXIS):
    meter = TextureMeter(len(image), *image.shape[1:], axis.boundaries(), axis.boundaries(), axis.ramp)
    start = 0
    for size in chunks:
        part = slice(start, start + size)
        meter.push(image[:, part], None if valid is None else valid[:, part])
        start += size
    return meter.ratio()


def noise(seed=0, bands=2):
    return np.random.default_rng(seed).normal(1000, 20, (bands, AXIS.length, AXIS.length)).astype(np.float32)


@pytest.fixture(scope="module")
def blended_noise():
    """What blending leaves of a model that draws its texture anew in every tile."""
    axis, draw = AXIS, iter(range(100, 200))
    image = np.zeros((2, axis.length, axis.length))
    weights = np.zeros((axis.count, axis.length))
    ramp = ramp_weights(axis.ramp)
    for i in range(axis.count):
        weights[i, axis.up(i) : axis.down(i)] = 1
        if i:
            weights[i, axis.up(i) : axis.up(i) + axis.ramp] = ramp
            weights[i - 1, axis.up(i) : axis.up(i) + axis.ramp] = 1 - ramp
    for rows in weights:
        for columns in weights:
            image += noise(next(draw)) * rows[:, None] * columns
    return image.astype(np.float32)


def test_control_an_unblended_texture_lies_in_the_control_band():
    """As often as a 95 % band says: 6 in 100 with 32 grids, so 5 of 24 would be one chance in a hundred."""
    found = [ratio(noise(seed, bands=1)) for seed in range(24)]
    assert sum(not f.low <= f.ratio <= f.high for f in found) <= 4
    assert all(f.ratio == pytest.approx(1, abs=0.08) for f in found)


def test_control_averaging_two_independent_textures_halves_their_variance(blended_noise):
    found = ratio(blended_noise)
    assert found.ratio == pytest.approx(0.5, abs=0.08)
    assert found.ratio < found.low


def test_a_step_at_the_boundaries_is_not_texture():
    tiles = np.searchsorted(AXIS.boundaries(), np.arange(AXIS.length), side="right")
    stepped = noise() + 40 * ((tiles[:, None] + tiles) % 2)
    assert ratio(stepped).ratio == pytest.approx(ratio(noise()).ratio, abs=0.05)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_the_ratio_does_not_depend_on_the_chunks(blended_noise, sizes):
    while sum(sizes) < AXIS.length:
        sizes = [*sizes, 97]
    assert ratio(blended_noise, chunks=sizes).ratio == pytest.approx(ratio(blended_noise).ratio, rel=1e-9)


def test_masked_pixels_do_not_count():
    image, valid = noise(), np.ones((2, AXIS.length, AXIS.length), np.bool_)
    line = AXIS.boundaries()[1]
    image[:, line - 20 : line + 20] += 3 * (image[:, line - 20 : line + 20] - 1000)
    valid[:, line - 20 : line + 20] = False
    assert ratio(image, valid).ratio == pytest.approx(1, abs=0.1)
    assert ratio(image).ratio > 1.3


def test_no_interior_no_ratio():
    """Tiles that share half of themselves hand over everywhere."""
    tight = even_axis(800, tile=64, overlap=32, align=32)
    assert tight.ramp == 32
    assert ratio(noise(), axis=tight) is None


def test_no_boundary_no_ratio():
    assert ratio(noise(), axis=even_axis(800, tile=800, overlap=0, align=8)) is None


@dataclass(frozen=True)
class NewTexture:
    """Draws another texture in every tile, as a model does whose noise is not anchored to the ground."""

    identity: str = "new-texture@1"

    @property
    def spec(self):
        return replace(PassThrough().spec, name="new-texture")

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        draws = [torch.Generator().manual_seed(row * 1000 + column) for row, column in where.origins]
        texture = torch.stack([torch.randn(batch["image"].shape[1:], generator=draw) for draw in draws])
        return batch["image"] + 100 * texture


@pytest.mark.parametrize(("model", "expected"), [(PassThrough(), 1.0), (NewTexture(), 0.5)])
def test_the_report_says_what_blending_did_to_the_texture(write_raster, tmp_path, model, expected):
    scene = write_raster("scene.tif", np.random.default_rng(4).normal(1000, 5, (1, 512, 512)).astype(np.float32))
    request = Request(inputs={"image": str(scene)}, out=str(tmp_path / "out.tif"), tile=128, overlap=32, threads=1)
    metrics = run(request, model).facts["metrics"]
    assert metrics["overlap_variance_ratio"] == pytest.approx(expected, abs=0.12)
    low, high = metrics["overlap_variance_control_band"]
    assert low < 1 < high
