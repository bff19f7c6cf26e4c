"""What is known of a scene as a whole, for models that are told more than its pixels."""

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
