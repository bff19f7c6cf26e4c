"""The Pythons of this machine that an environment can be made with.

QGIS's own Python is left alone wherever QGIS brings one, and ``sys.executable`` is never asked: on Windows and macOS it
is QGIS itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..environment import clean_environment, is_file
from ..text import tr

VERSIONS = ((3, 13), (3, 12), (3, 11))  # that the engine runs on, the preferred one first
_PROBE_S = 15.0
_PROBE = """
import importlib.util as u, json, platform, sys
print(json.dumps({
    "path": getattr(sys, "_base_executable", None) or sys.executable,
    "version": list(sys.version_info[:3]),
    "nested": sys.prefix != sys.base_prefix,
    "lacks": [m for m in ("venv", "ensurepip") if u.find_spec(m) is None],
    "machine": platform.machine(),
    "bits": sys.maxsize.bit_length() + 1,
}))
"""


@dataclass(frozen=True)
class Python:
    """A Python that was asked about itself.

    Attributes:
        path: of its program.
        version: three numbers; zeros when it did not answer.
        problem: why no environment can be made with it; empty when one can.
    """

    path: str
    version: tuple[int, int, int] = (0, 0, 0)
    problem: str = ""

    @property
    def title(self) -> str:
        """Version and place, for a list."""
        return f"Python {'.'.join(map(str, self.version))}  ({self.path})"


def find_pythons(
    system: str, env: Mapping[str, str], home: Path, bundled: Iterable[str] = (), anchor: str = "/"
) -> list[Python]:
    """The usable Pythons, the preferred version first, each program once.

    Args:
        system: as ``sys.platform`` names it.
        env: variables of this process.
        home: the user's folder.
        bundled: folders whose Pythons belong to QGIS.
        anchor: the root of the file system, for tests.
    """
    found: dict[str, Python] = {}
    for path in candidates(system, env, home, anchor):
        if _is_below(path, bundled):
            continue
        python = probe(path)
        if not python.problem and not _is_below(python.path, bundled):
            found.setdefault(os.path.realpath(python.path), python)
    return sorted(found.values(), key=lambda python: VERSIONS.index(python.version[:2]))


def in_flatpak(env: Mapping[str, str], anchor: str = "/") -> bool:
    """Whether QGIS runs inside Flatpak, where the Pythons that the system has are not to be seen."""
    return bool(env.get("FLATPAK_ID")) or is_file(Path(anchor, ".flatpak-info"))


def bundled_folders(system: str, env: Mapping[str, str], prefix: str, *, flatpak: bool) -> tuple[str, ...]:
    """The folders whose Pythons belong to QGIS: a change of QGIS would take the environment's Python away.

    Args:
        system: as ``sys.platform`` names it.
        env: variables of this process.
        prefix: where QGIS is installed.
        flatpak: whether it runs inside Flatpak, whose ``/usr`` is that of its runtime.
    """
    if flatpak:
        return ("/app", "/usr")
    return (prefix, env.get("OSGEO4W_ROOT", "")) if system in ("win32", "darwin") else ()


def candidates(system: str, env: Mapping[str, str], home: Path, anchor: str = "/") -> list[str]:
    """Programs that may be a usable Python: on ``PATH``, known to the launcher of Windows, and in common folders."""
    if system == "win32":
        paths = [*_launcher_paths(), *_on_path(env, ("python.exe",)), *_windows_folders(env)]
        # What lies here opens the Store instead of answering.
        paths = [path for path in paths if "windowsapps" not in path.lower()]
    else:
        names = [f"python{major}.{minor}" for major, minor in VERSIONS]
        paths = [*_on_path(env, (*names, "python3")), *_unix_folders(system, home, Path(anchor), names)]
    if system == "darwin":
        # Apple's own asks to install developer tools when it is started; what lies in an app belongs to that app.
        paths = [path for path in paths if path != "/usr/bin/python3" and ".app/" not in path]
    return list(dict.fromkeys(paths))


def probe(path: str) -> Python:
    """Ask a program which Python it is, in a process that inherits nothing from QGIS."""
    try:
        ran = subprocess.run(
            [path, "-I", "-c", _PROBE],
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        facts = json.loads(ran.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
        version = tuple(int(part) for part in facts["version"])
        return Python(path if facts["nested"] else str(facts["path"]), version, _problem(version, facts))
    except (OSError, ValueError, KeyError, IndexError, TypeError, subprocess.TimeoutExpired) as error:
        if isinstance(error, PermissionError) and is_file(path):
            return Python(path, problem=_refusal(path))
        return Python(path, problem=tr("it does not answer as a Python does"))


def is_noexec(path: Path | str) -> bool:
    """Whether what lies there is on a disk that was mounted so that nothing on it may be started; Linux tells."""
    flag = getattr(os, "ST_NOEXEC", 0)
    try:
        return bool(flag and os.statvfs(path).f_flag & flag)
    except OSError:
        return False


def _refusal(path: str) -> str:
    if is_noexec(path):
        return tr("no program may be started from this disk (it is mounted noexec)")
    return tr("it may not be started: permission denied")


def _problem(version: tuple[int, ...], facts: Mapping[str, object]) -> str:
    if version[:2] not in VERSIONS:
        return tr("it is Python {version}; the engine needs 3.11, 3.12 or 3.13").format(
            version=".".join(map(str, version))
        )
    if facts["bits"] != 64:
        return tr("it is a 32-bit Python; the engine needs a 64-bit one")
    if facts["lacks"]:
        package = f"python{version[0]}.{version[1]}-venv"
        return tr("it lacks {modules}; on Debian and Ubuntu install {package}").format(
            modules=", ".join(facts["lacks"]), package=package
        )
    if facts["nested"]:
        return tr("it belongs to another environment; choose the Python that environment was made with")
    return ""


def _on_path(env: Mapping[str, str], names: Iterable[str]) -> list[str]:
    path = next((value for name, value in env.items() if name.upper() == "PATH"), "")
    folders = [Path(folder) for folder in path.split(os.pathsep) if folder]
    return [str(folder / name) for name in names for folder in folders if is_file(folder / name)]


def _launcher_paths() -> list[str]:
    """What ``py`` of python.org lists: a tag and a path a line."""
    try:
        listed = subprocess.run(
            ["py", "-0p"],
            env=clean_environment(os.environ),
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_launcher(listed.stdout.decode("utf-8", "replace"))


def parse_launcher(text: str) -> list[str]:
    """The paths in the output of ``py -0p``, whose lines read `` -V:3.12 *        C:\\...\\python.exe``."""
    lines = (line.strip() for line in text.splitlines())
    tails = (line.split(None, 1)[1].lstrip("* ") for line in lines if line.startswith("-") and len(line.split()) > 1)
    return [tail.strip() for tail in tails if tail.strip().lower().endswith(".exe")]


def _windows_folders(env: Mapping[str, str]) -> list[str]:
    upper = {name.upper(): value for name, value in env.items()}
    parents = [Path(upper[name], "Programs", "Python") for name in ("LOCALAPPDATA",) if upper.get(name)]
    parents += [Path(upper[name]) for name in ("PROGRAMFILES", "SYSTEMDRIVE") if upper.get(name)]
    found = [parent / f"Python{major}{minor}" / "python.exe" for parent in parents for major, minor in VERSIONS]
    homes = [Path(upper[name]) for name in ("USERPROFILE", "PROGRAMDATA", "LOCALAPPDATA") if upper.get(name)]
    found += [parent / name / "python.exe" for parent in homes for name in ("miniforge3", "miniconda3", "anaconda3")]
    return [str(path) for path in found if is_file(path)]


def _unix_folders(system: str, home: Path, root: Path, names: list[str]) -> list[str]:
    folders = [root / "usr" / "bin", root / "usr" / "local" / "bin", home / ".local" / "bin"]
    folders += [home / name / "bin" for name in ("miniforge3", "miniconda3", "anaconda3")]
    folders += sorted((home / ".pyenv" / "versions").glob("3.1*/bin"), reverse=True)
    folders += sorted((home / ".local" / "share" / "uv" / "python").glob("cpython-3.1*/bin"), reverse=True)
    if system == "darwin":
        folders.append(root / "opt" / "homebrew" / "bin")
        folders += sorted(
            (root / "Library" / "Frameworks" / "Python.framework" / "Versions").glob("3.1*/bin"), reverse=True
        )
    return [str(folder / name) for folder in folders for name in names if is_file(folder / name)]


def _is_below(path: str, folders: Iterable[str]) -> bool:
    real = os.path.normcase(os.path.realpath(path))
    parents = (os.path.normcase(os.path.realpath(folder)).rstrip(os.sep) for folder in folders if folder)
    return any(real.startswith(parent + os.sep) for parent in parents)
