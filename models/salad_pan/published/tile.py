"""The published network as a tile model: PAN and MS tiles in, fused tiles out, noise from the ground they lie on.

Its attention and its norms look at the whole tile, so tiles are blended and are not exact: pixels depend on the tile
grid, and the seam score of a run says by how much.  The norms can be those of the whole scene instead, where the model
folder says so; attention cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from numpy.typing import NDArray
from torch.nn import functional as F

from ....engine.contract import InputSpec, ModelSpec, Runtime, TileModel, Where
from ....engine.errors import ModelError, RequestError
from ...folder import floats, load_strictly
from .conditioning import ANY_BAND, AS_TRAINED, Radiometry, Strength, images
from .config import FACTOR, LATENT, Config
from .network import SaladPan, outline
from .norms import Evaluate, Pooled, Sums, by_tile
from .sampler import STEPS, Denoiser, guided, sample, schedule
from .vae import decode

ARCHITECTURE = "salad_pan_sd15"
TEXT = "text."
"""What the keys of embedded prompts begin with in a model folder; the prompt follows."""

Norm = Literal["tile", "scene"]
"""Whose mean and deviation the group norms use: the tile's, as published, or the whole scene's."""

MOST_STEPS = 1000
RATIOS = (2.0, 6.0)
"""PAN px per MS px that the model accepts; the published weights saw 4 alone."""

SPEC = ModelSpec(
    name="salad-pan-sd15",
    version="1",
    task="pansharpen",
    inputs=(InputSpec(name="pan", bands=1, range="unit"), InputSpec(name="ms", bands=None, range="unit", ratio=RATIOS)),
    main="ms",
    align=64,
    margin=16,
    tile=256,
    overlap=64,
    batch=1,
    latent=FACTOR,
    needs_statistics=True,
    stochastic=True,
    generated=True,
    consistency="off",
    options=frozenset({"steps", "guidance", "attention"}),
)
"""What a card of this architecture says where no sensor is named.

