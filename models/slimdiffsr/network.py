"""The student: an upsampled image goes in and a sharper one of the same size comes out, in one pass."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ...engine.errors import ModelError
from .codec import codec_of
from .config import Config
from .deviation import DeviationHead
from .local import AS_IT_IS, LocalUnits, Units
from .unet import Features, PrunedUNet
from .wholes import AS_PUBLISHED, CELLS, Wholes


class SlimDiffSR(nn.Module):
    """The student of SlimDiffSR (arXiv 2605.02198): no noise, no timestep, no text.

    As published, every pixel depends on the whole image, by global aggregation, group norms and gates; a config can do
    without.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vae = codec_of(config)
        self.unet = PrunedUNet(config)
        if config.joined:
            self.merge_conv1 = nn.Conv2d(config.entering, config.channels[0], 3, padding=1)
            self.merge_conv2 = nn.Conv2d(config.channels[0], config.cells, 3, padding=1)
        if config.deviation:
            self.deviation = DeviationHead(config)

    def forward(self, image: torch.Tensor, wholes: Wholes | None = None) -> torch.Tensor:
        """Sharpen an upsampled image.

        Args:
            image: (N, config.image, H, W) in -1..1, at the size of the result; what a side lacks to a multiple of
                ``config.stride`` is repeated from its last pixels and cut off again.
            wholes: what the layers of the UNet know of the whole image; None for what the config says.

        Returns:
            The same shape and range; not clamped.
        """
        return self.with_features(image, wholes)[0]

    def with_features(self, image: torch.Tensor, wholes: Wholes | None = None) -> tuple[torch.Tensor, Features]:
        """As ``forward``, with the maps after each layer of the UNet."""
        padded = self._padded(image)
        units = self._units(padded)
        maps, features = self._maps(padded, units, wholes)
        return self._image(padded, units, maps, image), features

    def with_deviation(self, image: torch.Tensor, wholes: Wholes | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``forward``, with the logarithm of the variance of every pixel, float32; ``config.deviation`` is set."""
        padded = self._padded(image)
        units = self._units(padded)
        maps, _ = self._maps(padded, units, wholes)
        height, width = image.shape[-2:]
        log_variance = units.variance(self.deviation(maps))
        return self._image(padded, units, maps, image), log_variance[..., :height, :width]

    def _padded(self, image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[-2:]
        stride = self.config.stride
        return F.pad(image, (0, -width % stride, 0, -height % stride), mode="replicate")

    def _units(self, padded: torch.Tensor) -> Units:
        return LocalUnits.of(padded, self.config.factor) if self.config.codec == "local" else AS_IT_IS

    def _maps(self, padded: torch.Tensor, units: Units, wholes: Wholes | None) -> tuple[torch.Tensor, Features]:
        if wholes is None:
            wholes = CELLS if self.config.sees == "cell" else AS_PUBLISHED
        enter = self.merge_conv1 if self.config.joined else self.unet.conv_in
        cells = units.beside(self.vae.encode(units.standardised(padded)))
        found: tuple[torch.Tensor, Features] = self.unet(enter(cells), wholes)
        return found

    def _image(self, padded: torch.Tensor, units: Units, maps: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        leave = self.merge_conv2 if self.config.joined else self.unet.conv_out
        found = units.restored(self.vae.decode(leave(maps)))
        if self.config.adds:
            found = padded + found
        return found[..., : image.shape[-2], : image.shape[-1]]


def outline(config: Config) -> SlimDiffSR:
    """The network on the meta device: every shape, no memory.

    Raises:
        ModelError: no network can be built with these widths.
    """
    try:
        with torch.device("meta"):
            return SlimDiffSR(config)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ModelError(
            f"no network can be built with these widths ({error})",
            where="slimdiffsr",
            fix="give the config that belongs to the weights",
        ) from error
