"""What DiffusionSat is told of an image beside the prompt: place, ground size, cloud and date, as seven numbers.

Khanna et al., arXiv 2312.03606, section 3.2: each number goes through the projection of the time and a small network
of its own, and all are added to the embedding of the time.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.embeddings import TimestepEmbedding
from torch import nn

from ....engine.facts import SceneFacts

COUNT = 7
PREFIX = "metadata_embedding."
"""Of the keys of these networks in the UNet's weights."""

_SPAN = 1000.0
_FIRST_YEAR, _LAST_YEAR = 1980, 2100


def scalars_of(facts: SceneFacts | None) -> torch.Tensor:
    """(7,) numbers of about 0..1000, as the published training gives them to the network; 0 for what is not known."""
    facts = facts or SceneFacts()
    shares = [0.0] * COUNT
    if facts.place is not None:
        shares[:2] = (facts.place[0] + 180) / 360, (facts.place[1] + 90) / 180
    shares[2:4] = facts.gsd or 0.0, facts.cloud or 0.0
    if facts.date is not None:
        year, month, day = facts.date
        shares[4:] = (year - _FIRST_YEAR) / (_LAST_YEAR - _FIRST_YEAR), month / 12, day / 31
    return torch.tensor(shares) * _SPAN


class MetadataEmbedding(nn.Module):
    """Networks of the seven numbers; keys are those of DiffusionSat without the prefix.

    Args:
        channels: of the UNet's finest level, which the projection of the time has too.
        embedding: length of the UNet's embedding of time.
    """

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        for number in range(COUNT):
            self.add_module(str(number), TimestepEmbedding(channels, embedding))

    def forward(self, scalars: torch.Tensor, project: nn.Module) -> torch.Tensor:
        """What is added to the embedding of time.

        Args:
            scalars: (N, 7).
            project: of the UNet, numbers (M,) to (M, channels).

        Returns:
            (N, embedding).
        """
        shared: Any = project(scalars.flatten()).unflatten(0, scalars.shape)
        parts = [part(shared[:, number].to(_dtype(part))) for number, part in enumerate(self.children())]
        return torch.stack(parts).sum(dim=0)


def _dtype(module: nn.Module) -> torch.dtype:
    return next(module.parameters()).dtype
