"""What the report of a run says, in the words and the order of its page: plain JSON values, one function a section."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..engine.optics.instrument import RINGS
from ..engine.quality.metrics import METRICS

TASKS = {
    "pansharpen": "Pan-sharpening",
    "superres": "Super-resolution",
    "segment": "Segmentation",
    "classify": "Classification",
}
"""What people call the tasks."""
_SIGHTS = {"mtf": "through the sensor's MTF", "area": "as area means"}
_ARTEFACTS = {
    "undershoot": "Rings, dark",
    "overshoot": "Rings, bright",
    "PAN_detail": "Detail of PAN",
    "lattice": "Lattice",
    "bias": "Change of the mean",
}
_STAGES = (
    ("statistics", "statistics of the scene"),
    ("load", "loading the model"),
    ("read", "reading"),
    ("prepare", "preparing tiles"),
    ("infer", "the network"),
    ("blend", "blending tiles"),
    ("consistency", "consistency with the input"),
    ("support", "telling what was added"),
    ("round", "rounding"),
    ("write", "writing row bands"),
    ("overviews", "overviews and seam score"),
    ("cog", "laying out the COG"),
    ("artefacts", "looking for artefacts"),
)
_OPTIONS = {
    "device": "Device",
    "precision": "Precision",
    "steps": "Denoising steps",
    "guidance": "Guidance",
    "batch": "Tiles in a batch",
    "ramp": "Width of a hand-over, px",
    "consistency": "Consistency that was enforced",
    "gains": "MTF gains at Nyquist, by band",
}

Row = dict[str, Any]


def heading(facts: Mapping[str, Any], out: Path) -> Row:
    """Name of the output, task, model, note."""
    name, _, version = facts["model"].partition("@")
    return {
        "name": out.name,
        "task": TASKS.get(str(facts.get("task")), "Run"),
        "model": f"{name} {version.partition('+')[0]}".strip(),
        "note": str(facts.get("note") or ""),
        "warnings": [str(each["what"]) for each in facts.get("warnings", [])],
    }


def verdicts(metrics: Mapping[str, Any]) -> list[Row]:
    """What the run measured of its output, each with what good ones have."""
    found: list[Row] = []
    score, control = metrics.get("seam_score"), metrics.get("seam_control_band")
    if score is not None and control:
        good = score <= control[1]
        says = f"{'no seam shows' if good else 'look at the tile boundaries'}: lines elsewhere score {{0}} to {{1}}"
        found.append({"title": "Seam score", "value": score, "says": says, "numbers": control, "good": good})
    texture, band = metrics.get("overlap_variance_ratio"), metrics.get("overlap_variance_control_band")
    if texture is not None and band:
        says = "variance where tiles overlap over that elsewhere, where it is {0} to {1}"
        good = texture >= band[0]
        found.append({"title": "Texture in overlaps", "value": texture, "says": says, "numbers": band, "good": good})
    worst = max((value for value in metrics.get("consistency") or () if value is not None), default=None)
    if worst is not None:
        sight = _SIGHTS.get(str(metrics.get("consistency_sight")), "")
        says = f"worst band: what the output differs by from the input, seen with the input's pixels {sight}"
        found.append({"title": "Consistency", "value": worst, "share": True, "says": says, "numbers": []})
    for name, title in _ARTEFACTS.items():
        value = (metrics.get("artefacts") or {}).get(name)
        if value is not None:
            found.append({"title": title, "value": value, "share": name == "bias", **_judged(name, value)})
    return found


def _judged(name: str, value: float) -> Row:
    metric = METRICS[name]
    if metric.at_most is None:
        return {"says": metric.meaning, "numbers": []}
    good = value <= metric.at_most
    return {"says": f"{metric.meaning}; good images have at most {{0}}", "numbers": [metric.at_most], "good": good}


def consistency(metrics: Mapping[str, Any], names: Sequence[str]) -> list[Row]:
    """Per band: its name and its distance from the input."""
    return _by_band(metrics.get("consistency") or (), names)


def added(facts: Mapping[str, Any], names: Sequence[str]) -> list[Row]:
    """Per band: its name and the share of its detail that the model added; empty where the run did not tell."""
    support = (facts.get("layers") or {}).get("support") or {}
    return _by_band(support.get("added") or (), names)


def _by_band(values: Sequence[float | None], names: Sequence[str]) -> list[Row]:
    known = [*names, *[""] * len(values)]
    return [
        {"name": known[i] or f"band {i + 1}", "value": float(value)}
        for i, value in enumerate(values)
        if value is not None
    ]


def instrument(facts: Mapping[str, Any], names: Sequence[str]) -> Row | None:
    """What was measured of the pair: gain, shift, noise, curve; None where nothing was."""
    found = facts.get("instrument")
    if not found:
        return None
    known = [*names, *[""] * len(found["noise"])]
    bands = [
        {"name": known[i] or f"band {i + 1}", "noise": noise, "shift": shift}
        for i, (noise, shift) in enumerate(zip(found["noise"], found["band_shifts"], strict=True))
    ]
    return {
        "gain": found["gain"],
        "shift": found["shift"],
        "explained": found["explained"],
        "cells": found["cells"],
        "bands": bands,
        "curve": [list(point) for point in zip(RINGS, found["curve"], strict=False)],
    }


def scores(metrics: Mapping[str, float | None]) -> list[Row]:
    """Metrics, each with its best value and what it says."""
    rows = []
    for name, value in metrics.items():
        known = METRICS.get(name)
        if known is not None:
            rows.append({"name": name, "value": value, "meaning": known.meaning, **known.plain()})
    return rows


def timings(seconds: Mapping[str, float]) -> Row:
    """Seconds of the stages that took any time to speak of."""
    total = float(seconds.get("total", 0.0))
    rows = [{"name": title, "value": seconds[name]} for name, title in _STAGES if seconds.get(name, 0) > 0.005 * total]
    return {"total": total, "rows": rows}


def provenance(facts: Mapping[str, Any], out: Path) -> list[list[str]]:
    """How the output was made, row by row."""
    width, height = facts.get("size") or (0, 0)
    versions = ", ".join(f"{name} {version}" for name, version in (facts.get("versions") or {}).items())
    options = facts.get("options") or {}
    rows: list[tuple[str, Any]] = [
        ("Model", facts["model"]),
        ("Licence of the model", facts.get("licence")),
        ("Identity of the run", facts.get("identity")),
        *((f"Input {name}", text) for name, text in (facts.get("inputs") or {}).items()),
        ("Outputs", ", ".join(map(str, facts["outputs"]))),
        ("SHA-256 of the output", _hash(out)),
        ("Size", f"{width} x {height} px, {int(facts.get('output_bytes') or 0) / 2**20:.1f} MiB"),
        ("Tiles", f"{facts.get('tiles')} of {facts.get('tile')} px"),
        ("Seed", facts.get("seed")),
        *((title, _listed(options.get(name))) for name, title in _OPTIONS.items()),
        ("Pixels", ", ".join(f"{count} {what}" for what, count in (facts.get("counts") or {}).items())),
        ("Peak memory", f"{int(facts.get('peak_memory_bytes') or 0) / 2**20:.0f} MiB"),
        ("Software", facts.get("software")),
        ("Versions of libraries", versions),
        ("This page", f"Seamline {__version__}"),
    ]
    return [[title, str(text)] for title, text in rows if text not in (None, "")]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(value: Any) -> Any:
    return ", ".join(f"{each:g}" for each in value) if isinstance(value, list) else value
