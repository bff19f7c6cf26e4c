"""SALAD-Pan tiny as a tile model: PAN and MS tiles in, fused tiles out, noise from the ground they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...engine.contract import IMAGE, UNCERTAINTY, InputSpec, ModelSpec, Runtime, TileModel, Where
from ...engine.errors import ModelError, RequestError
from ...engine.facts import UNMEASURED
from ..folder import load_strictly
from ..placed import channels_last
from .fusion import Array, conditions, products, shares_in_pan
from .network import Config, SaladPanTiny
from .vae import FACTOR

ARCHITECTURE = "salad_pan_tiny"
STEPS = 1
MOST_STEPS = 50
RATIOS = (1.5, 5.0)
"""PAN px per MS px that the model accepts; it was trained on 2, 3 and 4."""

SPEC = ModelSpec(
    name="salad-pan-tiny",
    version="3",
    task="pansharpen",
    inputs=(InputSpec(name="pan", bands=1, range="unit"), InputSpec(name="ms", bands=None, range="unit", ratio=RATIOS)),
    main="ms",
    outputs=(IMAGE, UNCERTAINTY),
    align=8,
    margin=44,
    tile=768,
    overlap=104,
    exact=True,
    batch=1,
    latent=FACTOR,
    work_bytes=1600,
    needs_statistics=True,
    stochastic=True,
    generated=True,
    options=frozenset({"steps"}),
    consistency="mtf",
)
"""What a card of this architecture says.

The margin is measured on the shipped weights, where 10000 DN are white: at the default steps and ratios up to 4.5,
other content outside moves no pixel deeper than 44 px inside by 0.5 DN.
"""


class SaladPanTile:
    """A loaded network.

    Args:
        network: in evaluation mode, on the run's device.
        steps: network evaluations a tile.
    """

    def __init__(self, network: SaladPanTiny, steps: int) -> None:
        self.network = network
        self.steps = steps

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> Array:
        """What the bands' shares in PAN are found from."""
        seen = where.response or UNMEASURED
        return products(batch["pan"][0], batch["ms"][0], valid[0, 0], where.ratio["ms"], seen)

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> dict[str, torch.Tensor]:
        """Fuse tiles.

        Args:
            batch: ``"pan"`` (B, 1, H, W) and ``"ms"`` (B, C, H, W), unit range, on the PAN grid; H and W multiples
                of 8.
            where: anchors; ``ratio["ms"]`` and the response set the filters, the statistics the bands' shares in PAN.

        Returns:
            ``"image"`` and ``"uncertainty"``, each (B, C, H, W), unit range of MS.
        """
        pan, ms = batch["pan"], batch["ms"]
        shares = shares_in_pan(where.statistics)
        given = conditions(pan, ms, where.ratio["ms"], where.response or UNMEASURED, shares)
        tiles, bands, height, width = ms.shape
        cells = (self.network.config.latent, height // FACTOR, width // FACTOR)
        # One draw for all bands of a tile: any band count and order sees the same noise.
        noise = where.noise(0, 0, (1, *cells), cell=FACTOR).to(ms.device)
        noise = noise.expand(tiles, bands, *cells).reshape(tiles * bands, *cells)
        fused = self.network(given, noise, self.steps, where.checkpoint)
        return {"image": fused.image.reshape(ms.shape), "uncertainty": fused.deviation.reshape(ms.shape)}


def build(config: Mapping[str, Any]) -> SaladPanTiny:
    """The untrained network of a card's config.

    Raises:
        ModelError: a width is unknown or not a positive whole number.
    """
    try:
        return SaladPanTiny(Config.of(config))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """A tile model of the network that ``loaded`` gives."""
    return SaladPanTile(*loaded(config, state, runtime))


def loaded(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> tuple[SaladPanTiny, int]:
    """Build the network and load its weights strictly; with the number of steps.

    Args:
        config: widths, as ``Config`` names them.
        state: tensors of ``SaladPanTiny``.
        runtime: device and number of steps; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config or weights do not fit.
        RequestError: the number of steps is out of range.
    """
    steps = STEPS if runtime.steps is None else runtime.steps
    if not 1 <= steps <= MOST_STEPS:
        raise RequestError(f"{steps} steps", where="--steps", fix=f"ask for 1 to {MOST_STEPS}")
    network = build(config)
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=ARCHITECTURE)
    return channels_last(network, runtime.device), steps
