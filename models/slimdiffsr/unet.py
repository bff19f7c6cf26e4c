"""The pruned UNet: two levels of Stable Diffusion 2.1 and one residual block for all that was deeper.

No timestep, no text.  Skips are passed on in a list of each call, and what is known of the whole image in an object of
each call, so a network may run in many threads at once.
Attributes are named so that a state dict has the keys of published checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from .config import LATENT, Config
from .layers import (
    ChannelMix,
    DirectionSeparableConv,
    Doubling,
    FrequencySeparableConv,
    GatedFeedForward,
    Halving,
    QueryAggregation,
)
from .wholes import AS_PUBLISHED, Wholes

_HEAD = 64  # channels of a head of self-attention in Stable Diffusion 2.1


class Features(NamedTuple):
    """Maps after each layer of the UNet, (N, channels, h, w): what distillation compares.

    Attributes:
        down0: first level, already at half its resolution.
        down1: second level.
        mid: the block that stands for the removed levels.
        up0: second level on the way up, already at twice its resolution.
        up1: first level on the way up.
    """

    down0: torch.Tensor
    down1: torch.Tensor
    mid: torch.Tensor
    up0: torch.Tensor
    up1: torch.Tensor


class Residual(nn.Module):
    """Two norms, activations and light convolutions, added to what came in."""

    def __init__(self, config: Config, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(config.groups, channels_in, eps=1e-5)
        self.norm2 = nn.GroupNorm(config.groups, channels_out, eps=1e-5)
        self.conv1: nn.Module
        self.conv2: nn.Module
        if config.first == "fsc":
            self.conv1 = FrequencySeparableConv(channels_in, channels_out)
        else:
            self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        if config.second == "dsc":
            self.conv2 = DirectionSeparableConv(channels_out, channels_out)
        else:
            self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.conv_shortcut = ChannelMix(channels_in, channels_out) if channels_in != channels_out else None

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        h = _convolved(self.conv1, F.silu(wholes.normed(self.norm1, x)), wholes)
        h = _convolved(self.conv2, F.silu(wholes.normed(self.norm2, h)), wholes)
        out: torch.Tensor = h + (x if self.conv_shortcut is None else self.conv_shortcut(x))
        return out


def _convolved(conv: nn.Module, x: torch.Tensor, wholes: Wholes) -> torch.Tensor:
    gated = isinstance(conv, FrequencySeparableConv | DirectionSeparableConv)
    out: torch.Tensor = conv(x, wholes) if gated else conv(x)
    return out


class TransformerBlock(nn.Module):
    """Attention over all tokens, where there is any, and a gated feed-forward net, each added to what came in."""

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        self.attends = config.attention != "none"
        if self.attends:
            self.norm1 = nn.LayerNorm(channels)
            self.attn1 = _attention(config, channels)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = GatedFeedForward(channels, config.hidden * channels)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, tokens, channels) to the same shape."""
        if self.attends:
            tokens = self.norm1(x)
            aggregates = isinstance(self.attn1, QueryAggregation)
            x = x + (self.attn1(tokens, wholes) if aggregates else self.attn1(tokens))
        out: torch.Tensor = x + self.ff(self.norm3(x))
        return out


