"""Patches of a scene: where they lie, how they become images in 0..1, and what the metrics make of them.

A patch with a masked pixel is left out whole: a network sees all of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import RequestError
from ...ground.grids import Window
from ...optics.degrade import Rows
from .moments import Absent, Measure, Observed
from .registry import METRICS


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """One window of an image and, where there is one, of its reference.

    Attributes:
        fused: (C, h, w).
        valid: (h, w), where both hold values.
        reference: (C, h, w), or None.
    """

    fused: NDArray[np.generic]
    valid: NDArray[np.bool_]
    reference: NDArray[np.generic] | None = None


Read = Callable[[Window], Pixels]
"""Reads one window; it is asked for windows row by row, once for each patch size (256 and 288 px)."""


def reader(fused: Rows, reference: Rows | None = None, valid: Rows | None = None) -> Read:
    """Read windows of rows of a scene; ``Rows.of(array)`` makes such rows of an array.

    Args:
        fused, reference: (C, H, W).
        valid: (1, H, W), where both hold values; None: everywhere.
    """

    def cut(rows: Rows, window: Window) -> NDArray[np.generic]:
        return rows.read(*window.rows)[:, :, slice(*window.columns)]

    def read(window: Window) -> Pixels:
        known = np.ones((window.height, window.width), np.bool_) if valid is None else cut(valid, window)[0] != 0
        return Pixels(cut(fused, window), known, None if reference is None else cut(reference, window))

    return read


def measure(
    loaded: Mapping[str, Measure | Absent],
    read: Read,
    shape: tuple[int, int],
    *,
    peak: float,
    bands: tuple[int, int, int] | None = None,
    beat: Callable[[], None] = lambda: None,
) -> dict[str, float | Absent]:
    """Run metrics over a scene of any size.

    Args:
        loaded: from :func:`~.registry.load_metrics`.
        read: reads a window of the scene.
        shape: rows and columns of the scene, px.
        peak: value that is white; values are divided by it and clipped to 0..1.
        bands: indices, from 0, of red, green and blue.  They may repeat: (0, 0, 0) shows one band in grey.  Other bands
            are not looked at.  Without it the image must have three bands, in this order.
        beat: called before each patch, ``steps`` times in all; it may raise to cancel.

    Returns:
        For each metric its value, or why there is none; in the order of ``loaded``.

    Raises:
        RequestError: bands that do not exist or were not named, a peak that is none, or a value that is not finite.
    """
    if not 0.0 < peak < np.inf:
        raise RequestError(f"a data range of {peak:g} is not one", where="--bits", fix="give the bit depth")
    values: dict[str, float | Absent] = {
        name: each if isinstance(each, Absent) else Absent(f"needs a scene of {METRICS[name].smallest} px each way")
        for name, each in loaded.items()
    }
    for patch, alike in _by_patch(loaded, shape).items():
        values |= _measure_alike(alike, read, patch_windows(shape, patch), peak, bands, beat)
    return values


def steps(loaded: Mapping[str, Measure | Absent], shape: tuple[int, int]) -> int:
    """Patches that :func:`measure` will look at, for a progress bar."""
    return sum(len(list(patch_windows(shape, patch))) for patch in _by_patch(loaded, shape))


def patch_windows(shape: tuple[int, int], patch: int) -> Iterator[Window]:
    """Patches that cover a scene, row by row.

    The last patch of a row or column reaches back to be whole, so a strip of the scene may count twice.  An axis
    shorter than a patch is one patch.

    Args:
        shape: rows and columns of the scene, px.
        patch: rows and columns of a patch, px.
    """
    height, width = (min(length, patch) for length in shape)
    for row in _starts(shape[0], height):
        for column in _starts(shape[1], width):
            yield Window(row, column, height, width)


def _by_patch(loaded: Mapping[str, Measure | Absent], shape: tuple[int, int]) -> dict[int, dict[str, Measure]]:
    """Metrics that can be measured, by their patch size."""
    groups: dict[int, dict[str, Measure]] = {}
    for name, each in loaded.items():
        if isinstance(each, Measure) and min(shape) >= METRICS[name].smallest:
            groups.setdefault(METRICS[name].patch, {})[name] = each
    return groups


def _starts(length: int, patch: int) -> list[int]:
    return [*range(0, length - patch, patch), length - patch]


def _measure_alike(
    ready: Mapping[str, Measure],
    read: Read,
    windows: Iterator[Window],
    peak: float,
    bands: tuple[int, int, int] | None,
    beat: Callable[[], None],
) -> dict[str, float | Absent]:
    """Values of metrics that look at the same patches."""
    sums: dict[str, Observed] = {}
    reasons: dict[str, Absent] = {}
    for window in windows:
        beat()
        pixels = read(window)
        if not pixels.valid.all():
            continue
        images = [_image(pixels.fused, peak, bands)]
        if pixels.reference is not None:
            images.append(_image(pixels.reference, peak, bands))
        for name, each in ready.items():
            needed = 2 if METRICS[name].needs_reference else 1
            if len(images) < needed:
                reasons[name] = Absent("needs a reference")
                continue
            seen = each.observe(*images[:needed])
            sums[name] = tuple(a + b for a, b in zip(sums[name], seen, strict=True)) if name in sums else seen
    none = Absent("no patch is free of masked pixels")
    return {
        name: each.conclude(sums[name]) if name in sums else reasons.get(name, none) for name, each in ready.items()
    }


def _image(pixels: NDArray[np.generic], peak: float, bands: tuple[int, int, int] | None) -> torch.Tensor:
    """(C, h, w) stored values as (1, 3, h, w) float32 in 0..1."""
    count = len(pixels)
    if bands is None and count != 3:
        raise RequestError(
            f"perceptual metrics look at red, green and blue, and the image has {count} band{'s' if count > 1 else ''}",
            fix="name the three bands to look at",
        )
    if bands is not None and not all(0 <= band < count for band in bands):
        raise RequestError(f"bands {bands} (from 0) are not all in an image of {count} bands")
    chosen = pixels[list(bands)] if bands is not None else pixels
    scaled = np.asarray(chosen, np.float64) / peak
    if not np.isfinite(scaled).all():
        raise RequestError("the image holds values that are not finite", fix="mask them, or set a nodata value")
    return torch.from_numpy(np.clip(scaled, 0.0, 1.0).astype(np.float32))[None]
