"""What is wrong with a recipe, told in one sentence that names the key of the line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError

from ..engine.errors import RequestError, SeamlineError
from ..engine.plain import shown

Place = tuple[str | int, ...]
"""Names of settings from the outermost inwards, and numbers in lists, from 0."""

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_FIXES = MappingProxyType(
    {
        "bool_type": "give true or false",
        "dataclass_type": "give settings by name",
        "finite_number": "give a finite number",
        "float_type": "give a number; YAML takes 1.0e-3 for one, but 1e-3 for a text",
        "int_type": "give a whole number",
        "string_type": "give a text; a number stands in quotes",
        "tuple_type": "give a list",
    }
)


def mistake(error: ValidationError, recipe: type[BaseModel], where: str) -> RequestError:
    """The first mistake in a recipe; one that is unknown comes first, because others may follow from it.

    Args:
        error: of the recipe's model.
        recipe: that model.
        where: file of the recipe.
    """
    found = error.errors(include_url=False)
    first = next((each for each in found if each["type"] in _UNKNOWN), found[0])
    place, kind = first["loc"], first["type"]
    if kind in _UNKNOWN:
        return unknown(place, names(recipe, place[:-1]), where)
    if kind == "missing" and isinstance(place[-1], str):
        return RequestError(f"{place[-1]} is missing", where=at(where, place), fix="add it, as the shipped recipes do")
    if kind == "value_error":
        return _told(first["ctx"]["error"], place, names(recipe, place), where)
    if kind == "missing":
        return _too_few(place[:-1], recipe, where)
    what = f"{_tail(place)} cannot be {shown(first['input'])}"
    return RequestError(what, where=at(where, place), fix=_FIXES.get(kind) or _as_fix(first["msg"]))


def unknown(place: Place, known: tuple[str, ...], where: str) -> RequestError:
    """The mistake of a name that nothing has, with the nearest one that something has."""
    name = str(place[-1])
    return RequestError(f"unknown setting {name!r}", where=at(where, place), fix=choices(name, known))


def choices(name: str, known: Iterable[str]) -> str:
    """What could have been meant by a name."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"{f'did you mean {near[0]}? ' if near else ''}known are {', '.join(known)}"


def at(where: str, place: Place) -> str:
    """A file and a key in it."""
    key = ".".join(map(str, place))
    return f"{where}: {key}" if key else where


def names(kind: Any, place: Place) -> tuple[str, ...]:
    """Names of the settings at a place inside a model."""
    return tuple(_hints(_kind(kind, place)))


def _kind(kind: Any, place: Place) -> Any:
    """The type of what stands at a place inside a model."""
    for step in place:
        kind = get_args(kind)[0] if isinstance(step, int) else _hints(kind)[step]
    return kind


def _hints(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in fields(kind)}
    return {name: field.annotation for name, field in getattr(kind, "model_fields", {}).items()}


def _too_few(place: Place, recipe: type[BaseModel], where: str) -> RequestError:
    wanted = len(get_args(_kind(recipe, place)))
    return RequestError(f"{_tail(place)} has too few values", where=at(where, place), fix=f"give {wanted}")


def _told(error: Exception, place: Place, known: tuple[str, ...], where: str) -> RequestError:
    """What a check of the settings themselves has to say; it may name one that lies further inwards."""
    if not isinstance(error, SeamlineError):
        return RequestError(str(error), where=at(where, place), fix="see the shipped recipes")
    inner = tuple(error.where.split("."))
    return RequestError(error.what, where=at(where, (*place, *inner) if inner[0] in known else place), fix=error.fix)


def _tail(place: Place) -> str:
    """A setting's own name, with its numbers in lists."""
    own = max(k for k, step in enumerate(place) if isinstance(step, str))
    return ".".join(map(str, place[own:]))


def _as_fix(message: str) -> str:
    """An instruction out of a sentence such as ``"Input should be ..."``."""
    told = message.removeprefix("Input should be ")
    if told == message:
        return re.sub(r"^\w+ should", "it should", message)
    return f"give {'a value ' if told.startswith(('greater', 'less')) else ''}{told}"
