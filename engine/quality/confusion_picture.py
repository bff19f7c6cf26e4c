"""The picture of a confusion matrix: which class was taken for which, as a PNG file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from ..errors import RunError
from .classes import Matrix

_CELL, _TEXT, _GAP = 56, 15, 10
# Of many classes the cells shrink until the picture is about so wide, px.
_WIDEST = 2000
_LONGEST = 24
# What is there of these on Linux, Windows and macOS; the font that comes with Pillow has no accents.
_FONTS = ("DejaVuSans.ttf", "segoeui.ttf", "arial.ttf", "Arial Unicode.ttf", "Arial.ttf")
_PAPER, _INK, _LINE = (255, 255, 255), (34, 34, 34), (222, 222, 222)
# Shares of a row, 0 to 1, between these.
_LOW, _HIGH = np.array([247, 250, 253]), np.array([8, 72, 135])


def confusion_picture(matrix: Matrix, names: Sequence[str], path: Path) -> None:
    """Draw a matrix: rows are true classes, columns those found; each cell has its share of the row, in percent.

    Args:
        matrix: (C, C) counts.
        names: C.
        path: of a PNG file, which is written whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    picture = _drawn(matrix, [name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "..." for name in names])
    part = path.with_name(path.name + ".part")
    try:
        picture.save(part, "PNG")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise RunError(
            f"it cannot be written ({error.strerror})", where=str(path), fix="choose another place"
        ) from error


def _drawn(matrix: Matrix, names: Sequence[str]) -> Image.Image:
    fonts, spelled = _fonts()
    names, count = [spelled(name) for name in names], len(names)
    cell = max(min(_CELL, _WIDEST // max(count, 1)), 8)
    text = max(min(_TEXT, cell - 2), 7)
    font, small = fonts(text), fonts(max(text - 3, 6))
    room = int(max((font.getlength(name) for name in names), default=0)) + 2 * _GAP
    head = text + 2 * _GAP
    left, top, side = room + head, room + head, count * cell
    picture = Image.new("RGB", (left + side + _GAP, top + side + _GAP), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((left + side / 2, _GAP), "found", fill=_INK, font=font, anchor="mt")
    _upright(picture, "labelled", (_GAP, top + side // 2), font, middle=True)
    totals = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shares = matrix / totals
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell
        draw.text((left - _GAP, top + middle), name, fill=_INK, font=font, anchor="rm")
        _upright(picture, name, (int(left + middle - text / 2), top - _GAP), font, middle=False)
        for j in range(count):
            x, y, share = left + j * cell, top + i * cell, float(shares[i, j])
            fill = tuple(int(v) for v in np.rint(_LOW + (_HIGH - _LOW) * share))
            draw.rectangle((x, y, x + cell, y + cell), fill=fill, outline=_LINE)
            if matrix[i, j] and cell >= 2 * text:
                ink = _PAPER if share > 0.5 else _INK
                draw.text((x + cell / 2, y + cell / 2), _percent(share), fill=ink, font=small, anchor="mm")
    return picture


def _fonts() -> tuple[Callable[[int], FreeTypeFont], Callable[[str], str]]:
    """A font by its size, and how names are spelled in it."""
    for name in _FONTS:
        try:
            ImageFont.truetype(name, _TEXT)
        except OSError:
            continue
        return lambda size, name=name: ImageFont.truetype(name, size), str
    return _plain_font, _without_accents


def _plain_font(size: int) -> FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, FreeTypeFont):
        raise AssertionError("Pillow comes without FreeType")
    return font


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def _percent(share: float) -> str:
    """Whole percents; what is there but rounds to none is shown as such."""
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _upright(picture: Image.Image, text: str, place: tuple[int, int], font: FreeTypeFont, *, middle: bool) -> None:
    """Text from the bottom to the top: its bottom, or its middle, at this place."""
    width, height = int(font.getlength(text)) + 2, font.size + 6
    line = Image.new("RGB", (width, int(height)), _PAPER)
    ImageDraw.Draw(line).text((0, 1), text, fill=_INK, font=font)
    line = line.rotate(90, expand=True)
    picture.paste(line, (place[0], place[1] - (width // 2 if middle else width)))
