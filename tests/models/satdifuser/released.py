"""What the released modules of SatDiFuser gave, kept in ``SEAMLINE_GOLDEN``; tests that need it are skipped without."""

from __future__ import annotations

import torch

from seamline.models.satdifuser.layout import Layout, Scale
from seamline.tests.models import released

FILE = "satdifuser/golden.npz"

needs_released = released.needs(FILE)

NEAR = {"atol": 1e-5, "rtol": 0.0}
"""How near our results must come to the released ones."""

LAYOUT = Layout((47, 45, 40), (Scale(1, (24, 24, 16)), Scale(2, (40, 24)), Scale(4, (16,))))

_FUSER = ("bottleneck_layers", "mixing_weights", "gate_modules", "scale_moes")


def tensors() -> dict[str, torch.Tensor]:
    return released.tensors(FILE)


def features() -> list[list[torch.Tensor]]:
    return [[tensors()[f"in/{time}/{scale}"] for scale in range(3)] for time in LAYOUT.times]


def weights(group: str) -> dict[str, torch.Tensor]:
    start = f"{group}/w/"
    return {name.removeprefix(start): value for name, value in tensors().items() if name.startswith(start)}


def load(group: str, fuser: torch.nn.Module, head: torch.nn.Module) -> None:
    state = weights(group)
    parts = {name: value for name, value in state.items() if name.split(".")[0] in _FUSER}
    fuser.load_state_dict(parts)
    head.load_state_dict({name: value for name, value in state.items() if name not in parts})
