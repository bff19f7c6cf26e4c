"""Made-up files of the published SALAD-Pan, of a narrow network, as diffusers and torch write them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

from seamline.engine.optics.sensors import find_sensor
from seamline.models.salad_pan.published.checkpoint import Sources, is_base
from seamline.models.salad_pan.published.conditioning import prompts
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.network import FusedUNet, unet_settings
from seamline.models.salad_pan.published.vae import band_vae

TINY = Config(
    scaling_factor=0.5,
    base=(16, 32),
    base_heads=2,
    base_groups=4,
    text=8,
    branch=(4, 8),
    branch_heads=2,
    embedder=(4, 4, 8, 8),
    vae=(4, 4, 8, 8),
    vae_groups=4,
)
# The embedder's widths stand in no config: they are as published.
CONFIG = replace(TINY, scaling_factor=0.7071, embedder=Config(scaling_factor=1.0).embedder)


@dataclass(frozen=True)
class Published:
    """Where the made-up files lie."""

    root: Path

    @property
    def sources(self) -> Sources:
        r = self.root
        return Sources(r / "sd15", r / "vae", r / "adapters.pth", text=r / "text.safetensors")

    def arguments(self, out: Path) -> list[str]:
        s = self.sources
        flags = {"--base": s.base, "--vae": s.vae, "--adapters": s.adapters, "--text": s.text}
        return ["models", "convert", "salad-pan", *(str(x) for pair in flags.items() for x in pair), str(out)]


def write(root: Path) -> None:
    """Write UNet, autoencoder, adapters and embedded prompts."""
    torch.manual_seed(0)
    UNet2DConditionModel(**unet_settings(CONFIG)).save_pretrained(root / "sd15" / "unet")
    band_vae(CONFIG).save_pretrained(root / "vae")
    state = FusedUNet(CONFIG).state_dict()
    torch.save(
        {key: torch.randn_like(value) for key, value in state.items() if not is_base(key)}, root / "adapters.pth"
    )
    sentences = ("", *prompts(find_sensor("QB")), "one that is not needed")
    save_file({s: torch.randn(7, CONFIG.text) for s in sentences}, root / "text.safetensors")
