"""The trials: what is done to which run, drawn from a seed.  Nothing is carried out here."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Act = Literal[
    "kill",
    "terminate",
    "interrupt",
    "remove an input",
    "rewrite an input",
    "cut an input",
    "make the folder read-only",
    "make the run's folder read-only",
    "remove the run's folder",
    "remove its bands",
    "start another run",
    "start another run that overwrites",
    "start another run that resumes",
    "put a file at the output",
]
Stage = Literal["any", "lock", "plan", "band", "receipt", "lay out", "put in place", "report", "clear"]
How = Literal[
    "set", "drop", "replace", "flip", "cut", "grow", "remove", "make a folder", "link", "swap", "foreign", "unreadable"
]
Of = Literal["plan", "receipt", "band", "lock", "input"]
Content = Literal["noise", "empty", "foreign", "raster", "network", "folder", "statistics", "bad CRS", "other nodata"]

STAGES: Mapping[Stage, Callable[[str], object]] = {
    "any": re.compile("").search,
    "lock": re.compile(r"open .*/lock$").search,
    "plan": re.compile(r"/plan\.(part|json)").search,
    "band": re.compile(r"rename .*/bands/\d+\.tif$").search,
    "receipt": re.compile(r"rename .*/bands/\d+\.json$").search,
    "lay out": re.compile(r"/output[-.]").search,
    "put in place": re.compile(r"(rename|remove) o\.tif").search,
    "report": re.compile(r"report\.json").search,
    "clear": re.compile(
        r"(rmtree|rmdir|remove) (o\.tif\.seamline/bands$|o\.tif\.seamline$|\d+\.tif|lock|.*plan\.json)"
    ).search,
}
"""Which moments, as they are told, belong to a stage."""

ONE_RUN = ("bicubic",) * 5 + ("identity",) * 3 + ("gsa",)
"""Jobs of one command, as often as they are drawn: pan-sharpening takes four times as long as the others."""

VALUES = (
    *("null", "true", "-1", "0", "1", "3", "1e308", "-1e308", "2147483648", "9223372036854775808", "0.5"),
    *('""', '"x"', '"NaN"', '"../../x"', "[]", "{}", '[["a"]]', '{"a": 1}', json.dumps("y" * 5000), "NaN", "Infinity"),
)
"""What stands in for a field, as JSON."""

TEXTS = ("", "{}", "[]", "null", "0", '{"plan": []}', "[" * 100_000, "\ud800".encode("utf-8", "replace").decode(), "{")

OPTIONS: tuple[tuple[str, ...], ...] = (
    *(("--tile", each) for each in ("0", "-1", "7", "33", "999999999", "99999999999999999999")),
    *(("--overlap", each) for each in ("-1", "0", "31", "1000000")),
    *(("--batch-size", each) for each in ("0", "1000000000")),
    *(("--threads", each) for each in ("0", "-3", "1000000000")),
    *(("--memory", each) for each in ("1", "0", "-1", "1e400G", "nan", "inf", "1e30")),
    *(("--seed", each) for each in ("-1", str(2**64), str(2**63))),
    *(
        ("--extent", *each.split())
        for each in ("nan nan nan nan", "0 0 0 0", "1e308 1e308 -1e308 -1e308", "inf 0 0 inf")
    ),
    *(
        ("--window", *each.split())
        for each in ("0 0 0 0", "-5 -5 10 10", "99 99 1 1", f"0 0 {2**63} {2**63}", "0 0 1 1")
    ),
    *(("--bands", each) for each in ("0", "9", "1,1,1", "B99", ",", str(10**30))),
    *(("--offset", each) for each in ("nan", "inf", "1e308")),
    *(("--scale-factor", each) for each in ("0", "-1", "nan", "1e-320")),
    *(("--guidance", each) for each in ("nan", "1e308")),
    *(("--steps", each) for each in ("0", "1000000000000")),
    *(("--also", each) for each in ("x=o.tif", "uncertainty=/", "=", "a=b=c")),
    *(("--guide", each) for each in ("x=lr.tif", "reference=nowhere.tif", "=")),
    *(("--workers", each) for each in ("0", "-1", "99999999999999999999")),
    *(("--shard", each) for each in ("0/0", "1/0", "2/1", f"1/{10**30}", "a/b", "²/³")),
    *(("--device", each) for each in ("cuda:99", "tpu", "", "cuda:-1", "cuda:x")),
    *(("--model", each) for each in ("", ".", "/", "no such", "../x", "\udcff", "gsa")),
    *(("--sensor", each) for each in ("", ".", "none.yaml", "/dev/null.json", "\udcff", "Sentinel-2")),
    *(("--scale", each) for each in ("0", "-1", "1000000000", "3")),
    *(("--dtype", "int8"), ("--dtype", "float32"), ("--compress", "none"), ("--consistency", "mtf")),
    *(("--uncertainty", each) for each in ("o.tif", "/x/u.tif", "")),
    *(("--adapt", each) for each in ("0", "-1")),
    *(("--adapted-model", each) for each in ("", ".", "nowhere")),
    *(("--coregister",), ("--allow-vrt",), ("--resume", "--overwrite"), ("--dry-run", "--json")),
)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run is stopped at a moment, something is done, and it goes on, if it still can.

    Attributes:
        stage, at: which moment: its place, from 0 to 1, among those of a stage.
        act: what is done.
        delay_s: how long it goes on before it is killed, where that is the act.
    """

    stage: Stage
    at: float
    act: Act
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Damaged:
    """A run is killed between two row bands, and a file of it is no longer what it was.

    Attributes:
        of: the kind of file.
        how: what is done to it.
        at: where in it, from 0 to 1: of a field of JSON, a byte or a length.
        value: what is put there.
        signed: whether the plan's checksum is made to fit.
    """

    of: Of
    how: How
    at: float = 0.0
    value: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Limited:
    """No file may become larger than a share of the largest one that the run writes."""

    share: float


