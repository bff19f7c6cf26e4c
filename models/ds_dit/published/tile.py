"""The published network as a tile model: three bands of LR and of a reference, noise from the ground they lie on.

Its attention sees the whole tile, so tiles are blended and are not exact: pixels depend on the tile grid, and the seam
score of a run says by how much.  It shows its steps too, so that tiles can be blended between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import nn

from ....engine.contract import IMAGE, Batch, InputSpec, ModelSpec, Prediction, Runtime, SteppingModel, TileModel, Where
from ....engine.errors import ModelError
from ...folder import Architecture, Card, floats, load_strictly
from ..anchors import cells_of_noise
from ..config import Config
from ..flow import guided, sigmas, stepped
from ..network import DsDit
from ..use import Use, checked_scale, checked_solver

ARCHITECTURE = "ds_dit_sd3"
FACTOR, LATENT = 8, 16
"""Px of the result per latent cell, and latent channels."""
SHIFT, SCALING = 0.0609, 1.5305
"""Of Stable Diffusion 3's latents: what is taken off, and times what they are brought to unit variance."""
STEPS, MOST_STEPS = 40, 1000
SIDE = 512
"""Px of the result along a side of the images of the published training; the default tile."""
BITS = 8


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """Widths of the autoencoder; the defaults are those of Stable Diffusion 3.

    Attributes:
        channels: at each resolution.
        blocks: residual blocks at each.
        groups: of its group norms.
    """

    channels: tuple[int, ...] = (128, 256, 512, 512)
    blocks: int = 2
    groups: int = 32

    def settings(self) -> dict[str, Any]:
        """Arguments of diffusers' autoencoder."""
        levels = len(self.channels)
        return {
            "in_channels": 3,
            "out_channels": 3,
            "down_block_types": ("DownEncoderBlock2D",) * levels,
            "up_block_types": ("UpDecoderBlock2D",) * levels,
            "block_out_channels": self.channels,
            "layers_per_block": self.blocks,
            "latent_channels": LATENT,
            "norm_num_groups": self.groups,
            "scaling_factor": SCALING,
            "shift_factor": SHIFT,
            "use_quant_conv": False,
            "use_post_quant_conv": False,
        }


class Published(nn.Module):
    """Transformer and autoencoder."""

    def __init__(self, transformer: Config, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.transformer = DsDit(transformer)
        self.vae: Any = AutoencoderKL(**autoencoder.settings())

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) in 0..1 to (N, 16, H / 8, W / 8).

        The mode of the posterior, where the released code draws from it, so that results do not depend on a draw.
        """
        mode: torch.Tensor = self.vae.encode(2.0 * image.clamp(0.0, 1.0) - 1.0).latent_dist.mode()
        return (mode - SHIFT) * SCALING

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode``, clamped to 0..1."""
        image: torch.Tensor = self.vae.decode(latent / SCALING + SHIFT).sample
        return (image / 2.0 + 0.5).clamp(0.0, 1.0)


