"""Test ground with a reference: dates of test strips, LR by a sensor from one, the reference from another."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.transform import from_origin
from scipy import ndimage

from seamline.training.ds_dit.changes import mixed, other_season, patches_of_change
from seamline.training.ds_dit.stacks import Stack, StackSettings, load_stack

from ..shared.scenes import write_scene
from ..superres.scenes import CORNER, CRS, KINDS, degraded

Image = NDArray[np.float32]

PEAK = 2**14 - 1
"""Stored value of each band's robust maximum."""
SIDE = 384
"""Longest side that is used, px."""
DEGRADED = "sensor-true"

NAIP = StackSettings(("naip", "naip_more"))
YEARS = (2010, 2012, 2015, 2017, 2020, 2009, 2014, 2016, 2018, 2019)
"""Of the dates of ``NAIP``, in the order of their files."""


@dataclass(frozen=True, slots=True, eq=False)
class Dated:
    """A place at two dates, in stored values.

    Attributes:
        group: of the table; name: of the row that is printed.
        target: (C, H, W), the truth; reference: likewise, another date.
    """

    group: str
    name: str
    target: Image
    reference: Image


def dated(root: Path) -> Iterator[Dated]:
    """Every pair of the test ground."""
    naip = _stack(root, NAIP)
    for now, then in ((2017, 2016), (2020, 2019), (2019, 2018), (2015, 2014)):
        yield _pair(naip, "one year older", f"naip {now} from {then}", YEARS.index(now), YEARS.index(then))
    for now, then in ((2017, 2014), (2020, 2015), (2018, 2009), (2019, 2010)):
        yield _pair(naip, "three to nine years older", f"naip {now} from {then}", YEARS.index(now), YEARS.index(then))
    seasons = StackSettings(("change_austria_seasons",), dates=((1, 2, 3, 4), (5, 6, 7, 8)))
    yield _pair(_stack(root, seasons), "another season", "austria", 1, 0)
    for name in ("corumba", "brumadinho"):
        yield _pair(_stack(root, StackSettings((f"change_{name}",))), "changed ground", name, 1, 0)
    yield _pair(_stack(root, StackSettings(("change_pucallpa",))), "changed ground", "pucallpa", 7, 6)


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """A pair whose reference shows objects that are not there, and where: (H, W), numbered from 1."""

    pair: Dated
    objects: NDArray[np.int32]


def made_changes(root: Path, count: int = 8) -> Iterator[Changed]:
    """Ground whose reference shows objects of elsewhere, and is the same ground in another light outside of them.

    Every second one is NAIP, the others are a Landsat scene; masks are exact, as no other ground has changed.
    """
    grounds = (_stack(root, NAIP), _stack(root, StackSettings(("change_corumba",))))
    for number in range(count):
        stack = grounds[number % 2]
        dates = [YEARS.index(year) for year in (2017, 2016, 2018, 2019)] if number % 2 == 0 else [0, 1]
        date = dates[number // 2 % len(dates)]
        pair = _pair(stack, "made", f"made {number}", date, date)
        rng = np.random.default_rng(number)
        height, width = pair.target.shape[1:]
        mask = np.maximum.reduce([patches_of_change(height, width, rng) for _ in range(3)])
        elsewhere = np.roll(pair.target, (height // 2, width // 2), axis=(1, 2))[:, ::-1]
        objects, _ = ndimage.label(mask > 0.5)
        lit = PEAK * other_season(mixed(pair.target, elsewhere, mask) / PEAK, rng)
        yield Changed(replace(pair, reference=lit), np.asarray(objects, np.int32))


def written(pair: Dated, folder: Path, scale: int) -> tuple[Path, Path, Path]:
    """LR, reference and truth as files."""
    folder.mkdir(parents=True, exist_ok=True)
    peaks = np.full(len(pair.target), PEAK, np.float32)
    low = degraded(pair.target, peaks, KINDS[DEGRADED], pair.name, scale)
    paths = folder / "low.tif", folder / "reference.tif", folder / "truth.tif"
    for path, values, px in zip(paths, (low, pair.reference, pair.target), (scale, 1, 1), strict=True):
        write_scene(path, np.round(np.clip(values, 1, 65535)).astype(np.uint16), from_origin(*CORNER, px, px), CRS)
    return paths


def unrelated(pair: Dated) -> Dated:
    """With a reference of other ground: the same image, upside down and mirrored."""
    return replace(pair, group="unrelated", reference=np.ascontiguousarray(pair.reference[:, ::-1, ::-1]))


def _stack(root: Path, settings: StackSettings) -> Stack:
    found = load_stack(root, settings, "test")
    if found is None:
        raise SystemExit(f"{settings.datasets[0]} has no test ground")
    return found


def _pair(stack: Stack, group: str, name: str, now: int, then: int) -> Dated:
    """The middle of the strip, sides of whole cells of 16 px, where both dates are valid."""
    valid = stack.valid[now] & stack.valid[then]
    height, width = (min(n, SIDE) // 16 * 16 for n in valid.shape)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(1000):
        row, column = (int(rng.integers(0, n - m + 1)) for n, m in zip(valid.shape, (height, width), strict=True))
        inside = np.s_[row : row + height, column : column + width]
        if valid[inside].all():
            images = (PEAK * stack.images[date][:, *inside] for date in (now, then))
            return Dated(group, name, *images)
        height, width = max(height - 16, 64), max(width - 16, 64)
    raise SystemExit(f"{name}: no valid part")
