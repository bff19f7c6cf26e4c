"""Maximum mean discrepancy: how far apart two sets of vectors are as distributions (Gretton et al., JMLR 2012)."""

from __future__ import annotations

import torch

_TINY = 1e-12


def mmd_squared(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared discrepancy under k(x, y) = exp(-|x - y|^2 / (2 s^2)) (equation 16 of arXiv 2605.02198), in float32.

    The biased estimate, in which every vector also meets itself: it is never negative and 0 for equal sets, so its
    minimum lies where the sets agree.  The paper leaves s open; here s is the median distance between different
    vectors of both sets together, and no gradient flows through it.

    Args:
        a, b: (n, channels) and (m, channels), two vectors or more in all.
    """
    with torch.autocast(a.device.type, enabled=False):
        pooled, count = torch.cat((a.float(), b.float())), len(a)
        # Around their mean: by products, vectors far from zero would lose the digits in which they differ.
        pooled = pooled - pooled.detach().mean(dim=0)
        lengths = pooled.square().sum(dim=1)
        squares = (lengths[:, None] + lengths[None] - 2.0 * pooled @ pooled.T).clamp(min=0.0)
        kernel = torch.exp(-squares / (2.0 * median_square(squares.detach())))
        return kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2.0 * kernel[:count, count:].mean()


def median_square(squares: torch.Tensor) -> torch.Tensor:
    """Square of the median distance, from squared ones (n, n) off the diagonal; of two middle ones the lower."""
    pairs = torch.triu_indices(len(squares), len(squares), offset=1, device=squares.device)
    return squares[pairs[0], pairs[1]].median().clamp(min=_TINY)


def sample_vectors(
    a: torch.Tensor, b: torch.Tensor, count: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The vectors of two batches of maps at the same random positions.

    Args:
        a, b: (N, channels, h, w).
        count: positions in the whole batch; all of them, if it has no more.
        generator: on the CPU.

    Returns:
        (count, channels) of each.
    """
    chosen = torch.randperm(a.shape[0] * a.shape[2] * a.shape[3], generator=generator)[:count].to(a.device)
    flat_a, flat_b = (maps.permute(0, 2, 3, 1).flatten(0, 2) for maps in (a, b))
    return flat_a[chosen], flat_b[chosen]
