"""The tasks that the page offers, and the files that each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..engine.contract import Task


@dataclass(frozen=True, slots=True)
class File:
    """A file that a task takes.

    Attributes:
        name: of the input, as the models have it.
        title: for people.
        optional: whether it may be left out.
    """

    name: str
    title: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A task.

    Attributes:
        title: for people.
        main: what the result keeps bands and values of.
        beside: a second file; None where there is none.
        fine: name of the input whose pixels extents are counted in.
        is_image: whether its result is an image, which can be held to what was observed, or told from it.
    """

    title: str
    main: File
    fine: str
    beside: File | None = None
    is_image: bool = True


KINDS: Mapping[Task, Kind] = MappingProxyType(
    {
        "pansharpen": Kind("Pan-sharpen", File("ms", "Multispectral image"), "pan", File("pan", "Panchromatic image")),
        "superres": Kind(
            "Super-resolve",
            File("image", "Image"),
            "image",
            File("reference", "Reference: a finer image of the ground, of another date perhaps", optional=True),
        ),
        "segment": Kind("Segment", File("image", "Image"), "image", is_image=False),
        "classify": Kind("Classify patches", File("image", "Image"), "image", is_image=False),
    }
)
