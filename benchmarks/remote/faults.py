"""Faults of a server at each of the requests of a run: what stays of pixels, sentences and ways out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import rasterio

from seamline.engine.errors import RequestError, RunError, SeamlineError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.classical.interpolate import Identity

from ..shared import serving
from .moved import write_cog

_PATH, _SIDE, _BLOCK = "/a.tif", 384, 128
_PASSING = {
    "500": lambda k: serving.answers(500, since=k, times=2),
    "503": lambda k: serving.answers(503, since=k, times=2),
    "429": lambda k: serving.answers(429, since=k, times=2),
    "answers that end too early": lambda k: serving.cuts(7, since=k, times=2),
    "silence": lambda k: serving.stalls(since=k, times=2),
}
_STAYING = {
    "500": lambda k: serving.answers(500, since=k),
    "503": lambda k: serving.answers(503, since=k),
    "404": lambda k: serving.answers(404, since=k),
    "403": lambda k: serving.answers(403, since=k),
    "answers that end too early": lambda k: serving.cuts(7, since=k),
    "answers that drip": lambda k: serving.drips(since=k),
    "silence": lambda k: serving.stalls(since=k),
    "a redirect to another host": lambda k: serving.answers(302, since=k, Location="http://example.org/a.tif"),
}
Fault = Callable[[int], serving.Fault]


def lines_of_faults(folder: Path) -> Iterator[str]:
    """The measured part of the page."""
    scene = write_cog(folder / "a.tif", _SIDE, _BLOCK)
    yield "| fault | and | runs | same pixels | a sentence | then the same pixels, resumed | anything else |"
    yield "|---|---|---|---|---|---|---|"
    other = 0
    with serving.running() as server:
        address = server.put(_PATH, scene.read_bytes())
        count = _requests(server, address, folder)
        rows = [("passes", name, make) for name, make in _PASSING.items()]
        rows += [("stays", name, make) for name, make in _STAYING.items()]
        rows.append(("stays", "another state of the file", lambda k: serving.changes(_PATH, at=k)))
        for lasts, name, make in rows:
            # A state can only change once there was one.
            first = 2 if name == "another state of the file" else 1
            found = [_outcome(server, address, make(k), scene, folder) for k in range(first, count + 1)]
            same, said, resumed = (found.count(each) for each in ("same", "said", "resumed"))
            wrong = len(found) - same - said - resumed
            # What passes is overcome; what stays is said, and what is said during a run leaves it to be gone on with.
            other += wrong + (said + resumed if lasts == "passes" else same)
            yield f"| {name} | {lasts} | {len(found)} | {same} | {said + resumed} | {resumed} | {wrong} |"
    yield ""
    yield f"- runs with another outcome than their fault allows: {other}: {'MISSED' if other else 'held'}"


def _asked(server: serving.Server, address: str, folder: Path, **options: object) -> Request:
    policy = replace(server.policy, patience=replace(serving.PATIENCE, silence_s=0.2))
    options = {"tile": 128, "overlap": 0, "threads": 1, "overwrite": True} | options
    return Request(inputs={"image": address}, out=str(folder / "out.tif"), policy=policy, **options)


def _requests(server: serving.Server, address: str, folder: Path) -> int:
    run(_asked(server, address, folder), Identity())
    return len(server.asked)


def _outcome(server: serving.Server, address: str, fault: serving.Fault, scene: Path, folder: Path) -> str:
    """``same``, ``said`` (nothing is left to go on with), ``resumed``, or what went wrong."""
    out = folder / "out.tif"
    out.unlink(missing_ok=True)
    server.asked.clear()
    server.states.clear()
    server.fault = fault
    try:
        run(_asked(server, address, folder), Identity())
        return "same" if _same(out, scene) else "wrong pixels"
    except RequestError:
        return "said"
    except RunError:
        server.fault = None
        server.states.clear()
    except Exception as error:
        return repr(error)
    finally:
        server.fault = None
    if out.exists():
        return "half an output"
    try:
        run(_asked(server, address, folder, resume=True, overwrite=False), Identity())
    except SeamlineError as error:
        return repr(error)
    return "resumed" if _same(out, scene) else "wrong pixels"


def _same(out: Path, scene: Path) -> bool:
    with rasterio.open(out) as made, rasterio.open(scene) as meant:
        return bool((made.read() == meant.read()).all())
