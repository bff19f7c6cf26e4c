"""Carry a trial out: the run with its fault, then the ways out of it, each as a process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..shared.forks import Conditions, Ended, Run, start
from ..shared.listening import Listener
from .damage import damage, lay_beside
from .jobs import OUT, WORKSPACE, Bench, Prepared, content_of
from .trials import STAGES, Act, Beside, Damaged, Limited, Odd, Stopped, Trial, Unread, WorkerKilled

Role = Literal["with its fault", "another one", "with --resume", "with --overwrite", "with its folder away"]
_FOLDER_GOES = re.compile(r"delete the folder|move it away")


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a trial.

    Attributes:
        role: why it was started.
        ended: how it ended.
        content: digest of the output that it made; None where it made none.
        right: what that may be; None where nothing is known.
    """

    role: Role
    ended: Ended
    content: str | None
    right: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Observed:
    """All that was seen of a trial."""

    trial: Trial
    steps: tuple[Step, ...]
    requests: int


@dataclass(slots=True)
class _Scene:
    """A trial at work: its folder, and the runs so far."""

    prepared: Prepared
    folder: Path
    listener: Listener
    steps: list[Step] = field(default_factory=list)

    @property
    def right(self) -> frozenset[str]:
        return frozenset({self.prepared.right})

    @property
    def either(self) -> frozenset[str]:
        return frozenset({self.prepared.right, self.prepared.other})

    @property
    def out(self) -> Path:
        return self.folder / OUT

    def start(self, command: Sequence[str], conditions: Conditions) -> Run:
        # Beside the folder, whose rights may change.
        log = self.folder.with_name(f"log-{len(self.steps)}")
        return start(command, self.folder, log, replace(conditions, environment=self.listener.environment))

    def note(self, role: Role, ended: Ended, right: frozenset[str] | None, *, makes: bool = True) -> Step:
        content = content_of(self.out) if makes and ended.code == 0 and self.out.is_file() else None
        self.steps.append(Step(role, ended, content, right))
        return self.steps[-1]

    def run(self, role: Role, command: Sequence[str], right: frozenset[str] | None) -> Step:
        ended = self.start(command, Conditions()).wait()
        assert ended is not None
        return self.note(role, ended, right, makes="--shard" not in command)


def perform(trial: Trial, bench: Bench, folder: Path, listener: Listener) -> Observed:
    """Carry out one trial in an empty folder."""
    prepared, fault = bench.prepared(trial.job), trial.fault
    place = folder / "run"
    is_killed = isinstance(fault, Damaged)
    shutil.copytree(prepared.killed if is_killed else prepared.inputs, place, symlinks=True)
    scene = _Scene(prepared, place, listener)
    if isinstance(fault, Stopped):
        _stopped(fault, scene)
    elif isinstance(fault, Damaged):
        _damaged(fault, scene)
    elif isinstance(fault, Limited):
        _with(scene, (), Conditions(file_bytes=int(fault.share * prepared.largest)), scene.right)
    elif isinstance(fault, Unread):
        told_only = "--dry-run" in fault.options
        _with(scene, fault.options, Conditions(reader_gone=True), None if told_only else scene.right)
    elif isinstance(fault, Beside):
        _beside(fault, scene)
    elif isinstance(fault, Odd):
        _with(scene, fault.options, Conditions(), None)
    else:
        _worker_killed(fault, scene)
    return Observed(trial, tuple(scene.steps), listener.heard())


def _with(scene: _Scene, options: Sequence[str], conditions: Conditions, right: frozenset[str] | None) -> None:
    """The run under conditions, then the ways out."""
    ended = scene.start((*scene.prepared.job.whole, *options), conditions).wait()
    assert ended is not None
    done = scene.note("with its fault", ended, right)
    if done.content is None or right is None:
        _ways_out(scene, scene.right)


def _stopped(fault: Stopped, scene: _Scene) -> None:
    job = scene.prepared.job
    among = [(i, m) for i, moments in enumerate(scene.prepared.moments) for m in moments if STAGES[fault.stage](str(m))]
    index, moment = among[min(int(fault.at * len(among)), len(among) - 1)]
    for command in job.commands[:index]:
        scene.run("with its fault", command, scene.right)
    run = scene.start(job.commands[index], Conditions(stop=moment))
    ended = run.wait()
    if ended is None:
        undo = _act(fault.act, scene)
        if fault.act in ("kill", "terminate", "interrupt"):
            if fault.delay_s:
                run.signal(signal.SIGCONT)
                time.sleep(fault.delay_s)
            # The run's, not its group's: a terminal sends the same to all, a system to one.
            os.kill(
                run.pid, {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}[fault.act]
            )
        run.signal(signal.SIGCONT)
        ended = run.wait()
        assert ended is not None
    else:
        undo = _nothing
    # A run that reads one input whole, be it the one or the other, is right.
    right = scene.either if "input" in fault.act else scene.right
    makes = index == len(job.commands) - 1
    done = scene.note("with its fault", ended, right, makes=makes)
    undo()
    if done.content is None:
        _ways_out(scene, scene.right, first=index)


