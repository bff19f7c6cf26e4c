"""Faults of runs: drawn alike from one seed, held to the law, and a few of them carried out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from seamline.benchmarks.faults.damage import alter
from seamline.benchmarks.faults.execution import Observed, Step
from seamline.benchmarks.faults.jobs import JOBS
from seamline.benchmarks.faults.judging import judge
from seamline.benchmarks.faults.trials import FAMILIES, Limited, Stopped, Trial, trials
from seamline.benchmarks.shared.forks import Ended, Moment, Run, moments_of
from seamline.benchmarks.shared.law import LAWS, Breach, Verdict, lines_of

ROOT = Path(__file__).parents[2]
TRIAL = Trial(7, "limits of file size", "bicubic", Limited(0.5))
RIGHT = frozenset({"right"})


def ended(code=0, said="", peak=10**8, hung=False):
    return Ended(code, said, peak, hung)


def seen(*steps, requests=0):
    return Observed(TRIAL, steps, requests)


def step(role="with its fault", content="right", code=0, said="error: x; try again", **how):
    return Step(role, ended(code, said, **how), None if code else content, RIGHT)


def test_trials_are_those_of_their_seed_and_cover_every_family():
    drawn = trials(2026)
    assert drawn == trials(2026)
    assert drawn != trials(2027)
    assert len(drawn) >= 300
    assert [trial.number for trial in drawn] == list(range(len(drawn)))
    assert Counter(trial.family for trial in drawn) == {family: count for family, (count, _) in FAMILIES.items()}
    assert {trial.job for trial in drawn} == set(JOBS)


@pytest.mark.parametrize(
    ("observed", "law"),
    [
        (seen(step(content="another")), "wrong pixels"),
        (seen(step(), step("with --resume", content="another")), "wrong pixels"),
        (seen(step(code=1, said="Traceback (most recent call last):\nerror: unexpected KeyError: 'a'")), "tracebacks"),
        (seen(step(code=1, said="libgomp: Out of memory")), "tracebacks"),
        (seen(step(code=-11)), "tracebacks"),
        (seen(step(code=-9, hung=True)), "hangs"),
        (seen(step(peak=2 * 10**9)), "over 1 GB"),
        (seen(step(), requests=1), "requests"),
        (seen(step(code=1), step("with --resume", code=2), step("with --overwrite", code=2)), "no way out"),
        (
            seen(
                step(code=1, said="error: o.tif: the disk is full; make room, then run again with --resume"),
                step("with --resume", code=2),
                step("with --overwrite"),
            ),
            "no way out",
        ),
    ],
)
def test_what_breaks_a_law_is_found(observed, law):
    assert {breach.law for breach in judge(observed).breaches} == {law}


def test_a_run_that_is_killed_and_gone_on_with_breaks_none():
    assert judge(seen(step(code=-9), step("with --resume"))).breaches == ()
    assert judge(seen(step(code=2, said="error: x; pass --resume"), step("with --resume"))).breaches == ()


def test_a_law_that_was_broken_is_missed_in_the_table():
    good = Verdict(0, "a", "told", "0", ())
    bad = Verdict(1, "b", "told", "0", (Breach("hangs", "x"), Breach("hangs", "y")))
    lines = list(lines_of([good, bad], "trials"))
    assert "| all | 2 | 0 | 0 | 1 | 0 | 0 | 0 |" in lines
    assert [line for line in lines if line.endswith("MISSED")] == ["- hangs: 1 of 2: MISSED"]
    assert sum(line.endswith("held") for line in lines) == len(LAWS) - 1


def test_moments_are_counted_by_what_happens_to_which_file(tmp_path):
    (tmp_path / "record").write_text("open a\nos.rename b\nopen a\n")
    assert moments_of(tmp_path / "record") == (Moment("open", "a"), Moment("os.rename", "b"), Moment("open", "a", 1))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are watched as Linux does it")
@pytest.mark.parametrize(("name", "hung"), [("XCPU", True), ("KILL", False)])
def test_a_run_that_used_up_its_processor_time_hung_and_one_that_was_killed_did_not(tmp_path, name, hung):
    log = tmp_path / "log"
    log.touch()
    with subprocess.Popen(["/bin/sh", "-c", f"kill -{name} $$"]) as process:
        found = Run(process.pid, log).wait()
    assert found is not None
    assert found.hung == hung
    assert found.code == -getattr(signal, f"SIG{name}")


def test_each_field_of_json_can_be_altered_by_its_place(tmp_path):
    path = tmp_path / "a.json"
    found = []
    for place in range(5):
        path.write_text('{"a": 1, "b": [2, {"c": 3}]}')
        alter(path, place / 5, '"x"', signed=False)
        found.append(json.loads(path.read_text()))
    assert found == [
        {"a": "x", "b": [2, {"c": 3}]},
        {"a": 1, "b": "x"},
        {"a": 1, "b": ["x", {"c": 3}]},
        {"a": 1, "b": [2, "x"]},
        {"a": 1, "b": [2, {"c": "x"}]},
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs are stopped and limited as Linux does it")
def test_some_faults_break_no_law(tmp_path):
    families = (
        "altered plans",
        "damaged bands and locks",
        "limits of file size",
        "closed pipes",
        "side files",
        "odd options",
    )
    drawn = trials(2026, 0.02)
    break_no_law([next(t for t in drawn if t.family == family) for family in families], 0.02, tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs are stopped and limited as Linux does it")
def test_folders_that_turn_read_only_midway_break_no_law(tmp_path):
    faults = [t for t in trials(2026, 1.0) if isinstance(t.fault, Stopped) and "read-only" in t.fault.act]
    break_no_law([next(t for t in faults if t.fault.stage == stage) for stage in ("band", "lay out")], 1.0, tmp_path)


def break_no_law(chosen, share, folder):
    numbers = [str(trial.number) for trial in chosen]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", "--share", str(share), "--folder", folder, "--only", *numbers],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| all | {len(chosen)} | 0 | 0 | 0 | 0 | 0 | 0 |" in done.stdout
    assert list(folder.iterdir()) == []
