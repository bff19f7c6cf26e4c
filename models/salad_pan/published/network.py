"""The published network: Stable Diffusion's UNet with its two branches, and the autoencoder of one band."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from ....engine.errors import ModelError
from ..layers import GatedZeroConv
from . import branches
from .blocks import FusedDown, FusedMiddle, FusedUp
from .branches import BRANCHES, PLANES
from .config import LATENT, Config
from .layers import AS_TRAINED, Scales, Streams, fuse
from .vae import band_vae

_RESIDUAL_EPSILON = 1e-6
"""Of the norms in the base's residual blocks: the released network rebuilds these blocks without the UNet's 1e-5."""


def unet_settings(config: Config) -> dict[str, Any]:
    """Arguments of diffusers' UNet that Stable Diffusion 1.5 sets, for these widths."""
    levels = len(config.base)
    return {
        "block_out_channels": config.base,
        "down_block_types": ("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
        "attention_head_dim": config.base_heads,  # heads: diffusers kept the name by which old configs know them
        "norm_num_groups": config.base_groups,
        "cross_attention_dim": config.text,
    }


class FusedUNet(nn.Module):
    """Predicts the noise in latents of single bands; bands of an image lie next to each other along N.

    Before training every crossing is silent and the result is that of the base, but for the epsilon of some norms.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        base = UNet2DConditionModel(**unet_settings(config))
        for module in base.modules():
            if isinstance(module, ResnetBlock2D):
                module.norm1.eps = module.norm2.eps = _RESIDUAL_EPSILON
        self.base_time_proj = base.time_proj
        self.base_time_embedding = base.time_embedding
        self.base_conv_in = base.conv_in
        self.base_conv_norm_out = base.conv_norm_out
        self.base_conv_out = base.conv_out
        for name in BRANCHES:
            self.add_module(f"controlnet_cond_embedding_{name}", branches.embedder(config, name))
            self.add_module(f"ctrl_conv_in_{name}", nn.Conv2d(LATENT, config.branch[0], 3, padding=1))
            crossing = GatedZeroConv(config.branch[0], config.base[0])
            self.add_module(f"control_to_base_for_conv_in_{name}", crossing)
        self.down_blocks = nn.ModuleList(
            FusedDown(block, config, level) for level, block in enumerate(base.down_blocks)
        )
        self.mid_block = FusedMiddle(base.mid_block, config)
        self.up_blocks = nn.ModuleList(_decoder(base.up_blocks, config))

    def forward(
        self,
        noisy: torch.Tensor,
        time: torch.Tensor,
        text: torch.Tensor,
        given: torch.Tensor,
        bands: int,
        scales: Scales = AS_TRAINED,
    ) -> torch.Tensor:
        """Noise in latents.

        Args:
            noisy: (N, 4, h, w), N = images x bands; h and w multiples of 2 to the power of the levels less one.
            time: (N,) training step, 0 (almost clean) to 999 (noise).
            text: (N, tokens, length) embedded prompts.
            given: (N, 5, 8h, 8w): the MS band four times over, then PAN; 0..1.
            bands: of an image.
            scales: of what the branches say.

        Returns:
            (N, 4, h, w).
        """
        emb = self.base_time_embedding(self.base_time_proj(time).to(noisy.dtype))
        spa_planes = given[:, -PLANES["spa"] :]
        spe_planes = given[:, : PLANES["spe"]]
        own, told = [], []
        for name, planes in zip(BRANCHES, (spa_planes, spe_planes), strict=True):
            embedded = getattr(self, f"controlnet_cond_embedding_{name}")(planes)
            own.append(getattr(self, f"ctrl_conv_in_{name}")(noisy) + embedded)
            told.append(getattr(self, f"control_to_base_for_conv_in_{name}")(own[-1]))
        skips = [Streams(fuse(self.base_conv_in(noisy), told[0], told[1], scales), *own)]
        for down in self.down_blocks:
            skips += down(skips[-1], emb, text, scales)
        x = self.mid_block(skips[-1], emb, text, bands, scales)
        for up in self.up_blocks:
            x = up(x, skips, emb, text, scales)
        out: torch.Tensor = self.base_conv_out(nn.functional.silu(self.base_conv_norm_out(x)))
        return out


class SaladPan(nn.Module):
    """Both stages: what a model folder stores."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vae = band_vae(config)
        self.unet = FusedUNet(config)


def outline(config: Config) -> SaladPan:
    """The network on the meta device: every shape, no memory.

    Raises:
        ModelError: heads or groups do not divide the channels.
    """
    try:
        with torch.device("meta"):
            return SaladPan(config)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ModelError(
            f"no network can be built with these widths ({error})",
            where="salad_pan_sd15",
            fix="give the config that belongs to the weights",
        ) from error


def _decoder(blocks: Any, config: Config) -> Iterator[FusedUp]:
    """The decoder levels, coarsest first."""
    skipped = [config.branch[0]]
    for level, channels in enumerate(config.branch):
        skipped += [channels] * (2 if level == len(config.branch) - 1 else 3)
    before = config.base[-1]
    for block, channels in zip(blocks, reversed(config.base), strict=True):
        yield FusedUp(block, (before, channels, channels), [skipped.pop() for _ in range(3)])
        before = channels
