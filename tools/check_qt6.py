"""Check that what the plugin takes from ``qgis.PyQt`` is there in PyQt6: ``python tools/check_qt6.py``.

QGIS 4 runs on Qt 6, where an enum's value exists below its enum alone (``Qt.AlignmentFlag.AlignLeft``) and some classes
moved.  The stubs that PyQt6 ships are read, not its libraries, which a bare machine may be unable to load.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_PLUGIN = Path(__file__).resolve().parents[1] / "qgis_plugin"
# Written by hand for PyQt, absent from its stubs.
_UNLISTED = {"QtCore": {"pyqtSignal", "pyqtSlot", "pyqtProperty", "QT_VERSION_STR", "PYQT_VERSION_STR"}}
_GONE = {"exec_": "exec", "print_": "print"}


@dataclass
class Scope:
    """Names of a class, those of its bases included."""

    names: dict[str, Scope | None] = field(default_factory=dict)

    def has(self, path: list[str]) -> bool:
        """Whether a chain of attributes leads somewhere, as far as the stubs know classes."""
        if not path:
            return True
        if path[0] not in self.names:
            return False
        inner = self.names[path[0]]
        return True if inner is None else inner.has(path[1:])


def problems(source: str, where: str) -> list[str]:
    """What PyQt6 lacks of the names that a module uses; empty when all are there."""
    tree = ast.parse(source)
    imported: dict[str, tuple[str, str]] = {}
    found: list[str] = []
    excused = {id(node) for attempt in ast.walk(tree) if isinstance(attempt, ast.Try) for node in _fallback(attempt)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt."):
            module = node.module.split(".")[2]
            for alias in node.names:
                imported[alias.asname or alias.name] = (module, alias.name)
                if id(node) not in excused and not _has(module, [alias.name]):
                    found.append(f"{where}:{node.lineno}: PyQt6.{module} has no {alias.name}")
    for line, chain in _chains(tree):
        if chain[-1] in _GONE:
            found.append(f"{where}:{line}: {chain[-1]}() is gone; call {_GONE[chain[-1]]}()")
        elif chain[0] in imported:
            module, name = imported[chain[0]]
            if _has(module, [name]) and not _has(module, [name, *chain[1:]]):
                found.append(f"{where}:{line}: PyQt6 has no {'.'.join([name, *chain[1:]])}; enums must be scoped")
    return found


def _fallback(attempt: ast.Try) -> Iterator[ast.AST]:
    """What stands in ``except ImportError``: the way for Qt 5, once that for Qt 6 was tried."""
    for handler in attempt.handlers:
        if isinstance(handler.type, ast.Name) and handler.type.id == "ImportError":
            yield from ast.walk(handler)


def _chains(tree: ast.AST) -> Iterator[tuple[int, list[str]]]:
    """(line, names) of every longest ``a.b.c``; a chain that begins with a call or an index begins with ``""``."""
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            names, left = [], node
            while isinstance(left, ast.Attribute):
                names.append(left.attr)
                left = left.value
            yield node.lineno, [left.id if isinstance(left, ast.Name) else "", *reversed(names)]


def _has(module: str, path: list[str]) -> bool:
    return path[0] in _UNLISTED.get(module, ()) or _module(module).has(path)


@cache
def _module(name: str) -> Scope:
    """The classes of a module of PyQt6, by its stub; an empty scope where there is no such module."""
    try:
        stub = Path(str(distribution("PyQt6").locate_file(f"PyQt6/{name}.pyi")))
    except PackageNotFoundError:
        sys.exit("PyQt6 is not installed; install it with: pip install -e '.[dev]'")
    return _scope(ast.parse(stub.read_text(encoding="utf-8")).body, Scope()) if stub.is_file() else Scope()


def _scope(body: list[ast.stmt], outer: Scope) -> Scope:
    scope = Scope()
    for node in body:
        if isinstance(node, ast.ClassDef):
            inner = _scope(node.body, scope)
            for base in node.bases:
                _inherit(inner, ast.unparse(base).split("."), scope, outer)
            scope.names[node.name] = inner
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            scope.names[node.name] = None
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            scope.names.update({target.id: None for target in targets if isinstance(target, ast.Name)})
    return scope


def _inherit(inner: Scope, base: list[str], *scopes: Scope) -> None:
    """Add the names of a base class: of this module, or of another (``QtCore.QObject``)."""
    if base[0].startswith("Qt") and len(base) > 1:
        scopes, base = (_module(base[0]),), base[1:]
    for scope in scopes:
        found = scope.names.get(base[0])
        if found is not None:
            inner.names.update({name: value for name, value in found.names.items() if name not in inner.names})
            return


def main() -> None:
    """Print what is wrong and end with 1, or say nothing."""
    files = sorted(_PLUGIN.rglob("*.py"))
    found = [line for path in files for line in problems(path.read_text(encoding="utf-8"), str(path))]
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
