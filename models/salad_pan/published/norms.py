"""Group norms of the published network by the moments of the whole scene, instead of those of a tile.

As published, every norm looks at all of its tile, so that a pixel depends on where the tile lies.  Here the moments
are summed once over sample blocks, on each of which the network runs as published, and serve every tile.

A run is a fixed sequence of *evaluations* (the UNet once a step and prompt, then the decoder), and an evaluation a
fixed sequence of norms.  The sums lie in this order and need no names: px counted, then for every evaluation, norm,
band and group two sums over these px, of the mean and of the mean square of the group's channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ....engine.errors import ModelError

Network = Callable[..., torch.Tensor]
Evaluate = Callable[[Network, Sequence[torch.Tensor], int], torch.Tensor]
"""Evaluates a network on arguments whose rows, along N, are bands of images, so many rows at a time."""


def by_tile(network: Network, given: Sequence[torch.Tensor], most: int) -> torch.Tensor:
    """As published: norms see the tile."""
    return torch.cat([network(*part) for part in _parts(given, most)])


class Sums:
    """Evaluates as published and sums what each norm sees; one object a sample block.

    Args:
        counted: bool (1, 1, H, W), pixels that count; H and W multiples of the coarsest cell.
    """

    def __init__(self, counted: torch.Tensor) -> None:
        self._counted = counted.double()
        self._found = [self._counted.sum().reshape(1)]

    @property
    def total(self) -> NDArray[np.float64]:
        """All sums so far, (n,)."""
        total: NDArray[np.float64] = torch.cat([part.flatten() for part in self._found]).cpu().numpy()
        return total

    def __call__(self, network: Network, given: Sequence[torch.Tensor], most: int) -> torch.Tensor:
        """Evaluate; the sums of this evaluation follow those of the ones before."""
        outputs, passes = [], []
        for part in _parts(given, most):
            seen: list[torch.Tensor] = []
            with _GroupNorms(partial(self._recorded, seen)):
                outputs.append(network(*part))
            passes.append(seen)
        self._found += [torch.cat(rows) for rows in zip(*passes, strict=True)]
        return torch.cat(outputs)

    def _recorded(
        self, seen: list[torch.Tensor], x: torch.Tensor, groups: int, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        values = x.double().reshape(x.shape[0], groups, x.shape[1] // groups, -1)
        pixels = self._pixels(values.shape[-1])
        seen.append(torch.stack((values.mean(2) @ pixels, values.square().mean(2) @ pixels), dim=-1))
        return F.group_norm(x, groups, *args, **kwargs)

    def _pixels(self, cells: int) -> torch.Tensor:
        """How many counted px lie in each of the cells of a feature map, (cells,)."""
        side = math.isqrt(self._counted.numel() // cells)
        return F.avg_pool2d(self._counted, side, divisor_override=1).flatten()


class Pooled:
    """Evaluates with norms by the scene's moments; one object a prediction.

    Args:
        statistics: sums over the scene as ``Sums`` lays them out.
        bands: of an image.

    Raises:
        ModelError: nothing was measured; when called, not for a run like this.
    """

    def __init__(self, statistics: NDArray[np.float64], bands: int) -> None:
        if not (statistics.size and statistics[0] > 0):
            raise _unmeasured("there are no statistics of the scene, which the norms of this model need")
        self._moments = torch.from_numpy(statistics[1:] / statistics[0])
        self._bands, self._next = bands, 0

    def __call__(self, network: Network, given: Sequence[torch.Tensor], most: int) -> torch.Tensor:
        """Evaluate; the moments of this evaluation follow those of the ones before."""
        first, outputs = self._next, []
        bands = torch.arange(len(given[0])) % self._bands
        for part, rows in zip(_parts(given, most), torch.split(bands, most), strict=True):
            self._next = first
            with _GroupNorms(partial(self._normed, rows)):
                outputs.append(network(*part))
        return torch.cat(outputs)

    def _normed(
        self, rows: torch.Tensor, x: torch.Tensor, groups: int, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        mean, square = self._take(groups)[rows].unbind(-1)
        gain = torch.rsqrt((square - mean.square()).clamp(min=0.0) + eps)
        # Folded into one factor and one summand a channel, in float64 as the sums are.
        width = x.shape[1] // groups
        scale, shift = (v.repeat_interleave(width, 1).to(x.device) for v in (gain, -mean * gain))
        shape = (*x.shape[:2], *(1,) * (x.dim() - 2))
        factor, summand = ((scale * weight).reshape(shape), (shift * weight + bias).reshape(shape))
        return torch.addcmul(summand.float(), x.float(), factor.float()).to(x.dtype)

    def _take(self, groups: int) -> torch.Tensor:
        """Moments of the next norm: (bands, groups, 2)."""
        first, self._next = self._next, self._next + 2 * self._bands * groups
        if self._next > len(self._moments):
            raise _unmeasured(f"{len(self._moments)} statistics of the scene are fewer than the norms of this run need")
        return self._moments[first : self._next].reshape(self._bands, groups, 2)


class _GroupNorms(TorchFunctionMode):
    """While entered, another function computes the group norms of this thread; the network itself stays as it is."""

    def __init__(self, instead: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self._instead = instead

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        chosen = self._instead if func is F.group_norm else func
        return chosen(*args, **(kwargs or {}))


def _parts(given: Sequence[torch.Tensor], most: int) -> Iterator[tuple[torch.Tensor, ...]]:
    return zip(*(torch.split(whole, most) for whole in given), strict=True)


def _unmeasured(what: str) -> ModelError:
    return ModelError(what, where="salad_pan_sd15", fix="run it through the engine, which measures the scene first")
