"""What DiffusionSat is told of an image beside the prompt: place, ground size, cloud and date, as seven numbers.

Khanna et al., arXiv 2312.03606, section 3.2: each number goes through the projection of the time and a small network
of its own, and all are added to the embedding of the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from diffusers.models.embeddings import TimestepEmbedding
from torch import nn

COUNT = 7
PREFIX = "metadata_embedding."
"""Of the keys of these networks in the UNet's weights."""

_SPAN = 1000.0
_FIRST_YEAR, _LAST_YEAR = 1980, 2100
_DATES = ("TIFFTAG_DATETIME", "ACQUISITIONDATETIME", "ACQUISITION_DATE", "DATE_ACQUIRED", "PRODUCT_START_TIME")
_CLOUDS = ("CLOUDCOVER", "CLOUD_COVER", "CLOUD_COVERAGE_ASSESSMENT")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a scene; what is not known is 0, as in the published training.

    Attributes:
        longitude, latitude: of its centre, degrees.
        gsd: ground size of a px, m.
        cloud: covered share, 0..1.
        year, month, day: of acquisition; 0 each where unknown.
    """

    longitude: float = 0.0
    latitude: float = 0.0
    gsd: float = 0.0
    cloud: float = 0.0
    year: int = 0
    month: int = 0
    day: int = 0

    def __post_init__(self) -> None:
        if not (-180 <= self.longitude <= 180 and -90 <= self.latitude <= 90):
            raise ValueError(f"there is no place at {self.longitude}, {self.latitude} degrees")
        if not (0 <= self.cloud <= 1 and 0 <= self.gsd < float("inf")):
            raise ValueError(f"cloud is a share and gsd a length, not {self.cloud} and {self.gsd}")
        if not (0 <= self.month <= 12 and 0 <= self.day <= 31 and 0 <= self.year <= _LAST_YEAR):
            raise ValueError(f"there is no date {self.year}-{self.month}-{self.day}")

    @classmethod
    def of(cls, place: tuple[float, float], gsd: float, tags: Mapping[str, str]) -> Self:
        """From a georeference and the tags of a file.

        Args:
            place: longitude and latitude of the centre, degrees.
            gsd: m.
            tags: names and values; a date and a share of cloud in percent are looked for among them.
        """
        known = {name.upper(): value for name, value in tags.items()}
        date = next(filter(None, (_date(known[name]) for name in _DATES if name in known)), (0, 0, 0))
        cloud = next(filter(None, (_percent(known[name]) for name in _CLOUDS if name in known)), 0.0)
        return cls(*place, gsd, cloud, *date)

    def scalars(self) -> torch.Tensor:
        """(7,) numbers of about 0..1000, as the published training gives them to the network."""
        shares = (
            (self.longitude + 180) / 360,
            (self.latitude + 90) / 180,
            self.gsd,
            self.cloud,
            (self.year - _FIRST_YEAR) / (_LAST_YEAR - _FIRST_YEAR) if self.year else 0.0,
            self.month / 12,
            self.day / 31,
        )
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


def _date(text: str) -> tuple[int, int, int] | None:
    found = re.match(r"\s*(\d{4})[-:/](\d{1,2})[-:/](\d{1,2})", text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    return (year, month, day) if year <= _LAST_YEAR and 1 <= month <= 12 and 1 <= day <= 31 else None


def _percent(text: str) -> float | None:
    try:
        share = float(text) / 100
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None
