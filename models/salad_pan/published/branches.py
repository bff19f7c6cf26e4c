"""The parts of a branch: a narrow copy of the UNet's encoder and middle, after ControlNet-XS (arXiv 2312.06573).

Built of diffusers' blocks, so that the names below a block are those of published checkpoints.
"""

from __future__ import annotations

import math
from typing import Any

from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_blocks import UNetMidBlock2DCrossAttn
from torch import nn

from .config import Config

BRANCHES = ("spa", "spe")
"""PAN and MS, in this order everywhere."""

PLANES = {"spa": 1, "spe": 4}
"""Channels of the image that each branch is given: PAN, and the MS band four times over."""


def largest_divisor(number: int, most: int) -> int:
    """Largest divisor of ``number`` that is at most ``most``."""
    return next(d for d in range(min(number, most), 0, -1) if number % d == 0)


def level_groups(config: Config, level: int) -> int:
    """Most groups that a norm of this encoder level may have.

    The published network was assembled from a template block by block, each block with the group count of its
    template's first norm as the limit: 25, 25, 32, 32 at full size, instead of 32 throughout.
    """
    base, branch = _inputs(config, level)
    return largest_divisor(base + branch, config.base_groups)


def embedder(config: Config, branch: str) -> Any:
    """Convolutions that bring an image in 0..1 to latent resolution; the last one starts at zero."""
    return ControlNetConditioningEmbedding(config.branch[0], PLANES[branch], config.embedder)


def encoder_resnets(config: Config, level: int) -> nn.ModuleList:
    """Two residual blocks; each also reads what the base says at its depth."""
    base, before = _inputs(config, level)
    width, most = config.branch[level], level_groups(config, level)
    blocks = []
    for channels in (before + base, width + config.base[level]):
        blocks.append(
            ResnetBlock2D(
                in_channels=channels,
                out_channels=width,
                temb_channels=4 * config.base[0],
                groups=largest_divisor(channels, most),
                groups_out=largest_divisor(width, most),
                eps=1e-5,
            )
        )
    return nn.ModuleList(blocks)


def encoder_attentions(config: Config, level: int) -> nn.ModuleList:
    """Two transformers that also read the text; none at the last level."""
    width = config.branch[level]
    count = 0 if level == len(config.branch) - 1 else 2
    return nn.ModuleList(
        Transformer2DModel(
            config.branch_heads,
            width // config.branch_heads,
            in_channels=width,
            cross_attention_dim=config.text,
            norm_num_groups=largest_divisor(width, level_groups(config, level)),
        )
        for _ in range(count)
    )


def downsampler(config: Config, level: int) -> Any:
    """Convolution of stride 2 on the maps of branch and base."""
    width = config.branch[level]
    return Downsample2D(width + config.base[level], use_conv=True, out_channels=width, name="op")


def middle(config: Config) -> Any:
    """The middle block, on the maps of branch and base."""
    width, both = config.branch[-1], config.branch[-1] + config.base[-1]
    return UNetMidBlock2DCrossAttn(
        in_channels=both,
        out_channels=width,
        temb_channels=4 * config.base[0],
        resnet_groups=largest_divisor(math.gcd(width, both), config.base_groups),
        cross_attention_dim=config.text,
        num_attention_heads=config.branch_heads,
    )


def _inputs(config: Config, level: int) -> tuple[int, int]:
    """Channels of base and branch that enter an encoder level."""
    before = max(level - 1, 0)
    return config.base[before], config.branch[before]
