"""The yardstick as a tile model, so that the same engine runs it and the same program scores it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...engine.contract import InputSpec, ModelSpec, Runtime, TileModel, Where
from ...engine.errors import ModelError
from ...engine.facts import UNMEASURED
from ..folder import load_strictly
from ..salad_pan.fusion import fused_classically
from .network import FACTOR, Yardstick

ARCHITECTURE = "yardstick_cnn"

SPEC = ModelSpec(
    name="yardstick-cnn",
    version="1",
    task="pansharpen",
    inputs=(
        InputSpec(name="pan", bands=1, range="unit"),
        InputSpec(name="ms", bands=None, range="unit", ratio=(1.5, 5.0)),
    ),
    main="ms",
    align=2 * FACTOR,
    margin=120,
    tile=512,
    overlap=248,
    needs_statistics=True,
    generated=True,
)
"""What a card of this architecture says.

The margin is what can reach a pixel: 18 cells of 4 px, 3 px of its own cell, and the filters of the fusion before the
network, 42 px at a ratio of 5 and the lowest gain.
"""


class YardstickTile:
    """A loaded network, in evaluation mode and on the run's device."""

    def __init__(self, network: Yardstick) -> None:
        self.network = network

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse tiles.

        Args:
            batch: ``"pan"`` (B, 1, H, W) and ``"ms"`` (B, C, H, W), unit range, on the PAN grid; H and W multiples
                of 8.
            where: ``ratio["ms"]`` and the response set the filters.

        Returns:
            (B, C, H, W), unit range of MS.
        """
        pan, ms = batch["pan"], batch["ms"]
        base = fused_classically(pan, ms, where.ratio["ms"], where.response or UNMEASURED)
        fused: torch.Tensor = self.network(pan, ms, base)
        return fused.float()


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly.

    Args:
        config: ``width`` and ``depth``.
        state: tensors of ``Yardstick``.
        runtime: device; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config or weights do not fit.
    """
    try:
        network = Yardstick(**{name: int(value) for name, value in config.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=ARCHITECTURE)
    return YardstickTile(network.eval().requires_grad_(False).to(runtime.device))
