"""Where model folders are looked for: beside the code, where the user says, and in the engine's environment."""

from __future__ import annotations

import os
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from .. import __version__

VARIABLE = "SEAMLINE_MODELS"
"""Environment variable that names a folder of model folders."""


def places(own: Path) -> tuple[Path, ...]:
    """Folders that may hold model folders, in the order in which they are asked for a name.

    ``own``, the weights beside the code; the folder that ``SEAMLINE_MODELS`` names; those of an installed ``seamline``
    of this very version, for a program that runs from a plugin's folder; what ``models install`` put into the
    environment.
    """
    chosen = os.environ.get(VARIABLE, "").strip()
    found = [own, Path(chosen).expanduser() if chosen else None, _installed_weights(), environment_models()]
    return tuple(dict.fromkeys(place for place in found if place is not None))


def environment_models() -> Path:
    """The folder of this Python's environment that ``models install`` fills."""
    return Path(sys.prefix) / "share" / "seamline" / "models"


def other_version() -> str:
    """Version of an installed ``seamline`` that is not this program's; empty where there is none.

    Its models are not used: a model belongs to the code that it was published with.
    """
    found = _installed()
    return "" if found is None or found.version == __version__ else found.version


def _installed_weights() -> Path | None:
    found = _installed()
    if found is None or found.version != __version__:
        return None
    return Path(str(found.locate_file("seamline/models/weights")))


def _installed() -> Distribution | None:
    try:
        return distribution("seamline")
    except PackageNotFoundError:
        return None
