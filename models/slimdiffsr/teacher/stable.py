"""Stable Diffusion as the teacher's backbone: diffusers' UNet and autoencoder, with one fixed text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from ....engine.errors import ModelError, RequestError
from ...convert import read_settings, read_tensors
from ...folder import load_strictly
from ...terra_ldm.conditioning import Conditioning
from .backbone import LAYERS, Backbone, Prediction
from .lora import STABLE_DIFFUSION, Ranks, adapt
from .table import NoiseTable

WEIGHTS = "diffusion_pytorch_model.safetensors"

# Settings of diffusers' UNet that would ask for more than latents, time and text.
_PLAIN: dict[str, Any] = {
    "class_embed_type": None,
    "num_class_embeds": None,
    "addition_embed_type": None,
    "encoder_hid_dim": None,
}
_PLAIN |= {
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "time_cond_proj_dim": None,
    "center_input_sample": False,
    "time_embedding_act_fn": None,
}
# Names that diffusers gave to the attention of the autoencoder before 0.18; Stable Diffusion's file still has them.
_RENAMED = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}


def stable_table(schedule: Mapping[str, Any]) -> NoiseTable:
    """A scheduler's noise levels, and a clean entry above them.

    Times are the steps that the UNet was trained with, from 0; the clean entry shares step 0, so that a network with
    1000 steps has the paper's 1001 entries.

    Args:
        schedule: settings of a scheduler, as diffusers writes them.
    """
    levels = DDPMScheduler.from_config(dict(schedule)).alphas_cumprod.double().flip(0)
    times = torch.arange(len(levels) - 1, -1, -1, dtype=torch.float64)
    return NoiseTable(torch.cat((levels, levels.new_ones(1))), torch.cat((times, times.new_zeros(1))))


class StableBackbone(Backbone):
    """Stable Diffusion 2.1, or a model like it with three levels or more.

    Args:
        unet: a ``UNet2DConditionModel`` that takes latents, time and text alone.
        vae: an ``AutoencoderKL``.
        schedule: settings of the scheduler; ``prediction_type`` says what the UNet predicts.
        text: (1, tokens, length) embedded prompt, the same for all images.

    Raises:
        ModelError: the UNet asks for more, has fewer levels, or predicts something else.
    """

    def __init__(self, unet: Any, vae: Any, schedule: Mapping[str, Any], text: torch.Tensor) -> None:
        super().__init__()
        odd = [name for name, value in _PLAIN.items() if unet.config.get(name, value) != value]
        predicts = schedule.get("prediction_type", "epsilon")
        widths = tuple(unet.config.block_out_channels)
        if odd or len(widths) < 3 or predicts not in ("epsilon", "v_prediction"):
            raise ModelError(
                f"no backbone for one step ({', '.join(odd) or f'{len(widths)} levels'}, predicts {predicts})",
                where="unet",
                fix="give Stable Diffusion 2.1 or a model of its kind",
            )
        self.unet, self.vae = unet, vae
        self.table = stable_table(schedule)
        self.bands, self.latent = int(vae.config.in_channels), int(vae.config.latent_channels)
        self.stride = 2 ** (len(vae.config.block_out_channels) - 1 + len(widths) - 1)
        self.predicts = predicts
        self.widths = dict(zip(LAYERS, (widths[0], widths[1], widths[2], widths[1], widths[0]), strict=True))
        self.register_buffer("text", text.float(), persistent=False)
        self.text: torch.Tensor
        self.requires_grad_(False)

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """Scaled latents (N, 4, H / 8, W / 8) of images (N, 3, H, W) in -1..1, posterior mode."""
        latents: torch.Tensor = self.vae.encode(image).latent_dist.mode() * self.vae.config.scaling_factor
        return latents

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, 8h, 8w) in -1..1 of scaled latents (N, 4, h, w)."""
        image: torch.Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return image

    def predict(self, latents: torch.Tensor, time: torch.Tensor, given: Conditioning | None) -> Prediction:  # noqa: ARG002
        """Noise or velocity of latents (N, latent, h, w) at times (N,); what is known of the bands is not used.

        Maps are those that the student has counterparts of, at the same places: after the first level and its
        downsampler, after the second without it, after the third on the way up with its upsampler, and so on up.
        """
        unet = self.unet
        text = self.text.expand(len(latents), -1, -1)
        emb = unet.time_embedding(unet.time_proj(time).to(latents.dtype))
        x = unet.conv_in(latents)
        skips, features = [x], {}
        for level, block in enumerate(unet.down_blocks):
            told = {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
            x, passed = block(hidden_states=x, temb=emb, **told)
            skips += passed
            if level < 2:
                features[LAYERS[level]] = x if level == 0 else passed[-2]
        x = unet.mid_block(x, emb, encoder_hidden_states=text)
        for level, block in enumerate(unet.up_blocks):
            count = len(block.resnets)
            told = {"encoder_hidden_states": text} if getattr(block, "has_cross_attention", False) else {}
            x = block(hidden_states=x, temb=emb, res_hidden_states_tuple=tuple(skips[-count:]), **told)
            del skips[-count:]
            if (place := level - len(unet.up_blocks)) >= -3:
                features[LAYERS[place]] = x
        return Prediction(unet.conv_out(unet.conv_act(unet.conv_norm_out(x))), features)

    def adapt(self, ranks: Ranks, generator: torch.Generator) -> None:
        """Adapt the layers of the UNet and of the autoencoder's decoder that the released code names."""
        self.requires_grad_(False)
        adapt(self.unet, STABLE_DIFFUSION, ranks.unet, generator)
        adapt(self.vae.decoder, STABLE_DIFFUSION, ranks.decoder, generator)


def load_stable(folder: Path, text: torch.Tensor) -> StableBackbone:
    """The backbone of a folder as diffusers saves it: ``unet/``, ``vae/`` and ``scheduler/``, safetensors alone.

    Args:
        folder: of the model.
        text: (1, tokens, length) embedded prompt.

    Raises:
        ModelError: a file is damaged, or weights do not fit their settings.
        RequestError: a file is not there, or the text has another length than the UNet reads.
    """
    parts: list[Any] = []
    for name, kind in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL)):
        part: Any = kind.from_config(read_settings(folder / name / "config.json"))
        state = {_modern(key): value.float() for key, value in read_tensors(folder / name / WEIGHTS).items()}
        load_strictly(part, state, where=str(folder / name))
        parts.append(part.eval())
    length = parts[0].config.cross_attention_dim
    if text.ndim != 3 or text.shape[0] != 1 or text.shape[2] != length:
        raise RequestError(
            f"a text of shape {tuple(text.shape)}, not (1, tokens, {length})", where="text", fix="embed it again"
        )
    unet, vae = parts
    return StableBackbone(unet, vae, read_settings(folder / "scheduler" / "scheduler_config.json"), text)


def _modern(key: str) -> str:
    for old, new in _RENAMED.items():
        key = key.replace(old, new)
    return key
