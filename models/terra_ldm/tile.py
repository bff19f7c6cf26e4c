"""The base model's autoencoder as a tile model: bands through the latents and back, to see what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...engine.contract import InputSpec, ModelSpec, Runtime, TileModel, Where
from ..folder import load_strictly
from .network import ARCHITECTURE, Config, TerraLdmTiny
from .unet import MARGIN, STRIDE
from .vae import FACTOR

SPEC = ModelSpec(
    name="terra-ldm-tiny",
    version="1",
    task="superres",
    inputs=(InputSpec(name="image", bands=None, range="unit"),),
    main="image",
    align=FACTOR * STRIDE,
    margin=FACTOR * MARGIN,
    tile=512,
    overlap=2 * FACTOR * MARGIN,
    batch=1,
    latent=FACTOR,
    work_bytes=1000,
    needs_statistics=True,
    generated=False,
)
"""What a card of this architecture says: alignment and margin are those of a step of the UNet."""


class RoundTrip:
    """A loaded network that encodes and decodes.

    Args:
        network: in evaluation mode, on the run's device.
    """

    def __init__(self, network: TerraLdmTiny) -> None:
        self.network = network

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """(B, C, H, W), unit range, H and W multiples of 16, through the latents and back."""
        image = batch["image"]
        bands = image.reshape(-1, 1, *image.shape[-2:])
        return self.network.vae.decode(self.network.vae.encode(bands)).reshape(image.shape)


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly.

    Raises:
        ModelError: config or weights do not fit.
    """
    network = TerraLdmTiny(Config.of(config))
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=ARCHITECTURE)
    return RoundTrip(network.eval().requires_grad_(False).to(runtime.device))
