"""What features of a trained backbone must beat: raw pixels, a random backbone, supervised networks from scratch.

Each stands where a backbone, or fuser and head, stand in the training on labels, so that tiles, copies, batches, steps,
early stopping and the clock are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.nn import functional as F

from seamline.models.satdifuser.backbone import Noise, no_checkpoint
from seamline.models.satdifuser.beside import Beside
from seamline.models.satdifuser.config import Config
from seamline.models.satdifuser.layout import Features, Layout, Scale
from seamline.models.satdifuser.network import SatDiFuser
from seamline.models.satdifuser.terra import TerraBackbone
from seamline.models.satdifuser.unet import double_conv
from seamline.models.terra_ldm.network import TerraLdmTiny
from seamline.training.satdifuser.model import Design, Eye, Ours, open_eye


class Pixels:
    """A backbone that does nothing: the image itself, for networks that learn everything.

    Args:
        bands: of the image.
        reach: px that the network on top looks around.
    """

    align = 16

    def __init__(self, bands: int, reach: int) -> None:
        self.layout, self.reach = Layout((0.5,), (Scale(1, (bands,)),)), reach

    def features(self, image: torch.Tensor, noise: Noise, checkpoint: Callable[[], None] = no_checkpoint) -> Features:  # noqa: ARG002
        """As ``Backbone.features``."""
        return [[image]]


class Cells:
    """A backbone that only sorts: the px of each cell side by side, at the scales of our own backbone."""

    align, reach = 16, 0

    def __init__(self, bands: int) -> None:
        self.layout = Layout((0.5,), tuple(Scale(side, (bands * side**2,)) for side in (4, 8, 16)))

    def features(self, image: torch.Tensor, noise: Noise, checkpoint: Callable[[], None] = no_checkpoint) -> Features:  # noqa: ARG002
        """As ``Backbone.features``."""
        return [[F.pixel_unshuffle(image, side) for side in (4, 8, 16)]]


class UNet(nn.Module):
    """A supervised U-Net (Ronneberger et al., arXiv 1505.04597) of three halvings, with batch norms.

    Args:
        bands, classes: of images and labels.
        width: channels at full size.
    """

    def __init__(self, bands: int, classes: int, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 6 * width)
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip((bands, *widths), widths, strict=False))
        self.up = nn.ModuleList(double_conv(widths[i + 1] + widths[i], widths[i]) for i in (2, 1, 0))
        self.out = nn.Conv2d(width, classes, 1)

    def forward(self, features: Features, size_hw: tuple[int, int]) -> torch.Tensor:  # noqa: ARG002
        """Logits (N, classes, H, W)."""
        x, levels = features[0][0], []
        for i, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if i else x)
            levels.append(x)
        for block, level in zip(self.up, levels[-2::-1], strict=True):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0), level), dim=1))
        out: torch.Tensor = self.out(x)
        return out


class ResNet(nn.Module):
    """A supervised residual network (He et al., arXiv 1512.03385) of four stages, two blocks each.

    Args:
        bands, classes: of images and labels.
        width: channels of the first stage.
    """

    def __init__(self, bands: int, classes: int, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 3 * width, 4 * width)
        self.first = nn.Sequential(nn.Conv2d(bands, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        stages = zip((width, *widths), widths, strict=False)
        self.stages = nn.ModuleList(
            nn.Sequential(_Residual(a, b, 2 if i else 1), _Residual(b, b, 1)) for i, (a, b) in enumerate(stages)
        )
        self.out = nn.Linear(widths[-1], classes)

    def forward(self, features: Features, size_hw: tuple[int, int]) -> torch.Tensor:  # noqa: ARG002
        """Logits (N, classes)."""
        x = self.first(features[0][0])
        for stage in self.stages:
            x = stage(x)
        out: torch.Tensor = self.out(x.mean(dim=(2, 3)))
        return out


class _Residual(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        same = channels_in == channels_out and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.skip(x))


class RandomBackbone(Ours):
    """The same fuser and head on a backbone that was never trained."""

    def eye(self, design: Design, bands: Sequence[str], device: str) -> Eye:
        """With new weights in the place of the trained ones."""
        eye = open_eye(design, bands, device)
        trained = eye.backbone.backbone if isinstance(eye.backbone, Beside) else eye.backbone
        if not isinstance(trained, TerraBackbone):
            raise TypeError("our own backbone is compared with a random one of its shape")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            network = TerraLdmTiny(trained.network.config)
        untrained = TerraBackbone(network, eye.reading, eye.bands)
        backbone = Beside(untrained, len(bands)) if isinstance(eye.backbone, Beside) else untrained
        return replace(eye, backbone=backbone, ref=replace(eye.ref, digest="random"))


class RawPixels(Ours):
    """The same fuser and head on the px themselves."""

    def eye(self, design: Design, bands: Sequence[str], device: str) -> Eye:
        """Cells of px."""
        eye = open_eye(design, bands, device)
        return replace(eye, backbone=Cells(len(bands)), ref=replace(eye.ref, digest="pixels in cells"))


@dataclass(frozen=True)
class Scratch(Ours):
    """A supervised network from scratch: a U-Net for px, a ResNet for patches.

    Attributes:
        parameters: as many as it may have at most.
    """

    parameters: int

    def eye(self, design: Design, bands: Sequence[str], device: str) -> Eye:
        """The image itself."""
        eye = open_eye(design, bands, device)
        return replace(eye, backbone=Pixels(len(bands), reach=48), ref=replace(eye.ref, digest="pixels"))

    def network(self, eye: Eye, config: Config, seed: int) -> nn.Module:  # noqa: ARG002
        """The widest that has no more parameters."""
        kind = ResNet if config.task == "classify" else UNet
        bands = len(config.bands)
        fitting = [w for w in range(4, 129, 2) if _count(kind, bands, config.head.classes, w) <= self.parameters]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return kind(bands, config.head.classes, max(fitting))


def _count(kind: type[nn.Module], bands: int, classes: int, width: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in kind(bands, classes, width).parameters())


def size_of_head(eye: Eye, config: Config) -> int:
    """Parameters of fuser and head, which are all that a method trains."""
    with torch.device("meta"):
        return sum(p.numel() for p in SatDiFuser(eye.backbone.layout, config).parameters())
