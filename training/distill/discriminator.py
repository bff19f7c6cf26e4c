"""Critics: networks that tell restored images from true ones, patch by patch, and the hinge losses."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .dino import Dino
from .perceptual import as_rgb

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, for images in 0..1


class PatchCritic(nn.Module):
    """A convolutional critic of overlapping patches (Isola et al., CVPR 2017), spectrally normed and without norms.

    Args:
        bands: of an image.
        width: channels after the first convolution; doubled by each further one, up to eight times.
        depth: convolutions that halve.
    """

    label: ClassVar[str] = "PatchGAN with spectral norm"

    def __init__(self, bands: int, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        widths = [bands, *(width * 2 ** min(k, 3) for k in range(depth))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
        layers.append(spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Judgements (N, 1, H / 2^depth, W / 2^depth) of images (N, bands, H, W) in -1..1; higher means truer."""
        out: torch.Tensor = self.layers(image)
        return out


class DinoCritic(nn.Module):
    """Light heads on a frozen vision transformer (vision-aided, as Kumari et al., CVPR 2022).

    Three bands are taken for red, green and blue, others are judged one by one as grey.

    Args:
        network: frozen.
        after: numbers of the blocks whose tokens are judged, ascending.
        width: channels of a head.
    """

    label: ClassVar[str] = "heads on DINO's vision transformer"
    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, network: Dino, after: tuple[int, ...] = (2, 5, 8, 11), width: int = 64) -> None:
        super().__init__()
        self.network, self.after = network.requires_grad_(False), after
        self.heads = nn.ModuleList(
            nn.Sequential(
                spectral_norm(nn.Conv2d(network.shape.width, width, 1)),
                nn.LeakyReLU(0.2),
                spectral_norm(nn.Conv2d(width, 1, 3, padding=1)),
            )
            for _ in after
        )
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Judgements (N, heads, h, w) of images (N, C, H, W) in -1..1, H and W multiples of the patch."""
        maps = self.network((as_rgb(image) - self.mean) / self.deviation, self.after)
        return torch.cat([head(each) for head, each in zip(self.heads, maps, strict=True)], dim=1)


def critic_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Hinge loss of a critic from its judgements (Lim and Ye, arXiv 1705.02894), float32."""
    return F.relu(1.0 - real.float()).mean() + F.relu(1.0 + fake.float()).mean()


def generator_loss(fake: torch.Tensor) -> torch.Tensor:
    """What the critic's judgements of restored images cost the generator, float32."""
    return -fake.float().mean()


def judged(critic: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """Judgements of images whose gradient reaches the images and not the critic, of which nothing changes."""
    parameters = {name: value.detach() for name, value in critic.named_parameters()}
    # Spectral norms move their buffers at every pass in training.
    buffers = {name: value.clone() for name, value in critic.named_buffers()}
    out: torch.Tensor = functional_call(critic, parameters | buffers, (image,))
    return out
