"""The small pan-sharpening network as a graph: from classical fusion, conditions and noise to fused bands.

The conditions are made outside, by ``fusion.conditions``: their filters are as long as the ratio and the measured
response of a pair ask for, which no graph of fixed operators is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ...engine.contract import Runtime
from ..export.graph import Cells, Graph, Port
from .fusion import FLOOR, LIMIT, Conditions
from .network import SaladPanTiny
from .tile import RATIOS, STEPS, loaded
from .vae import FACTOR

_PX = 2 * FACTOR
"""PAN px along a cell of the coarsest level."""


class Denoised(nn.Module):
    """What the network makes of one tile in its default number of steps.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: SaladPanTiny) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        base: torch.Tensor,
        scale: torch.Tensor,
        spatial: torch.Tensor,
        spectral: torch.Tensor,
        told: torch.Tensor,
        noise: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Image and deviations, (C, 1, H, W) each, of ``Conditions`` of a tile and noise (C, latent, H / 4, W / 4)."""
        given = Conditions(base, scale, spatial, spectral, told, bands=base.shape[0])
        fused = self.network(given, noise, STEPS)
        return fused.image, fused.deviation


def graph_of(config: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> Graph:
    """The graph of the network.

    Args:
        config: of its card.
        state: its weights.

    Raises:
        ModelError: config or weights do not fit.
    """
    network, _ = loaded(config, state, Runtime())

    def port(name: str, planes: int, px: int, about: str) -> Port:
        return Port(name, (Cells("bands"), planes, Cells("rows", px), Cells("columns", px)), about)

    inputs = (
        port("base", 1, _PX, "each band of MS fused classically, on the pixels of PAN, unit range of the band"),
        port("scale", 1, _PX, "local standard deviation of the band, unit range"),
        port("spatial", 2, _PX, "PAN and its detail, standardised, the same for all bands"),
        port("spectral", 5, _PX, "the band, injected detail, mean of the bands, noise, and what PAN has beyond them"),
        Port("told", (Cells("bands"), 3), "log2 of PAN px per MS px, ln of the gain, lift of the response"),
        port("noise", network.config.latent, _PX // FACTOR, "standard normal, the same for all bands"),
    )
    outputs = (
        port("image", 1, _PX, "fused bands, unit range"),
        port("uncertainty", 1, _PX, "standard deviation of each pixel, unit range"),
    )

    def draw(cells: Mapping[str, int], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        shapes = [each.shape(cells) for each in inputs]
        base, scale = (torch.rand(shape, generator=generator) for shape in shapes[:2])
        spatial, spectral, noise = (torch.randn(shapes[i], generator=generator) for i in (2, 3, 5))
        least, most = (math.log2(ratio) for ratio in RATIOS)
        ratio, gain, lift = torch.rand(3, generator=generator).tolist()
        told = torch.tensor([least + ratio * (most - least), math.log(0.1 + 0.5 * gain), 0.7 + 0.6 * lift])
        given = (spatial.clamp(-LIMIT, LIMIT), spectral.clamp(-LIMIT, LIMIT), told.expand(shapes[4]).clone())
        return base, FLOOR + 0.2 * scale, *given, noise[:1].expand(shapes[5]).clone()

    sizes = ({"bands": 4, "rows": 6, "columns": 5}, {"bands": 1, "rows": 4, "columns": 9})
    return Graph(Denoised(network).eval(), inputs, outputs, draw, sizes)
