"""The students that see cells alone as graphs: tiles of as many bands as the network has channels, sharpened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ...engine.contract import IMAGE, UNCERTAINTY, Runtime, Where
from ...engine.errors import ModelError
from ..export.graph import Cells, Graph, Port
from .tile import ARCHITECTURE, SlimTile, load

_ANYWHERE = Where(seed=0, sample=0, origins=(), ratio={})


class Sharpened(nn.Module):
    """What a loaded student says of tiles.

    Args:
        tile: one whose pixels depend on their surroundings alone.
    """

    def __init__(self, tile: SlimTile) -> None:
        super().__init__()
        self.network, self._tile = tile.network, tile

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, C, h, w), unit range, to the image and, where the student tells them, deviations; scale times finer."""
        return self._tile.predicted(image, _ANYWHERE, deviations=self.network.config.deviation)


def graph_of(config: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> Graph:
    """The graph of a student.

    Args:
        config: of its card.
        state: its weights.

    Raises:
        ModelError: config or weights do not fit, or its pixels depend on all of a tile or scene.
    """
    tile = load(config, state, Runtime())
    if type(tile) is not SlimTile or tile.network.config.sees != "cell":
        raise ModelError(
            "its pixels depend on the whole tile or scene, which a graph is not told of",
            where=ARCHITECTURE,
            fix="export a student that sees cells alone, such as slimdiffsr-tiny-x4",
        )
    shape, scale = tile.network.config, tile.use.scale
    px = shape.stride // math.gcd(shape.stride, scale)

    def port(name: str, times: int, about: str) -> Port:
        return Port(name, (Cells("tiles"), shape.image, Cells("rows", px * times), Cells("columns", px * times)), about)

    def draw(cells: Mapping[str, int], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        # Beyond the unit range too, as the brightest pixels of a scene are.
        return (1.2 * torch.rand(given.shape(cells), generator=generator) - 0.1,)

    given = port(
        "tiles",
        1,
        f"{shape.image} bands in the order of the scene, each divided by the value that 99.9 % of its pixels do not"
        " exceed; tiles overlap by twice the margin of the card",
    )
    outputs = [port(IMAGE.name, scale, f"the same bands, {scale} times as fine, in the same range")]
    if shape.deviation:
        outputs.append(port(UNCERTAINTY.name, scale, "standard deviation of each pixel, in the same range"))
    sizes = ({"tiles": 2, "rows": 12, "columns": 9}, {"tiles": 1, "rows": 5, "columns": 20})
    return Graph(Sharpened(tile).eval(), (given,), tuple(outputs), draw, sizes)