def _attention(config: Config, channels: int) -> nn.Module:
    if config.attention == "qgam":
        return QueryAggregation(channels, config.queries, config.squeeze)
    # Importing diffusers takes longer than a small scene; networks that do without it do not wait for it.
    from diffusers.models.attention_processor import Attention

    head = min(_HEAD, channels)
    return Attention(channels, heads=channels // head, dim_head=head)


class Transformer(nn.Module):
    """A transformer block on the cells of a map."""

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(config.groups, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(config, channels)])
        self.proj_out = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, channels, h, w) to the same shape."""
        tokens = self.proj_in(wholes.normed(self.norm, x).flatten(2).transpose(1, 2))
        for block in self.transformer_blocks:
            tokens = block(tokens, wholes)
        out: torch.Tensor = x + self.proj_out(tokens).transpose(1, 2).reshape(x.shape)
        return out


class Down(nn.Module):
    """A level on the way down: twice a residual block and a transformer, and where ``halve`` is set a convolution."""

    def __init__(self, config: Config, channels_in: int, channels: int, *, halve: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(Residual(config, before, channels) for before in (channels_in, channels))
        self.attentions = nn.ModuleList(Transformer(config, channels) for _ in range(2))
        sampler = [Halving(channels)] if halve else []
        self.downsamplers = nn.ModuleList(sampler)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> list[torch.Tensor]:
        """Maps after each pair, and after the convolution."""
        passed = []
        for resnet, attention in zip(self.resnets, self.attentions, strict=True):
            x = attention(resnet(x, wholes), wholes)
            passed.append(x)
        return passed + [sampler(x) for sampler in self.downsamplers]


class Middle(nn.Module):
    """The block in the place of all deeper levels; the released code wraps it once."""

    def __init__(self, config: Config, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.mid_block = Residual(config, channels_in, channels_out)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """(N, channels_in, h, w) to (N, channels_out, h, w)."""
        out: torch.Tensor = self.mid_block(x, wholes)
        return out


class Up(nn.Module):
    """A level on the way up: three times a skip, a residual block and a transformer; ``double`` repeats and convolves.

    Args:
        channels_in: of the map from below.
        channels: of the level.
        skipped: channels of the skips, in the order in which they are used.
    """

    def __init__(
        self, config: Config, channels_in: int, channels: int, skipped: Sequence[int], *, double: bool
    ) -> None:
        super().__init__()
        entering = [below + skip for below, skip in zip((channels_in, channels, channels), skipped, strict=True)]
        self.resnets = nn.ModuleList(Residual(config, before, channels) for before in entering)
        self.attentions = nn.ModuleList(Transformer(config, channels) for _ in range(3))
        sampler = [Doubling(channels)] if double else []
        self.upsamplers = nn.ModuleList(sampler)

    def forward(self, x: torch.Tensor, skips: list[torch.Tensor], wholes: Wholes = AS_PUBLISHED) -> torch.Tensor:
        """Map after the level; takes its skips from the end of the list."""
        for resnet, attention in zip(self.resnets, self.attentions, strict=True):
            x = attention(resnet(torch.cat((x, skips.pop()), dim=1), wholes), wholes)
        for sampler in self.upsamplers:
            x = sampler(x)
        return x


class PrunedUNet(nn.Module):
    """Two levels, and one block below them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        outer, inner, middle = config.channels
        if not config.joined or config.compat:
            self.conv_in = nn.Conv2d(LATENT, outer, 3, padding=1)
            self.conv_out = nn.Conv2d(outer, LATENT, 3, padding=1)
        if config.compat:
            from diffusers.models.embeddings import TimestepEmbedding

            self.time_embedding = TimestepEmbedding(outer, 4 * outer)
        self.down_blocks = nn.ModuleList(
            (Down(config, outer, outer, halve=True), Down(config, outer, inner, halve=False))
        )
        self.mid_block = Middle(config, inner, middle)
        self.up_blocks = nn.ModuleList(
            (
                Up(config, middle, inner, (inner, inner, outer), double=True),
                Up(config, inner, outer, (outer, outer, outer), double=False),
            )
        )
        self.conv_norm_out = nn.GroupNorm(config.groups, outer, eps=1e-5)

    def forward(self, x: torch.Tensor, wholes: Wholes = AS_PUBLISHED) -> tuple[torch.Tensor, Features]:
        """The pruned part alone, without first and last convolution.

        Args:
            x: (N, channels[0], h, w), h and w even.
            wholes: what the layers know of the whole image.

        Returns:
            The last map, normed and activated, of the same shape; and the maps on the way to it.
        """
        skips = [x]
        levels = []
        for down in self.down_blocks:
            skips += down(skips[-1], wholes)
            levels.append(skips[-1])
        levels.append(self.mid_block(skips[-1], wholes))
        for up in self.up_blocks:
            levels.append(up(levels[-1], skips, wholes))
        return F.silu(wholes.normed(self.conv_norm_out, levels[-1])), Features(*levels)
