"""FID: the Fréchet distance between the features of an image's patches and those of its reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from .moments import Absent, Measure, Moments, Observed, vectors

Extractor = Callable[[torch.Tensor], torch.Tensor]
"""Images (N, 3, h, w) in 0..1 to (N, d) features, resizing included."""


def fid(extractor: Extractor) -> Measure:
    """Fréchet distance of Gaussians fitted to features (Heusel et al., NeurIPS 2017, equation 6).

    It is biased upwards for few patches, so values compare only between equal counts, and mean little below about as
    many patches as there are features.
    """

    def observe(fused: torch.Tensor, reference: torch.Tensor) -> Observed:
        return Moments.of(vectors(extractor, fused)), Moments.of(vectors(extractor, reference))

    def conclude(seen: Observed) -> float | Absent:
        if seen[0].count < 2:
            return Absent("needs two patches or more")
        return frechet(*seen)

    return Measure(observe, conclude)


def frechet(a: Moments, b: Moments) -> float:
    """|mean a - mean b|^2 + trace(A + B - 2 (A B)^(1/2)) for covariances A and B; never below 0."""
    apart = a.mean - b.mean
    cov_a, cov_b = a.covariance, b.covariance
    values, axes = np.linalg.eigh(cov_a)
    root = (axes * np.sqrt(np.maximum(values, 0.0))) @ axes.T
    # A B and A^(1/2) B A^(1/2) share their eigenvalues, and the second is symmetric.
    shared = np.linalg.eigvalsh(root @ cov_b @ root)
    overlap = np.sqrt(np.maximum(shared, 0.0)).sum()
    return max(0.0, float(apart @ apart + np.trace(cov_a) + np.trace(cov_b) - 2.0 * overlap))
