"""Check what the docstrings of public names say of their values: ``python tools/check_docstrings.py``.

Ruff wants a docstring of every public name and holds its form (``D``).  Held here is what it does not know: docstrings
of more than a line say the shape of arrays or the order of their axes, and the unit of lengths; arguments, attributes
and errors that they name are there.  Systems of models name a source.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("engine", "models", "training", "arrays", "batches", "report", "cli", "api.py", "accessor.py")

Function = ast.FunctionDef | ast.AsyncFunctionDef

_ARRAYS = frozenset({"Tensor", "ndarray", "NDArray", "DataArray"})
_HOLDERS = frozenset({"Sequence", "tuple", "list", "Iterable", "Iterator", "Annotated"})
_AXES = frozenset(
    (
        *("band", "bands", "plane", "planes", "row", "rows", "column", "columns", "x", "y", "height", "width"),
        *(
            "tile",
            "tiles",
            "cell",
            "cells",
            "channel",
            "channels",
            "class",
            "classes",
            "token",
            "tokens",
            "latent",
            "length",
        ),
    )
)
_SHAPE_WORDS = re.compile(
    r"\bshape|\bdimension|one value (?:a|an|each|for)\b|\ba (?:single )?(?:number|value|scalar)\b|\bscalars?\b"
    r"|\bof one (?:size|grid)\b|\bsame (?:size|grid|pixels)\b|\bvector\b|\bmatrix\b|\bkernel of\b|\btaps\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:[Aa]s|[Ss]ee|[Ll]ike|[Ii]nverse of|of|for|by) ``[\w.]+``|\b[Aa]s (?:before|above|the other)"
)
_LENGTHS = re.compile(r"(?:^|_)(?:margin|overlap|rim|radius|reach|gsd|distance|tolerance|area)$")
_UNITS = re.compile(
    r"\bpx\b|px²|\bpixels?\b|\bcells?\b|\bm\b|m²|\bmetres?\b|\bdegrees?\b|\bradians?\b|\bs\b|\bseconds?\b|\bminutes?\b"
    r"|\bbytes?\b|\bKiB\b|\bMiB\b|\bGiB\b|\bbands?\b|\bchannels?\b|\bsteps?\b|\btiles?\b|\brows?\b|\bcolumns?\b"
    r"|\bdeviations?\b|\bunits? of\b|\bDN\b|\btimes\b|\bshare\b|\bratio\b"
)
_SOURCE = re.compile(r"arXiv:? \d{4}\.\d+|\b(?:19|20)\d\d\b|\b[Oo]urs\b")
_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises):")
_ENTRY = re.compile(r" {4}(\*{0,2}\w[\w.]*(?:, \*{0,2}\w[\w.]*)*): ?(.*)")


@dataclass
class Doc:
    """A docstring, taken apart.

    Attributes:
        about: all of it but the entries of arguments and attributes.
        entries: of arguments and attributes, by name.
        sections: names of the entries of each section.
        raised: names of the errors.
        returns: whether it has a section on what is returned.
    """

    about: str = ""
    entries: dict[str, str] = field(default_factory=dict)
    sections: dict[str, list[str]] = field(default_factory=dict)
    raised: list[str] = field(default_factory=list)
    returns: bool = False

    @classmethod
    def of(cls, text: str) -> Doc:
        """From the text as it stands in the code."""
        doc, section, names = cls(), "", []
        for line in inspect.cleandoc(text).splitlines():
            if heading := _SECTION.fullmatch(line):
                section, names = heading[1], []
                doc.returns |= section == "Returns"
            elif section in ("Args", "Attributes", "Raises") and line.startswith("    "):
                if entry := _ENTRY.fullmatch(line):
                    names = [name.strip().lstrip("*") for name in entry[1].split(",")]
                    doc.sections.setdefault(section, []).extend(names)
                    line = entry[2]
                for name in names if section != "Raises" else ():
                    doc.entries[name] = f"{doc.entries.get(name, '')} {line.strip()}"
            else:
                section = section if line.startswith("    ") or not line else ""
                doc.about += f"{line}\n"
        doc.raised = doc.sections.pop("Raises", [])
        return doc

    def on(self, name: str) -> str:
        """All that it says of an argument, what it says of none in particular included."""
        return f"{self.about} {self.entries.get(name, '')}"


@dataclass(frozen=True)
class Known:
    """What the modules know of each other.

    Attributes:
        errors: names of exceptions.
        attributes: those of every class, by its name.
        arrays: names of the types that are arrays, in the module that is looked at.
    """

    errors: frozenset[str]
    attributes: dict[str, set[str]]
    arrays: frozenset[str] = _ARRAYS

    @classmethod
    def of(cls, trees: Iterable[ast.Module]) -> Known:
        """Of all modules."""
        errors, attributes = set(), {}
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    attributes[node.name] = _attributes(node)
                    errors |= {node.name} if re.search(r"(Error|Warning|Cancelled)$", node.name) else set()
        errors |= {
            name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
        }
        return cls(frozenset(errors), attributes)

    def inside(self, tree: ast.Module) -> Known:
        """With what one module names: its own types of arrays, those left out that say their shape, and its imports."""
        imports = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        named = {
            node.targets[0].id
            for node, after in _with_next(tree.body)
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Subscript)
            and _is_array(node.value, _ARRAYS)
            and not _shaped(_string(after))
        }
        return Known(self.errors | imports, self.attributes, _ARRAYS | named)


def problems(source: str, where: str, known: Known | None = None) -> list[str]:
    """What the docstrings of a module leave out or get wrong; empty where nothing is."""
    tree = ast.parse(source)
    known = (known or Known.of([tree])).inside(tree)
    found = []
    for node, owner in _public(tree):
        text = ast.get_docstring(node, clean=False)
        if text is None or "\n" not in text:
            continue  # Ruff wants one; one line says what it has room for.
        said = (
            _of_class(node, Doc.of(text), known)
            if isinstance(node, ast.ClassDef)
            else _of_function(node, Doc.of(text), known)
        )
        name = f"{owner.name}.{node.name}" if owner else node.name
        found += [f"{where}:{node.lineno}: {name}: {sentence}" for sentence in said]
    return found


def _public(tree: ast.Module) -> Iterator[tuple[ast.ClassDef | Function, ast.ClassDef | None]]:
    """Public classes and functions of a module, and public methods with their class."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, *_FUNCTIONS)) and not node.name.startswith("_"):
            yield node, None
            if isinstance(node, ast.ClassDef):
                methods = (each for each in node.body if isinstance(each, _FUNCTIONS))
                yield from ((each, node) for each in methods if not each.name.startswith("_") and not _overloads(each))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _overloads(node: Function) -> bool:
    return any("overload" in ast.unparse(each) or "setter" in ast.unparse(each) for each in node.decorator_list)


