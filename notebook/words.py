"""Quantities in the words of sheets: sizes, numbers, seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def model_name(identity: str) -> str:
    """Name and version of a model, without its digest."""
    return identity.partition("+")[0].replace("@", " ")


def size_of(count: float) -> str:
    """Bytes."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}" if count < 1000 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:.0f} bytes"


def time_of(seconds: float) -> str:
    """A duration."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{seconds / 3600:.1f} h"


def number(value: float | None) -> str:
    """Of some six digits; None stands for what JSON cannot hold."""
    return "∞" if value is None else f"{value:.4g}"


def score(value: float | int | None) -> str:
    """Of a class; what is no number, such as the precision of a class that was not found, is left blank."""
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def share(value: float) -> str:
    """In percent."""
    return f"{100 * value:.3g} %"


def shift_of(down: float, right: float) -> str:
    """A shift along both axes."""
    # Adding 0 takes the sign of a zero away.
    return f"{round(down, 2) + 0.0:+.2f} down, {round(right, 2) + 0.0:+.2f} right"


def listed(values: Sequence[Any]) -> str:
    """One after the other."""
    return ", ".join(map(str, values))


def numbered(values: Mapping[str, float]) -> str:
    """Each by its name."""
    return ", ".join(f"{name} {number(value)}" for name, value in values.items())


def filled(rows: Sequence[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Those rows that say something."""
    return tuple((name, str(value)) for name, value in rows if value not in (None, ""))
