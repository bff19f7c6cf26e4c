"""The small model as a tile model: tiles of LR and of an older, finer image in, tiles of the finer size out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from ...engine.contract import (
    IMAGE,
    UNCERTAINTY,
    Batch,
    InputSpec,
    ModelSpec,
    OutputSpec,
    Prediction,
    Runtime,
    TileModel,
    Where,
)
from ...engine.errors import ModelError
from ..folder import Architecture, Card, load_strictly
from ..placed import channels_last
from ..salad_pan.vae import FACTOR
from .anchors import cells_of_noise
from .pictures import pictured
from .small import LATENT, DsDitSmall, SmallConfig

ARCHITECTURE = "ds_dit_small"
STEPS, MOST_STEPS = 1, 50
GUIDANCE, MOST_GUIDANCE = 1.0, 2.0
LARGEST_SCALE = 16

TRUST = OutputSpec(
    name="trust",
    range="native",
    dtype="float32",
    label="trust in the reference, {band}",
    note="Weight of the reference's detail in the pixels of {image}, 0 to 1: low where the ground has changed.",
)


@dataclass(frozen=True, slots=True)
class _Options:
    scale: int
    steps: int
    guidance: float


class DsDitTile:
    """A loaded model.

    Args:
        network: in evaluation mode, on the run's device.
        options: scale, steps and guidance.
    """

    def __init__(self, network: DsDitSmall, options: _Options) -> None:
        self.network, self.options = network, options

    @torch.inference_mode()
    def predict(self, batch: Batch, where: Where) -> Prediction:
        """Sharpen tiles.

        Args:
            batch: ``"image"`` (B, C, h, w) and, where there is one, ``"reference"`` (B, C, h * scale, w * scale) with
                ``"reference_valid"``; unit range.
            where: anchors of the noise.

        Returns:
            ``"image"``, ``"uncertainty"`` and ``"trust"``, (B, C, h * scale, w * scale) each.
        """
        scale = self.options.scale
        low = F.interpolate(batch["image"], scale_factor=float(scale), mode="bicubic", align_corners=False)
        if "reference" in batch:
            reference, valid = batch["reference"], batch["reference_valid"]
        else:
            reference, valid = low, torch.zeros_like(low[:, :1])
        found, trust = self.network(
            pictured(low, reference, valid, float(scale)),
            self._noise(low, where),
            self.options.steps,
            self.options.guidance,
            where.checkpoint,
        )
        return {
            IMAGE.name: found.image.reshape(low.shape),
            UNCERTAINTY.name: found.deviation.reshape(low.shape),
            TRUST.name: trust.reshape(low.shape),
        }

    def _noise(self, low: torch.Tensor, where: Where) -> torch.Tensor:
        """One draw for all bands of a tile: (B * C, latent, H / 4, W / 4)."""
        images, bands, height, width = low.shape
        scale = self.options.scale
        size = (height // scale, width // scale)
        cells = cells_of_noise(where, scale=scale, cell=FACTOR, channels=LATENT, size=size)
        shared = cells[:, None].expand(images, bands, *cells.shape[1:])
        return shared.reshape(images * bands, *cells.shape[1:]).to(low.device)


def card(config: SmallConfig, scale: int, *, name: str, version: str) -> Card:
    """The card of a model; licence, training data and citation are still to be stated.

    Args:
        scale: px of the result per px of LR, 2 to 16.
    """
    side = FACTOR * config.transformer.patch * config.transformer.window
    align = side // math.gcd(side, scale)
    margin = -(-MARGIN // scale)
    tile = -(-TILE // scale // align) * align
    spec = ModelSpec(
        name=name,
        version=version,
        task="superres",
        inputs=(
            InputSpec(name="image", range="unit"),
            InputSpec(name="reference", range="unit", role="guide", finer=scale, as_main=True),
        ),
        main="image",
        outputs=(IMAGE, UNCERTAINTY, TRUST),
        scale=scale,
        align=align,
        margin=margin,
        tile=tile,
        overlap=2 * margin + align,
        exact=True,
        work_bytes=WORK_BYTES * scale**2,
        needs_statistics=True,
        stochastic=True,
        generated=True,
        options=frozenset({"steps", "guidance"}),
        consistency="off",
    )
    return Card.of(
        spec,
        architecture=Architecture(name=ARCHITECTURE, config={"scale": scale, "network": config.values()}),
        licence="not stated",
        training_data="not stated",
        citation="not stated",
    )


MARGIN, TILE = 80, 896
"""Px of the result at a tile's rim that are not used, and along a side of a tile.

Measured on the weights that ship, where 10000 DN are white: other content outside moves no pixel deeper than that by
0.5 DN.  It is how far three blocks of windows see, every second one moved by half a window.
"""

WORK_BYTES = 1800
"""For each px of the result of a batch, measured on four bands."""


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly.

    Args:
        config: ``"scale"``, and ``"network"`` as ``SmallConfig`` names its values.
        state: tensors of ``DsDitSmall``.
        runtime: device, number of steps and guidance; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config or weights do not fit, or steps or guidance are out of range.
    """
    try:
        shape, scale = SmallConfig.of(config["network"]), config["scale"]
        if type(scale) is not int or not 2 <= scale <= LARGEST_SCALE:
            raise ValueError(f"scale is a whole number from 2 to {LARGEST_SCALE}, not {scale!r}")
        network = DsDitSmall(shape)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error
    steps = STEPS if runtime.steps is None else runtime.steps
    if not 1 <= steps <= MOST_STEPS:
        raise ModelError(f"{steps} steps are out of range", where="--steps", fix=f"pass 1 to {MOST_STEPS}")
    guidance = GUIDANCE if runtime.guidance is None else runtime.guidance
    if not GUIDANCE <= guidance <= MOST_GUIDANCE:
        raise ModelError(f"a guidance of {guidance:g} is out of range", where="--guidance", fix="pass 1 to 2")
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=ARCHITECTURE)
    return DsDitTile(channels_last(network, runtime.device), _Options(scale, steps, guidance))
