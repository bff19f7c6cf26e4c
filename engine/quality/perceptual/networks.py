"""The feature extractors of LPIPS and DISTS: the convolutions of AlexNet and VGG16, without weights.

Their state dicts have the keys of the widely shared files (``features.0.weight``, ...), less the classifier.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

# ImageNet's, for images in 0..1: what both networks were trained with.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Extractor(nn.Module):
    """Runs layers over an image and hands out the maps after some of them.

    Args:
        layers: run one after another.
        taps: indices of the layers whose output is a feature map, ascending.
        channels: of these maps.

    Attributes:
        mean, deviation: (1, 3, 1, 1) of the images of the training, red, green and blue in 0..1.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, layers: list[nn.Module], taps: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.taps, self.channels = taps, channels
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Maps (N, C, h, w) of images (N, 3, h, w) in 0..1."""
        state, maps = (images - self.mean) / self.deviation, []
        for index, layer in enumerate(self.features):
            state = layer(state)
            if index in self.taps:
                maps.append(state)
        return maps


class RootMeanSquarePool(nn.Module):
    """Halves a map by the root of the Hann-weighted mean of squares (Ding et al. 2020, section 3.1)."""

    kernel: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", (row[:, None] * row)[None, None], persistent=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, C, h, w) to (N, C, ceil(h / 2), ceil(w / 2))."""
        channels = maps.shape[1]
        squares = functional.conv2d(
            maps**2, self.kernel.expand(channels, 1, 3, 3), stride=2, padding=1, groups=channels
        )
        # The published constant: the root's slope stays finite, and zero maps to 1e-6.
        return (squares + 1e-12).sqrt()


def alexnet() -> Extractor:
    """AlexNet (Krizhevsky 2014, one column): five maps, one after each convolution; images of 63 px or more."""
    layers = [
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    ]
    return Extractor(layers, (1, 4, 7, 9, 11), (64, 192, 384, 256, 256))


def vgg16(*, smooth: bool = False) -> Extractor:
    """VGG16 (Simonyan and Zisserman 2015): the last map of each of its five stages; images of 16 px or more.

    Args:
        smooth: halve by :class:`RootMeanSquarePool`, as DISTS does, not by the maximum.
    """
    stages = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
    layers: list[nn.Module] = []
    taps, before = [], 3
    for stage in stages:
        if layers:
            layers.append(RootMeanSquarePool() if smooth else nn.MaxPool2d(2))
        for width in stage:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        taps.append(len(layers) - 1)
    return Extractor(layers, tuple(taps), tuple(stage[-1] for stage in stages))
