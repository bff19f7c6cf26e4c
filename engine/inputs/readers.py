"""The readers of a run's inputs, one for each, whatever part the input has in the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from odc.geo.geobox import GeoBox

from ..contract import ModelSpec
from ..ground.grids import Window, magnified
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


class FinerGuide:
    """Reads a guide on a grid that has ``finer`` times the base grid's pixels along each axis.

    Args:
        scene, base, kernel, policy: as for ``GuideReader``.
    """

    def __init__(self, scene: Scene, base: GeoBox, kernel: str, policy: OpenPolicy, finer: int) -> None:
        self.scene, self._finer = scene, finer
        self._reader = GuideReader(scene, magnified(base, finer) if finer > 1 else base, kernel, policy)

    def _fine(self, window: Window) -> Window:
        by = self._finer
        return Window(window.row * by, window.column * by, window.height * by, window.width * by)

    def strip(self, window: Window) -> Any:
        """As ``Reader`` has it."""
        return self._reader.strip(self._fine(window))

    def patch(self, strip: Any, window: Window) -> Patch:
        """As ``Reader`` has it, (C, h * finer, w * finer)."""
        return self._reader.patch(strip, self._fine(window))

    def close(self) -> None:
        """Close the file handles."""
        self._reader.close()


def reader_of(scene: Scene, base: GeoBox, spec: ModelSpec, policy: OpenPolicy) -> Reader:
    """The reader of an input, by its role."""
    wanted = spec.input(scene.name)
    if wanted.role == "guide":
        return FinerGuide(scene, base, wanted.kernel, policy, wanted.finer)
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
