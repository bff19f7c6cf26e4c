"""Where the engine's Python is, and the sentence that says what to do when it is nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from qgis.core import QgsSettings

from .environment import is_file
from .setup.state import finished_python
from .text import tr

VARIABLE = "SEAMLINE_PYTHON"  # the environment variable and the name of the provider's setting
ROOT = Path(__file__).resolve().parent.parent
_SAVED = f"Processing/Configuration/{VARIABLE}"
_FOLDER = "seamline/setup/folder"


def launcher() -> Path:
    """The script that starts the command line of this very plugin folder."""
    return ROOT / "launch.py"


def engine_python() -> str:
    """The engine's Python as set up now; empty when it is not."""
    saved = str(QgsSettings().value(_SAVED, "") or "")
    return find_python(os.environ, saved, ROOT, finished_python(setup_folder()))


def setup_folder() -> Path:
    """The folder that set-up works in: the last one that it completed in, else the usual one."""
    saved = str(QgsSettings().value(_FOLDER, "") or "")
    return Path(saved) if saved else usual_folder(sys.platform, os.environ, home())


def home() -> Path:
    """The user's folder; ``~`` as it stands where nothing says which it is, so that set-up asks for a folder."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("~")


def usual_folder(system: str, env: Mapping[str, str], home: Path) -> Path:
    """Where a system wants a user's programs to keep what is large and can be made again.

    Args:
        system: as ``sys.platform`` names it.
        env: environment variables of QGIS.
        home: the user's folder.
    """
    if system == "win32":
        return Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local") / "seamline"
    if system == "darwin":
        return home / "Library" / "Application Support" / "seamline"
    return Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "seamline"


def use_setup(folder: Path) -> None:
    """From now on the engine is the one that set-up made in ``folder``: a Python chosen before no longer counts."""
    settings = QgsSettings()
    settings.setValue(_FOLDER, str(folder))
    settings.remove(_SAVED)
    try:
        from processing.core.ProcessingConfig import ProcessingConfig
    except ImportError:
        return
    if VARIABLE in ProcessingConfig.settings:
        ProcessingConfig.setSettingValue(VARIABLE, "")


def find_python(env: Mapping[str, str], saved: str, root: Path, made: str = "") -> str:
    """The variable, else the provider's setting, else what set-up made, else ``.venv`` beside the plugin's code.

    Args:
        env: environment variables of QGIS.
        saved: the provider's setting; empty when unset.
        root: the plugin's folder.
        made: Python of the environment that set-up completed; empty when there is none.

    Returns:
        A path as given, which need not exist: what was set by hand is never replaced in silence.  The folder of an
        environment stands for its Python.  Links are kept, because an environment's Python is one.
    """
    chosen = env.get(VARIABLE, "").strip() or saved.strip()
    if not chosen:
        return made or _python_in(root / ".venv") or ""
    return _python_in(Path(chosen)) or chosen


def setup_problem() -> str:
    """One sentence when the engine cannot be started from here; empty when it can."""
    python = engine_python()
    if not python:
        return tr(
            "Seamline's engine is not set up; set it up in Settings > Options > Seamline, or name its Python in the"
            " environment variable SEAMLINE_PYTHON"
        )
    if not is_file(python):
        return tr(
            "Seamline's engine is not there; {python}; set the Python of the engine in Settings > Options > Processing"
            " > Providers > Seamline or in the environment variable SEAMLINE_PYTHON, or set it up anew in Settings >"
            " Options > Seamline"
        ).format(python=python)
    return ""


def short_problem() -> str:
    """What ``setup_problem`` says, where a button stands beside it that is the fix."""
    if not setup_problem():
        return ""
    python = engine_python()
    return (
        tr("The engine is not there: {python}").format(python=python) if python else tr("The engine is not set up yet")
    )


def _python_in(folder: Path) -> str | None:
    candidates = (folder / "bin" / "python", folder / "Scripts" / "python.exe", folder / "python.exe")
    return next((str(path) for path in candidates if is_file(path)), None)
