"""Streams of a diffusion UNet: what its decoder computes on the way, read without changing it.

The published system listens to the self-attention and the second convolution of every layer of the decoder
(SatDiFuser, arXiv 2503.07890, section 3.1), which makes 21 streams at four scales of Stable Diffusion 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from .layout import Layout, Scale

_LISTENED = ("attn1", "conv2")
"""Ends of module names, in the order in which their streams are concatenated."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One module that is listened to.

    Attributes:
        block: number of its block of the decoder.
        name: of the module in the UNet.
    """

    block: int
    name: str


def streams(unet: nn.Module) -> tuple[Stream, ...]:
    """Streams of a UNet in hook order: block by block, self-attention before convolutions."""
    found = []
    for number, block in enumerate(_decoder(unet)):
        names = [name for name, _ in block.named_modules()]
        for end in _LISTENED:
            found += [Stream(number, f"up_blocks.{number}.{name}") for name in names if name.split(".")[-1] == end]
    return tuple(found)


def layout(unet: UNet2DConditionModel, times: Sequence[int], factor: int) -> Layout:
    """What ``listen`` gives, found by a pass without memory.

    Args:
        unet: any UNet of diffusers that takes latents, time and text.
        times: at which features are read.
        factor: image px along a latent cell.
    """
    config: Any = unet.config
    side = 2 ** len(config.block_out_channels)
    with torch.device("meta"):
        blank: Any = UNet2DConditionModel.from_config(config)
        told = torch.zeros(1, 1, config.cross_attention_dim)
        with listen(blank) as heard:
            blank(torch.zeros(1, config.in_channels, side, side), 1, told)
    scales = [
        Scale(factor * side // block[0].shape[-1], tuple(x.shape[1] for x in block)) for block in reversed(heard.blocks)
    ]
    return Layout(tuple(times), tuple(scales))


class Heard:
    """Streams of the last pass.

    Attributes:
        outputs: of each module, by number of its stream.
    """

    def __init__(self, listened: Sequence[Stream]) -> None:
        self.listened = listened
        self.outputs: dict[int, torch.Tensor] = {}

    @property
    def blocks(self) -> list[list[torch.Tensor]]:
        """(N, C, h, w) of each stream, by block of the decoder, coarsest first."""
        found: list[list[torch.Tensor]] = [[] for _ in range(1 + max(each.block for each in self.listened))]
        for number, each in enumerate(self.listened):
            found[each.block].append(self.outputs[number])
        return [_on_maps(block) for block in found]

    def maps(self) -> list[torch.Tensor]:
        """One map a scale, finest first, with the streams of its block concatenated."""
        return [torch.cat(block, dim=1) for block in reversed(self.blocks)]


@contextmanager
def listen(unet: nn.Module) -> Iterator[Heard]:
    """Hear the streams of the pass that is run inside."""
    heard = Heard(streams(unet))

    def note(number: int) -> Callable[[nn.Module, Any, torch.Tensor], None]:
        def hook(_module: nn.Module, _given: Any, output: torch.Tensor) -> None:
            heard.outputs[number] = output

        return hook

    hooks = [
        unet.get_submodule(each.name).register_forward_hook(note(number)) for number, each in enumerate(heard.listened)
    ]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _on_maps(block: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Streams as maps: attention gives tokens (N, h * w, C), row by row, of maps as large as the convolutions'."""
    height, width = next(x.shape[-2:] for x in block if x.ndim == 4)
    return [x if x.ndim == 4 else x.movedim(1, 2).reshape(len(x), -1, height, width) for x in block]


def _decoder(unet: nn.Module) -> Sequence[nn.Module]:
    blocks: Any = unet.up_blocks
    return list(blocks)