class PublishedTile:
    """A loaded network; a ``TileModel`` and a ``SteppingModel``.

    Args:
        network: in evaluation mode, on the run's device.
        use: scale, steps and guidance.
    """

    def __init__(self, network: Published, use: Use) -> None:
        self.network, self.use = network, use
        self._levels = sigmas(use.steps)

    @property
    def steps(self) -> int:
        """How many steps."""
        return self.use.steps

    @torch.inference_mode()
    def predict(self, batch: Batch, where: Where) -> Prediction:
        """Sharpen tiles.

        Args:
            batch: ``"image"`` (B, 3, h, w), 0..1, and where there is one ``"reference"`` (B, 3, h * scale, w * scale).
            where: anchors of the noise.

        Returns:
            (B, 3, h * scale, w * scale), 0..1.
        """
        state = self.begin(batch, where)
        for index in range(self.steps):
            state = self.step(state, index, batch, where)
        return self.decode(state, batch, where)

    def begin(self, batch: Batch, where: Where) -> torch.Tensor:
        """Noise, and the latents of LR and reference, which all steps need: (B, 48, H / 8, W / 8).

        16 more where a step needs the data of the one before.
        """
        image = batch["image"]
        low = self.use.upsampled(image)
        known = batch.get("reference_valid")
        # Where there is no reference LR stands in for it, which tells nothing new.
        reference = low if known is None else torch.where(known > 0, batch["reference"], low)
        size = (image.shape[-2], image.shape[-1])
        noise = cells_of_noise(where, scale=self.use.scale, cell=FACTOR, channels=LATENT, size=size)
        parts = [noise.to(image.device), self.network.encode(low), self.network.encode(reference)]
        if self.use.solver != "euler":
            parts.append(torch.zeros_like(parts[0]))
        return torch.cat(parts, dim=1)

    def step(self, state: torch.Tensor, index: int, batch: Batch, where: Where) -> torch.Tensor:
        """One step of the solver."""
        where.checkpoint()
        noisy, low, reference, *told = torch.split(state, LATENT, dim=1)
        share = 1.0 if "reference" in batch else 0.0
        velocity = self._velocity(noisy, self._levels[index], low, reference, share)
        before = told[0] if told and index else None
        after, data = stepped(noisy, velocity, before, self._levels, index, self.use.solver)
        return torch.cat((after, low, reference, *([data] if told else [])), dim=1)

    def decode(self, state: torch.Tensor, batch: Batch, where: Where) -> Prediction:  # noqa: ARG002
        """The image."""
        return {IMAGE.name: self.network.decode(state[:, :LATENT]).float()}

    def _velocity(
        self, noisy: torch.Tensor, sigma: float, low: torch.Tensor, reference: torch.Tensor, share: float
    ) -> torch.Tensor:
        transformer, weight = self.network.transformer, self.use.guidance
        time = torch.full((len(noisy),), 1000.0 * sigma, device=noisy.device)
        strong: torch.Tensor = transformer(noisy, time, low, reference, share)
        if weight == 1.0 or share == 0.0:
            return strong
        return guided(strong, transformer(noisy, time, low, reference, 0.0), weight)


def card(
    transformer: Config,
    autoencoder: Autoencoder,
    scale: int,
    *,
    licence: str,
    training_data: str,
    citation: str,
) -> Card:
    """The card of a model.

    Args:
        scale: px of the result per px of LR.  Where it divides 8, cells are whole px of LR, and tiles can be blended
            between steps.
    """
    blends = FACTOR % scale == 0
    side = FACTOR * transformer.patch
    align = side // math.gcd(side, scale)
    tile = -(-SIDE // scale // align) * align
    spec = ModelSpec(
        name=f"ds-dit-x{scale}",
        version="1",
        task="superres",
        inputs=(
            InputSpec(name="image", bands=3, range="bits", bits=BITS),
            InputSpec(name="reference", bands=3, range="bits", bits=BITS, role="guide", finer=scale),
        ),
        main="image",
        scale=scale,
        align=align,
        margin=-(-16 // scale),
        tile=tile,
        overlap=max(tile // 4 // align, 1) * align,
        latent=FACTOR // scale if blends else 1,
        stochastic=True,
        generated=True,
        options=frozenset({"steps", "guidance"} | ({"blend"} if blends else set())),
    )
    config: dict[str, Any] = {
        "scale": scale,
        "transformer": asdict(transformer),
        "autoencoder": {**asdict(autoencoder), "channels": list(autoencoder.channels)},
    }
    return Card.of(
        spec,
        architecture=Architecture(name=ARCHITECTURE, config=config),
        licence=licence,
        training_data=training_data,
        citation=citation,
    )


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel | SteppingModel:
    """Build the network and load its weights strictly.

    Args:
        config: ``"scale"``, ``"transformer"`` and ``"autoencoder"`` as their classes name their values, and
            ``"solver"`` where it is not Euler's method.
        state: tensors of ``Published``.
        runtime: device, number of steps and guidance; the engine sets the precision around each call.

    Raises:
        ModelError: config or weights do not fit, or steps or guidance are out of range.
    """
    try:
        shape, own = Config.of(config["transformer"]), config["autoencoder"]
        scale, solver = checked_scale(config["scale"]), checked_solver(config.get("solver", "euler"))
        with torch.device("meta"):
            network = Published(shape, Autoencoder(tuple(own["channels"]), own["blocks"], own["groups"]))
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error
    use = Use.of(scale, solver, runtime, steps=STEPS, most=MOST_STEPS)
    load_strictly(network, floats(state), where=ARCHITECTURE)
    return PublishedTile(network.eval().requires_grad_(False).to(runtime.device), use)
