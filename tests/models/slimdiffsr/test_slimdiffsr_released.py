"""The student of SlimDiffSR and its parts give what the released ones give."""

from __future__ import annotations

import pytest
import torch

from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.layers import DirectionSeparableConv, FrequencySeparableConv, QueryAggregation
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.tests.models.released import by_recipe, needs, tensors

FILE = "slimdiffsr_salad/slimdiffsr.npz"
pytestmark = needs(FILE)

SEED = 7
NEAR = {"rtol": 0.0, "atol": 5e-6, "check_dtype": False}
PARTS = {
    "fsc": lambda: FrequencySeparableConv(32, 16),
    "dsc": lambda: DirectionSeparableConv(32, 16),
    "qgam": lambda: QueryAggregation(32, queries=5, squeeze=16),
}


# In float64, so that what is left is the rounding of the released float32.
def told(name: str) -> torch.Tensor:
    return tensors(FILE)[name].double()


@pytest.mark.parametrize("name", PARTS)
@torch.no_grad()
def test_parts(name):
    part, start = PARTS[name](), f"{name}/w/"
    part.load_state_dict({k.removeprefix(start): v for k, v in tensors(FILE).items() if k.startswith(start)})
    torch.testing.assert_close(part.double()(told(f"{name}/in")), told(f"{name}/out"), **NEAR)


@torch.no_grad()
def test_the_whole_student():
    student = SlimDiffSR(Config()).eval()
    student.load_state_dict({key: by_recipe(SEED, key, value.shape) for key, value in student.state_dict().items()})
    torch.testing.assert_close(student.double()(told("full_seed7/in")), told("full_seed7/out"), **NEAR)
