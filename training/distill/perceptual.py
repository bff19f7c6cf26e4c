"""How different two images look: LPIPS where its weights are at hand, else features of the base model."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from ...engine.errors import RequestError
from ...engine.quality.perceptual.distances import lpips
from ...engine.quality.perceptual.networks import alexnet
from ...engine.quality.perceptual.weights import checked, read_tensors
from ...models.terra_ldm.conditioning import Band, Conditioning
from ...models.terra_ldm.network import TerraLdmTiny

BACKBONE, HEADS = ("alexnet.safetensors", "alexnet.pth"), ("lpips_alex.safetensors", "lpips_alex.pth")
"""Files of LPIPS, as ``docs/reference/perceptual.md`` lists them; of each the first name that is there."""

GLANCE = 0.1
"""Diffusion time at which the base model looks at images: nearly clean, so that its maps follow fine structure."""

_TINY = 1e-6


class Perceptual(Protocol):
    """A differentiable distance of images.

    Attributes:
        label: what it is, for the model card.
    """

    label: str

    def __call__(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Mean distance of images (N, C, H, W) in -1..1, float32; 0 for equal ones; no gradient reaches ``truth``."""
        ...


class Lpips(nn.Module):
    """LPIPS with AlexNet, frozen; three bands are taken for red, green and blue, others are shown one by one as grey.

    Args:
        folder: with the files ``BACKBONE`` and ``HEADS``.

    Raises:
        RequestError: a file is not there.
        ModelError: a file is not what it should be.
    """

    label = "LPIPS (AlexNet)"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        backbone, heads = (_first(folder, names) for names in (BACKBONE, HEADS))
        self.network = alexnet()
        shapes = {key: tuple(value.shape) for key, value in self.network.state_dict().items()}
        self.network.load_state_dict(checked(read_tensors(backbone), shapes, where=backbone, surplus="classifier."))
        wanted = {f"lin{k}.model.1.weight": (1, width, 1, 1) for k, width in enumerate(self.network.channels)}
        for k, weight in enumerate(checked(read_tensors(heads), wanted, where=heads).values()):
            self.register_buffer(f"head{k}", weight.flatten(), persistent=False)

    def forward(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """See ``Perceptual``; H and W at least 63."""
        with torch.autocast(found.device.type, enabled=False):
            heads = [self.get_buffer(f"head{k}") for k in range(len(self.network.channels))]
            distance = lpips(self.network, heads)(as_rgb(found.float()), as_rgb(truth.detach().float()))
            return distance.mean().float().to(found.device)


class BaseFeatures(nn.Module):
    """Mean absolute difference in the latents of the base model and in the maps of its UNet, of the mean of all bands.

    It looks for structure, which bands share; their differences are the absolute error's.  Every map counts in units
    of its own root mean square over the truth, and all maps count alike.

    Args:
        base: is taken over and frozen; not one that a teacher adapts.
    """

    label = "L1 in the features of terra-ldm-tiny"

    def __init__(self, base: TerraLdmTiny) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)

    def forward(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """See ``Perceptual``; H and W multiples of 16."""
        with torch.autocast(found.device.type, enabled=False):
            with torch.no_grad():
                wanted = self.maps(truth.float())
            pairs = zip(self.maps(found.float()), wanted, strict=True)
            distances = [(a - b).abs().mean() / (b.square().mean().sqrt() + _TINY) for a, b in pairs]
            return torch.stack(distances).mean()

    def maps(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Latents and the UNet's five maps of images (N, C, H, W) in -1..1."""
        latents = self.base.vae.encode(image.mean(dim=1, keepdim=True) / 2 + 0.5)
        time = torch.full((len(latents),), GLANCE, device=latents.device)
        seen = self.base.unet.trace(latents, time, Conditioning.of([Band()] * len(latents), latents.device))[1]
        return latents, *seen.encoder, seen.middle, *seen.decoder


def as_rgb(image: torch.Tensor) -> torch.Tensor:
    """Images (N, C, H, W) in -1..1 as (N or N x C, 3, H, W) in 0..1: as they are for C = 3, else each band as grey."""
    shown = image / 2 + 0.5
    return shown if image.shape[1] == 3 else shown.reshape(-1, 1, *image.shape[-2:]).expand(-1, 3, -1, -1)


def _first(folder: Path, names: tuple[str, ...]) -> Path:
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise RequestError(
            f"there is no {' or '.join(names)}", where=str(folder), fix="see docs/reference/perceptual.md"
        )
    return path