@dataclass(frozen=True, slots=True)
class Unread:
    """Whoever read the run's output has gone."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """A file that lies beside an input or the output before the run begins."""

    name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Odd:
    """Options that the run is started with."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerKilled:
    """A worker is killed once so many row bands are finished."""

    bands: int


Fault = Stopped | Damaged | Limited | Unread | Beside | Odd | WorkerKilled


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault of one job.

    Attributes:
        number: from 0.
        family: of faults that are counted together.
        job: name of the job.
        fault: what happens.
    """

    number: int
    family: str
    job: str
    fault: Fault


def trials(seed: int, share: float = 1.0) -> list[Trial]:
    """All trials of a seed; ``share`` of each family, one at least."""
    found: list[Trial] = []
    for family, (count, draw) in FAMILIES.items():
        rng = random.Random(f"{seed} {family}")
        wanted = max(1, round(count * share))
        for i in range(wanted):
            job, fault = draw(rng, (i + rng.random()) / wanted)
            found.append(Trial(len(found), family, job, fault))
    return found


Draw = Callable[[random.Random, float], tuple[str, Fault]]


def _killed_at_random(rng: random.Random, at: float) -> tuple[str, Fault]:
    act = rng.choices(("kill", "terminate", "interrupt"), (6, 1, 1))[0]
    return rng.choice((*ONE_RUN, "shards", "shards")), Stopped("any", at, act, rng.choice((0.0, rng.uniform(0, 0.05))))


def _killed_at_stage(rng: random.Random, at: float) -> tuple[str, Fault]:
    stages = get_args(Stage)[1:]
    stage = stages[int(at * len(stages))]
    return rng.choice((*ONE_RUN, "shards", "shards")), Stopped(
        stage, rng.random(), rng.choice(("kill", "kill", "interrupt"))
    )


def _plan(rng: random.Random, at: float) -> tuple[str, Fault]:
    how = rng.choices(("set", "drop", "replace", "flip", "cut", "remove", "make a folder"), (12, 4, 2, 2, 2, 1, 1))[0]
    value = rng.choice(TEXTS if how == "replace" else VALUES)
    return rng.choice(ONE_RUN), Damaged("plan", how, at, value, rng.random() < 0.6)


def _receipt(rng: random.Random, at: float) -> tuple[str, Fault]:
    how = rng.choices(("set", "drop", "replace", "flip", "cut", "remove", "make a folder"), (10, 4, 2, 2, 2, 1, 1))[0]
    value = rng.choice(TEXTS if how == "replace" else VALUES)
    return rng.choice(ONE_RUN), Damaged("receipt", how, at, value)


def _band(rng: random.Random, at: float) -> tuple[str, Fault]:
    hows = ("flip", "flip", "cut", "grow", "remove", "make a folder", "link", "swap", "foreign", "unreadable")
    of = rng.choices(("band", "lock"), (9, 1))[0]
    hows = hows if of == "band" else ("remove", "make a folder", "link", "unreadable", "grow")
    return rng.choice(ONE_RUN), Damaged(of, rng.choice(hows), at)


def _limited(rng: random.Random, at: float) -> tuple[str, Fault]:
    return rng.choice(ONE_RUN), Limited(at * 1.1)


def _read_only(rng: random.Random, at: float) -> tuple[str, Fault]:
    acts = (
        "make the folder read-only",
        "make the run's folder read-only",
        "remove the run's folder",
        "remove its bands",
    )
    stages = ("any", "plan", "band", "receipt", "lay out", "put in place", "report", "clear")
    stage = rng.choice(stages)
    # The run's folder must be there.
    act = rng.choice((*acts, "put a file at the output")) if stage != "any" else acts[0]
    return rng.choice(ONE_RUN), Stopped(stage, at, act)


def _input(rng: random.Random, at: float) -> tuple[str, Fault]:
    job = rng.choice(ONE_RUN)
    if rng.random() < 0.25:
        return job, Damaged("input", rng.choice(("foreign", "flip", "cut", "remove")), at)
    act = rng.choice(("remove an input", "rewrite an input", "rewrite an input", "cut an input"))
    return job, Stopped(rng.choice(("any", "any", "plan", "band", "receipt")), at, act)


def _two_runs(rng: random.Random, at: float) -> tuple[str, Fault]:
    act = rng.choice(("start another run", "start another run that overwrites", "start another run that resumes"))
    return rng.choice(ONE_RUN), Stopped("any", at, act)


def _worker(_: random.Random, at: float) -> tuple[str, Fault]:
    return "workers", WorkerKilled(int(at * 3))


def _unread(rng: random.Random, at: float) -> tuple[str, Fault]:
    options = ((), ("--json",), ("--dry-run",), ("--dry-run", "--json"), ("--json", "--cancel-on-stdin-eof"))
    return rng.choice(ONE_RUN), Unread(options[int(at * len(options))])


def _beside(rng: random.Random, at: float) -> tuple[str, Fault]:
    contents = get_args(Content)
    suffix = rng.choice((".msk", ".ovr", ".aux.xml", ".msk.ovr", ".aux", ".hdr", ".tfw"))
    return "bicubic", Beside(rng.choice(("lr.tif", "lr.tif", "o.tif")) + suffix, contents[int(at * len(contents))])


def _odd(_: random.Random, at: float) -> tuple[str, Fault]:
    return "bicubic", Odd(OPTIONS[int(at * len(OPTIONS))])


FAMILIES: Mapping[str, tuple[int, Draw]] = {
    "killed at random moments": (60, _killed_at_random),
    "killed at named stages": (48, _killed_at_stage),
    "altered plans": (80, _plan),
    "altered receipts": (40, _receipt),
    "damaged bands and locks": (40, _band),
    "limits of file size": (24, _limited),
    "folders read-only or gone": (24, _read_only),
    "inputs removed or rewritten": (36, _input),
    "two runs into one output": (24, _two_runs),
    "workers killed": (4, _worker),
    "closed pipes": (10, _unread),
    "side files": (36, _beside),
    "odd options": (len(OPTIONS), _odd),
}
"""How many trials each family has, and how one is drawn, given its place in the family, from 0 to 1."""
