"""Where the engine's Python is, and the sentence that says what to do when it is nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from qgis.core import QgsSettings

from .text import tr

VARIABLE = "SEAMLINE_PYTHON"  # the environment variable and the name of the provider's setting
ROOT = Path(__file__).resolve().parent.parent
_SAVED = f"Processing/Configuration/{VARIABLE}"


def launcher() -> Path:
    """The script that starts the command line of this very plugin folder."""
    return ROOT / "launch.py"


def engine_python() -> str:
    """The engine's Python as set up now; empty when it is not."""
    return find_python(os.environ, str(QgsSettings().value(_SAVED, "") or ""), ROOT)


def find_python(env: Mapping[str, str], saved: str, root: Path) -> str:
    """The variable, else the provider's setting, else the environment ``.venv`` beside the plugin's code.

    Args:
        env: environment variables of QGIS.
        saved: the provider's setting; empty when unset.
        root: the plugin's folder.

    Returns:
        A path as given, which need not exist: what was set by hand is never replaced in silence.  The folder of an
        environment stands for its Python.  Links are kept, because an environment's Python is one.
    """
    chosen = env.get(VARIABLE, "").strip() or saved.strip()
    if not chosen:
        return _python_in(root / ".venv") or ""
    return (_python_in(Path(chosen)) or chosen) if Path(chosen).is_dir() else chosen


def setup_problem() -> str:
    """One sentence when the engine cannot be started from here; empty when it can."""
    cure = tr(
        "set the Python of the engine in Settings > Options > Processing > Providers > Seamline,"
        " or in the environment variable SEAMLINE_PYTHON"
    )
    python = engine_python()
    if not python:
        return tr("Seamline's engine is not set up") + "; " + cure
    if not Path(python).is_file():
        return tr("Seamline's engine is not there") + "; " + python + "; " + cure
    return ""


def _python_in(folder: Path) -> str | None:
    candidates = (folder / "bin" / "python", folder / "Scripts" / "python.exe", folder / "python.exe")
    return next((str(path) for path in candidates if path.is_file()), None)
