"""The small model as a tile model: tiles of LR and of an older, finer image in, tiles of the finer size out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

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
from ..folder import Architecture, Card, QualityRow, load_strictly
from ..placed import channels_last
from ..salad_pan.vae import FACTOR
from .anchors import cells_of_noise
from .change import sight
from .pictures import SEEN, pictured
from .small import LATENT, DsDitSmall, SmallConfig
from .use import Use, checked_scale, checked_solver

ARCHITECTURE = "ds_dit_small"
STEPS, MOST_STEPS = 1, 50

TILE = 896
"""Px of the result along a side of a tile."""
WORK_BYTES = 1800
"""For each px of the result of a batch, measured on four bands."""

TRUST = OutputSpec(
    name="trust",
    range="native",
    dtype="float32",
    label="trust in the reference, {band}",
    note="Weight of the reference's detail in the pixels of {image}, 0 to 1: low where the ground has changed.",
)


class DsDitTile:
    """A loaded model.

    Args:
        network: in evaluation mode, on the run's device.
        use: scale, steps and guidance.
    """

    def __init__(self, network: DsDitSmall, use: Use) -> None:
        self.network, self.use = network, use

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
        low = self.use.upsampled(batch["image"])
        if "reference" in batch:
            reference, valid = batch["reference"], batch["reference_valid"]
        else:
            reference, valid = low, torch.zeros_like(low[:, :1])
        found, trust = self.network(
            pictured(low, reference, valid, float(self.use.scale)),
            self._noise(low, where),
            self.use.steps,
            self.use.guidance,
            where.checkpoint,
            self.use.solver,
        )
        return {
            IMAGE.name: found.image.reshape(low.shape),
            UNCERTAINTY.name: found.deviation.reshape(low.shape),
            TRUST.name: trust.reshape(low.shape),
        }

    def _noise(self, low: torch.Tensor, where: Where) -> torch.Tensor:
        """One draw for all bands of a tile: (B * C, latent, H / 4, W / 4)."""
        images, bands, height, width = low.shape
        scale = self.use.scale
        size = (height // scale, width // scale)
        cells = cells_of_noise(where, scale=scale, cell=FACTOR, channels=LATENT, size=size)
        shared = cells[:, None].expand(images, bands, *cells.shape[1:])
        return shared.reshape(images * bands, *cells.shape[1:]).to(low.device)


def card(
    config: SmallConfig,
    scale: int,
    *,
    name: str,
    version: str,
    licence: str,
    training_data: str,
    citation: str,
    quality: tuple[QualityRow, ...] = (),
) -> Card:
    """The card of a model.

    The margin is how far the blocks see, each a window of tokens, or the evidence of change and the two tokens over
    which it is spread; what the decoder and the local fit see beyond moves no pixel by 0.5 DN where 10000 are white, as
    measured on the weights that ship.

    Args:
        scale: px of the result per px of LR.
    """
    side = FACTOR * config.transformer.patch * config.transformer.window
    align = side // math.gcd(side, scale)
    spread = 2 * FACTOR * config.transformer.patch
    margin = -(-max(config.transformer.depth * side, sight(float(scale), SEEN) + spread) // scale)
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
        licence=licence,
        training_data=training_data,
        citation=citation,
        quality=quality,
    )


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly.

    Args:
        config: ``"scale"``, ``"network"`` as ``SmallConfig`` names its values, and ``"solver"`` where it is not Euler's
            method.
        state: tensors of ``DsDitSmall``.
        runtime: device, number of steps and guidance; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config or weights do not fit, or steps or guidance are out of range.
    """
    try:
        network = DsDitSmall(SmallConfig.of(config["network"]))
        scale, solver = checked_scale(config["scale"]), checked_solver(config.get("solver", "euler"))
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error
    use = Use.of(scale, solver, runtime, steps=STEPS, most=MOST_STEPS)
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=ARCHITECTURE)
    return DsDitTile(channels_last(network, runtime.device), use)
