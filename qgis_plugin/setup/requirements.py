"""What the engine's environment must hold: the list of ``pyproject.toml`` and the pins of ``constraints.txt``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..engine_process import EngineError
from ..text import tr


@dataclass(frozen=True)
class Requirements:
    """Requirements of one version of the plugin.

    Attributes:
        version: of the plugin.
        packages: as pip takes them, torch apart.
        torch: its pinned version.
        constraints: the file of pins.
        pins: the text of that file.
    """

    version: str
    packages: tuple[str, ...]
    torch: str
    constraints: Path
    pins: str


def read_requirements(root: Path) -> Requirements:
    """Read the files of the plugin's folder.

    Raises:
        EngineError: a file is missing or holds no list, as in a damaged installation.
    """
    try:
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
        pins = (root / "constraints.txt").read_text(encoding="utf-8")
    except OSError as error:
        raise _damaged(str(error.filename or root)) from error
    # Not tomllib: QGIS 3.22 may bring Python 3.9.  A test holds this to what tomllib reads.
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    version = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    torch = re.search(r"^torch==(\S+)", pins, re.MULTILINE)
    if listed is None or version is None or torch is None:
        raise _damaged(str(root))
    packages = re.findall(r'^\s*"([^"]+)"', listed[1], re.MULTILINE)
    return Requirements(
        version[1],
        tuple(name for name in packages if re.match(r"[\w.-]+", name)[0] != "torch"),
        torch[1],
        root / "constraints.txt",
        pins,
    )


def _damaged(where: str) -> EngineError:
    return EngineError(
        tr("the plugin's folder is incomplete"), where=where, fix=tr("install the plugin again from its zip")
    )
