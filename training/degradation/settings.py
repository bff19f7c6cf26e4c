"""What a degradation draws from: ranges and probabilities, with the published values as defaults.

Second order: Wang et al., "Real-ESRGAN" (ICCVW 2021), with the milder ranges that SlimDiffSR was trained with.
Classes have no nested settings with defaults of their own, so that a recipe that names one value keeps all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ...engine.errors import RequestError
from ...engine.optics.sensors import find_sensor

Range = tuple[float, float]


def _check_range(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise RequestError(
            f"{values} is no range", where=name, fix=f"give the lowest and the highest, from {low:g} to {high:g}"
        )


def _check_number(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestError(f"{value} is out of range", where=name, fix=f"give a number from {low:g} to {high:g}")


def _check_shares(name: str, values: tuple[float, ...], count: int, whose: str = "") -> None:
    if len(values) != count or min(values) < 0.0 or abs(sum(values) - 1.0) > 1e-6:
        raise RequestError(
            f"{whose or name} are {values}", where=name, fix=f"give {count} probabilities that sum to one"
        )


@dataclass(frozen=True, slots=True)
class Round:
    """Blur, resize, noise and JPEG, once; ranges are (lowest, highest).

    Attributes:
        blur: probability that the image is blurred at all.
        sinc: probability that a blur is a circular low-pass rather than a bell.
        bells: probabilities of isotropic and anisotropic Gaussian, generalised Gaussian iso- and anisotropic, plateau
            iso- and anisotropic; they sum to one.
        sigma: standard deviation of a bell along each of its axes, px.
        generalised, plateau: exponents of those bells; half of them are drawn from below 1, half from above.
        sizes: odd sides of kernels, px; all are padded to the largest.
        up, down, keep: probabilities that the image grows, shrinks or keeps its size; they sum to one.
        resize: factor of the size at the most shrinking and growing.
        gaussian: probability that noise is Gaussian rather than Poisson.
        noise: standard deviation of Gaussian noise, in 255ths of the unit range.
        poisson: factor of Poisson noise.
        photons: counts that stand for 1; the published code takes the number of grey levels of the image.
        grey: probability that all bands of an image share their noise.
        jpeg: quality, 1 to 100.
    """

    blur: float = 1.0
    sinc: float = 0.1
    bells: tuple[float, float, float, float, float, float] = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
    sigma: Range = (0.2, 1.5)
    generalised: Range = (0.5, 2.0)
    plateau: Range = (1.0, 1.5)
    sizes: tuple[int, int] = (7, 21)
    up: float = 0.2
    down: float = 0.7
    keep: float = 0.1
    resize: Range = (0.3, 1.5)
    gaussian: float = 0.5
    noise: Range = (1.0, 15.0)
    poisson: Range = (0.05, 2.0)
    photons: float = 256.0
    grey: float = 0.4
    jpeg: Range = (60.0, 95.0)

    def __post_init__(self) -> None:
        for name in ("blur", "sinc", "gaussian", "grey"):
            _check_number(name, getattr(self, name), 0.0, 1.0)
        _check_shares("bells", self.bells, 6)
        _check_shares("up", (self.up, self.down, self.keep), 3, "up, down and keep")
        _check_range("sigma", self.sigma, 1e-3, math.inf)
        for name, low, high in (("generalised", 1e-3, 99.0), ("plateau", 1e-3, 99.0), ("resize", 0.01, 16.0)):
            bounds = getattr(self, name)
            _check_range(name, bounds, low, high)
            if not bounds[0] <= 1.0 <= bounds[1]:
                raise RequestError(
                    f"{bounds} is on one side of 1",
                    where=name,
                    fix="give a lowest value up to 1 and a highest from 1 up",
                )
        _check_number("photons", self.photons, 1.0, 1e9)
        _check_range("noise", self.noise, 0.0, math.inf)
        _check_range("poisson", self.poisson, 0.0, math.inf)
        _check_range("jpeg", self.jpeg, 1.0, 100.0)
        _check_range("sizes", self.sizes, 3, 99)
        if any(not isinstance(side, int) or side % 2 == 0 for side in self.sizes):
            raise RequestError(f"{self.sizes} are no sides", where="sizes", fix="give two odd whole numbers")


@dataclass(frozen=True, slots=True)
class SecondRound(Round):
    """The second round, milder; attributes as in ``Round``, and ``resize`` is relative to the size of the result."""

    blur: float = 0.5
    sigma: Range = (0.2, 1.0)
    up: float = 0.3
    down: float = 0.4
    keep: float = 0.3
    resize: Range = (0.6, 1.2)
    noise: Range = (1.0, 12.0)
    poisson: Range = (0.05, 1.0)
    jpeg: Range = (60.0, 100.0)


@dataclass(frozen=True, slots=True)
class SecondOrderSettings:
    """Real-ESRGAN's chain.

    Attributes:
        first, second: the two rounds.
        sinc: probability of a low-pass at the end, beside the last JPEG in either order.
        stored: ``"8-bit"`` clips to the unit range before every JPEG and rounds the result to 255ths, as published;
            ``"real"`` does neither, so that radiometry above 1 and between the grey levels survives.
    """

    first: Round = Round()
    second: SecondRound = SecondRound()
    sinc: float = 0.8
    stored: Literal["real", "8-bit"] = "real"

    def __post_init__(self) -> None:
        _check_number("sinc", self.sinc, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """A coarser instrument; ranges are (lowest, highest) and drawn for each image.

    The defaults of noise span 12-bit instruments: a signal of 0.2 of the unit range is 44 to 173 times its noise.

    Attributes:
        sensor: whose MTF gains to take, by name or description file; empty to draw them.
        bands: names of the image's bands, where the sensor has more than these.
        gain: of the MTF at the Nyquist frequency of the coarse grid, if no sensor is named.
        spread: largest difference of a band's gain from that of its image; no gain leaves the range for it.
        misregistration: standard deviation of a band's place, coarse px, along each axis; the image as a whole stays
            where it is.
        electrons: counts that stand for 1, drawn evenly in their logarithm; shot noise follows from them.
        read: standard deviation of the noise that no signal makes, unit range, drawn likewise.
        bits: of the stored values, whose largest stands for 1; values above it are kept.  0 for real values.
        sharpened: probability that a product was sharpened before it was delivered, by ``sharpening`` times what a
            Gaussian of ``width`` coarse px takes away.
        compressed: probability that it was delivered as JPEG of quality ``jpeg``.
    """

    sensor: str = ""
    bands: tuple[str, ...] = ()
    gain: Range = (0.15, 0.45)
    spread: float = 0.03
    misregistration: Range = (0.0, 0.1)
    electrons: Range = (1e4, 1.5e5)
    read: Range = (1e-4, 1e-3)
    bits: int = 12
    sharpened: float = 0.0
    sharpening: Range = (0.1, 0.8)
    width: Range = (0.5, 1.0)
    compressed: float = 0.0
    jpeg: Range = (70.0, 95.0)

    def __post_init__(self) -> None:
        for name in ("sharpened", "compressed"):
            _check_number(name, getattr(self, name), 0.0, 1.0)
        _check_range("sharpening", self.sharpening, 0.0, 9.0)
        _check_range("width", self.width, 0.1, 9.0)
        _check_range("jpeg", self.jpeg, 1.0, 100.0)
        _check_range("gain", self.gain, 1e-3, 0.99)
        _check_number("spread", self.spread, 0.0, 1.0)
        _check_range("misregistration", self.misregistration, 0.0, 2.0)
        _check_range("electrons", self.electrons, 1.0, math.inf)
        _check_range("read", self.read, 1e-9, math.inf)
        _check_number("bits", self.bits, 0, 24)
        if self.sensor:
            find_sensor(self.sensor)


@dataclass(frozen=True, slots=True)
class DegradationSettings:
    """Which degradations a training sees.

    Attributes:
        sensor_share: probability that a batch is degraded sensor-true rather than by the second-order chain.
        second_order: of the chain.
        sensor: of the instrument.
    """

    sensor_share: float = 0.5
    second_order: SecondOrderSettings = SecondOrderSettings()
    sensor: SensorSettings = SensorSettings()

    def __post_init__(self) -> None:
        _check_number("sensor_share", self.sensor_share, 0.0, 1.0)
