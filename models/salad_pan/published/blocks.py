"""Blocks in which the frozen UNet and its two branches run side by side.

Attributes are named so that a state dict has the keys of published checkpoints.  The base parts are the UNet's own
modules, so with silent branches the result is theirs to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..layers import GatedZeroConv
from . import branches
from .branches import BRANCHES
from .config import Config
from .layers import RegionalBandAttention, Scales, Streams, fuse


def attend(attention: Any, x: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Run one of diffusers' transformers on (N, C, h, w) and (N, tokens, length)."""
    out: torch.Tensor = attention(x, encoder_hidden_states=text, return_dict=False)[0]
    return out


class FusedDown(nn.Module):
    """One encoder level: base and branches exchange at every residual block and at the downsampler.

    Args:
        base: the UNet's block.
        level: number of the level from 0.
    """

    def __init__(self, base: Any, config: Config, level: int) -> None:
        super().__init__()
        self.base_resnets = base.resnets
        self.base_attentions = base.attentions if hasattr(base, "attentions") else nn.ModuleList()
        self.base_downsamplers = None if base.downsamplers is None else base.downsamplers[0]
        width, branch = config.base[level], config.branch[level]
        heard = [config.base[max(level - 1, 0)], width] + [width] * (self.base_downsamplers is not None)
        for name in BRANCHES:
            self.add_module(f"{name}_resnets", branches.encoder_resnets(config, level))
            self.add_module(f"{name}_attentions", branches.encoder_attentions(config, level))
            self.add_module(f"{name}_base_to_ctrl", nn.ModuleList(GatedZeroConv(n, n) for n in heard))
            self.add_module(f"{name}_ctrl_to_base", nn.ModuleList(GatedZeroConv(branch, width) for _ in heard))
            if self.base_downsamplers is not None:
                self.add_module(f"{name}_downsamplers", branches.downsampler(config, level))

    def forward(self, x: Streams, time: torch.Tensor, text: torch.Tensor, scales: Scales) -> list[Streams]:
        """Streams after each residual block, and after the downsampler where there is one."""
        passed = []
        for j, resnet in enumerate(self.base_resnets):
            heard = self._heard(x, j)
            base = resnet(x.base, time)
            if self.base_attentions:
                base = attend(self.base_attentions[j], base, text)
            own = [self._part(name, "resnets")[j](h, time) for name, h in zip(BRANCHES, heard, strict=True)]
            if self.base_attentions:
                own = [
                    attend(self._part(name, "attentions")[j], h, text) for name, h in zip(BRANCHES, own, strict=True)
                ]
            x = self._told(base, own, j, scales)
            passed.append(x)
        if self.base_downsamplers is not None:
            last = len(self.base_resnets)
            heard = self._heard(x, last)
            base = self.base_downsamplers(x.base)
            own = [self._part(name, "downsamplers")(h) for name, h in zip(BRANCHES, heard, strict=True)]
            passed.append(self._told(base, own, last, scales))
        return passed

    def _part(self, branch: str, part: str) -> Any:
        return getattr(self, f"{branch}_{part}")

    def _heard(self, x: Streams, crossing: int) -> list[torch.Tensor]:
        """Each branch's maps with the projected ones of the base beside them."""
        return [
            torch.cat((own, self._part(name, "base_to_ctrl")[crossing](x.base)), dim=1)
            for name, own in zip(BRANCHES, x[1:], strict=True)
        ]

    def _told(self, base: torch.Tensor, own: list[torch.Tensor], crossing: int, scales: Scales) -> Streams:
        """The streams after the branches have been fused into the base."""
        told = [self._part(name, "ctrl_to_base")[crossing](h) for name, h in zip(BRANCHES, own, strict=True)]
        return Streams(fuse(base, told[0], told[1], scales), *own)


class FusedMiddle(nn.Module):
    """The middle block, with attention over the bands at the end of each branch where ``config.region`` asks for it."""

    def __init__(self, base: Any, config: Config) -> None:
        super().__init__()
        self.base_midblock = base
        self.hears = config.coupling == "code"
        width, branch = config.base[-1], config.branch[-1]
        for name in BRANCHES:
            self.add_module(f"base_to_{name}", GatedZeroConv(width, width))
            self.add_module(f"{name}_midblock", branches.middle(config))
            self.add_module(f"{name}_to_base", GatedZeroConv(branch, width))
            if config.region is not None:
                groups = branches.largest_divisor(branch, config.base_groups)
                attention = RegionalBandAttention(branch, config.branch_heads, groups, config.region)
                self.add_module(f"{name}_cross_band", attention)

    def forward(self, x: Streams, time: torch.Tensor, text: torch.Tensor, bands: int, scales: Scales) -> torch.Tensor:
        """Maps of the base after the block; the branches end here."""
        told = []
        for name, own in zip(BRANCHES, x[1:], strict=True):
            said = getattr(self, f"base_to_{name}")(x.base) if self.hears else torch.zeros_like(x.base)
            h = getattr(self, f"{name}_midblock")(torch.cat((own, said), dim=1), time, encoder_hidden_states=text)
            cross_band = getattr(self, f"{name}_cross_band", None)
            h = h if cross_band is None else cross_band(h, bands)
            told.append(getattr(self, f"{name}_to_base")(h))
        return fuse(self.base_midblock(x.base, time, encoder_hidden_states=text), told[0], told[1], scales)


class FusedUp(nn.Module):
    """One decoder level: before every residual block the branches' maps of that depth are fused into the base.

    Args:
        base: the UNet's block.
        entering: channels of the base before each residual block.
        skipped: channels of the branches' maps, in the order in which they are used.
    """

    def __init__(self, base: Any, entering: Sequence[int], skipped: Sequence[int]) -> None:
        super().__init__()
        self.resnets = base.resnets
        self.attentions = base.attentions if hasattr(base, "attentions") else nn.ModuleList()
        self.upsamplers = None if base.upsamplers is None else base.upsamplers[0]
        for name in BRANCHES:
            crossings = (GatedZeroConv(n, m) for n, m in zip(skipped, entering, strict=True))
            self.add_module(f"ctrl_to_base_{name}", nn.ModuleList(crossings))

    def forward(
        self, x: torch.Tensor, skips: list[Streams], time: torch.Tensor, text: torch.Tensor, scales: Scales
    ) -> torch.Tensor:
        """Maps of the base; takes its skips from the end of the list."""
        for k, resnet in enumerate(self.resnets):
            skip = skips.pop()
            told = [getattr(self, f"ctrl_to_base_{name}")[k](h) for name, h in zip(BRANCHES, skip[1:], strict=True)]
            x = resnet(torch.cat((fuse(x, told[0], told[1], scales), skip.base), dim=1), time)
            if self.attentions:
                x = attend(self.attentions[k], x, text)
        return x if self.upsamplers is None else self.upsamplers(x)