The margin keeps the rim, where convolutions see padding, out of the result; what lies outside a tile would change
pixels at any depth.  The tile is as large as the images of the published tests.
"""


class SaladPanTile:
    """A loaded network.

    Args:
        network: in evaluation mode, on the run's device.
        use: radiometry and noise.
        text: (tokens, length) of each prompt, on the run's device.
        steps: network evaluations a tile.
        guidance: weight; 1 or less is none.
        strength: of PAN and MS.
    """

    def __init__(
        self,
        network: SaladPan,
        use: Radiometry,
        text: Mapping[str, torch.Tensor],
        steps: int,
        guidance: float,
        strength: Strength = AS_TRAINED,
    ) -> None:
        self.network, self.use, self.text = network, use, text
        self.steps, self.guidance, self.strength = steps, guidance, strength
        self._times = [int(time) for time in schedule(steps).timesteps]

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Fuse tiles.

        Args:
            batch: ``"pan"`` (B, 1, H, W) and ``"ms"`` (B, C, H, W) on the PAN grid, DN where the radiometry has a
                maximum and in the unit range otherwise; H and W multiples of 64.
            where: anchors.

        Returns:
            (B, C, H, W) in the range of ``"ms"``, clipped to its maximum.
        """
        return self._fuse(batch, where, by_tile)

    def _fuse(self, batch: Mapping[str, torch.Tensor], where: Where, evaluate: Evaluate) -> torch.Tensor:
        """Fuse tiles, the networks evaluated in the given way."""
        ms = batch["ms"]
        tiles, bands, height, width = ms.shape
        maximum = self.use.maximum or 1.0
        given = images(batch["pan"], ms, maximum)
        cells = (LATENT, height // FACTOR, width // FACTOR)
        drawn = where.noise(0, 0, (1 if self.use.noise == "shared" else bands, *cells), cell=FACTOR)
        start = drawn.expand(tiles, bands, *cells).reshape(tiles * bands, *cells).to(ms.device)
        denoise = guided(
            self._denoiser(self._prompted(bands), given, bands, evaluate),
            self._denoiser((ANY_BAND,) * bands, given, bands, evaluate),
            self.guidance,
        )
        latents = sample(denoise, start, self.steps, where.checkpoint)
        fused = evaluate(partial(decode, self.network.vae), (latents,), self.use.chunk)
        return fused.reshape(ms.shape).float() * maximum

    def _prompted(self, bands: int) -> tuple[str, ...]:
        return self.use.prompts * bands if len(self.use.prompts) == 1 else self.use.prompts

    def _denoiser(self, prompts: tuple[str, ...], given: torch.Tensor, bands: int, evaluate: Evaluate) -> Denoiser:
        """The network under these prompts, a few bands at a time."""
        # Bands that attend to each other go together.
        chunk = self.use.chunk if self.network.config.region is None else bands

        def denoise(latents: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
            text = torch.stack([self.text[prompt] for prompt in prompts]).repeat(latents.shape[0] // bands, 1, 1)
            scales = self.strength.at(self._times.index(int(time[0])))
            unet = partial(self.network.unet, bands=bands, scales=scales)
            return evaluate(unet, (latents, time, text, given), chunk)

        return denoise


class SceneNormTile(SaladPanTile):
    """The network with group norms by the moments of the whole scene; of a tile only its attention sees all."""

    @torch.inference_mode()
    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """As ``SaladPanTile.predict``.

        Raises:
            ModelError: ``where`` holds no statistics, or not those of a run like this.
        """
        return self._fuse(batch, where, Pooled(where.statistics, batch["ms"].shape[1]))

    @torch.inference_mode()
    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """Sums over a block on which the network runs as published, laid out as ``norms`` says.

        Args:
            batch: as for ``predict``, of one tile and any size; continued by its last row and column where needed.
            valid: bool (1, 1, H, W), pixels that count.
            where: anchors.
        """
        device = next(self.network.parameters()).device
        height, width = valid.shape[2:]
        missing = (0, -width % SPEC.align, 0, -height % SPEC.align)
        block = {name: F.pad(x.to(device), missing, mode="replicate") for name, x in batch.items()}
        sums = Sums(F.pad(valid.to(device), missing))
        self._fuse(block, where, sums)
        return sums.total


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly; only cross-band attention may be absent, and is then left out.

    Args:
        config: ``"network"`` as ``Config`` and ``"use"`` as ``Radiometry`` name their values; ``"norm"`` as ``Norm``,
            that of the tile where it is not there; ``"strength"`` as ``Strength``, as trained where it is not there.
        state: tensors of ``SaladPan``, and the embedded prompts.
        runtime: device, attention, steps and guidance; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config, weights or prompts do not fit, or the device lacks the attention.
        RequestError: the number of steps is out of range.
    """
    steps = STEPS if runtime.steps is None else runtime.steps
    if not 1 <= steps <= MOST_STEPS:
        raise RequestError(f"{steps} steps", where="--steps", fix=f"ask for 1 to {MOST_STEPS}")
    shape, use, strength = parse(config)
    norm = config.get("norm", "tile")
    if norm not in get_args(Norm):
        raise ModelError(f"norm is tile or scene, not {norm!r}", where=ARCHITECTURE, fix="convert the model again")
    stored = floats(state)
    weights = {key: value for key, value in stored.items() if not key.startswith(TEXT)}
    text = {key.removeprefix(TEXT): value for key, value in stored.items() if key.startswith(TEXT)}
    if not any("_cross_band." in key for key in weights):
        shape = replace(shape, region=None)
    guidance = 1.0 if runtime.guidance is None else runtime.guidance
    lacking = [prompt for prompt in (*use.prompts, *(ANY_BAND,) * (guidance > 1.0)) if prompt not in text]
    if lacking:
        raise ModelError(
            f"no embedding of the prompt {lacking[0]!r}", where=ARCHITECTURE, fix="convert the model again"
        )
    network = outline(shape)
    load_strictly(network, weights, where=ARCHITECTURE)
    network = network.eval().requires_grad_(False).to(runtime.device)
    if runtime.attention == "xformers":
        _use_xformers(network)
    kind = SceneNormTile if norm == "scene" else SaladPanTile
    return kind(network, use, {p: v.to(runtime.device) for p, v in text.items()}, steps, guidance, strength)


def parse(config: Mapping[str, Any]) -> tuple[Config, Radiometry, Strength]:
    """Shape, radiometry and strength out of a card's config.

    Raises:
        ModelError: a value is missing, unknown or does not fit.
    """
    try:
        strength = Strength(**config.get("strength", {}))
        return Config.of(config["network"]), Radiometry.of(config["use"]), strength
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="convert the model again"
        ) from error


def _use_xformers(network: SaladPan) -> None:
    try:
        for module in network.modules():
            if isinstance(module, Attention):
                module.set_use_memory_efficient_attention_xformers(True)
    except (ImportError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelError(
            "xformers is not installed or cannot run on this device",
            where="--attention",
            fix="install the extra xformers and a CUDA device, or leave --attention out",
        ) from error
