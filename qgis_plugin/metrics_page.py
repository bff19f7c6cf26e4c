"""A table of metrics as an HTML page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from .text import tr

_STYLE = """:root{color-scheme:light dark}
body{margin:2rem auto;max-width:760px;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;
border-bottom:1px solid #8885}td.number{text-align:right;font-variant-numeric:tabular-nums;font-weight:600}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"""


def metrics_page(metrics: Mapping[str, Any], about: Mapping[str, Any], compared: Mapping[str, str]) -> str:
    """The page.

    Args:
        metrics: by name; None stands for infinity.
        about: of each metric its ``best`` value (None: infinite), ``unit`` and what it compares with (``against``).
        compared: the images by their titles.
    """
    heads = (tr("Metric"), tr("Value"), tr("Unit"), tr("Best"), tr("Compared with"))
    rows = [_row(name, value, about.get(name)) for name, value in metrics.items()]
    listed = "".join(f"<dt>{escape(title)}</dt><dd>{escape(source)}</dd>" for title, source in compared.items())
    title = escape(tr("Quality of the fused image"))
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>"
        f"{''.join(rows)}</table><dl>{listed}</dl></body></html>\n"
    )


def _row(name: str, value: Any, about: Any) -> str:
    known = about if isinstance(about, dict) else None
    best = "" if known is None else _number(known.get("best"))
    unit, against = ("", "") if known is None else (str(known.get("unit", "")), str(known.get("against", "")))
    cells = "".join(f"<td>{escape(text)}</td>" for text in (unit, best, against))
    return f"<tr><td>{escape(name)}</td><td class=number>{escape(_number(value))}</td>{cells}</tr>"


def _number(value: Any) -> str:
    return "∞" if value is None else f"{value:.4f}" if isinstance(value, float) and value % 1 else f"{value:g}"
