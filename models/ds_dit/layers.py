"""Blocks of the transformer; attributes are named so that a state dict has the keys of published checkpoints.

Tokens are (N, T, width), row by row.  Attention sees all tokens of an image, as published, or windows of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from .config import FREQUENCIES, Config

_PERIOD = 10_000.0


class Attended(NamedTuple):
    """Queries, keys and values of a stream, (N, T, width) each."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor


@dataclass(frozen=True, slots=True)
class Sight:
    """What a token sees of its own image and of the others.

    Attributes:
        height, width: tokens of the image.
        heads: of the attention.
        window: tokens along a side of a window; 0 for all.
        moved: whether windows start half a window before the first token.
    """

    height: int
    width: int
    heads: int
    window: int = 0
    moved: bool = False

    def attend(self, streams: Sequence[Attended]) -> tuple[torch.Tensor, ...]:
        """One attention over the tokens of all streams; what each stream's tokens read, (N, T, width)."""
        n = len(streams[0].query)
        query, key, value = (
            torch.cat([self._parted(part) for part in parts], dim=1) for parts in zip(*streams, strict=True)
        )
        read = self._read(self._heads(query), self._heads(key), self._heads(value))
        found = read.transpose(1, 2).flatten(2).chunk(len(streams), dim=1)
        return tuple(self._whole(part, n) for part in found)

    def _read(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        if not self.window:
            return F.scaled_dot_product_attention(query, key, value)
        # Written out: windows are small and many, for which the fused kernels take three times as long.
        weights = torch.softmax(query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5, dim=-1)
        return weights @ value

    def _heads(self, tokens: torch.Tensor) -> torch.Tensor:
        n, count, width = tokens.shape
        return tokens.reshape(n, count, self.heads, width // self.heads).transpose(1, 2)

    def _parted(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, T, width) to (N * windows, tokens of one, width)."""
        if not self.window:
            return tokens
        side = self.window
        maps = self._moved(as_map(tokens, self.height, self.width))
        n, channels, height, width = maps.shape
        cut = maps.reshape(n, channels, height // side, side, width // side, side)
        return cut.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, channels)

    def _moved(self, maps: torch.Tensor) -> torch.Tensor:
        before = self.window // 2 if self.moved else 0
        below, right = (-(size + before) % self.window for size in maps.shape[-2:])
        return F.pad(maps, (before, right, before, below), mode="replicate") if before or below or right else maps

    def _whole(self, windows: torch.Tensor, n: int) -> torch.Tensor:
        if not self.window:
            return windows
        side, before = self.window, self.window // 2 if self.moved else 0
        rows, columns = (-(-(size + before) // side) for size in (self.height, self.width))
        maps = windows.reshape(n, rows, columns, side, side, -1).permute(0, 5, 1, 3, 2, 4)
        maps = maps.reshape(n, -1, rows * side, columns * side)
        return as_tokens(maps[..., before : before + self.height, before : before + self.width])


def as_map(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(N, T, channels) to (N, channels, height, width)."""
    n, _, channels = tokens.shape
    return tokens.transpose(1, 2).reshape(n, channels, height, width)


def as_tokens(maps: torch.Tensor) -> torch.Tensor:
    """(N, channels, height, width) to (N, T, channels)."""
    return maps.flatten(2).transpose(1, 2)


def modulated(norm: nn.Module, x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Normed tokens, scaled and shifted by (N, width) each."""
    found: torch.Tensor = norm(x) * (1 + scale[:, None]) + shift[:, None]
    return found


class PatchEmbed(nn.Module):
    """Cells to tokens by a convolution that steps by its side."""

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, config.width, config.patch, stride=config.patch)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) to (N, h * w / patch ** 2, width)."""
        return as_tokens(self.proj(cells))


class TimeEmbedding(nn.Module):
    """Sinusoids of the time, cosines first, through two linear maps."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, config.width), nn.SiLU(), nn.Linear(config.width, config.width))

    def forward(self, time: torch.Tensor) -> torch.Tensor:
        """(N,), 1000 times sigma, to (N, width)."""
        half = FREQUENCIES // 2
        rates = torch.exp(-math.log(_PERIOD) * torch.arange(half, device=time.device, dtype=torch.float32) / half)
        angles = time.float()[:, None] * rates
        waves = torch.cat((angles.cos(), angles.sin()), dim=1)
        out: torch.Tensor = self.mlp(waves.to(next(self.parameters())))
        return out


def _modulation(width: int, parts: int) -> nn.Sequential:
    return nn.Sequential(nn.SiLU(), nn.Linear(width, parts * width))


class _Attention(nn.Module):
    def __init__(self, width: int, *, reads: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        if reads:
            self.proj = nn.Linear(width, width)


class _FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden * width)
        self.fc2 = nn.Linear(hidden * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return out


class Stream(nn.Module):
    """One image's part of a block: what it asks and tells, and what it makes of what it reads.

    Args:
        reads: whether it goes on after this block.
    """

    def __init__(self, config: Config, *, reads: bool = True) -> None:
        super().__init__()
        self.reads = reads
        width = config.width
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = _Attention(width, reads=reads)
        self.adaLN_modulation = _modulation(width, 6 if reads else 2)
        if reads:
            self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
            self.mlp = _FeedForward(width, config.hidden)
        if config.window:
            self.around = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate", groups=width)
            nn.init.zeros_(self.around.weight)
            nn.init.zeros_(self.around.state_dict()["bias"])

    def placed(self, x: torch.Tensor, sight: Sight) -> torch.Tensor:
        """Tokens that know where they lie against their neighbours; as they are where a table says where."""
        if not sight.window:
            return x
        return x + as_tokens(self.around(as_map(x, sight.height, sight.width)))

    def asked(self, x: torch.Tensor, time: torch.Tensor) -> tuple[Attended, tuple[torch.Tensor, ...]]:
        """What goes into the attention, and the rest of the modulation."""
        shift, scale, *rest = self.adaLN_modulation(time).chunk(6 if self.reads else 2, dim=1)
        return Attended(*self.attn.qkv(modulated(self.norm1, x, shift, scale)).chunk(3, dim=2)), tuple(rest)

    def read(self, x: torch.Tensor, told: torch.Tensor, rest: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Tokens after what was read has been added, and the feed-forward net; ``told`` is projected already."""
        gate, shift, scale, gate_mlp = rest
        x = x + gate[:, None] * told
        out: torch.Tensor = x + gate_mlp[:, None] * self.mlp(modulated(self.norm2, x, shift, scale))
        return out


class PatchWeighting(nn.Module):
    """Patch-level weighting (PLW): how much of LR and of the reference each token takes; both start at a half."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.gate = nn.Sequential(
            nn.Linear(3 * width, 3 * width // 8),
            nn.SiLU(),
            nn.Linear(3 * width // 8, 3 * width // 64),
            nn.SiLU(),
            nn.Linear(3 * width // 64, 2),
        )
        self.zero_proj = nn.Linear(width, width)
        for layer in (self.gate[-1], self.zero_proj):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def logits(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """(N, T, 2), of LR and of the reference."""
        out: torch.Tensor = self.gate(torch.cat((low, reference, x), dim=2))
        return out

    def weights(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """(N, T, 2), of LR and of the reference; they add up to one."""
        return self.logits(x, low, reference).softmax(dim=2)

    def forward(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Tokens of the image with what they take."""
        weights = self.weights(x, low, reference)
        out: torch.Tensor = x + self.zero_proj(weights[..., :1] * low + weights[..., 1:] * reference)
        return out


class Independent(nn.Module):
    """Injection A of the paper: LR and reference through a linear map each, which start at zero."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.low, self.reference = (nn.Linear(config.width, config.width) for _ in range(2))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Tokens of the image with both added."""
        out: torch.Tensor = x + self.low(low) + self.reference(reference)
        return out


class Summed(nn.Module):
    """Injection B of the paper: the sum of LR and reference through one linear map, which starts at zero."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.zero_proj = nn.Linear(config.width, config.width)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Tokens of the image with the sum added."""
        out: torch.Tensor = x + self.zero_proj(low + reference)
        return out


INJECTIONS = {"independent": Independent, "summed": Summed, "weighted": PatchWeighting}


class Streams(NamedTuple):
    """Tokens of the image, of LR and of the reference, (N, T, width) each."""

    x: torch.Tensor
    low: torch.Tensor
    reference: torch.Tensor


class SiameseBlock(nn.Module):
    """The image attends to LR and to the reference apart, with one set of queries, keys and values for both."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.x_block, self.lr_block, self.ref_block = (Stream(config) for _ in range(3))
        self.weighting = INJECTIONS[config.injection](config)

    def forward(self, streams: Streams, time: torch.Tensor, sight: Sight, ref_scale: float) -> Streams:
        """Tokens after the block.

        Args:
            streams: before it.
            time: embedding, (N, width).
            sight: what a token sees.
            ref_scale: share of what the image reads of the reference.
        """
        x, low, reference = (
            part.placed(tokens, sight)
            for part, tokens in zip((self.x_block, self.lr_block, self.ref_block), streams, strict=True)
        )
        own, own_rest = self.x_block.asked(x, time)
        of_low, low_rest = self.lr_block.asked(low, time)
        of_reference, reference_rest = self.ref_block.asked(reference, time)
        x_low, low_read = sight.attend((own, of_low))
        x_reference, reference_read = sight.attend((own, of_reference))
        # The projection, with its bias, is applied to each part, as released.
        project = self.x_block.attn.proj
        x = self.x_block.read(x, project(x_low) + ref_scale * project(x_reference), own_rest)
        low = self.lr_block.read(low, self.lr_block.attn.proj(low_read), low_rest)
        reference = self.ref_block.read(reference, self.ref_block.attn.proj(reference_read), reference_rest)
        return Streams(self.weighting(x, low, reference), low, reference)


class JointBlock(nn.Module):
    """One attention over image, LR and reference.

    Args:
        last: whether LR and reference end with it.
    """

    def __init__(self, config: Config, *, last: bool) -> None:
        super().__init__()
        self.x_block = Stream(config)
        self.lr_block, self.ref_block = (Stream(config, reads=not last) for _ in range(2))
        self.last = last

    def forward(self, streams: Streams, time: torch.Tensor, sight: Sight, ref_scale: float) -> Streams:
        """Tokens after the block; what the image reads of the reference cannot be told apart, so 1 alone will do."""
        if ref_scale != 1.0:
            raise ValueError("one attention over all three has no share of the reference")
        parts = (self.x_block, self.lr_block, self.ref_block)
        placed = [part.placed(tokens, sight) for part, tokens in zip(parts, streams, strict=True)]
        asked = [part.asked(tokens, time) for part, tokens in zip(parts, placed, strict=True)]
        read = sight.attend([each for each, _ in asked])
        going_on = parts[:1] if self.last else parts
        found = [
            part.read(tokens, part.attn.proj(told), rest)
            for part, tokens, told, (_, rest) in zip(going_on, placed, read, asked, strict=False)
        ]
        return Streams(*found, *placed[len(found) :])


class FinalLayer(nn.Module):
    """Tokens to the channels of their cells."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm_final = nn.LayerNorm(config.width, elementwise_affine=False, eps=1e-6)
        self.linear = nn.Linear(config.width, config.patch**2 * config.latent)
        self.adaLN_modulation = _modulation(config.width, 2)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """(N, T, width) to (N, T, patch ** 2 * latent): patch rows, patch columns, channels."""
        out: torch.Tensor = self.linear(modulated(self.norm_final, x, *self.adaLN_modulation(time).chunk(2, dim=1)))
        return out
