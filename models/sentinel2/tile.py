"""The 20 m bands of Sentinel-2 on the 10 m grid: each is fused with the mixture of 10 m bands that is closest to it.

The network is that of the small SALAD-Pan model, one band at a time, trained on by Wald's protocol: 20 m bands seen at
40 m, beside 10 m bands seen at 20 m.  Bands of 10 m come out as they went in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from ...engine.contract import IMAGE, UNCERTAINTY, InputSpec, Runtime, TileModel, Where
from ...engine.errors import RequestError
from ...engine.facts import Response
from ..salad_pan import tile as pansharpening
from ..salad_pan.fusion import Array, Conditions, conditions
from ..salad_pan.network import SaladPanTiny
from ..salad_pan.vae import FACTOR
from .mixtures import Mixtures, products

ARCHITECTURE = "sentinel2_tiny"
MOST_STEPS = pansharpening.MOST_STEPS
SEEN = Response.gaussian(0.4)
"""How bands of 20 m were seen against those of 10 m, at their own Nyquist frequency."""
_SAME, _MOST = 1.01, 2.5
"""Px of the fine grid per delivered px below which a band counts as fine, and up to which it is sharpened."""

SPEC = replace(
    pansharpening.SPEC,
    name="sentinel2-tiny",
    version="1",
    task="superres",
    inputs=(InputSpec(name="image", bands=None, range="unit"),),
    main="image",
    outputs=(IMAGE, UNCERTAINTY),
    consistency="off",
)


class Sentinel2Tile:
    """A loaded network.

    Args:
        network: in evaluation mode, on the run's device.
        steps: network evaluations a tile.
    """

    def __init__(self, network: SaladPanTiny, steps: int) -> None:
        self.network, self.steps = network, steps

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> Array:
        """What the mixtures are found from; ``valid`` is bool (1, 1, h, w).

        Raises:
            RequestError: no band is coarser than others, or one is too coarse.
        """
        fine, coarse, ratio = _parted(where)
        image = batch["image"][0]
        return products(image[fine], image[coarse], valid[0, 0], ratio, SEEN)

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> dict[str, torch.Tensor]:
        """Sharpen the coarse bands.

        Args:
            batch: ``"image"`` (B, C, H, W), unit range, all bands on the grid of the finest; H and W multiples of 8.
            where: anchors, in which pixels the bands were delivered, and the sums of ``measure``.

        Returns:
            ``"image"`` and ``"uncertainty"``, each (B, C, H, W), unit range; deviations of bands that come out as they
            went in are 0.
        """
        image = batch["image"]
        fine, coarse, ratio = _parted(where)
        given = fused_with(image[:, fine], image[:, coarse], ratio, Mixtures.of(where.statistics, len(fine)))
        tiles, _, height, width = image.shape
        cells = (self.network.config.latent, height // FACTOR, width // FACTOR)
        noise = where.noise(0, 0, (1, *cells), cell=FACTOR).to(image.device).reshape(tiles, *cells)
        fused = self.network(given, noise.repeat(len(coarse), 1, 1, 1), self.steps, where.checkpoint)
        out, deviation = image.float().clone(), torch.zeros_like(image, dtype=torch.float32)
        for target, found in ((out, fused.image), (deviation, fused.deviation)):
            target[:, coarse] = found.reshape(len(coarse), tiles, height, width).transpose(0, 1)
        return {IMAGE.name: out, UNCERTAINTY.name: deviation}


def fused_with(fine: torch.Tensor, coarse: torch.Tensor, ratio: float, mixtures: Mixtures) -> Conditions:
    """Conditions of every coarse band (B, C, H, W) with its mixture of fine ones (B, F, H, W), band after band."""
    images = mixtures.images(fine)
    bands = range(coarse.shape[1])
    return Conditions.joined(
        [conditions(images[:, [k]], coarse[:, [k]], (ratio, ratio), SEEN, mixtures.shares[k : k + 1]) for k in bands]
    )


def _parted(where: Where) -> tuple[list[int], list[int], float]:
    """Numbers of the fine bands and of the coarse ones, and fine px per coarse px."""
    delivered = where.delivered.get("image", ())
    fine = [k for k, px in enumerate(delivered) if px < _SAME]
    coarse = [k for k, px in enumerate(delivered) if px >= _SAME]
    ratio = max((delivered[k] for k in coarse), default=1.0)
    if not coarse or ratio > _MOST:
        what = f"a band was delivered {ratio:g} times as coarse" if coarse else "all bands have pixels of one size"
        fix = "leave it out with --bands" if coarse else "give bands of 10 and of 20 m, or use another model"
        raise RequestError(f"{what}, and this model brings bands of 20 m to 10 m", where="--model", fix=fix)
    return fine, coarse, ratio


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly; as ``salad_pan.tile.load``.

    Raises:
        ModelError: config or weights do not fit.
        RequestError: the number of steps is out of range.
    """
    return Sentinel2Tile(*pansharpening.loaded(config, state, runtime))
