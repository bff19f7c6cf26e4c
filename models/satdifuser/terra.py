"""Our own base model as a backbone: any number of bands, a short reach, no attention.

Each band takes the way through autoencoder and UNet by itself, and the features of the bands lie side by side in each
stream.  Fine scales are those of the autoencoder, which are the same at every time: its latents, and the maps that it
foretells details from.  Coarse ones are those of the UNet.  Along the inversion a band's latents are led from the clean
image to the wanted times by deterministic DDIM steps (Song et al., arXiv 2010.02502, equation 12, backwards).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional as F

from ..terra_ldm.conditioning import Band, Conditioning
from ..terra_ldm.network import TerraLdmTiny
from ..terra_ldm.sampler import levels
from ..terra_ldm.unet import MARGIN, STRIDE, Maps
from ..terra_ldm.vae import FACTOR, LATENT
from ..terra_ldm.vae import MARGIN as VAE_MARGIN
from .backbone import Noise, no_checkpoint
from .config import Reading
from .layout import Features, Layout, Scale

ZOOMS = (1, 2)
"""Factors by which images may be enlarged first, so that a cell is so many times smaller on the ground."""


class TerraBackbone(nn.Module):
    """The base model, frozen; a ``Backbone``.

    Args:
        network: the base model.
        reading: how features are read; times are 0 (clean) to 1 (noise), ascending.
        bands: what is known of each band.

    Raises:
        ValueError: features cannot be read so.
    """

    def __init__(self, network: TerraLdmTiny, reading: Reading, bands: tuple[Band, ...]) -> None:
        super().__init__()
        _check(reading)
        self.network, self.reading, self.bands = network.eval().requires_grad_(False), reading, bands
        count = len(bands)
        fine, coarse = (count * width for width in network.config.unet)
        foretold = count * network.config.forecast
        scales = (
            Scale(FACTOR // 2 // reading.zoom, (foretold,)),
            Scale(FACTOR // reading.zoom, (count * LATENT, foretold)),
            Scale(2 * FACTOR // reading.zoom, (fine, fine, fine, fine)),
            Scale(STRIDE * FACTOR // reading.zoom, (coarse,)),
        )
        self._first = sum(scale.stride < reading.finest for scale in scales)
        self.layout = Layout(reading.times, scales[self._first :])
        self.align = FACTOR * STRIDE // reading.zoom
        passes = len(reading.times) if reading.mode == "inversion" else 1
        reach = VAE_MARGIN + passes * FACTOR * MARGIN
        # Two px beyond the image's own for the taps that enlarge it.
        self.reach = reach if reading.zoom == 1 else -(-reach // reading.zoom) + 2

    @torch.no_grad()
    def features(
        self,
        image: torch.Tensor,
        noise: Noise,
        checkpoint: Callable[[], None] = no_checkpoint,
        metadata: torch.Tensor | None = None,
    ) -> Features:
        """As ``Backbone.features``; channels of a stream are those of the first band, then those of the second."""
        if metadata is not None:
            raise ValueError("the base model has no place for facts of a scene")
        reading, count = self.reading, len(image)
        if reading.zoom > 1:
            image = F.interpolate(image, scale_factor=float(reading.zoom), mode="bicubic", align_corners=False)
        clean, *foretold = self.network.vae.trace(image.reshape(-1, 1, *image.shape[-2:]))
        second, first = (torch.asinh(_by_image(maps, count)) for maps in foretold)
        still = [first, torch.cat((_by_image(clean, count), second), dim=1)]
        given = Conditioning.of(self.bands * count, clean.device)
        if reading.mode == "noising":
            states = self._noised(clean, noise)
        else:
            states = self._inverted(clean, given, checkpoint)
        found: Features = []
        for time, state in zip(reading.times, states, strict=True):
            checkpoint()
            maps = self._trace(state, time, given)[1]
            fine = torch.cat([_by_image(x, count) for x in (*maps.encoder, *maps.decoder)], dim=1)
            found.append([*still, fine, _by_image(maps.middle, count)][self._first :])
        return found

    def _noised(self, clean: torch.Tensor, noise: Noise) -> Iterator[torch.Tensor]:
        """Latents at each time, each from the clean ones and noise of its own."""
        for number, time in enumerate(self.reading.times):
            signal, sigma = levels(time)
            drawn = noise(number, (len(self.bands), *clean.shape[1:])).to(clean)
            yield signal * clean + sigma * drawn.reshape(clean.shape)

    def _inverted(
        self, clean: torch.Tensor, given: Conditioning, checkpoint: Callable[[], None]
    ) -> Iterator[torch.Tensor]:
        """Latents at each time along the inversion.

        It starts at the first time with the mean of all noisings of the clean image, as that holds no noise of its own.
        """
        state, before = levels(self.reading.times[0])[0] * clean, self.reading.times[0]
        yield state
        for time in self.reading.times[1:]:
            checkpoint()
            state = self._onward(state, before, time, given)
            before = time
            yield state

    def _onward(self, state: torch.Tensor, before: float, after: float, given: Conditioning) -> torch.Tensor:
        """Latents at a later time, by the clean ones and the noise that the network finds in those of an earlier."""
        velocity = self._trace(state, before, given)[0].float()
        signal, sigma = levels(before)
        clean, noise = signal * state - sigma * velocity, sigma * state + signal * velocity
        signal, sigma = levels(after)
        return signal * clean + sigma * noise

    def _trace(self, state: torch.Tensor, time: float, given: Conditioning) -> tuple[torch.Tensor, Maps]:
        moment = torch.full((len(state),), time, device=state.device)
        return self.network.unet.trace(state, moment, given)


def _by_image(x: torch.Tensor, images: int) -> torch.Tensor:
    """(images * bands, C, h, w) to (images, bands * C, h, w)."""
    return x.reshape(images, -1, *x.shape[-2:])


def _check(reading: Reading) -> None:
    times = reading.times
    if not times or list(times) != sorted(set(times)) or not 0 < times[0] <= times[-1] < 1:
        raise ValueError(f"times lie between 0 and 1 and ascend, not {times}")
    if reading.zoom not in ZOOMS:
        raise ValueError(f"images are enlarged by one of {ZOOMS}, not by {reading.zoom}")
    if reading.finest * reading.zoom > STRIDE * FACTOR:
        raise ValueError(f"no scale has cells of {reading.finest} px or more")
