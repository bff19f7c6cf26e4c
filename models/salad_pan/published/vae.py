"""The autoencoder of one band: Stable Diffusion's, with one channel instead of three.

Bands are unrolled into the batch axis, so any band count works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from .config import LATENT, Config

LUMA = (0.2989, 0.5870, 0.1140)
"""Weights of red, green and blue by which the released code collapses the three-channel autoencoder."""

# Names that diffusers gave to the attention of the middle block before 0.18; Stable Diffusion's file still has them.
_RENAMED = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}


def vae_settings(config: Config) -> dict[str, Any]:
    """Arguments of diffusers' autoencoder, for these widths and one channel."""
    levels = len(config.vae)
    return {
        "in_channels": 1,
        "out_channels": 1,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "block_out_channels": config.vae,
        "layers_per_block": 2,
        "latent_channels": LATENT,
        "norm_num_groups": config.vae_groups,
        "scaling_factor": config.scaling_factor,
    }


def band_vae(config: Config) -> Any:
    """The untrained autoencoder."""
    return AutoencoderKL(**vae_settings(config))


def to_one_channel(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """State dict of a three-channel autoencoder, collapsed to one channel; one of one channel comes back as it is.

    Input and output convolutions are summed over red, green and blue with luma weights, everything else is copied:
    what the first training stage starts from.
    """
    renamed = {_modern(key): value for key, value in state.items()}
    first, last = "encoder.conv_in.weight", "decoder.conv_out.weight"
    if renamed[first].shape[1] == 1:
        return renamed
    luma = torch.tensor(LUMA).to(renamed[first])
    collapsed = {
        first: torch.einsum("ochw,c->ohw", renamed[first], luma)[:, None],
        last: torch.einsum("oihw,o->ihw", renamed[last], luma)[None],
        "decoder.conv_out.bias": (renamed["decoder.conv_out.bias"] * luma).sum()[None],
    }
    return renamed | collapsed


def encode(vae: Any, bands: torch.Tensor) -> torch.Tensor:
    """Latents of bands, mode of the posterior, scaled.

    Args:
        bands: (N, 1, H, W) in 0..1, H and W multiples of 8.

    Returns:
        (N, 4, H / 8, W / 8).
    """
    mode: torch.Tensor = vae.encode(2.0 * bands - 1.0).latent_dist.mode()
    latents: torch.Tensor = mode * vae.config.scaling_factor
    return latents


def decode(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Bands (N, 1, 8h, 8w), clamped to 0..1, from scaled latents (N, 4, h, w)."""
    image: torch.Tensor = vae.decode(latents / vae.config.scaling_factor).sample
    return (image / 2.0 + 0.5).clamp(0.0, 1.0)


def _modern(key: str) -> str:
    for old, new in _RENAMED.items():
        key = key.replace(old, new)
    return key
