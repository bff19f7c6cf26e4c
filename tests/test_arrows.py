"""Who may import whom: cli -> training -> models -> engine, and the plugin reaches the engine only as a process."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROOMS = ("engine", "models", "training", "qgis_plugin")
FOLDERS = ("app", "arrays", "batches", "cli", "notebook", "report")
DOORS = {"api", *FOLDERS} | {path.stem for path in ROOT.glob("*.py")} - {
    "__init__",
    "conftest",
}
# The rooms of the engine, top to bottom: each imports those below it, and the modules that stand beside the rooms.
ENGINE = ("quality", "run", "pixels", "output", "plan", "inputs", "optics", "ground")
MAY_IMPORT = {
    "engine": {"engine"},
    "models": {"models", "engine"},
    "training": {"training", "models", "engine"},
    "qgis_plugin": {"qgis_plugin"},
    "door": {"door", "training", "models", "engine"},
}
# The plugin runs in QGIS's Python, which has none of the engine's libraries; the core stays free of the rest.
LIBRARIES = {
    "engine": {"affine", "dask", "distributed", "numpy", "odc", "psutil", "pyproj", "rasterio", "rioxarray", "torch"}
    | {"PIL", "pyogrio", "shapely", "xarray"},
    "models": {"diffusers", "numpy", "pydantic", "safetensors", "torch"},
    "qgis_plugin": {"certifi", "osgeo", "processing", "qgis"},
}


def imported(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import of a module in ``package``; names inside Seamline start with a dot.

    Relative imports are resolved; ``from . import x`` counts as an import of x.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            tail = (node.module,) if node.module else ()
            for alias in node.names:
                yield node.lineno, "." + ".".join((*base, *tail, alias.name))


def room_of(parts: tuple[str, ...]) -> str:
    """Room of a module given by its path inside the package; ``root`` for the package itself."""
    if parts and parts[0] in ROOMS:
        return parts[0]
    return "door" if parts and parts[0] in DOORS else "root"


def engine_violation(parts: tuple[str, ...], target: tuple[str, ...]) -> str | None:
    """What is wrong with an import inside the engine: a room imports upward, or a module that all use imports a room.

    ``engine/testing.py`` states promises about every room, so it may look into each.
    """
    own = parts[1] if len(parts) > 2 else ""
    other = target[1] if len(target) > 1 and target[1] in ENGINE else ""
    if not other or own == other or parts == ("engine", "testing"):
        return None
    if not own:
        return f"{parts[-1]} is used by every room and imports {other}"
    return f"{own} imports {other}, which stands above it" if ENGINE.index(other) < ENGINE.index(own) else None


def violations(source: str, parts: tuple[str, ...]) -> list[str]:
    """Forbidden imports of the module at ``parts`` (``("engine", "tiles")``; packages end in ``__init__``)."""
    room, found = room_of(parts), []
    for line, name in imported(ast.parse(source), parts[:-1]):
        if name.startswith(".") or name.split(".")[0] == "seamline":
            target = tuple(name.removeprefix("seamline").strip(".").split("."))
            other = room_of(target)
            # The root holds the version alone, which every room may read.
            if other != "root" and other not in MAY_IMPORT.get(room, set()):
                found.append(f"line {line}: {room} imports {other} ({name})")
            if target[0] == "app" and parts[0] not in ("app", "cli"):
                found.append(f"line {line}: {parts[0]} imports the browser app ({name})")
            if room == other == "engine" and (wrong := engine_violation(parts, target)):
                found.append(f"line {line}: {wrong} ({name})")
            if not name.startswith(".") and room != "door":
                found.append(f"line {line}: {name} is not a relative import")
        elif (top := name.split(".")[0]) not in sys.stdlib_module_names and top not in LIBRARIES.get(room, {top}):
            found.append(f"line {line}: {room} imports {top}")
    return found


def modules() -> list[Path]:
    inside = [path for room in (*ROOMS, *FOLDERS) for path in sorted((ROOT / room).rglob("*.py"))]
    return inside + sorted(path for path in ROOT.glob("*.py") if path.stem in DOORS)


def graph() -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Imports between modules, those inside functions left out: they cannot close a circle while modules load."""
    known = {path.relative_to(ROOT).with_suffix("").parts for path in modules()}
    arrows = {}
    for parts in known:
        tree = ast.parse(ROOT.joinpath(*parts).with_suffix(".py").read_text())
        outside = ast.Module([n for n in tree.body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))], [])
        arrows[parts] = set()
        for _, name in imported(outside, parts[:-1]):
            target = tuple(name.strip(".").split(".")) if name.startswith(".") else ()
            whole = next((t for t in (target, target[:-1], (*target[:-1], "__init__")) if t in known), None)
            if whole is not None and whole != parts:
                arrows[parts].add(whole)
    return arrows


