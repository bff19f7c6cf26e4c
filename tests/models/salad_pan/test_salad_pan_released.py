"""The fused network of the published SALAD-Pan gives what the released one gives."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel

from seamline.models.salad_pan.published.checkpoint import fused_key, is_base
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.network import FusedUNet, unet_settings
from seamline.tests.models.released import by_recipe, needs, tensors

FILE = "slimdiffsr_salad/salad_unet.npz"
pytestmark = needs(FILE)

SMALL = Config(scaling_factor=1.0, base=(64, 128, 256, 256), branch=(16, 32, 64, 64))
BASE_SEED, ADAPTER_SEED = 11, 12
NEAR = {"rtol": 0.0, "atol": 5e-6, "check_dtype": False}


# In float64, so that what is left is the rounding of the released float32.
@pytest.fixture(scope="module")
def base() -> UNet2DConditionModel:
    made = UNet2DConditionModel(**unet_settings(SMALL)).eval()
    made.load_state_dict({key: by_recipe(BASE_SEED, key, value.shape) for key, value in made.state_dict().items()})
    return made.double()


def told(name: str) -> torch.Tensor:
    value = tensors(FILE)[name]
    return value.double() if value.is_floating_point() else value


@torch.no_grad()
def test_the_base_alone(base):
    torch.testing.assert_close(base(told("x"), told("t"), told("text")).sample, told("base_out"), **NEAR)


@torch.no_grad()
def test_the_fused_network(base):
    fused = FusedUNet(SMALL).eval()
    state = {key: by_recipe(ADAPTER_SEED, key, v.shape) for key, v in fused.state_dict().items() if not is_base(key)}
    fused.load_state_dict(state | {fused_key(key): value for key, value in base.state_dict().items()})
    found = fused.double()(told("x"), told("t"), told("text"), told("cond"), bands=2)
    torch.testing.assert_close(found, told("out"), **NEAR)
