"""The plan of a run, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """What ``--dry-run`` says of a plan.

    Args:
        plan: as ``engine.output.report.summary`` gives it; ``--json`` prints all of it.
    """
    rows = list(_rows(plan))
    width = max(len(title) for title, _ in rows)
    yield from (f"{title:<{width}}  {text}" for title, text in rows)


def _rows(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    output, needs = plan["output"], plan["estimate"]
    yield "model", f"{plan['model'].partition('+')[0]} on {plan['device']}, {_many(plan['threads'], 'thread')}"
    for name, scene in plan["inputs"].items():
        known = [each for each in (scene["product"], scene["sensor"]) if each]
        yield name, f"{', '.join([*known, _raster(scene)])}: {scene['path']}"
    yield "output", f"{_raster(output)}, nodata {_nodata(output)}; {_grid(output)}"
    for name, path in (plan["outputs"] | plan["vectors"]).items():
        if path is not None:
            yield name, path
    tiles = f"{_many(plan['tiles'], 'tile')} of {plan['tile']} px, {plan['ramp']} px of overlap blended"
    yield "tiles", f"{tiles}, in {_many(plan['row_bands'], 'row band')}"
    if seen := plan["instrument"]:
        down, right = seen["shift"]
        off = f"lies {down:+.2f} rows and {right:+.2f} columns of PAN px off its georeference"
        yield "measured", f"MS has a gain of {seen['gain']:.2f} at its Nyquist frequency, and {off}"
    if taken := plan["coregistered"]:
        yield "corrected", f"the coarser image is moved {-taken[0]:+.2f} rows and {-taken[1]:+.2f} columns of its px"
    memory, disk, size = (_bytes(needs[f"{each}_bytes"]) for each in ("memory", "disk", "output"))
    yield "needs", f"about {_time(needs['seconds'])}, {memory} of memory, {disk} of disk; the output has about {size}"
    yield "identity", plan["identity"]


def _raster(raster: Mapping[str, Any]) -> str:
    columns, rows = raster["size"]
    return f"{columns} × {rows} px, {_many(raster['bands'], 'band')}, {raster['dtype']}"


def _nodata(output: Mapping[str, Any]) -> str:
    return "none" if output["nodata"] is None else f"{output['nodata']}".removesuffix(".0")


def _grid(output: Mapping[str, Any]) -> str:
    across, _, _, _, down, _ = output["affine"]
    # The name of a coordinate system is the first text of its WKT.
    wkt = output["crs"] or "no coordinate system"
    name = wkt.split('"')[1] if '"' in wkt else wkt
    return f"pixels of {across:g} × {abs(down):g}, {name}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "an unknown time"
    if seconds < 100:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
