"""What layers know of the whole image: moments for norms, means for gates, tokens that the queries gathered.

Every such value goes through one object that is handed down a forward pass.  As published an object says what the tile
shows, so a pixel depends on where its tile lies.  One alternative looks at each cell alone, and is trained so; another
sums the values up over parts of a scene, and a third returns what was found for the scene.  With these a tile's pixels
depend on their surroundings alone.

The sums are taken over sample blocks at full resolution and not over one decimated image of the scene, because
decimated pixels have another size on the ground than those that the network was trained with.  In a block, each layer
sees what it sees as published, made with that block's own values.  The values of the scene are averages of these, not
a fixed point: layers that were fed with them would see slightly different maps.

A pass is a fixed sequence of layers, so the sums lie in its order and need no names: px counted, then for a norm of G
groups G sums over px of the mean and G of the mean square of a group's channels; for a gate of C channels C sums; for
Q queries in S channels Q sums of weights and Q x S of weighted values.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ...engine.errors import ModelError

Array = NDArray[np.float64]

_STEEPEST = 600.0
"""Bound of a score: sums of its exponential over all px of a scene neither overflow in float64 nor vanish."""


class Wholes:
    """As published: the whole is the image that a layer sees."""

    def normed(self, norm: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) with mean and deviation of each group of channels taken out."""
        out: torch.Tensor = norm(x)
        return out

    def means(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of each channel of (N, C, h, w): (N, C)."""
        return x.mean(dim=(2, 3))

    def gathered(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """What queries (N, Q, S) gather from keys and values (N, cells, S): (N, Q, S)."""
        return attend(query, key, value, scale)


AS_PUBLISHED = Wholes()


class CellWholes(Wholes):
    """None at all: norms are taken over the channels of each cell, and gates are learned constants."""

    def normed(self, norm: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) with mean and deviation of each cell's channels taken out."""
        # Channels last, so that those of a cell lie side by side.
        cells = F.layer_norm(x.permute(0, 2, 3, 1), (norm.num_channels,), norm.weight, norm.bias, norm.eps)
        return cells.permute(0, 3, 1, 2)

    def means(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros (N, C), from which a gate makes the same of every image."""
        return x.new_zeros(x.shape[:2])


CELLS = CellWholes()


class MeasuredWholes(Wholes):
    """As published, and summed up on the way: one object for one pass on one image.

    Args:
        counted: bool (H, W), px of the image that count.
        stride: px of a cell of the coarsest map; the network fills up the image to a multiple of it.
    """

    def __init__(self, counted: torch.Tensor, stride: int) -> None:
        height, width = counted.shape
        self._counted = F.pad(counted.double(), (0, -width % stride, 0, -height % stride))
        self._found = [self._counted.sum().reshape(1)]

    @property
    def sums(self) -> Array:
        """All sums so far, one-dimensional, in the order of the pass."""
        sums: Array = torch.cat(self._found).cpu().numpy()
        return sums

    def normed(self, norm: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        """As ``Wholes.normed``, of one image."""
        values = x.double().reshape(norm.num_groups, x.shape[1] // norm.num_groups, -1)
        pixels = self._pixels(values.shape[-1])
        self._found += [values.mean(1) @ pixels, values.square().mean(1) @ pixels]
        return super().normed(norm, x)

    def means(self, x: torch.Tensor) -> torch.Tensor:
        """As ``Wholes.means``, of one image."""
        values = x[0].double().flatten(1)
        self._found.append(values @ self._pixels(values.shape[-1]))
        return super().means(x)

    def gathered(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """As ``Wholes.gathered``, of one image.

        Numerator and denominator of the softmax are summed, so what is gathered from a scene is exact: a softmax over
        all cells of all blocks.
        """
        scores = scale * query[0].double() @ key[0].double().T
        weights = scores.clamp(-_STEEPEST, _STEEPEST).exp() * self._pixels(key.shape[1])
        self._found += [weights.sum(1), (weights @ value[0].double()).flatten()]
        return super().gathered(query, key, value, scale)

    def _pixels(self, cells: int) -> torch.Tensor:
        """How many counted px lie in each of the cells of a map, (cells,)."""
        side = math.isqrt(self._counted.numel() // cells)
        return F.avg_pool2d(self._counted[None], side, divisor_override=1).flatten()


class SceneWholes(Wholes):
    """Those of the scene, whatever the image shows: one object for one pass.

    Args:
        sums: of ``MeasuredWholes`` over a scene, added up.
        device: of the maps.

    Raises:
        ModelError: nothing was measured; when used, not for a pass like this.
    """

    def __init__(self, sums: Array, device: torch.device) -> None:
        if not (sums.size and sums[0] > 0):
            raise unmeasured()
        self._sums = torch.from_numpy(sums).to(device)
        self._next = 1

    def normed(self, norm: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        """As ``Wholes.normed``, for any number of images."""
        mean, square = (self._means(norm.num_groups) for _ in range(2))
        gain = torch.rsqrt((square - mean.square()).clamp(min=0.0) + norm.eps)
        # Folded into one factor and one summand a channel, in float64 as the sums are.
        width = x.shape[1] // norm.num_groups
        factor = gain.repeat_interleave(width) * norm.weight
        summand = (-mean * gain).repeat_interleave(width) * norm.weight + norm.bias
        factor, summand = (v.float()[:, None, None] for v in (factor, summand))
        return torch.addcmul(summand, x.float(), factor).to(x.dtype)

    def means(self, x: torch.Tensor) -> torch.Tensor:
        """As ``Wholes.means``, for any number of images."""
        return self._means(x.shape[1]).to(x.dtype).expand(x.shape[0], -1)

    def gathered(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:  # noqa: ARG002
        """As ``Wholes.gathered``, for any number of images."""
        weights = self._take(query.shape[1])
        found = self._take(query.shape[1] * value.shape[2]).reshape(query.shape[1], -1) / weights[:, None]
        return found.to(value.dtype).expand(query.shape[0], -1, -1)

    def _means(self, number: int) -> torch.Tensor:
        return self._take(number) / self._sums[0]

    def _take(self, number: int) -> torch.Tensor:
        """The next sums."""
        first, self._next = self._next, self._next + number
        if self._next > len(self._sums):
            raise unmeasured()
        return self._sums[first : self._next]


class Looking(Wholes):
    """As other wholes say, keeping where the queries look: one object for one pass.

    Args:
        wholes: what the layers know.

    Attributes:
        weights: (N, Q, cells) of the last layer that has queries, 1 on the average of the cells; empty before.
    """

    def __init__(self, wholes: Wholes) -> None:
        self._wholes = wholes
        self.weights = torch.zeros(0)

    def normed(self, norm: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        """As the other wholes."""
        return self._wholes.normed(norm, x)

    def means(self, x: torch.Tensor) -> torch.Tensor:
        """As the other wholes."""
        return self._wholes.means(x)

    def gathered(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """As the other wholes."""
        self.weights = torch.softmax((scale * query @ key.transpose(1, 2)).float(), dim=2) * key.shape[1]
        return self._wholes.gathered(query, key, value, scale)


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """(N, m, channels) queries on (N, n, channels) keys and values."""
    # Four axes: some kernels know no others.
    return F.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], scale=scale)[:, 0]


def unmeasured() -> ModelError:
    """Statistics of a scene are missing or of another model."""
    return ModelError(
        "statistics of the scene, which this model needs, are missing or of another number",
        where="slimdiffsr",
        fix="run it through the engine, which measures the scene first",
    )
