"""A table of metrics as an HTML page that needs nothing but itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Optional

from .text import tr

_STYLE = """:root{color-scheme:light dark}
body{margin:2rem auto;max-width:760px;padding:0 1rem;font:16px/1.5 system-ui,sans-serif}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;
border-bottom:1px solid #8885}td.number{text-align:right;font-variant-numeric:tabular-nums;font-weight:600}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}"""


def metrics_page(
    metrics: Mapping[str, Any],
    about: Mapping[str, Any],
    compared: Mapping[str, str],
    *,
    title: str = "",
    picture: Optional[Path] = None,
) -> str:
    """The page.

    Args:
        metrics: by name; those of single classes are by the names of these, one level deeper. None stands for infinity
            where that is the best value, and for what is not known otherwise.
        about: of each metric its ``best`` value (None: infinite), ``unit`` and what it compares with (``against``);
            empty where nothing of this is told.
        compared: the images by their titles.
        title: that of a fused image when empty.
        picture: a PNG file to show below; it may be missing.
    """
    heads = (tr("Metric"), tr("Value"), *((tr("Unit"), tr("Best"), tr("Compared with")) if about else ()))
    plain = {name: value for name, value in metrics.items() if not isinstance(value, (dict, list))}
    rows = "".join(_row(name, value, about) for name, value in plain.items())
    listed = "".join(f"<dt>{escape(title)}</dt><dd>{escape(source)}</dd>" for title, source in compared.items())
    title = escape(title or tr("Quality of the fused image"))
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><table>{_heads(heads)}{rows}</table>{_class_table(class_metrics(metrics))}"
        f"{_picture(picture)}<dl>{listed}</dl></body></html>\n"
    )


def class_metrics(metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Metrics of single classes by the names of these; empty where there are none."""
    nested = (value for value in metrics.values() if isinstance(value, dict) and value)
    return next((value for value in nested if all(isinstance(each, dict) for each in value.values())), {})


def _class_table(classes: Mapping[str, Mapping[str, Any]]) -> str:
    if not classes:
        return ""
    names = list(dict.fromkeys(name for each in classes.values() for name in each))
    rows = "".join(
        f"<tr><td>{escape(title)}</td>"
        + "".join(f"<td class=number>{escape(_value(each.get(name)))}</td>" for name in names)
        + "</tr>"
        for title, each in classes.items()
    )
    return f"<h2>{escape(tr('Classes'))}</h2><table>{_heads((tr('Class'), *names))}{rows}</table>"


def _heads(titles: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<th>{escape(title)}</th>' for title in titles)}</tr>"


def _picture(path: Optional[Path]) -> str:
    """The picture in the page itself."""
    if path is None or not path.is_file():
        return ""
    title = escape(tr("What was taken for what"))
    data = b64encode(path.read_bytes()).decode("ascii")
    return f'<h2>{title}</h2><img alt="{title}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _row(name: str, value: Any, about: Mapping[str, Any]) -> str:
    known = about.get(name)
    facts: tuple[str, ...] = ("", "", "") if about else ()
    if isinstance(known, dict):
        bound = known.get("at_most")
        best = _number(known.get("best")) if bound is None else f"≤ {_number(bound)}"
        facts = (str(known.get("unit", "")), best, str(known.get("against", "")))
    may_be_infinite = isinstance(known, dict) and known.get("best") is None and known.get("at_most") is None
    text = _number(value) if may_be_infinite else _value(value)
    cells = "".join(f"<td>{escape(fact)}</td>" for fact in facts)
    return f"<tr><td>{escape(name)}</td><td class=number>{escape(text)}</td>{cells}</tr>"


def _value(value: Any) -> str:
    """What may not be known."""
    return _number(value) if isinstance(value, (int, float)) else "" if value is None else str(value)


def _number(value: Any) -> str:
    return "∞" if value is None else f"{value:.4f}" if isinstance(value, float) and value % 1 else f"{value:g}"
