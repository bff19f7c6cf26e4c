"""Low-rank adapters (Hu et al., arXiv 2106.09685) for linear layers and convolutions, by module name.

Own code, since peft is not a dependency; matrices, initialisation and the matching of names follow its conventions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from ....engine.errors import ModelError, RequestError

STABLE_DIFFUSION = (
    *("to_q", "to_k", "to_v", "to_out.0", "conv", "conv1", "conv2", "conv_shortcut", "conv_in", "conv_out"),
    *("proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
)
"""What the released code adapts in Stable Diffusion's UNet; its autoencoder has the same names."""

TERRA_UNET = ("enter", "conv", "mix", "skip", "down", "up", "widen", "narrow", "leave")
"""The like in the base model: all but what time and band modulate."""

TERRA_DECODER = ("convs.*", "mixes.*", "out")


Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks of the adapters; the defaults are the paper's.

    Attributes:
        unet: of the denoising network.
        decoder: of the autoencoder's decoder.
    """

    unet: int = 32
    decoder: int = 16


class Adapted(nn.Module):
    """A frozen layer and its adapter: base(x) + b(a(x)).

    ``a`` is drawn from a normal distribution of deviation 1 / rank and ``b`` is zero: a new adapter changes nothing.

    Args:
        base: a linear layer, or a convolution in one group.
        rank: channels between ``a`` and ``b``.
        generator: on the CPU.
    """

    def __init__(self, base: Layer, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        # Built without values: layers' own initialisation would draw from the global generator.
        with torch.device("meta"):
            first, second = _linear(base, rank) if isinstance(base, nn.Linear) else _convolutions(base, rank)
        self.lora_a = first.to_empty(device=base.weight.device)
        self.lora_b = second.to_empty(device=base.weight.device)
        with torch.no_grad():
            self.lora_a.weight.copy_(torch.randn(self.lora_a.weight.shape, generator=generator) / rank)
            self.lora_b.weight.zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer."""
        out: torch.Tensor = self.base(x)
        change: torch.Tensor = self.lora_b(self.lora_a(x.to(self.lora_a.weight.dtype)))
        return out + change.to(out.dtype)

    @torch.no_grad()
    def merged(self) -> Layer:
        """The layer with the adapter added to its weights, which are changed in place."""
        change = self.lora_b.weight.flatten(1) @ self.lora_a.weight.flatten(1)
        self.base.weight.add_(change.reshape(self.base.weight.shape).to(self.base.weight.dtype))
        return self.base


def adapt(network: nn.Module, targets: Sequence[str], rank: int, generator: torch.Generator) -> tuple[str, ...]:
    """Freeze a network and give its layers of these names adapters, in place.

    Args:
        network: any; of Stable Diffusion, the base model, or another.
        targets: ends of dotted module names from a dot on, with ``*`` for anything; modules of these names that are
            neither linear nor convolutions are passed over.
        rank: of the adapters.
        generator: on the CPU.

    Returns:
        Names of the adapted layers.

    Raises:
        RequestError: no layer has such a name, one has channel groups, or the network has adapters already.
    """
    if any(isinstance(module, Adapted) for module in network.modules()):
        raise RequestError("the network has adapters already", where="lora", fix="merge them first")
    found = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Layer) and _matches(name, targets)
    }
    grouped = [name for name, module in found.items() if isinstance(module, nn.Conv2d) and module.groups > 1]
    if grouped or not found:
        what = f"{grouped[0]} has channel groups" if grouped else f"no layer is called {', '.join(targets)}"
        raise RequestError(what, where="lora", fix="choose other targets")
    network.requires_grad_(False)
    for name, module in found.items():
        _put(network, name, Adapted(module, rank, generator))
    return tuple(found)


def merge(network: nn.Module) -> None:
    """Add all adapters to the weights and remove them, in place: the result is that of before, up to rounding."""
    for name, module in [(n, m) for n, m in network.named_modules() if isinstance(m, Adapted)]:
        _put(network, name, module.merged())


def is_adapter(key: str) -> bool:
    """Whether a key of a state dict belongs to an adapter."""
    return ".lora_a." in f".{key}" or ".lora_b." in f".{key}"


def adapter_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """State dict of the adapters alone."""
    return {key: value for key, value in network.state_dict().items() if is_adapter(key)}


def load_adapters(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Give an adapted network the adapters of another.

    Raises:
        ModelError: they belong to other layers or have another rank.
    """
    own = adapter_state(network)
    if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
        raise ModelError("the adapters do not fit", where="lora", fix="adapt the same layers with the same rank")
    network.load_state_dict(state, strict=False)


def _linear(base: nn.Linear, rank: int) -> tuple[nn.Linear, nn.Linear]:
    return nn.Linear(base.in_features, rank, bias=False), nn.Linear(rank, base.out_features, bias=False)


def _convolutions(base: nn.Conv2d, rank: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The first with the kernel of the base, the second with one of 1x1."""
    names = ("kernel_size", "stride", "padding", "dilation", "padding_mode")
    shape: dict[str, Any] = {name: getattr(base, name) for name in names}
    first = nn.Conv2d(base.in_channels, rank, bias=False, **shape)
    return first, nn.Conv2d(rank, base.out_channels, 1, bias=False)


def _matches(name: str, targets: Sequence[str]) -> bool:
    return any(fnmatchcase(f".{name}", f"*.{target}") for target in targets)


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    """Replace the module of a dotted name."""
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)
