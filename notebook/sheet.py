"""A sheet of facts as HTML for notebooks and as text for consoles; the one place that writes either.

The HTML has no script and no style sheet: each element carries what it needs, colours are those of the page around it,
so that it reads on light and dark ground and changes nothing beside itself.  All text is escaped.
"""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

_BOX = "font-family:inherit;color:inherit;text-align:left;max-width:64em;line-height:1.35"
_TABLE = "border-collapse:collapse;margin:.3em 0 .6em;border:0"
_CELL = "text-align:left;vertical-align:top;padding:.15em .9em .15em 0;border:0;white-space:normal;background:none"
_KEY = _CELL + ";white-space:nowrap"
_HEAD = _KEY + ";font-weight:600;border-bottom:1px solid currentColor"
_FAINT = "opacity:.75"
_WARNING = "border-left:.25em solid #d08700;padding:.1em 0 .1em .6em;margin:.3em 0"
_COLUMNS, _NARROWEST = 110, 12
_UNBROKEN = 24
"""Characters of a cell up to which it stays on one line."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells.

    Attributes:
        rows: cells, as many in each.
        heads: of the columns; empty where the first cell of a row says what the row is.
        title: above it; empty for none.
        folded: whether a notebook shows it only when its title is opened.
    """

    rows: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...] = ()
    title: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be shown.

    Attributes:
        title: a line.
        says: a sentence below it; empty for none.
        warnings: sentences.
        tables: of facts; those without rows are left out.
    """

    title: str
    says: str = ""
    warnings: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    def html(self) -> str:
        """As a fragment of a page."""
        parts = [f'<div style="font-weight:600">{escape(self.title)}</div>']
        if self.says:
            parts.append(f'<div style="{_FAINT}">{escape(self.says)}</div>')
        parts += [f'<div style="{_WARNING}">{escape(warning)}</div>' for warning in self.warnings]
        parts += [_table_html(table) for table in self.tables if table.rows]
        return f'<div style="{_BOX}">{"".join(parts)}</div>'

    def text(self) -> str:
        """As lines."""
        says = [self.says, *(f"warning: {warning}" for warning in self.warnings)]
        lines = [self.title, *(f"  {line}" for each in says for line in textwrap.wrap(each, _COLUMNS - 2))]
        for table in self.tables:
            if table.rows:
                lines += [f"  {table.title}"] if table.title else []
                lines += _table_lines(table)
        return "\n".join(lines)


class Shown(ABC):
    """A result of the Python door that consoles and notebooks show as its sheet."""

    __slots__ = ()

    @property
    @abstractmethod
    def sheet(self) -> Sheet:
        """What is shown of it."""

    def __repr__(self) -> str:
        return self.sheet.text()

    def _repr_html_(self) -> str:
        """What notebooks ask for."""
        return self.sheet.html()


def _table_html(table: Table) -> str:
    heads = "".join(f'<th style="{_HEAD}">{escape(head)}</th>' for head in table.heads)
    rows = "".join(f'<tr style="background:none">{_row_html(row, bool(heads))}</tr>' for row in table.rows)
    made = f'<table style="{_TABLE}">{f"<tr>{heads}</tr>" if heads else ""}{rows}</table>'
    if not table.title:
        return made
    if table.folded:
        return f'<details><summary style="cursor:pointer">{escape(table.title)}</summary>{made}</details>'
    return f'<div style="{_FAINT}">{escape(table.title)}</div>{made}'


def _row_html(row: tuple[str, ...], headed: bool) -> str:
    """Cells; the first one says what the others are, so that it is faint where no heads tell."""
    styles = [_KEY if len(cell) <= _UNBROKEN else _CELL for cell in row]
    if not headed:
        styles[0] += f";{_FAINT}"
    return "".join(f'<td style="{style}">{escape(cell)}</td>' for style, cell in zip(styles, row, strict=True))


def _table_lines(table: Table) -> list[str]:
    """Columns beside each other; long cells go on in further lines."""
    rows = [table.heads, *table.rows] if table.heads else list(table.rows)
    widths = _widths(rows)
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            line = "  ".join(f"{part:<{width}}" for part, width in zip(parts, widths, strict=True))
            lines.append(f"  {line}".rstrip())
    return lines


def _widths(rows: list[tuple[str, ...]]) -> list[int]:
    """Of the columns: what their cells need, the widest ones less where a line would be too long."""
    widths = [max(1, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
    while sum(widths) + 2 * len(widths) > _COLUMNS and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths
