"""Folders of tiny backbones with random weights, as diffusers saves those of Stable Diffusion."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file

TEXT = 12
UNET = {
    "block_out_channels": (8, 16),
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "layers_per_block": 1,
    "cross_attention_dim": TEXT,
    "attention_head_dim": 4,
    "norm_num_groups": 4,
}
VAE = {
    "block_out_channels": (4, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 32,
}
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "set_alpha_to_one": False,
}
ALIGN = 4
"""Image px: the autoencoder halves once, the UNet once more."""

WEIGHTS = "diffusion_pytorch_model.safetensors"


def make_backbone(folder: Path, *, scheduler=DDIMScheduler, text: bool = True, **schedule) -> Path:
    torch.manual_seed(0)
    UNet2DConditionModel(**UNET).save_pretrained(folder / "unet")
    AutoencoderKL(**VAE).save_pretrained(folder / "vae")
    scheduler(**{**SCHEDULE, **schedule}).save_pretrained(folder / "scheduler")
    if text:
        save_file({"a satellite image": torch.randn(1, 3, TEXT)}, folder / "prompt.safetensors")
    return folder


def edit(file: Path, **changes) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def add_metadata(folder: Path) -> dict[str, torch.Tensor]:
    """Make the UNet one of DiffusionSat; its further weights."""
    generator = torch.Generator().manual_seed(5)
    shapes = {"linear_1.weight": (32, 8), "linear_1.bias": (32,), "linear_2.weight": (32, 32), "linear_2.bias": (32,)}
    extra = {
        f"metadata_embedding.{number}.{name}": torch.randn(shape, generator=generator)
        for number in range(7)
        for name, shape in shapes.items()
    }
    file = folder / "unet" / WEIGHTS
    save_file({**load_file(file), **extra}, file)
    edit(folder / "unet" / "config.json", _class_name="SatUNet", use_metadata=True, num_metadata=7)
    return extra
