"""What is known of a scene and of its instrument as a whole, for models that are told more than pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Plain facts of a scene, each None where it is not known.

    Attributes:
        place: longitude and latitude of its centre, degrees.
        gsd: ground size of a px, m.
        cloud: covered share, 0..1.
        date: year, month and day of acquisition.
    """

    place: tuple[float, float] | None = None
    gsd: float | None = None
    cloud: float | None = None
    date: tuple[int, int, int] | None = None


LIFT_AT = 0.3
"""Frequency at which ``Response.lift`` is taken, cycles per px."""


@dataclass(frozen=True, slots=True)
class Response:
    """How the main input was seen, against the finest one.

    Attributes:
        gain: of the modulation transfer function at the main input's Nyquist frequency, as the Gaussian that fits best.
        lift: response at ``LIFT_AT`` over that at low frequencies: above 1 where a vendor sharpened.
        noise: standard deviation of each band's noise at most, in stored values; empty where it is not known.
    """

    gain: float
    lift: float
    noise: tuple[float, ...] = ()

    @classmethod
    def gaussian(cls, gain: float, noise: tuple[float, ...] = ()) -> Response:
        """That of a Gaussian modulation transfer function."""
        return cls(gain, gain ** ((LIFT_AT / 0.5) ** 2), noise)


UNMEASURED = Response.gaussian(0.4)
"""What stands in where a scene cannot be measured: a delivered product in the middle of those that were."""
