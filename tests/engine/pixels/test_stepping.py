"""Blending between steps: neighbours hold one state where they meet, and nothing depends on the extent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from seamline.engine.errors import RunError
from seamline.engine.ground.tiles import even_axis
from seamline.engine.pixels.stepping import blend_states
from seamline.engine.request import Request
from seamline.engine.run import Processes, Shard, merge, run
from seamline.engine.testing import GroundNoise, assert_is_crop, assert_same_pixels


@dataclass(frozen=True, slots=True)
class Walk(GroundNoise):
    """Starts from noise in cells of 8 px and is drawn to the image; each tile's own mean pulls at it, step by step."""

    steps: int = 4
    batch: int = 2

    @property
    def spec(self):
        return replace(GroundNoise.spec.fget(self), name="walk", stepping=True)

    def load(self, runtime):
        return self

    def begin(self, batch, where):
        bands, height, width = batch["image"].shape[1:]
        return 100 * where.noise(0, 0, (bands, 1, height // 8, width // 8), cell=8)[:, :, 0]

    def step(self, state, index, batch, where):
        image = torch.nn.functional.avg_pool2d(batch["image"], 8)
        return state + (image + image.mean(dim=(2, 3), keepdim=True) - state) / (self.steps - index)

    def decode(self, state, batch, where):
        return state.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)


@pytest.fixture
def scene(write_raster):
    values = np.random.default_rng(6).integers(100, 3000, (2, 200, 330)).astype(np.uint16)
    return write_raster("in.tif", values)


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, **options)


@pytest.fixture
def whole(scene, tmp_path):
    run(asked(scene, tmp_path / "whole.tif"), Walk())
    return tmp_path / "whole.tif"


def test_neighbours_hold_the_same_state_where_they_meet():
    axis = even_axis(300, tile=64, overlap=24, align=8, margin=4)
    states = torch.arange(axis.count, dtype=torch.float32)[:, None, None, None].expand(-1, 1, 2, 8).clone()
    held = {j: (states, j) for j in range(axis.count)}
    blend_states(held, axis, 8)
    for j in range(axis.count - 1):
        shift = (axis.starts[j + 1] - axis.starts[j]) // 8
        assert torch.equal(states[j, :, :, shift:], states[j + 1, :, :, : 8 - shift])


def test_states_that_agree_stay_as_they_are():
    axis = even_axis(300, tile=64, overlap=24, align=8)
    ramp = torch.linspace(0, 1, axis.starts[-1] // 8 + 8)
    states = torch.stack([ramp[start // 8 : start // 8 + 8].expand(1, 2, 8) for start in axis.starts])
    before = states.clone()
    blend_states({j: (states, j) for j in range(axis.count)}, axis, 8)
    assert torch.equal(states, before)


@pytest.mark.parametrize("window", [(0, 0, 60, 60), (150, 40, 100, 130), (290, 150, 40, 50)])
def test_an_extent_is_a_crop(scene, whole, tmp_path, window):
    run(asked(scene, tmp_path / "part.tif", window=window), Walk())
    assert_is_crop(tmp_path / "part.tif", whole)


def test_workers_shards_and_merge(scene, whole, tmp_path):
    run(asked(scene, tmp_path / "workers.tif"), Walk(), executor=Processes(2))
    assert_same_pixels(tmp_path / "workers.tif", whole)
    for index in (2, 1):
        run(asked(scene, tmp_path / "shards.tif"), Walk(), shard=Shard(index, 2))
    merge(tmp_path / "shards.tif")
    assert_same_pixels(tmp_path / "shards.tif", whole)


def test_blending_between_steps_is_not_blending_at_the_end(scene, whole, tmp_path):
    """Tiles pull their neighbours along, so the two differ where tiles meet."""

    class Alone(Walk):
        @property
        def spec(self):
            return replace(Walk.spec.fget(self), stepping=False)

        def load(self, runtime):
            return self

        def predict(self, batch, where):
            state = self.begin(batch, where)
            for index in range(self.steps):
                state = self.step(state, index, batch, where)
            return self.decode(state, batch, where)

    run(asked(scene, tmp_path / "alone.tif"), Alone())
    with pytest.raises(AssertionError, match="values differ"):
        assert_same_pixels(tmp_path / "alone.tif", whole)


def test_a_model_that_promises_steps_and_has_none(scene, tmp_path):
    class Boastful(GroundNoise):
        @property
        def spec(self):
            return replace(GroundNoise.spec.fget(self), stepping=True)

        def load(self, runtime):
            return self

    with pytest.raises(RunError, match="shows no steps"):
        run(asked(scene, tmp_path / "o.tif"), Boastful())
