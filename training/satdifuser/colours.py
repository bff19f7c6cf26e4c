"""Colours of classes: those that the labels bring along, else a palette whose neighbours are easy to tell apart."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence

from ...engine.inputs.label_classes import spell
from ...engine.inputs.labels import LabelRequest
from ...engine.inputs.vectors import find_layer, is_vector, read_column

Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (230, 97, 1),
    (64, 143, 207),
    (51, 160, 44),
    (240, 205, 60),
    (166, 86, 178),
    (178, 34, 52),
    (120, 200, 180),
    (139, 90, 43),
    (247, 129, 191),
    (35, 70, 140),
    (170, 200, 60),
    (90, 90, 90),
)
"""Colours that differ in hue and in lightness, for the first classes."""
REST: Colour = (205, 205, 205)
"""Of the class of all ground that is not labelled."""
COLUMNS = ("colour", "color")
_TURN = 0.61803398875


def colours_of(labels: LabelRequest | None, names: Sequence[str]) -> tuple[Colour, ...]:
    """A colour for each class.

    Args:
        labels: a vector file may have a column ``colour`` or ``color`` of texts such as ``#3fa02c``; the first of each
            class counts.
        names: of the classes.

    Raises:
        RequestError: the labels cannot be read.
    """
    own = {} if labels is None else _stated(labels)
    rest = None if labels is None else labels.rest
    others = [name for name in names if name != rest]
    drawn = {name: _nth(i) for i, name in enumerate(others)}
    if rest is not None:
        drawn[rest] = REST
    return tuple(own.get(name, drawn[name]) for name in names)


def _nth(number: int) -> Colour:
    if number < len(PALETTE):
        return PALETTE[number]
    # Hues by the golden ratio never come close to each other soon; lightness alternates.
    beyond = number - len(PALETTE)
    lightness = (0.45, 0.62, 0.33)[beyond % 3]
    red, green, blue = colorsys.hls_to_rgb(beyond * _TURN % 1.0, lightness, 0.65)
    return round(255 * red), round(255 * green), round(255 * blue)


def _stated(labels: LabelRequest) -> dict[str, Colour]:
    if not is_vector(labels.path):
        return {}
    layer = find_layer(labels.path, labels.layer)
    column = next((name for name in layer.fields if name.lower() in COLUMNS), None)
    field = labels.field or next((name for name in layer.fields if name.lower() == "class"), None)
    if column is None or field is None:
        return {}
    classes = spell(read_column(layer, field), what=f"the column {field}", where=labels.path)
    found: dict[str, Colour] = {}
    for name, text in zip(classes, read_column(layer, column), strict=True):
        colour = _parsed(text)
        if name is not None and colour is not None:
            found.setdefault(name, colour)
    return found


def _parsed(text: object) -> Colour | None:
    match = re.fullmatch(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", str(text).strip())
    if match is None:
        return None
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue
