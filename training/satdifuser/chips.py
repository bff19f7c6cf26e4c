"""Chips: small pictures with one class each, or several; from folders named after classes, or by a table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ...engine.contract import MOST_CLASSES
from ...engine.errors import RequestError
from ...engine.request import OpenPolicy
from .images import Image, check_alike, sized
from .images import chip as open_chip
from .labelled import Material, present
from .tiles import Geometry, Labels, Side, whole_tile

SUFFIXES = frozenset({".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".jp2", ".img"})
FILE_COLUMNS = ("file", "path", "filename", "image", "name", "chip")
CLASS_COLUMNS = ("class", "label", "labels", "classes")
BETWEEN = ";|"
"""What stands between several classes of a chip in a table."""
Fit = Literal["resize", "crop"]
_LARGEST = 256
_SIDES: Mapping[str, Side | None] = {"train": "train", "val": "val", "valid": "val", "validation": "val", "": None}


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip before it is opened: its file, its classes, and the side of the split where that is given."""

    path: Path
    classes: tuple[str, ...]
    side: Side | None = None


def in_folders(folder: Path) -> list[Chip]:
    """The chips of a folder whose subfolders are named after their classes.

    Raises:
        RequestError: there is no such folder, or none in it holds a picture.
    """
    if not folder.is_dir():
        raise RequestError(
            "there is no such folder of chips", where=str(folder), fix="give a folder with a subfolder for each class"
        )
    found = [
        Chip(file, (sub.name,))
        for sub in sorted(path for path in folder.iterdir() if path.is_dir())
        for file in sorted(sub.rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise RequestError(
            "its subfolders hold no pictures",
            where=str(folder),
            fix="put the chips of each class into a subfolder that is named after it, or give a table with --labels",
        )
    return found


def in_table(table: Path, folder: Path, field: str | None) -> list[Chip]:
    """The chips that a CSV table lists: a column with the file, relative to the folder, and one with its classes.

    A column ``split`` says which side a chip is on; chips of other splits than train and val are left out.

    Raises:
        RequestError: it cannot be read, lacks a column, or names no chip.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RequestError("the table cannot be read", where=str(table), fix="give a CSV file in UTF-8") from error
    if not rows:
        raise RequestError("the table lists no chip", where=str(table), fix="give a row for each chip")
    columns = {name.strip().lower(): name for name in rows[0] if name}
    file = _column(columns, FILE_COLUMNS, None, table, "of the files")
    label = _column(columns, CLASS_COLUMNS, field, table, "of the classes")
    split = columns.get("split")
    chips = []
    for row in rows:
        side = (row[split] or "").strip().lower() if split else ""
        classes = _classes(row[label] or "")
        if classes and side in _SIDES:
            chips.append(Chip(folder / (row[file] or "").strip(), classes, _SIDES[side]))
    if not chips:
        raise RequestError("no row names a chip and its class", where=str(table), fix="fill the column of the classes")
    return chips


def _column(columns: Mapping[str, str], known: Sequence[str], wanted: str | None, table: Path, what: str) -> str:
    names = (wanted.lower(),) if wanted is not None else known
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        there = ", ".join(columns.values())
        missing = wanted if wanted is not None else f"{' or '.join(known[:2])}"
        raise RequestError(
            f"it has no column {what} ({missing}), but {there}",
            where=str(table),
            fix="name the class column with --class-field",
        )
    return found


def _classes(text: str) -> tuple[str, ...]:
    for sign in BETWEEN[1:]:
        text = text.replace(sign, BETWEEN[0])
    return tuple(dict.fromkeys(part.strip() for part in text.split(BETWEEN[0]) if part.strip()))


class Chips:
    """Chips as training tiles of one patch each.

    Args:
        pairs: opened images and what is known of each.
        source: where they come from.
        fit: how a chip is brought to the side of a patch; see ``images.sized``.

    Raises:
        RequestError: chips have different bands.
    """

    def __init__(self, pairs: Sequence[tuple[Image, Chip]], source: str, fit: Fit = "resize") -> None:
        self._pairs, self._source, self._fit = pairs, source, fit
        self.bands = check_alike([image for image, _ in pairs])

    @classmethod
    def opened(
        cls,
        chips: Sequence[Chip],
        source: str,
        *,
        bands: tuple[int | str, ...] = (),
        fit: Fit = "resize",
        policy: OpenPolicy | None = None,
    ) -> Chips:
        """Open the chips.

        Raises:
            RequestError: one cannot be read.
        """
        return cls([(open_chip(str(chip.path), bands, policy), chip) for chip in chips], source, fit)

    def patch(self, align: int) -> int:
        """The size that most chips come near to."""
        middle = float(np.median([max(image.shape) for image, _ in self._pairs]))
        return min(max(round(middle / align), 1) * align, _LARGEST // align * align or align)

    def material(self, geometry: Geometry, check: Callable[[], None]) -> Material:
        """One tile a chip.

        Raises:
            RequestError: there is one class, or too many.
        """
        check()
        side = geometry.patch
        names = tuple(sorted({name for _, chip in self._pairs for name in chip.classes}))
        if len(names) > MOST_CLASSES:
            raise RequestError(
                f"{len(names)} classes are more than the {MOST_CLASSES} that a byte can number",
                where=self._source,
                fix="merge some of them",
            )
        many = any(len(chip.classes) > 1 for _, chip in self._pairs)
        number = {name: i for i, name in enumerate(names)}
        tiles = []
        for i, (image, chip) in enumerate(self._pairs):
            labels = _labels([number[name] for name in chip.classes], len(names), many)
            tiles.append(whole_tile(sized(image, side, self._fit), labels, geometry, f"{i}", chip.side))
        return present(Material(tiles, names, self.bands, many, self._source))


def _labels(numbers: Sequence[int], classes: int, many: bool) -> Labels:
    if not many:
        return np.full((1, 1), numbers[0], np.uint8)
    labels = np.zeros(classes, np.uint8)
    labels[list(numbers)] = 1
    return labels
