"""The readers of a run's inputs, one for each, whatever part the input has in the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from odc.geo.geobox import GeoBox

from ..contract import ModelSpec
from ..ground.grids import Window
from ..request import OpenPolicy
from .guide import GuideReader
from .reading import InputReader, Patch
from .scene import Scene


class Reader(Protocol):
    """Reads one input; belongs to one thread."""

    scene: Scene

    def strip(self, window: Window) -> Any:
        """Stored values that a base-grid rectangle needs, for ``patch`` alone to look into."""
        ...

    def patch(self, strip: Any, window: Window) -> Patch:
        """One tile of a strip, filled where it is masked, on the base grid."""
        ...

    def close(self) -> None:
        """Close the file handles."""
        ...


def reader_of(scene: Scene, base: GeoBox, spec: ModelSpec, policy: OpenPolicy) -> Reader:
    """The reader of an input, by its role."""
    wanted = spec.input(scene.name)
    if wanted.role == "guide":
        return GuideReader(scene, base, wanted.kernel, policy)
    return InputReader(scene, base, wanted.kernel, policy)


@contextmanager
def opened(scenes: Sequence[Scene], base: GeoBox, spec: ModelSpec, policy: OpenPolicy) -> Iterator[list[Reader]]:
    """Readers of several inputs, closed afterwards."""
    readers = [reader_of(scene, base, spec, policy) for scene in scenes]
    try:
        yield readers
    finally:
        for reader in readers:
            reader.close()