def _of_function(node: Function, doc: Doc, known: Known) -> Iterator[str]:
    arguments = _arguments(node)
    yield from _named(doc, "Args", {each.arg for each in arguments}, "argument")
    yield from _raised(doc, known)
    for each in arguments:
        yield from _values(each.arg, each.annotation, doc.on(each.arg), known)
    gives = node.returns is not None and _is_array(node.returns, known.arrays)
    if gives and (doc.returns or not doc.sections.get("Args")) and not _shaped(doc.about):
        yield "what it returns has no shape: give it, or the order of its axes"


def _of_class(node: ast.ClassDef, doc: Doc, known: Known) -> Iterator[str]:
    own = _attributes(node)
    bases = [ast.unparse(base).partition("[")[0].split(".")[-1] for base in node.bases]
    inherited = [known.attributes.get(base) for base in bases]
    if None not in inherited:
        there = own.union(*(each for each in inherited if each is not None))
        yield from _named(doc, "Attributes", there, "attribute")
    init = next((each for each in node.body if isinstance(each, _FUNCTIONS) and each.name == "__init__"), None)
    arguments = [] if init is None else _arguments(init)
    if init is not None or not bases:
        yield from _named(doc, "Args", {each.arg for each in arguments} | own, "argument")
    yield from _raised(doc, known)
    for each in arguments:
        yield from _values(each.arg, each.annotation, doc.on(each.arg), known)
    for entry, after in _with_next(node.body):
        if (
            isinstance(entry, ast.AnnAssign)
            and isinstance(entry.target, ast.Name)
            and not entry.target.id.startswith("_")
        ):
            name = entry.target.id
            yield from _values(name, entry.annotation, f"{doc.on(name)} {_string(after)}", known)


def _named(doc: Doc, section: str, there: set[str], kind: str) -> Iterator[str]:
    """Entries of a section that name nothing."""
    for name in doc.sections.get(section, ()):
        if name not in there:
            yield f"there is no {kind} {name}"


def _raised(doc: Doc, known: Known) -> Iterator[str]:
    for name in doc.raised:
        if "." not in name and name not in known.errors:
            yield f"there is no error {name}"


