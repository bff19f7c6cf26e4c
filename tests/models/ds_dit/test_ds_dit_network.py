"""Counts, keys, and what must hold of the transformer before it is trained and after."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from seamline.engine.errors import ModelError
from seamline.models.counts import count
from seamline.models.ds_dit.config import Config
from seamline.models.ds_dit.flow import drawn, guided, sampled, sigmas
from seamline.models.ds_dit.layers import Attended, Sight
from seamline.models.ds_dit.network import DsDit
from seamline.tests.bounds import assert_same_but_rounding

TINY = Config(depth=2, width=64, heads=2, latent=4, low=4, reference=4, table=12)


def made(config, seed=0):
    """Weights that are nowhere zero."""
    torch.manual_seed(seed)
    network = DsDit(config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return network


def images(side=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 4, side, side, generator=generator) for _ in range(3)]


@pytest.mark.parametrize(("name", "parameters"), [("ds-dit", 3_188_556_976), ("m3-dit", 3_005_809_216)])
def test_parameters_are_those_of_the_paper(name, parameters):
    assert count(name) == parameters


def test_keys_are_those_of_the_released_checkpoint():
    with torch.device("meta"):
        network = DsDit(Config())
    state = network.state_dict()
    assert len(state) == 927
    assert state["pos_embed"].shape == (1, 36_864, 1536)
    block = network.joint_blocks[0]
    assert sum(p.numel() for p in block.x_block.parameters()) == 42_490_368
    assert sum(p.numel() for p in block.weighting.parameters()) == 5_057_306


@pytest.mark.parametrize("kind", ["joint", "siamese"])
@pytest.mark.parametrize("window", [0, 4])
@torch.no_grad()
def test_every_shape_comes_back(kind, window):
    network = made(replace(TINY, kind=kind, window=window, table=0))
    for height, width in ((8, 8), (16, 24), (8, 32)):
        x, low, reference = (torch.randn(1, 4, height, width) for _ in range(3))
        assert network(x, torch.tensor([500.0]), low, reference).shape == x.shape


@torch.no_grad()
def test_before_training_the_injection_adds_nothing_and_weighs_evenly():
    torch.manual_seed(0)
    for injection in ("independent", "summed", "weighted"):
        layer = DsDit(replace(TINY, injection=injection)).joint_blocks[0].weighting
        x, low, reference = (torch.randn(2, 9, 64) for _ in range(3))
        assert torch.equal(layer(x, low, reference), x)
    assert torch.equal(layer.weights(x, low, reference), torch.full((2, 9, 2), 0.5))


@torch.no_grad()
def test_without_the_reference_scale_the_image_sees_the_reference_through_the_weights_alone():
    network = made(TINY)
    for block in network.joint_blocks:
        torch.nn.init.zeros_(block.weighting.zero_proj.weight)
    x, low, reference = images()
    time = torch.tensor([300.0, 900.0])
    same = network(x, time, low, reference, 0.0)
    assert_same_but_rounding(network(x, time, low, -3.0 * reference, 0.0), same)
    assert not torch.allclose(network(x, time, low, -3.0 * reference, 1.0), network(x, time, low, reference, 1.0))


@torch.no_grad()
def test_a_joint_attention_has_no_share_of_the_reference():
    network = made(replace(TINY, kind="joint"))
    x, low, reference = images()
    with pytest.raises(ValueError, match="no share"):
        network(x, torch.tensor([300.0, 900.0]), low, reference, 0.5)


@torch.no_grad()
def test_a_latent_larger_than_the_table_of_positions_is_refused():
    large = torch.zeros(1, 4, 32, 8)
    with pytest.raises(ModelError, match="positions"):
        made(TINY)(large, torch.tensor([1.0]), large, large)


@pytest.mark.parametrize("moved", [False, True])
@torch.no_grad()
def test_a_window_sees_itself_alone(moved):
    sight = Sight(8, 12, 2, window=4, moved=moved)
    generator = torch.Generator().manual_seed(0)
    streams = [Attended(*torch.randn(3, 1, 96, 8, generator=generator)) for _ in range(2)]
    before = sight.attend(streams)
    # Token (5, 6): its window is rows 4..7 and columns 4..7, moved by two rows 2..5 and columns 6..9.
    changed = [part.clone() for part in streams[1]]
    changed[2][0, 5 * 12 + 6] += 1.0
    after = sight.attend([streams[0], Attended(*changed)])
    for one, other in zip(before, after, strict=True):
        rows, columns = ((one - other).abs().amax(dim=2)[0].reshape(8, 12) > 1e-6).nonzero(as_tuple=True)
        first_row, first_column = (2, 6) if moved else (4, 4)
        assert set(rows.tolist()) == set(range(first_row, first_row + 4))
        assert set(columns.tolist()) == set(range(first_column, first_column + 4))


@torch.no_grad()
def test_windows_of_a_part_are_those_of_the_whole():
    network = made(replace(TINY, window=4, table=0))
    x, low, reference = (torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(k)) for k in range(3))
    time = torch.tensor([400.0])
    whole = network(x, time, low, reference)
    inner_x, inner_low, inner_reference = (each[..., 8:56, 8:56] for each in (x, low, reference))
    part = network(inner_x, time, inner_low, inner_reference)
    # Two blocks reach two windows and a half; a token has two cells.
    assert_same_but_rounding(part[..., 20:28, 20:28], whole[..., 28:36, 28:36])


@pytest.mark.parametrize("solver", ["euler", "dpm"])
def test_a_straight_path_is_followed_to_its_data_in_any_number_of_steps(solver):
    data, noise = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)), torch.ones(2, 3)
    for steps in (1, 2, 7):
        found = sampled(lambda z, s: (z - data) / s, noise, steps, solver=solver)
        assert_same_but_rounding(found, data)


def test_levels_go_down_from_noise_to_data_and_draws_lie_between():
    for steps in (1, 4, 40):
        levels = sigmas(steps)
        assert levels[0] == 1.0
        assert levels[-1] == 0.0
        assert all(a > b for a, b in pairwise(levels))
    found = drawn(1000, torch.Generator().manual_seed(0))
    assert float(found.min()) > 0.0
    assert float(found.max()) < 1.0
    # The median of a logit-normal draw is a half, shifted to three quarters.
    assert abs(float(found.median()) - 0.75) < 0.05


def test_a_guidance_of_one_is_the_strong_pass():
    strong, weak = torch.randn(2, 5), torch.randn(2, 5)
    torch.testing.assert_close(guided(strong, weak, 1.0), strong)
    assert torch.equal(guided(strong, weak, 0.0), weak)


@pytest.mark.parametrize(
    "wrong", [{"width": 96}, {"heads": 7}, {"window": 3}, {"depth": 0}, {"kind": "other"}, {"injection": "none"}]
)
def test_shapes_that_no_network_has_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\d|is|are"):
        replace(Config(), **wrong)
