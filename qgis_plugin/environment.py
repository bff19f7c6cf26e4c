"""What the engine's process inherits: the host's variables without those that break another Python, GDAL or PROJ.

QGIS (and its launchers on Windows and macOS) points Python, PROJ, GDAL and Qt at its own files.  A child that inherits
such a variable dies at start or reads a PROJ database of the wrong version.
"""

from __future__ import annotations

import ntpath
import os
from collections.abc import Mapping
from pathlib import Path

_DROPPED = frozenset(
    {
        "__PYVENV_LAUNCHER__",
        "GDAL_DATA",
        "GDAL_DRIVER_PATH",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "QT_PLUGIN_PATH",
        "QT_QPA_PLATFORM_PLUGIN_PATH",
    }
)
_DROPPED_PREFIXES = ("PYTHON", "PROJ_", "VSI_CACHE", "DYLD_")
_KEPT = frozenset({"PYTHONUTF8"})


def is_file(path: Path | str) -> bool:
    """Whether there is such a file; one in a folder that may not be entered is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def clean_environment(env: Mapping[str, str], *, windows: bool = os.name == "nt") -> dict[str, str]:
    """Copy ``env`` for the engine.

    Args:
        env: the host's variables; left as they are.
        windows: also take the folders of OSGeo4W off ``PATH``, whose libraries would be loaded for the engine's.

    Returns:
        The variables of the child: no user packages, no output buffer, UTF-8 on its pipes.
    """
    cleaned = {name: value for name, value in env.items() if not _is_dropped(name.upper())}
    if windows:
        root = next((value for name, value in env.items() if name.upper() == "OSGEO4W_ROOT"), "")
        for name in [name for name in cleaned if name.upper() == "PATH"]:
            cleaned[name] = ";".join(p for p in cleaned[name].split(";") if p and not _is_inside(p, root))
    cleaned.update(PYTHONNOUSERSITE="1", PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    return cleaned


def _is_dropped(name: str) -> bool:
    return name not in _KEPT and (name in _DROPPED or name.startswith(_DROPPED_PREFIXES))


def _is_inside(path: str, root: str) -> bool:
    """Whether a Windows path is ``root`` or below it; never for an empty root."""
    if not root:
        return False
    path, root = (ntpath.normcase(ntpath.normpath(p)) for p in (path, root))
    return path == root or path.startswith(root.rstrip("\\") + "\\")