def _values(name: str, annotation: ast.expr | None, said: str, known: Known) -> Iterator[str]:
    """What is not said of an argument or attribute of that type."""
    if annotation is None:
        return
    if _is_array(annotation, known.arrays) and not _shaped(said):
        yield f"the array {name} has no shape: give it, or the order of its axes"
    if _is_number(annotation) and _LENGTHS.search(name) and not _UNITS.search(said) and not _ELSEWHERE.search(said):
        yield f"the length {name} has no unit"


def _shaped(said: str) -> bool:
    """Whether a text gives a shape, an order of axes, or where they are said."""
    return bool(_SHAPE_WORDS.search(said) or _ELSEWHERE.search(said)) or any(
        _is_shape(each) for each in _in_parentheses(said)
    )


def _in_parentheses(text: str) -> Iterator[str]:
    """What stands in each pair of parentheses, the outer and the inner ones."""
    opened: list[int] = []
    for place, letter in enumerate(text):
        if letter == "(":
            opened.append(place + 1)
        elif letter == ")" and opened:
            yield text[opened.pop() : place]


def _is_shape(inside: str) -> bool:
    """Whether what stands in parentheses are axes: ``B, C, H, W``, ``N, image channels, h / 2``, ``row, column``."""
    if re.fullmatch(r"[\w.* ]+,", inside):
        return True
    if "," not in inside:
        return False
    words = [set(re.findall(r"[\w.]+", part)) for part in inside.split(",") if part.strip()]
    return all(len(each) <= 4 for each in words) and any(
        word in _AXES or re.fullmatch(r"[A-Za-z]|\d+|\.\.\.", word) for each in words for word in each
    )


def _is_array(annotation: ast.expr, names: frozenset[str]) -> bool:
    """Whether a type is an array, an array or nothing, or a sequence of arrays."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _is_array(ast.parse(annotation.value, mode="eval").body, names)
    if isinstance(annotation, ast.BinOp):
        return _is_array(annotation.left, names) or _is_array(annotation.right, names)
    if isinstance(annotation, ast.Tuple):
        return any(_is_array(each, names) for each in annotation.elts)
    if isinstance(annotation, ast.Subscript):
        outer = ast.unparse(annotation.value).split(".")[-1]
        return outer in names or (outer in _HOLDERS and _is_array(annotation.slice, names))
    return isinstance(annotation, ast.Name | ast.Attribute) and ast.unparse(annotation).split(".")[-1] in names


def _is_number(annotation: ast.expr) -> bool:
    return bool(re.fullmatch(r"(int|float|Pair|tuple\[(int|float), (int|float)\])( \| None)?", ast.unparse(annotation)))


def _arguments(node: Function) -> list[ast.arg]:
    spec = node.args
    extra = [each for each in (spec.vararg, spec.kwarg) if each is not None]
    return [
        each for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *extra) if each.arg not in ("self", "cls")
    ]


def _attributes(node: ast.ClassDef) -> set[str]:
    """Names that objects of a class have: of its body, and what its methods set."""
    found = {each.name for each in node.body if isinstance(each, (*_FUNCTIONS, ast.ClassDef))}
    for each in ast.walk(node):
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        for target in (leaf for top in targets for leaf in (top.elts if isinstance(top, ast.Tuple) else [top])):
            if isinstance(target, ast.Name):
                found.add(target.id)
            elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                found.add(target.attr)
    return found


def _with_next(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    """Each statement with the one after it."""
    return zip(body, [*body[1:], None], strict=True)


def _string(node: ast.stmt | None) -> str:
    """The text of a statement that is one: what is said of the name above."""
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def modules() -> list[Path]:
    """The modules that are checked."""
    found = [
        path for place in PLACES for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    return sorted(path for path in found if not path.name.startswith("_") or path.name == "__init__.py")


def without_source() -> Iterator[str]:
    """The systems of the models of which no docstring says after whom they are built, or that they are ours."""
    for folder in sorted(path for path in (ROOT / "models").iterdir() if any(path.glob("network.py"))):
        said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in folder.rglob("*.py"))
        if not any(_SOURCE.search(each) for each in said):
            yield f"{folder.relative_to(ROOT)}: no module names a source"


def main() -> None:
    """Print what is wrong and end with 1, or say nothing."""
    sources = {path: path.read_text(encoding="utf-8") for path in modules()}
    known = Known.of([ast.parse(source) for source in sources.values()])
    found = [line for path, source in sources.items() for line in problems(source, str(path.relative_to(ROOT)), known)]
    found += without_source()
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
