"""DiffusionSat or Stable Diffusion 2.1 as a frozen backbone: image in, features of its diffusion out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from torch.nn import functional as F

from ....engine.errors import ModelError
from .. import inversion
from ..backbone import Noise, no_checkpoint
from ..hooks import layout, listen
from ..inversion import TIMES, Mode, Schedule
from ..layout import Features, Layout
from .bands import adapter
from .config import CHANNELS, PROMPT
from .files import Parts, find_parts, outline, read_part, read_schedule, read_weights
from .metadata import COUNT, PREFIX, MetadataEmbedding
from .text import prompt_embedding

# Settings of diffusers' UNet that would ask for more than latents, time and text.
_PLAIN: dict[str, Any] = {
    "class_embed_type": None,
    "num_class_embeds": None,
    "addition_embed_type": None,
    "encoder_hid_dim": None,
    "time_cond_proj_dim": None,
}
_PREDICTED = ("epsilon", "v_prediction")


@dataclass(frozen=True, slots=True)
class Options:
    """How features are read of a published backbone.

    Attributes:
        times: generation indices of 50 steps.
        mode: inversion of the image, or one noising a time.
        zoom: how many times as large images are made first; divides the px of a latent cell.
        prompt: what the backbone is told.
        metadata: whether it is told the facts of a scene beside it; their networks are left unread otherwise.
        as_released: take what the UNet predicts for noise whatever its scheduler says.
    """

    times: tuple[int, ...] = TIMES
    mode: Mode = "inversion"
    zoom: int = 1
    prompt: str = PROMPT
    metadata: bool = False
    as_released: bool = False


class Published(nn.Module):
    """A frozen UNet, autoencoder and prompt, and an adapter of bands in front; a ``Backbone``.

    Its attention sees the whole tile: what lies outside one would change features at any depth.  ``reach`` is the rim
    in which convolutions see padding.

    Args:
        unet: a ``UNet2DConditionModel`` that takes latents, time and text.
        vae: an ``AutoencoderKL`` of three bands.
        text: (1, tokens, length) embedded prompt.
        plan: calls of the UNet.
        bands: of the images.
        zoom: how many times as large they are made first.
        velocity: whether the UNet predicts velocity, not noise.
        metadata: networks of what is told beside the prompt; None where nothing is.

    Raises:
        ModelError: the UNet asks for more, or the autoencoder takes other images.
    """

    def __init__(
        self,
        unet: Any,
        vae: Any,
        text: torch.Tensor,
        plan: Schedule,
        *,
        bands: int,
        zoom: int = 1,
        velocity: bool = False,
        metadata: MetadataEmbedding | None = None,
    ) -> None:
        super().__init__()
        odd = [name for name, value in _PLAIN.items() if unet.config.get(name, value) != value]
        if odd or vae.config.in_channels != CHANNELS or vae.config.latent_channels != unet.config.in_channels:
            raise ModelError(
                f"no backbone of images, time and text alone ({', '.join(odd) or 'channels do not fit'})",
                where="unet",
                fix="give Stable Diffusion 2.1, DiffusionSat or a model of their kind",
            )
        self.unet, self.vae, self.plan, self.velocity = unet, vae, plan, velocity
        self.adapter = adapter(bands).requires_grad_(False)
        self.zoom = zoom
        self.layout = layout_of(unet, vae, plan.times, zoom)
        self.align = self.reach = self.layout.scales[-1].stride
        self.metadata = metadata
        self.register_buffer("text", text, persistent=False)
        self.text: torch.Tensor
        # By training step, so that none has to be fetched from the device; the first entry is the clean image's.
        levels = torch.ones(max(call.step for call in plan.calls) + 2)
        for call in plan.calls:
            levels[call.step + 1] = call.level
        self.register_buffer("levels", levels, persistent=False)
        self.levels: torch.Tensor

    def features(
        self,
        image: torch.Tensor,
        noise: Noise,
        checkpoint: Callable[[], None] = no_checkpoint,
        metadata: torch.Tensor | None = None,
    ) -> Features:
        """Features of images.

        Args:
            image: (N, bands, H, W), H and W multiples of ``align``; 1 is the band's level, more is clipped.
            noise: that single noisings use.
            checkpoint: called before each call of the UNet; may raise to cancel.
            metadata: (N, 7) numbers of the scene of each image; None where nothing is known.
        """
        clean = self.encode(image)
        wanted = self.plan.mode == "noising"
        drawn = noise(0, (1, *clean.shape[1:]))[:, 0].to(clean) if wanted else None
        nothing = torch.zeros(len(image), COUNT, device=clean.device)
        with self._told(nothing if metadata is None else metadata.to(nothing)):
            return inversion.follow(
                self.plan, clean, denoise=self._predict, read=self._read, noise=drawn, checkpoint=checkpoint
            )

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Scaled latents (N, 4, zoom * H / 8, zoom * W / 8), posterior mode, float32."""
        three = self.adapter(image).clamp(0.0, 1.0) * 2 - 1
        if self.zoom > 1:
            three = F.interpolate(three, scale_factor=float(self.zoom), mode="bilinear", align_corners=False)
        latents = self.vae.encode(three.to(self.vae.dtype)).latent_dist.mode()
        scaled: torch.Tensor = latents.float() * self.vae.config.scaling_factor
        return scaled

    def _predict(self, x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Noise in latents, float32."""
        text = self.text.to(self.unet.dtype).expand(len(x), -1, -1)
        found: torch.Tensor = self.unet(x.to(self.unet.dtype), step, text).sample.float()
        if self.velocity:
            # Salimans and Ho, arXiv 2202.00512: velocity is signal * noise - sigma * clean.
            level = self.levels[step + 1][:, None, None, None]
            found = level.sqrt() * found + (1 - level).sqrt() * x
        return found

    def _read(self, x: torch.Tensor, step: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        with listen(self.unet) as heard:
            found = self._predict(x, step)
        return found, heard.maps()

    @contextmanager
    def _told(self, scalars: torch.Tensor) -> Iterator[None]:
        """Metadata are added to the embedding of time of the passes that are run inside."""
        if self.metadata is None:
            yield
            return
        extra = self.metadata(scalars, self.unet.time_proj)
        hook = self.unet.time_embedding.register_forward_hook(lambda _module, _given, out: out + extra.to(out.dtype))
        try:
            yield
        finally:
            hook.remove()


def open_published(folder: Path, bands: int, options: Options | None = None) -> Published:
    """The backbone of a folder, frozen, float32, on the CPU.

    Args:
        folder: of Stable Diffusion 2.1 or DiffusionSat, see ``files``.
        bands: of the images.
        options: how features are read.

    Raises:
        RequestError: a part is missing, or a time is none of the 50.
        ModelError: a part is damaged or does not fit, or the scheduler does not give 50 steps.
    """
    options = options or Options()
    parts = find_parts(folder)
    # What is small is read first, so that what does not fit is known early.
    betas, steps, predicted = read_schedule(parts.scheduler)
    plan = _plan(betas, steps, options, folder)
    if predicted not in _PREDICTED:
        raise ModelError(
            f"the UNet predicts {predicted}", where=str(parts.scheduler), fix=f"give one that predicts {_PREDICTED[0]}"
        )
    vae = read_part(AutoencoderKL, parts.vae, read_weights(parts.vae))
    unet, networks = _unet(parts, told=options.metadata)
    text = prompt_embedding(folder, options.prompt, unet.config.cross_attention_dim)
    velocity = predicted == "v_prediction" and not options.as_released
    return Published(unet, vae, text, plan, bands=bands, zoom=options.zoom, velocity=velocity, metadata=networks).eval()


def read_layout(folder: Path, options: Options) -> Layout:
    """The layout of a folder's features, by its settings alone.

    Raises:
        RequestError: a part is missing.
        ModelError: a part's settings do not fit.
    """
    parts = find_parts(folder)
    unet, vae = outline(UNet2DConditionModel, parts.unet), outline(AutoencoderKL, parts.vae)
    return layout_of(unet, vae, options.times, options.zoom)


def layout_of(unet: Any, vae: Any, times: tuple[int, ...], zoom: int) -> Layout:
    """The layout of the features of a UNet behind an autoencoder.

    Raises:
        ModelError: images cannot be enlarged so often.
    """
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    if zoom < 1 or factor % zoom:
        raise ModelError(
            f"images cannot be made {zoom} times as large", where="zoom", fix=f"name a divisor of {factor}"
        )
    return layout(unet, times, factor // zoom)


def _plan(betas: torch.Tensor, steps: Sequence[int], options: Options, folder: Path) -> Schedule:
    try:
        return inversion.schedule(betas, steps, options.times, options.mode)
    except ValueError as error:
        raise ModelError(str(error), where=str(folder), fix="name other times") from error


def _unet(parts: Parts, *, told: bool) -> tuple[Any, MetadataEmbedding | None]:
    """The UNet, and the networks of metadata where they are to be used."""
    state = read_weights(parts.unet)
    extra = {key.removeprefix(PREFIX): state.pop(key) for key in list(state) if key.startswith(PREFIX)}
    unet = read_part(UNet2DConditionModel, parts.unet, state)
    if not told:
        return unet, None
    networks = MetadataEmbedding(unet.config.block_out_channels[0], unet.time_embedding.linear_2.out_features)
    try:
        networks.load_state_dict({key: value.float() for key, value in extra.items()})
    except RuntimeError as error:
        raise ModelError(
            f"the UNet has no networks of {COUNT} metadata",
            where=str(parts.unet),
            fix="give DiffusionSat, or open the backbone without metadata",
        ) from error
    return unet, networks.eval().requires_grad_(False)
