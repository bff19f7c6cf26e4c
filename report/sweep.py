"""The page of a sweep: quality against cost, as one HTML file that needs nothing but itself."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..engine.errors import RequestError
from ..engine.quality.metrics import AS_RELEASED, METRICS
from ..engine.quality.sweep import Point, fronts
from .placing import in_place
from .template import SWEEP, fill

_PROTOCOLS = {"rr": "At reduced resolution, against MS", "fr": "At full resolution, against a known truth"}


@dataclass(frozen=True, slots=True)
class Header:
    """What was swept.

    Attributes:
        protocol: "rr" or "fr".
        facts: of the protocol: model, inputs and so on.
        device: that computed.
        repeats: runs of each point.
        wanted: points that were asked for.
    """

    protocol: str
    facts: Mapping[str, Any]
    device: str
    repeats: int
    wanted: int


def check_place(page: Path) -> None:
    """Refuse a page that could not be written, before anything is computed.

    Raises:
        RequestError: it exists, is no HTML file, or its folder does not exist.
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"{page} is no HTML file", where="--out", fix="name one that ends in .html")
    if page.exists():
        raise RequestError("it exists", where=str(page), fix="delete it, or name another file")
    if not page.absolute().parent.is_dir():
        raise RequestError("its folder does not exist", where=str(page), fix="make it, or name another one")


def write_sweep(page: Path, header: Header, points: Sequence[Point]) -> None:
    """Write the page of the points that are measured by now, over the one before.

    Raises:
        RequestError: it cannot be written.
    """
    facts = {
        "protocol": _PROTOCOLS[header.protocol],
        "model": header.facts["model"],
        "wanted": header.wanted,
        "repeats": header.repeats,
        "on_gpu": header.device != "cpu",
        "options": list(points[0].settings),
        "points": [point.plain() for point in points],
        "fronts": fronts(points),
        "about": {name: _about(name) for name in points[0].evaluation.metrics},
        "made": [[title, str(value)] for title, value in _made(header, points[0].costs[0].pixels).items()],
    }
    with in_place(page) as stream:
        fill(stream, f"Quality against cost: {header.facts['model']}", facts, {}, SWEEP)


def _about(name: str) -> dict[str, str]:
    known = METRICS.get(name.removesuffix(AS_RELEASED))
    return {"unit": known.unit, "meaning": known.meaning} if known is not None else {"unit": "", "meaning": ""}


def _made(header: Header, pixels: int) -> dict[str, Any]:
    """How it was measured, row by row."""
    inputs = {f"Input {name}": value for name, value in header.facts.items() if name in ("ms", "pan", "reference")}
    rest = {name: value for name, value in header.facts.items() if name in ("draws", "ratio", "phase")}
    return {
        "Model": header.facts["model"],
        "Protocol": _PROTOCOLS[header.protocol],
        **inputs,
        **{name.capitalize(): value for name, value in rest.items()},
        "Output of a run": f"{pixels / 1e6:.3g} megapixels",
        "Device": header.device,
        "Processor": platform.processor() or platform.machine(),
        "Threads": torch.get_num_threads(),
        "Runs of each point": header.repeats,
        "Versions": f"Seamline {__version__}, torch {torch.__version__}, Python {platform.python_version()}",
    }
