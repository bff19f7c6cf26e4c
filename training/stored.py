"""Weights as a model folder stores them: 16 bit floating point."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def halves(module: nn.Module) -> dict[str, torch.Tensor]:
    """The weights of a module as they are stored, on the CPU."""
    return {name: value.detach().cpu().half() for name, value in module.state_dict().items()}


def rounded(copy: ModuleT, module: ModuleT) -> ModuleT:
    """A copy of a module with its weights rounded to what is stored, so that what is measured is what is used.

    Args:
        copy: a new module of the same shape; it is filled and returned.
        module: whose weights are rounded.
    """
    copy.load_state_dict({name: value.float() for name, value in halves(module).items()})
    return copy.eval()
