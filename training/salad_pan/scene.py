"""One georeferenced PAN+MS scene as a source of pairs, by Wald's protocol: the real MS is the target.

The scene is degraded once, strip by strip, with the MTF of its sensor; patches are then read where they are needed,
MS onto the PAN grid as the engine does it.  The last fifth along the longer axis is held out.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...engine.errors import GeoreferenceWarning, RequestError
from ...engine.ground.grids import Window, crop
from ...engine.inputs.describe import describe
from ...engine.inputs.reading import InputReader
from ...engine.inputs.scene import Scene
from ...engine.optics.sensors import Sensor, find_sensor
from ...engine.quality.pairing import pair
from ...engine.quality.protocol import Protocol, write_reduced_pair
from ...engine.request import OpenPolicy
from ...models.salad_pan.published.conditioning import radiometry
from ..data.simulate import Pair

HELD_OUT = 5
"""One part in so many is held out."""

_TRIES = 64
_NOTE = "pair.json"


@dataclass(frozen=True, slots=True, eq=False)
class ScenePair:
    """A scene at reduced resolution; made by ``open_scene_pair``.

    Attributes:
        sensor: that took it.
        peak: DN that stands for 1; what is brighter is clipped.
        bands: of MS.
        ratio: PAN px per MS px.
        area: to train in, px of the reduced PAN grid.
        rest: held out.
    """

    sensor: Sensor
    peak: float
    bands: int
    ratio: float
    area: Window
    rest: Window
    _pan: InputReader
    _ms: InputReader
    _target: InputReader

    def draw(self, patch: int, rng: np.random.Generator) -> Pair:
        """A patch without masked pixels, of the area to train in.

        Raises:
            RequestError: the area is smaller than the patch, or ``_TRIES`` places in a row held masked pixels.
        """
        room = (self.area.height - patch + 1, self.area.width - patch + 1)
        if min(room) < 1:
            raise RequestError(
                f"no patch of {patch} px fits into the {self.area.width} x {self.area.height} MS px to train on",
                where=self._target.scene.source,
                fix="set data.patch to less, or name a larger scene",
            )
        for _ in range(_TRIES):
            found = self._read(Window(int(rng.integers(room[0])), int(rng.integers(room[1])), patch, patch))
            if found is not None:
                return found
        raise RequestError(
            f"{_TRIES} patches of {patch} px in a row held masked pixels",
            where=self._target.scene.source,
            fix="set data.patch to less, or leave the scene out",
        )

    def held_out(self, patch: int, count: int) -> list[Pair]:
        """Up to ``count`` patches spread evenly along the held-out part."""
        rest = self.rest
        starts = zip(
            np.linspace(rest.row, rest.rows[1] - patch, count).round().astype(int).tolist(),
            np.linspace(rest.column, rest.columns[1] - patch, count).round().astype(int).tolist(),
            strict=True,
        )
        read = (self._read(Window(row, column, patch, patch)) for row, column in dict.fromkeys(starts))
        return [found for found in read if found is not None]

    def _read(self, window: Window) -> Pair | None:
        """The pair in a window of the reduced PAN grid; None where a pixel is masked."""
        images = []
        for reader in (self._pan, self._ms, self._target):
            patch = reader.patch(reader.strip(window), window)
            if patch.valid is not None and not patch.valid.all():
                return None
            images.append(np.clip(patch.values / np.float32(self.peak), 0.0, 1.0).astype(np.float32))
        return Pair(*images)


def open_scene_pair(
    ms: str, pan: str, sensor: str, peak: float, patch: int, folder: Path, check: Callable[[], None] = lambda: None
) -> ScenePair:
    """Degrade a scene into ``folder``, unless it lies there already, and open it.

    Args:
        ms, pan: paths of a georeferenced pair.
        sensor: name or description file; its MTF degrades MS.
        peak: DN that stands for 1; 0 for the largest of the sensor's bits.
        patch: side that the held-out part must have at least, MS px.
        folder: for ``ms.tif`` and ``pan.tif`` at reduced resolution.
        check: called between strips; may raise to stop.

    Raises:
        RequestError: the pair does not fit or is too small, or the sensor does not tell the peak.
    """
    policy, known = OpenPolicy(), find_sensor(sensor)
    peak = peak or radiometry(known if known.bands else None, "shared").maximum or 0.0
    if not peak:
        raise RequestError(
            f"the bits of {known.name} do not tell the brightest value", where=ms, fix="give the pair a peak, DN"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        full = {name: describe(name, path, policy=policy) for name, path in (("ms", ms), ("pan", pan))}
        ratio = _degrade(Protocol(ms, pan, sensor), full, folder, check)
        fine, coarse = (describe(name, str(folder / f"{name}.tif"), policy=policy) for name in ("pan", "ms"))
    inside = pair(full["pan"].grid, full["ms"].grid, fine_name=pan, coarse_name=ms).coarse
    height, width = (int(n) for n in fine.grid.shape)
    # The part that was degraded begins where the pair begins and may have lost an incomplete last cell.
    grid = crop(full["ms"].grid, Window(inside.row, inside.column, height, width))
    area, rest = divide(height, width, patch, ms)
    readers = (InputReader(scene, grid, "cubic", policy) for scene in (fine, coarse, full["ms"]))
    return ScenePair(known, peak, len(full["ms"].bands), ratio, area, rest, *readers)


def divide(height: int, width: int, patch: int, where: str) -> tuple[Window, Window]:
    """The part to train in and the part that is held out, of a grid of ``height`` x ``width`` px.

    Raises:
        RequestError: ``patch`` px are more than either part has.
    """
    tall = height >= width
    length, across = max(height, width), min(height, width)
    kept = length - max(length // HELD_OUT, patch)
    if min(kept, across) < patch:
        raise RequestError(
            f"{width} x {height} MS px are too few for patches of {patch} px to train on and to hold out",
            where=where,
            fix="name a larger scene, or set data.held_out_patch to less",
        )
    if tall:
        return Window(0, 0, kept, width), Window(kept, 0, length - kept, width)
    return Window(0, 0, height, kept), Window(0, kept, height, length - kept)


def _degrade(protocol: Protocol, full: dict[str, Scene], folder: Path, check: Callable[[], None]) -> float:
    """Write the reduced pair, or leave the one that was made of the same files; gives the ratio."""
    note = folder / _NOTE
    wanted = {"sensor": repr(find_sensor(protocol.sensor)), **{name: s.fingerprint for name, s in full.items()}}
    if note.is_file():
        found = json.loads(note.read_text(encoding="utf-8"))
        if {name: found.get(name) for name in wanted} == wanted:
            return float(found["ratio"])
    folder.mkdir(parents=True, exist_ok=True)
    ratio = write_reduced_pair(protocol, folder, check=check).ratio
    note.write_text(json.dumps({**wanted, "ratio": ratio}), encoding="utf-8")
    return ratio
