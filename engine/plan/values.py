"""Whether the values of an input look like measurements: what stands for no data should be declared.

One such value spoils every figure of the whole scene, and a collar of them is sharpened as if it were ground.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UndeclaredFillWarning
from ..ground.grids import Window
from ..inputs.reading import PartReader, Stored
from ..inputs.scene import Part, Scene
from ..request import OpenPolicy
from .statistics import sample_blocks

Array = NDArray[np.generic]

# A value of many pixels lies apart if nothing is nearer than the range of all others; a single one, a hundred times
# that: glints lie far out as well.
_APART, _ALONE = 1.0, 100.0
_MANY, _FEW = 0.001, 8
# Of the others: what noise and glints do not decide.
_LOW, _HIGH = 0.001, 0.999
_LEAST, _STRIDE = 32, 4
# Pixels of a side and of a corner that are looked at.
_RIM, _CORNER = 2, 8


def warn_of_fill(scenes: Sequence[Scene], policy: OpenPolicy, check: Callable[[], None]) -> None:
    """Warn of values that look like a nodata value that is not declared.

    Args:
        scenes: the inputs that make the grid.
        check: raises ``Cancelled`` when the user cancelled.

    Warns:
        UndeclaredFillWarning: a value lies far from all others, or rims the scene.
    """
    for scene in (each for each in scenes if not _is_told(each)):
        found = next((fill for part in scene.parts if (fill := _fill_of(part, policy, check)) is not None), None)
        if found is not None:
            value, how = found
            text = f"{scene.source}: the value {value:.9g} {how} if it stands for no data, pass --nodata {value:.9g}"
            warnings.warn(UndeclaredFillWarning(text), stacklevel=3)


def _is_told(scene: Scene) -> bool:
    """Whether the metadata of a product say what stands for no data."""
    return scene.delivery is not None and all(band.nodata is not None for band in scene.bands)


def _fill_of(part: Part, policy: OpenPolicy, check: Callable[[], None]) -> tuple[float, str] | None:
    """The value that looks like fill, and what makes it so, up to the semicolon."""
    samples: list[list[Array]] = [[] for _ in part.bands]
    rims: dict[str, set[float | None]] = {}
    reader = PartReader(part, part.grid, "cubic", policy)
    try:
        for window in sample_blocks(*part.grid.shape):
            check()
            stored = reader.strip(window)
            known = np.broadcast_to(True if stored.valid is None else stored.valid, stored.raw.shape)
            for band, sample in enumerate(samples):
                sample.append(_sampled(stored.raw[band], known[band]))
            for side, rim in _rims(window, *part.grid.shape):
                rims.setdefault(side, set()).add(_only(stored, rim))
    finally:
        reader.close()
    values = [np.concatenate(sample).astype(np.float64) for sample in samples]
    for of_band in values:
        apart = _value_apart(of_band)
        if apart is not None:
            return apart, "lies far from all others;"
    for only in rims.values():
        value = next(iter(only)) if len(only) == 1 else None
        # What most of the scene holds is no collar.
        if value is not None and all((of_band == value).mean() < 0.5 for of_band in values):
            return value, "rims the scene;"
    return None


def _sampled(values: Array, valid: NDArray[np.bool_]) -> Array:
    """Some of the valid values of (h, w), the least and the greatest among them."""
    every = values[valid]
    some = values[::_STRIDE, ::_STRIDE][valid[::_STRIDE, ::_STRIDE]]
    return np.concatenate([some, [every.min(), every.max()]]).astype(values.dtype) if every.size else every


def _value_apart(values: NDArray[np.float64]) -> float | None:
    """The least or the greatest value, where all others lie far from it; None where neither does."""
    for extreme in (values.min(), values.max()) if values.size else ():
        others = values[values != extreme]
        if not others.size:
            return None
        low, high = np.quantile(others, (_LOW, _HIGH))
        many = values.size - others.size >= max(_MANY * values.size, _FEW)
        if np.abs(others - extreme).min() > (_APART if many else _ALONE) * (high - low) > 0:
            return float(extreme)
    return None


def _rims(window: Window, height: int, width: int) -> Iterator[tuple[str, tuple[slice, slice]]]:
    """The rims of the scene that a block holds: whole sides by name, and corners."""
    if min(height, width) < _LEAST:
        return
    rows = {"top": window.row == 0, "bottom": window.rows[1] == height}
    columns = {"left": window.column == 0, "right": window.columns[1] == width}
    near = {"top": slice(_RIM), "left": slice(_RIM), "bottom": slice(-_RIM, None), "right": slice(-_RIM, None)}
    far = {
        "top": slice(_CORNER),
        "left": slice(_CORNER),
        "bottom": slice(-_CORNER, None),
        "right": slice(-_CORNER, None),
    }
    yield from ((side, (near[side], slice(None))) for side, here in rows.items() if here)
    yield from ((side, (slice(None), near[side])) for side, here in columns.items() if here)
    for row in (side for side, here in rows.items() if here):
        yield from (("corners", (far[row], far[side])) for side, here in columns.items() if here)


def _only(stored: Stored, where: tuple[slice, slice]) -> float | None:
    """The one value of all bands there; None where there are several, or one is masked."""
    values = stored.raw[:, *where]
    if stored.valid is not None and not stored.valid[:, *where].all():
        return None
    return float(values.flat[0]) if (values == values.flat[0]).all() else None