def _nothing() -> None:
    """Leave all as it is."""


def _act(act: Act, scene: _Scene) -> Callable[[], None]:
    """Do something while a run stands still; what undoes it."""
    folder, workspace = scene.folder, scene.folder / WORKSPACE
    source = folder / scene.prepared.job.inputs[-1]

    def restore() -> None:
        shutil.copy2(scene.prepared.inputs / source.name, source)

    def allow() -> None:
        for place in (folder, workspace):
            if place.is_dir():
                place.chmod(0o755)

    if act == "remove an input":
        source.unlink()
        return restore
    if act == "rewrite an input":
        shutil.copyfile(scene.prepared.others / source.name, source)
        return restore
    if act == "cut an input":
        os.truncate(source, source.stat().st_size // 2)
        return restore
    if act == "make the folder read-only":
        folder.chmod(0o555)
        return allow
    if act == "make the run's folder read-only":
        if workspace.is_dir():
            workspace.chmod(0o555)
        return allow
    if act == "remove the run's folder":
        shutil.rmtree(workspace, ignore_errors=True)
    elif act == "remove its bands":
        shutil.rmtree(workspace / "bands", ignore_errors=True)
    elif act == "put a file at the output" and not scene.out.exists():
        # Over a finished one it would be whoever wrote it who lost it.
        scene.out.write_text("not a raster")
        return lambda: scene.out.unlink() if scene.out.read_bytes()[:3] == b"not" else None
    elif act.startswith("start another run"):
        options = {"overwrites": ("--overwrite",), "resumes": ("--resume",)}.get(act.rpartition(" ")[2], ())
        scene.run("another one", (*scene.prepared.job.whole, *options), scene.right)
    return _nothing


def _damaged(fault: Damaged, scene: _Scene) -> None:
    damage(fault, scene.folder, scene.prepared)
    if fault.how == "unreadable":
        scene.run("with its fault", (*scene.prepared.job.whole, "--resume"), scene.right)
        if scene.steps[-1].content is not None:
            return
        for path in scene.folder.rglob("*"):
            path.chmod(0o755)
    elif fault.of == "input":
        # Whoever asks for what lies there now gets that, or nothing; the input comes back afterwards.
        scene.run(
            "with its fault", (*scene.prepared.job.whole, "--resume"), scene.either if fault.how == "foreign" else None
        )
        for name in scene.prepared.job.inputs:
            shutil.copy2(scene.prepared.inputs / name, scene.folder / name)
        if scene.steps[-1].content is not None:
            return
    _ways_out(scene, scene.right)


def _beside(fault: Beside, scene: _Scene) -> None:
    lay_beside(fault, scene.folder, scene.listener.address)
    # Of an output, nothing that lay there counts; of an input, a mask or a nodata value in it rightly does.
    counts = fault.name.startswith("lr.tif") and (
        (fault.content == "raster" and fault.name.endswith(".msk")) or fault.content == "other nodata"
    )
    step = scene.run("with its fault", scene.prepared.job.whole, None if counts else scene.right)
    if step.content is None:
        path = scene.folder / fault.name
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        _ways_out(scene, scene.right)


def _worker_killed(fault: WorkerKilled, scene: _Scene) -> None:
    run = scene.start(scene.prepared.job.whole, Conditions())
    bands = scene.folder / WORKSPACE / "bands"
    while len(list(bands.glob("*.json"))) < fault.bands or len(run.children) < 2:
        if not Path(f"/proc/{run.pid}/task").exists() or scene.out.exists():
            break
        time.sleep(0.005)
    # The last one; the first is the one that keeps an eye on what processes share.
    for child in run.children[-1:]:
        os.kill(child, signal.SIGKILL)
    ended = run.wait()
    assert ended is not None
    if scene.note("with its fault", ended, scene.right).content is None:
        _ways_out(scene, scene.right)


def _ways_out(scene: _Scene, right: frozenset[str], first: int = 0) -> None:
    """The same again with --resume, else with --overwrite, else what the message says of the run's folder."""
    job = scene.prepared.job
    for command in job.commands[first:]:
        step = scene.run("with --resume", command if command[0] == "merge" else (*command, "--resume"), right)
        if step.ended.code:
            break
    else:
        return
    step = scene.run("with --overwrite", (*job.whole, "--overwrite"), right)
    if step.ended.code and _FOLDER_GOES.search(step.ended.last):
        # What is no folder of a run, or cannot be deleted, is for the user to take away.
        shutil.rmtree(scene.folder / WORKSPACE)
        scene.run("with its folder away", (*job.whole, "--overwrite"), right)
