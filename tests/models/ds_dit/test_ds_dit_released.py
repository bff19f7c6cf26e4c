"""Transformer, noise levels and solvers give what the released modules give."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from seamline.models.ds_dit.config import Config
from seamline.models.ds_dit.flow import guided, sampled, sigmas
from seamline.models.ds_dit.network import DsDit
from seamline.tests.models.released import by_recipe, needs, tensors

FILE = "ds_dit/golden.npz"
pytestmark = needs(FILE)

SMALL = Config(depth=2, width=128, heads=2, latent=4, low=4, reference=4, table=12)
SEED = 21
NEAR = {"rtol": 1e-5, "atol": 1e-5}
PLW = "plw0_weights_for(lr,ref,x)=(block0_lr,block0_ref,embedded_x)"


def told(name):
    return tensors(FILE)[name]


def weight(key, shape):
    drawn = by_recipe(SEED, key, shape)
    return 8.0 * drawn if key == "pos_embed" else drawn


@pytest.fixture(scope="module")
def network():
    made = DsDit(SMALL).eval()
    made.load_state_dict({key: weight(key, value.shape) for key, value in made.state_dict().items()})
    return made


def velocity(network, noisy, sigma, ref_scale=1.0):
    time = torch.full((len(noisy),), 1000.0 * sigma)
    return network(noisy, time, told("lr"), told("ref"), ref_scale)


def test_the_weights_are_those_of_the_recipe(network):
    state = network.state_dict()
    assert sorted(state) == told("weight_keys")
    sums = torch.stack([state[key].double().sum() for key in told("weight_keys")])
    torch.testing.assert_close(sums, told("weight_sums"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("ref_scale", [1.0, 0.0, 0.5])
@torch.no_grad()
def test_velocity(network, ref_scale):
    found = network(told("x"), told("t"), told("lr"), told("ref"), ref_scale)
    torch.testing.assert_close(found, told(f"v_ref_scale_{ref_scale}"), **NEAR)


@torch.no_grad()
def test_tokens_after_the_first_block_and_the_embedding_of_time(network):
    torch.testing.assert_close(network.t_embedder(told("t")), told("t_embed"), **NEAR)
    _, passed = network.with_streams(told("x"), told("t"), told("lr"), told("ref"))
    for tokens, name in zip(passed[0], ("x", "lr", "ref"), strict=True):
        torch.testing.assert_close(tokens, told(f"block0_{name}"), **NEAR)


@torch.no_grad()
def test_patch_level_weights(network):
    x = network.embedded(told("x"), told("lr"), told("ref")).x + told_positions()
    found = network.joint_blocks[0].weighting.weights(x, told("block0_lr"), told("block0_ref"))
    torch.testing.assert_close(found, told(PLW), **NEAR)


def told_positions():
    """The middle of the stored table, for 8 x 6 tokens."""
    return told("pos_embed").unflatten(1, (12, 12))[:, 2:10, 3:9].flatten(1, 2)


@pytest.mark.parametrize(("steps", "shift"), [(4, 3.0), (40, 3.0), (40, 1.0)])
def test_noise_levels(steps, shift):
    assert sigmas(steps, shift) == pytest.approx(told(f"sigmas{steps}_shift{shift:g}").tolist(), rel=0, abs=1e-6)


@torch.no_grad()
def test_euler_with_and_without_guidance(network):
    found = sampled(partial(velocity, network), told("x"), 4)
    torch.testing.assert_close(found, told("euler4"), **NEAR)

    def pushed(noisy, sigma):
        return guided(velocity(network, noisy, sigma), velocity(network, noisy, sigma, 0.0), 1.2)

    torch.testing.assert_close(sampled(pushed, told("x"), 4), told("euler4_w1.2"), **NEAR)


@torch.no_grad()
def test_the_second_order_solver(network):
    found = sampled(partial(velocity, network), told("x"), 4, solver="dpm")
    # Its last steps multiply the difference of two predictions by seven, and their rounding with it.
    largest = told("dpmpp2m4").abs().max()
    torch.testing.assert_close(found / largest, told("dpmpp2m4") / largest, rtol=0, atol=1e-5)
