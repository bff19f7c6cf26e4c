"""What a patch adds to a metric: sums that add up in any grouping, and the value drawn from them at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import RequestError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Absent:
    """A metric that was not measured, and why: one clause without a full stop."""

    reason: str

    def __str__(self) -> str:
        return f"absent ({self.reason})"


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """First and second moments of vectors, as sums.

    Attributes:
        count: vectors.
        total: (d,) their sum.
        outer: (d, d) sum of their outer products.
    """

    count: int
    total: Array
    outer: Array

    @classmethod
    def of(cls, vectors: Array) -> Moments:
        """Moments of (n, d) vectors."""
        return cls(len(vectors), vectors.sum(axis=0), vectors.T @ vectors)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.total + other.total, self.outer + other.outer)

    @property
    def mean(self) -> Array:
        """(d,); at least one vector is needed."""
        return self.total / self.count

    @property
    def covariance(self) -> Array:
        """(d, d), unbiased; at least two vectors are needed."""
        covariance: Array = (self.outer - np.outer(self.total, self.total) / self.count) / (self.count - 1)
        return covariance


Observed = tuple[Moments, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric that is ready to run.

    Attributes:
        observe: takes a patch of the image, (1, 3, h, w) float32 in 0..1, and where the metric needs a reference the
            same patch of it; what it returns adds up over patches.
        conclude: the value, from these sums; ``Absent`` where they are too few.
    """

    observe: Callable[..., Observed]
    conclude: Callable[[Observed], float | Absent]


def scored(scorer: Callable[..., torch.Tensor]) -> Measure:
    """The mean over patches of a score.

    Args:
        scorer: takes images (N, 3, h, w) in 0..1, and where the metric needs a reference those of the reference as
            well; returns one score an image.
    """

    def observe(*images: torch.Tensor) -> Observed:
        return (Moments.of(vectors(scorer, *images, width=1)),)

    return Measure(observe, lambda seen: float(seen[0].mean[0]))


def vectors(network: Callable[..., torch.Tensor], *images: torch.Tensor, width: int | None = None) -> Array:
    """What a network says of N images: (N, width) in float64, without gradients.

    Raises:
        RequestError: the output is not one vector of ``width`` values an image, or is not finite.
    """
    with torch.no_grad():
        output = network(*images).detach().cpu().double()
    rows = output.reshape(len(images[0]), -1).numpy()
    if width not in (None, rows.shape[1]) or not np.isfinite(rows).all():
        raise RequestError(
            f"a network must return {width or 'some'} finite values an image, and returned {tuple(output.shape)} for"
            f" {len(rows)}",
            fix="use another network",
        )
    return rows
