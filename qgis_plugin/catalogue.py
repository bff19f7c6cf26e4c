"""The models that the algorithms offer: what the engine says it has, or what ships where it was not asked yet.

The engine is asked once a session, and again when its environment or its weights change; its answer is kept in the
settings, so that a dialog opens at once and knows the models of last time.  Saved Processing models and scripts hold
the names, so a name is never changed, only added.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Optional

from qgis.core import QgsApplication, QgsSettings

from . import settings
from .environment import clean_environment, is_file

# The first name of a task is its default, which is the engine's own; a task that is not here has none.
SHIPPED = {
    "pansharpen": ("salad-pan-tiny", "gsa", "mtf-glp-hpm", "brovey"),
    "superres": (
        "slimdiffsr-tiny-x4",
        "slimdiffsr-tiny-x2",
        "sentinel2-tiny",
        "bicubic",
        "identity",
        "slimdiffsr-tiny-x8",
    ),
}
# Likewise, of the models of a task that take a guide, by its name in the model.
GUIDED = {("superres", "reference"): ("ds-dit-tiny-x4",)}
_SAVED = "seamline/models"
_PATIENCE_S = 60.0
_asked: set[str] = set()  # engines that this session has asked


@dataclass(frozen=True)
class Model:
    """What a dialog must know of a model; what the engine has not said yet is None or empty.

    Attributes:
        name: on the command line.
        task: the engine's sub-command.
        scale: output px per input px along an axis.
        outputs: names of the rasters that it can write, the first of which it always writes.
        bands: for each input name, the band count that it takes; None for any.
        most_steps: denoising steps that it takes at most; None where it takes no number of them, or does not say.
    """

    name: str
    task: str
    scale: Optional[int] = None
    outputs: tuple = ()
    bands: dict = field(default_factory=dict)
    most_steps: Optional[int] = None


def offered(task: str, guide: str = "") -> tuple[Model, ...]:
    """The models of a task, its default first; never waits.

    Args:
        guide: name of an input that they must take; empty where any will do.
    """
    shipped = GUIDED.get((task, guide), ()) if guide else SHIPPED.get(task, ())
    known = [model for model in _saved(_engine()) if model.task == task and _is_useful(model, shipped)]
    known = [model for model in known if not guide or guide in model.bands]
    if not known:
        return tuple(Model(name, task) for name in shipped)
    rank = {name: place for place, name in enumerate(shipped)}
    return tuple(sorted(known, key=lambda model: (rank.get(model.name, len(rank)), model.name)))


def has_default(task: str) -> bool:
    """Whether a model for a task ships, so that none need be chosen."""
    return task in SHIPPED


def find(task: str, name: str) -> Optional[Model]:
    """The model of that name; None when it is not known (yet)."""
    return next((model for model in offered(task) if model.name == name), None)


def refresh() -> bool:
    """Ask the engine which models it has; takes seconds.

    Returns:
        Whether it answered.
    """
    engine = _engine()
    if not engine or settings.setup_problem():
        return False
    _asked.add(engine)
    command = [settings.engine_python(), str(settings.launcher()), "models", "list", "--json"]
    try:
        ran = subprocess.run(
            command,
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        models = json.loads(ran.stdout.decode("utf-8").strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return False  # the run itself will say what is wrong
    QgsSettings().setValue(_SAVED, json.dumps({"engine": engine, "models": models}))
    return bool(_parsed(models))


def refresh_in_background() -> None:
    """Ask once a session, in a program with windows; a dialog that opens later shows what was found."""
    if QgsApplication.platform() == "desktop" and _engine() and _engine() not in _asked:
        _asked.add(_engine())
        Thread(target=refresh, name="seamline-models", daemon=True).start()


def _engine() -> str:
    """What the answer depends on: the interpreter, the plugin's code and the weights beside it; empty without one."""
    python = settings.engine_python()
    if not python or not is_file(python):
        return ""
    marks = [python, str(settings.launcher())]
    for path in (Path(python).parent, settings.launcher(), settings.ROOT / "models" / "weights"):
        marks.append(str(path.stat().st_mtime_ns) if path.exists() else "-")
    return "|".join(marks)


def _saved(engine: str) -> list[Model]:
    try:
        saved = json.loads(QgsSettings().value(_SAVED, "") or "{}")
    except (TypeError, ValueError):
        return []
    return _parsed(saved.get("models", [])) if engine and saved.get("engine") == engine else []


def _parsed(models: Iterable[Any]) -> list[Model]:
    """The entries that name a model; what an engine of another version adds is passed over."""
    entries = [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []
    return [
        Model(
            entry["name"],
            entry["task"],
            entry.get("scale"),
            tuple(entry.get("outputs") or ()),
            entry.get("bands") or {},
            entry.get("most_steps"),
        )
        for entry in entries
        if isinstance(entry.get("name"), str) and isinstance(entry.get("task"), str)
    ]


def _is_useful(model: Model, shipped: tuple[str, ...]) -> bool:
    """A base for training is listed by the engine as super-resolution by one, and refines nothing."""
    return model.name in shipped or model.task != "superres" or model.scale != 1
