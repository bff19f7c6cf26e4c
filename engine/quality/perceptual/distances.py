"""LPIPS and DISTS: distances between two images in the features of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Features = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""Images (N, 3, h, w) in 0..1 to feature maps (N, C, h', w')."""
Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Two batches (N, 3, h, w) in 0..1 to (N,) distances."""

_STABLE = 1e-6


def lpips(features: Features, heads: Sequence[torch.Tensor]) -> Distance:
    """Learned perceptual distance (Zhang et al., CVPR 2018, equation 1), 0 for equal images.

    Args:
        features: :func:`~.networks.alexnet` or :func:`~.networks.vgg16`, or any other.
        heads: for each map its (C,) weights of the channels.
    """

    def distance(fused: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(len(fused), dtype=torch.float64)
        for a, b, head in zip(features(fused), features(reference), heads, strict=True):
            squares = (_unit(a) - _unit(b)) ** 2
            total += (squares * head.reshape(1, -1, 1, 1)).sum(dim=1).mean(dim=(1, 2)).double().cpu()
        return total

    return distance


def dists(features: Features, alpha: torch.Tensor, beta: torch.Tensor) -> Distance:
    """Distance in structure and texture (Ding et al., TPAMI 2020, equations 4 to 7), 0 for equal images.

    Args:
        features: ``vgg16(smooth=True)``, or any other.
        alpha, beta: (3 + channels of all maps,) weights of texture and of structure, the image's own bands first; only
            their ratios count.
    """
    whole = float(alpha.double().sum() + beta.double().sum())

    def distance(fused: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        pairs = zip((fused, *features(fused)), (reference, *features(reference)), strict=True)
        texture, structure = zip(*(_similarities(a.double(), b.double()) for a, b in pairs), strict=True)
        likeness = torch.cat(texture, dim=1) @ alpha.double() + torch.cat(structure, dim=1) @ beta.double()
        return 1.0 - likeness.cpu() / whole

    return distance


def _unit(maps: torch.Tensor) -> torch.Tensor:
    """Length one over the channels of each pixel; zero stays zero."""
    length: torch.Tensor = torch.linalg.vector_norm(maps, dim=1, keepdim=True)
    return maps / (length + 1e-10)


def _similarities(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, C) likeness of the means and of the deviations from them, as in SSIM but over the whole map."""
    mean_a, mean_b = a.mean(dim=(2, 3), keepdim=True), b.mean(dim=(2, 3), keepdim=True)
    a, b = a - mean_a, b - mean_b
    spread = (a * a + b * b).mean(dim=(2, 3))
    structure = (2 * (a * b).mean(dim=(2, 3)) + _STABLE) / (spread + _STABLE)
    texture = (2 * mean_a * mean_b + _STABLE) / (mean_a**2 + mean_b**2 + _STABLE)
    return texture[:, :, 0, 0], structure
