"""The classes of labels: what a column or a raster holds, spelled as text, in the order in which maps number them.

A class map holds the numbers 0 to 254, and 255 where nothing is said, so 255 classes are the most that labels can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import MOST_CLASSES
from ..errors import RequestError

UNLABELLED = 255
"""What a cell holds of which no label says anything."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of labels, in the order of their numbers.

    Attributes:
        names: each once; the class of all ground that is not labelled, where there is one, first.
        rest: whether the first is that class.
    """

    names: tuple[str, ...]
    rest: bool = False

    def numbers(self, texts: Sequence[str | None]) -> NDArray[np.uint8]:
        """The number of each text; ``UNLABELLED`` for what is no class."""
        by_name: dict[str | None, int] = {name: number for number, name in enumerate(self.names)}
        return np.fromiter((by_name.get(text, UNLABELLED) for text in texts), np.uint8, len(texts))

    @property
    def fill(self) -> int:
        """What a cell under no label holds."""
        return 0 if self.rest else UNLABELLED


def make_classes(texts: Iterable[str], *, rest: str | None, where: str) -> Classes:
    """Order classes: by number where all are whole numbers, else by name.

    Args:
        texts: of the classes, in any order and number.
        rest: name of the class of all ground that is not labelled.
        where: the labels, for the errors.

    Raises:
        RequestError: there are more than a class map can number, or none.
    """
    found = set(texts)
    if not found:
        raise RequestError("no label has a class", where=where, fix="fill the class column in, or name another one")
    found -= {rest or ""}
    names = sorted(found, key=int) if all(map(_is_whole, found)) else sorted(found)
    names = names if rest is None else [rest, *names]
    if len(names) > MOST_CLASSES:
        raise RequestError(
            f"it holds {len(names)} classes, and a class map has room for {MOST_CLASSES}",
            where=where,
            fix="merge classes, or name another column with --class-field",
        )
    return Classes(tuple(names), rest is not None)


def check_rest(rest: str | None) -> None:
    """Refuse a name that nothing can be called by.

    Raises:
        RequestError: it is blank.
    """
    if rest is not None and not rest.strip():
        raise RequestError("the name is empty", where="--rest", fix="give one, such as background")


def spell(values: NDArray[Any], *, what: str, where: str) -> list[str | None]:
    """Classes as text, whole numbers without a fraction; None for what is empty.

    Args:
        values: of a column or a raster, any type and shape.
        what: what holds them, such as "the column kind", for the errors.

    Raises:
        RequestError: the values are measurements, lists or times, which name no class.
    """
    if values.dtype.kind == "f":
        known = np.isfinite(values)
        if (values[known] != np.rint(values[known])).any():
            raise RequestError(
                f"{what} holds fractions, which name no class", where=where, fix="name a column of names or numbers"
            )
        return [str(int(value)) if good else None for value, good in zip(values, known, strict=True)]
    if values.dtype.kind in "iub":
        return [str(value) for value in values.tolist()]
    if values.dtype.kind != "O" or not all(value is None or isinstance(value, str) for value in values):
        raise RequestError(
            f"{what} holds neither names nor numbers", where=where, fix="name a column of names or numbers"
        )
    return [(value or "").strip() or None for value in values]


def _is_whole(text: str) -> bool:
    try:
        return str(int(text)) == text
    except ValueError:
        return False
