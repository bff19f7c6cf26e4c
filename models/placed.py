"""A network as runs use it: nothing is trained, and its weights lie where and as the device reads them fastest."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def channels_last(network: ModuleT, device: str) -> ModuleT:
    """A network in evaluation mode on a device, with the channels of a cell side by side: norms run over them."""
    network = network.eval().requires_grad_(False).to(device)
    # The published types of ``to`` leave this form out.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
