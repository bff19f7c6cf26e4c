"""Stable Diffusion's autoencoders as codecs of the student, whole or their outer part.

The layers of the tiny one are called directly, as in the released code: without the shift of the range to 0..1 and
back and without the soft clamp of the latent that diffusers wraps around them.  Images are in -1..1 on both sides.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import nn

from .codec import Codec
from .config import LATENT, Config


class Chain(nn.Module):
    """Layers in a row, of which only those from ``first`` to before ``stop`` are run."""

    def __init__(self, layers: nn.Sequential, first: int, stop: int) -> None:
        super().__init__()
        self.layers = layers
        self.first, self.stop = first, stop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) through the layers."""
        for layer in islice(self.layers, self.first, self.stop):
            x = layer(x)
        return x


class TinyCodec(Codec):
    """TAESD in the layers of diffusers' ``AutoencoderTiny``; without the convolutions at its latent where fused."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = (config.codec_width,) * len(config.codec_blocks)
        whole: Any = AutoencoderTiny(
            in_channels=config.image,
            out_channels=config.image,
            encoder_block_out_channels=widths,
            decoder_block_out_channels=widths,
            latent_channels=LATENT,
            num_encoder_blocks=config.codec_blocks,
            num_decoder_blocks=config.codec_blocks[::-1],
        )
        down, up = whole.encoder.layers, whole.decoder.layers
        cut = int(config.codec == "fused")
        stop = len(down) - cut
        if cut and not config.compat:
            # The decoder's remaining layers keep their numbers.
            down, up[0] = down[:-1], nn.Identity()
        self.encoder = Chain(down, 0, stop)
        self.decoder = Chain(up, cut, len(up))

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(N, image channels, H, W) to (N, channels, H / factor, W / factor): of the codec where fused, else 4."""
        out: torch.Tensor = self.encoder(image)
        return out

    def decode(self, cells: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode`` in its shapes."""
        out: torch.Tensor = self.decoder(cells)
        return out


class FullCodec(Codec):
    """Stable Diffusion's autoencoder; latents are the posterior's mode, scaled."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        levels = len(config.codec_blocks)
        whole: Any = AutoencoderKL(
            in_channels=config.image,
            out_channels=config.image,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(config.codec_width * times for times in (2, 4, 8, 8)),
            layers_per_block=2,
            latent_channels=LATENT,
            norm_num_groups=config.groups,
        )
        self.encoder, self.decoder = whole.encoder, whole.decoder
        self.quant_conv, self.post_quant_conv = whole.quant_conv, whole.post_quant_conv
        self.scaling = float(whole.config.scaling_factor)

    def encode(self, image: torch.Tensor) -> torch.Tensor:
        """(N, image channels, H, W) to (N, 4, H / 8, W / 8)."""
        mode: torch.Tensor = self.quant_conv(self.encoder(image)).chunk(2, dim=1)[0]
        return mode * self.scaling

    def decode(self, cells: torch.Tensor) -> torch.Tensor:
        """Inverse of ``encode`` in its shapes."""
        out: torch.Tensor = self.decoder(self.post_quant_conv(cells / self.scaling))
        return out
