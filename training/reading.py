"""Reading a recipe: one YAML file, laid over the one that it is like, with overrides, in its system's model."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..engine.errors import RequestError
from ..engine.plain import read_yaml
from .mistakes import at, mistake
from .recipe import Recipe
from .systems import find_system


def read_recipe(path: Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    A recipe with ``like``, the path of another one from its own folder, takes from that one what it does not name.

    Args:
        path: of the YAML file.
        overrides: values by dotted name, such as ``{"diffusion.steps": 2}``; texts as they would stand in the file.

    Returns:
        The recipe in the model of its system.

    Raises:
        RequestError: the file does not exist or is no recipe, a name in it is unknown, or a value cannot be.
    """
    content = _read(path)
    for name, value in (overrides or {}).items():
        # A copy: a later override may reach into it.
        _put(content, name, parsed(value) if isinstance(value, str) else copy.deepcopy(value), str(path))
    if "system" not in content:
        raise RequestError("system is missing", where=at(str(path), ("system",)), fix="name the system to train")
    model: type[Recipe] = find_system(str(content["system"]), at(str(path), ("system",))).recipe
    try:
        # As JSON: lists become tuples, and nothing else is converted.
        return model.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise mistake(error, model, str(path)) from error


def parsed(text: str) -> Any:
    """What a text on the command line stands for: number, list, settings, true, false, null, or the text itself.

    Other words of YAML for these stay texts: ``no`` is a precision.
    """
    try:
        value = read_yaml(text)
    except ValueError:
        return text
    if value is None or isinstance(value, bool):
        return value if text in ("true", "false", "null") else text
    if isinstance(value, int | float | list | dict):
        return value
    try:
        return float(text)
    except ValueError:
        return value if isinstance(value, str) else text


def split_overrides(pairs: Iterable[str], where: str) -> dict[str, str]:
    """Overrides by dotted name, from texts such as ``diffusion.steps=2``.

    Raises:
        RequestError: a text has no equals sign, or no name before it.
    """
    split = {pair: pair.partition("=") for pair in pairs}
    if wrong := [pair for pair, (name, sign, _) in split.items() if not (name and sign)]:
        raise RequestError(f"{wrong[0]!r} sets nothing", where=where, fix="write KEY=VALUE, such as diffusion.steps=2")
    return {name: value for name, _, value in split.values()}


def _put(content: dict[str, Any], name: str, value: Any, where: str) -> None:
    """Set a value by its dotted name."""
    *parents, leaf = name.split(".")
    place = content
    for depth, parent in enumerate(parents):
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            key = tuple(parents[: depth + 1])
            raise RequestError(
                f"{parent} holds no settings by name, so {name} cannot be set",
                where=at(where, key),
                fix=f"set {'.'.join(key)} as a whole",
            )
    place[leaf] = value


def _read(path: Path) -> dict[str, Any]:
    """The mapping of a file, laid over the one that it is like."""
    content = _mapping(path)
    other = content.pop("like", None)
    if other is None:
        return content
    below = _mapping(path.parent / str(other))
    if "like" in below:
        raise RequestError(
            "a recipe can only be like one that is like no other", where=str(path), fix=f"name {below['like']}"
        )
    return _laid_over(below, content)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    # Bytes that are no text are such a value too.
    except (OSError, ValueError) as error:
        raise RequestError("the recipe cannot be read", where=str(path), fix="check the path and the YAML") from error
    if not isinstance(content, dict):
        raise RequestError("the recipe is not a mapping", where=str(path), fix="start from a shipped recipe")
    return content


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values of ``above``, and those of ``below`` that it does not name; lists are taken whole."""
    both = {
        name: _laid_over(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}
