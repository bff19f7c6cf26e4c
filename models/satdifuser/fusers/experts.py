"""The fuser that is a mixture of experts: each scale sends its map, or each cell of it, to a few of its bottlenecks.

SatDiFuser, arXiv 2503.07890, section 3.2; gating after Shazeer et al., arXiv 1701.06538.  Experts read all streams of
a scale at once and serve all times, whose results are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce

import torch
from torch import nn
from torch.nn import functional as F

from ..layout import Features, Layout
from .bottleneck import padding_of, projection
from .config import FuserConfig
from .fuser import Fuser


class ScaleExperts(nn.Module):
    """Experts of one scale and the gate that chooses among them.

    Args:
        channels: of all streams of the scale.
        config: of the fuser.
    """

    def __init__(self, channels: int, config: FuserConfig) -> None:
        super().__init__()
        self.top, self.window = config.top, config.window
        self.experts = nn.ModuleList(projection(channels, config) for _ in range(config.experts))
        self.gate_network = nn.Sequential(
            nn.Conv2d(channels, config.experts, 3, padding=1, padding_mode=padding_of(config)),
        )
        self.temperature = nn.Parameter(torch.ones(()))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """(N, experts, 1, 1), or (N, experts, h, w) where each cell has its own surroundings."""
        scores: torch.Tensor = self.gate_network(x)
        if self.window is None:
            pooled = scores.mean(dim=(2, 3), keepdim=True)
        else:
            rim = self.window // 2
            pooled = F.avg_pool2d(F.pad(scores, (rim,) * 4, mode="replicate"), self.window, stride=1)
        return pooled / self.temperature

    def forward(self, x: torch.Tensor, soft: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Mix experts.

        Args:
            x: (N, channels, h, w).
            soft: mix all of them; only the best few otherwise, by a softmax over those.

        Returns:
            (N, width, h, w), and the probabilities of all experts as ``logits`` shapes them.
        """
        logits = self.logits(x)
        probabilities = logits.softmax(dim=1)
        if soft:
            return self._mixed(x, probabilities, range(len(self.experts))), probabilities
        best = logits.topk(self.top, dim=1)
        mixture = torch.full_like(logits, -math.inf).scatter(1, best.indices, best.values).softmax(dim=1)
        # An expert that nothing is sent to adds zero; it is not asked.
        return self._mixed(x, mixture, sorted(set(best.indices.flatten().tolist()))), probabilities

    def _mixed(self, x: torch.Tensor, mixture: torch.Tensor, asked: Sequence[int]) -> torch.Tensor:
        parts: Iterator[torch.Tensor] = (mixture[:, n : n + 1] * self.experts[n](x) for n in asked)
        return reduce(torch.add, parts)


class Experts(Fuser):
    """A mixture of experts a scale, soft in the warm-up and sparse after it."""

    def __init__(self, layout: Layout, config: FuserConfig) -> None:
        super().__init__(layout, config)
        self.scale_moes = nn.ModuleList(ScaleExperts(scale.width, config) for scale in layout.scales)
        # The released code keeps a count for each scale and forgets it; a trained state is to tell how it was trained.
        counters = torch.zeros(len(layout.scales) if config.as_released else 1, dtype=torch.int64)
        self.register_buffer("batches", counters, persistent=not config.as_released)
        self.batches: torch.Tensor
        self._balance: torch.Tensor | None = None

    @property
    def reach(self) -> tuple[int, ...] | None:
        """As ``Fuser.reach``: of a bottleneck, or of the gate and the box that it pools over."""
        if not self.config.tile_exact or self.config.window is None:
            return None
        return (1 + self.config.window // 2,) * len(self.layout.scales)

    @property
    def warm(self) -> bool:
        """Whether all experts are still mixed."""
        return int(self.batches.min()) < self.config.warmup

    def end_warmup(self) -> None:
        """Count the warm-up as done, as a checkpoint that does not hold its count needs it."""
        self.batches.fill_(self.config.warmup)

    def forward(self, features: Features) -> list[torch.Tensor]:
        """As ``Fuser.forward``."""
        if self.training and not self.config.as_released:
            self.batches += 1
        fused, spread = [], []
        for scale, moe in enumerate(self.scale_moes):
            parts, shares = zip(*(moe(maps[scale], self._soft(scale)) for maps in features), strict=True)
            fused.append(torch.stack(parts).mean(dim=0))
            spread.append(torch.stack(shares).mean(dim=(0, 1, 3, 4)))
        self._balance = torch.stack([unevenness(share) for share in spread]).sum() if self.config.balance else None
        return fused

    def balance_loss(self) -> torch.Tensor | None:
        """As ``Fuser.balance_loss``: the sum of ``unevenness`` over all scales."""
        return self._balance

    def _soft(self, scale: int) -> bool:
        """Whether this call of a scale's gate belongs to the warm-up; counts it as the released code does."""
        if not self.config.as_released:
            return self.warm
        self.batches[scale] += 1
        return int(self.batches[scale]) < self.config.warmup


def unevenness(share: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of mean probabilities (experts,) from even ones: 0 if even, log(experts) at most."""
    return (share * (share.clamp_min(1e-12) * len(share)).log()).sum()