def circle(arrows: dict[tuple[str, ...], set[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """The modules of one circle of imports; empty if there is none."""
    left = {module: set(targets) for module, targets in arrows.items()}
    while leaves := [module for module, targets in left.items() if not targets & left.keys()]:
        for module in leaves:
            del left[module]
    return sorted(left)


def test_no_circle_of_imports():
    assert circle(graph()) == []


def test_a_planted_circle_is_found():
    assert circle({("a",): {("b",)}, ("b",): {("c",)}, ("c",): {("b",)}, ("d",): set()}) == [("a",), ("b",), ("c",)]


def test_no_module_is_over_400_lines():
    assert [path for path in modules() if len(path.read_text().splitlines()) > 400] == []


def test_every_room_of_the_engine_is_in_the_table():
    assert {path.parent.name for path in (ROOT / "engine").glob("*/__init__.py")} == set(ENGINE)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    assert violations(path.read_text(), path.relative_to(ROOT).with_suffix("").parts) == []


def test_the_root_needs_the_standard_library_alone():
    body = ast.parse((ROOT / "__init__.py").read_text()).body
    # What only type checkers read is imported by nobody.
    run = [n for n in body if not (isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")]
    at_import = ast.Module([n for n in run if not isinstance(n, ast.FunctionDef)], [])
    assert [name for _, name in imported(at_import, ()) if name.split(".")[0] not in sys.stdlib_module_names] == []
    # Inside functions: the plugin, which QGIS asks for by itself.
    everything = imported(ast.Module(run, []), ())
    others = {name for _, name in everything if name.split(".")[0] not in sys.stdlib_module_names}
    assert {room_of(tuple(name.strip(".").split("."))) for name in others} == {"qgis_plugin"}


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("from ...models import registry", ("engine", "run", "lifecycle")),
        ("from ... import models", ("engine", "run", "lifecycle")),
        ("from ..plan.plan import Plan", ("engine", "optics", "consistency")),
        ("from ..output import workspace", ("engine", "plan", "make")),
        ("from .plan.plan import Plan", ("engine", "request")),
        ("from ...training.loop import train", ("models", "salad_pan", "vae")),
        ("from ..cli import main", ("training", "loop")),
        ("from ..report.page import write_page", ("training", "loop")),
        ("def late():\n    from ..engine.errors import SeamlineError", ("qgis_plugin", "plugin")),
        ("from .qgis_plugin import settings", ("cli",)),
        ("from ..api import pansharpen", ("engine", "__init__")),
        ("from ...cli.demo import demo", ("engine", "run", "lifecycle")),
        ("import seamline.engine.ground.tiles", ("engine", "run", "lifecycle")),
        ("import scipy.ndimage", ("engine", "ground", "resample")),
        ("from scipy import ndimage", ("models", "classical", "pansharpen")),
        ("import numpy as np", ("qgis_plugin", "layers")),
        ("from ...engine.errors import X", ("qgis_plugin", "algorithms", "base")),
        ("from ..app.desk import Desk", ("report", "page")),
        ("from .app.desk import Desk", ("api",)),
    ],
)
def test_a_planted_violation_is_caught(source, parts):
    assert violations(source, parts)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("from ..errors import RequestError\nimport numpy as np", ("engine", "ground", "tiles")),
        ("from ..inputs.scene import Scene", ("engine", "quality", "rasters")),
        ("from ...engine.contract import ModelSpec", ("models", "classical", "pansharpen")),
        ("from ..models.salad_pan import network\nimport accelerate, scipy", ("training", "stages")),
        ("from ... import __version__", ("engine", "output", "report")),
        ("from seamline.cli import main", ("launch",)),
        ("from ..app.serve import serving", ("cli", "app")),
        ("from .. import api\nfrom ..report.page import write_page\nimport gradio", ("app", "desk")),
        (
            "from ..training.village.procedural import procedural_scene\nfrom ..api import pansharpen",
            ("cli", "demo_scene"),
        ),
        (
            "import json\nfrom qgis.core import QgsSettings\nfrom ..text import say",
            ("qgis_plugin", "algorithms", "base"),
        ),
    ],
)
def test_what_is_allowed_passes(source, parts):
    assert violations(source, parts) == []
