"""How values become colours: a stretch for images, ramps for quantities, palettes for classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rasters import Values

Pixels = NDArray[np.uint8]
"""(rows, columns, 3), or 4 with an opacity of 0 where masked, or numbers of classes, (rows, columns)."""

_GAMMA = 1 / 1.7
_STEPS = 4096
_SHARES = (0.5, 99.0)
_MASKED_CLASS = 255
_COLOURS = (("red", "b04", "b4"), ("green", "b03", "b3"), ("blue", "b02", "b2"))
# From dark to light as they grow, so that they read in grey too (viridis); and white where nothing differs.
_GROWING = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))
_EITHER_WAY = ((5, 48, 97), (67, 147, 195), (247, 247, 247), (214, 96, 77), (103, 0, 31))


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """For the eye: linear between the limits of each band, then gamma 1.7.

    Attributes:
        low, high: (bands,), what becomes black and white.
    """

    low: Values
    high: Values

    @classmethod
    def of(cls, values: Values) -> Stretch:
        """The stretch that suits some values, (bands, rows, columns)."""
        if not np.isfinite(values).any(axis=(1, 2)).all():
            return cls(np.zeros(len(values), np.float32), np.ones(len(values), np.float32))
        low, high = np.nanpercentile(values, _SHARES, axis=(1, 2))
        return cls(np.asarray(low, np.float32), np.asarray(high, np.float32))

    def paint(self, values: Values, masked: bool) -> Pixels:
        """One band as grey, three as red, green and blue; with an opacity if anything of the raster may be masked."""
        low, high = (limit[:, None, None] for limit in (self.low, self.high))
        known = np.isfinite(values)
        steps = (np.where(known, values, low) - low) * ((_STEPS - 1) / np.maximum(high - low, 1e-6))
        grey = _GREYS[np.clip(steps, 0, _STEPS - 1).astype(np.uint16)]
        planes = list(grey) * (3 if len(grey) == 1 else 1)
        return _stacked(planes, np.asarray(known.all(axis=0)) if masked else None)


_GREYS = np.rint(255 * np.linspace(0, 1, _STEPS) ** _GAMMA).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Ramp:
    """Colours of a quantity between two values.

    Attributes:
        low, high: the values at its ends.
        unit: of the values.
        anchors: colours, evenly from low to high.
    """

    low: float
    high: float
    unit: str
    anchors: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, values: Values, unit: str) -> Ramp:
        """The ramp that suits some values: 0 to 1 where they are shares, on either side of 0 where any is negative."""
        known = values[np.isfinite(values)]
        if not known.size:
            return cls(0.0, 1.0, unit, _GROWING)
        low, high = (float(v) for v in np.percentile(known, (1.0, 99.0)))
        if low < 0:
            most = max(-low, high)
            return cls(-most, most, unit, _EITHER_WAY)
        if known.dtype.kind == "f" and float(known.min()) >= 0 and 0.05 < float(known.max()) <= 1:
            return cls(0.0, 1.0, unit, _GROWING)
        return cls(0.0, high or 1.0, unit, _GROWING)

    @classmethod
    def around_zero(cls, values: Values, unit: str) -> Ramp:
        """The ramp of differences."""
        known = np.abs(values[np.isfinite(values)])
        most = float(np.percentile(known, 99.0)) if known.size else 1.0
        return cls(-(most or 1.0), most or 1.0, unit, _EITHER_WAY)

    def paint(self, values: Values, masked: bool) -> Pixels:
        """Of one band, (1, rows, columns)."""
        known = np.isfinite(values[0])
        place = (np.where(known, values[0], self.low) - self.low) * (255 / max(self.high - self.low, 1e-9))
        colours = self.table()[np.clip(place, 0, 255).astype(np.uint8)]
        return _stacked([colours[..., i] for i in range(3)], known if masked else None)

    def table(self) -> Pixels:
        """(256, 3), from low to high."""
        at = np.linspace(0, len(self.anchors) - 1, 256)
        planes = [np.interp(at, range(len(self.anchors)), [colour[i] for colour in self.anchors]) for i in range(3)]
        return np.rint(np.stack(planes, axis=1)).astype(np.uint8)

    def legend(self) -> dict[str, Any]:
        """For the page."""
        colours = [_hex(colour) for colour in self.anchors]
        return {"low": self.low, "high": self.high, "unit": self.unit, "colours": colours}


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of classes.

    Attributes:
        colours: by number.
        names: of the classes, in the order of their numbers; may be fewer.
    """

    colours: Mapping[int, tuple[int, ...]]
    names: Sequence[str]

    def paint(self, values: Values) -> Pixels:
        """Numbers of classes, 255 where masked."""
        return np.where(np.isfinite(values[0]), values[0], _MASKED_CLASS).astype(np.uint8)

    def opaque(self, values: Values) -> Pixels:
        """In colours, (rows, columns, 4), of (1, rows, columns)."""
        table = np.array([(*self.colours.get(number, (0, 0, 0))[:3], 255) for number in range(256)], np.uint8)
        table[_MASKED_CLASS] = 0
        return np.asarray(table[self.paint(values)])

    def flat(self) -> list[int]:
        """As a picture with 256 colours has it."""
        table = [self.colours.get(number, (0, 0, 0))[:3] for number in range(256)]
        return [part for colour in table for part in colour]

    def legend(self) -> dict[str, Any]:
        """For the page."""
        named = [(name, self.colours.get(number, (0, 0, 0))) for number, name in enumerate(self.names)]
        return {"classes": [{"name": name, "colour": _hex(colour[:3])} for name, colour in named]}


def shown_bands(names: Sequence[str]) -> list[int]:
    """Numbers, from 1, of the bands shown as red, green and blue, or of the one shown as grey.

    By their names where these say a colour; else 3, 2, 1, which is the order of bands by wavelength, or 1, 2, 3 where
    there are three alone.
    """
    plain = [name.strip().lower() for name in names]
    named = [next((i for i, name in enumerate(plain, 1) if name in words), 0) for words in _COLOURS]
    if all(named):
        return named
    return [1] if len(names) < 3 else [1, 2, 3] if len(names) == 3 else [3, 2, 1]


def name_a_colour(names: Sequence[str]) -> bool:
    """Whether any of the names of bands is one of red, green or blue."""
    return any(name.strip().lower() in words for name in names for words in _COLOURS)


def _stacked(planes: Sequence[Pixels], known: NDArray[np.bool_] | None) -> Pixels:
    if known is None:
        return np.stack(planes, axis=-1)
    return np.stack([*(np.where(known, plane, 0) for plane in planes), known * np.uint8(255)], axis=-1)


def _hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
