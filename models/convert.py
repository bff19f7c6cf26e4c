"""Reading checkpoints of others: tensors and settings only, of bounded size, and held to the network key by key.

Converters of the single systems are built on this; nothing else in the program opens such files.
"""

from __future__ import annotations

import inspect
import json
import pickle
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.serialization import safe_globals

from ..engine.errors import ModelError, RequestError
from ..engine.pickled import load_pickled

SETTINGS_BYTES = 1 << 20
TENSOR_BYTES = 16 << 30
PICKLE_BYTES = 8 << 30
"""Larger files are not opened; the largest published network has 6.4 GB at half precision."""

_WRAPPER = "module."
_NAMED = 5
_FETCH = "check the path, or fetch the file again"


def read_tensors(path: Path, *, within: str | None = None, known: Sequence[type] = ()) -> dict[str, torch.Tensor]:
    """Tensors of a checkpoint by key, on the CPU; the prefix that parallel training leaves is dropped.

    ``.safetensors``, or a torch pickle of a flat dict of tensors, read without running code from it.

    Args:
        within: entry of the pickle that holds the dict, where it has one of that name.
        known: plain classes, allowed by name, of what else lies in the pickle.

    Raises:
        ModelError: the file is missing, too large, unreadable, holds something else than tensors, or a key twice.
    """
    safe = path.suffix.lower() == ".safetensors"
    _check_size(path, TENSOR_BYTES if safe else PICKLE_BYTES)
    content: object
    try:
        with safe_globals(list(known)):
            content = load_file(path) if safe else load_pickled(path)
    except pickle.UnpicklingError:
        # The reason given there runs over many lines and advises to load the file without this protection.
        bare = "the bare state dict" if within is None else f"its entry {within!r} alone"
        raise ModelError(
            "the file holds something else than tensors, which could run code",
            where=str(path),
            fix=f"save {bare}, best as safetensors, where you trust the file",
        ) from None
    except Exception as error:  # a pickle is a program for a small machine, which fails in as many ways as there are
        raise ModelError("the file is no readable checkpoint", where=str(path), fix=_FETCH) from error
    if not isinstance(content, Mapping):
        raise ModelError("the file holds no dict of tensors", where=str(path), fix="save the bare state dict")
    inner: object = content.get(within) if within is not None else None
    found: Mapping[Any, Any] = inner if isinstance(inner, Mapping) else content
    odd = [str(key) for key, value in found.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if odd:
        raise ModelError(f"{some(odd)}: not a tensor", where=str(path), fix="save the bare state dict")
    state = {key.removeprefix(_WRAPPER): value for key, value in found.items()}
    if len(state) < len(found):
        raise ModelError(f"a key is there with and without {_WRAPPER!r}", where=str(path), fix="save it again")
    return state


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object, as diffusers writes it beside weights.

    Raises:
        ModelError: the file is missing, too large or something else.
    """
    _check_size(path, SETTINGS_BYTES)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("the file is no readable JSON", where=str(path), fix=_FETCH) from error
    if not isinstance(content, dict):
        raise ModelError("the file holds no JSON object", where=str(path), fix=_FETCH)
    return content


def check_settings(
    found: Mapping[str, Any], kind: type, wanted: Mapping[str, Any], *, free: Collection[str], where: str
) -> None:
    """Hold settings to those that the network is built with.

    Args:
        found: content of the file; keys that start with an underscore are diffusers' own notes.
        kind: the class of diffusers whose arguments they are.
        wanted: values that must be found; all others must be the defaults of ``kind``.
        free: keys that do not matter.

    Raises:
        ModelError: naming the settings that are unknown or differ.
    """
    defaults: dict[str, Any] = {
        name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()
    }
    expected = {**defaults, **wanted}
    differing = [
        name
        for name, value in found.items()
        if not name.startswith("_") and name not in free and (name not in expected or _plain(expected[name]) != value)
    ]
    # A setting that the file leaves out has its default.
    differing += [name for name in wanted if name not in found and wanted[name] != defaults.get(name)]
    if differing:
        raise ModelError(
            f"{some(differing)}: not as in this network", where=where, fix="give the model that the network belongs to"
        )


def check_fit(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], *, where: str) -> None:
    """Hold the keys and shapes of a checkpoint to those of a network.

    Args:
        own: state dict of the network; it may lie on the meta device.

    Raises:
        ModelError: naming the keys that are missing, unexpected or of another shape.
    """
    findings = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [key for key in own if key in state and own[key].shape != state[key].shape],
    }
    what = ", ".join(f"{some(keys)} {finding}" for finding, keys in findings.items() if keys)
    if what:
        raise ModelError(what, where=where, fix="give the checkpoint that belongs to this network")


def some(names: list[str]) -> str:
    """The first few of some names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _check_size(path: Path, most: int) -> None:
    if not path.is_file():
        raise RequestError("there is no such file", where=str(path), fix="check the path")
    size = path.stat().st_size
    if size > most:
        raise ModelError(f"{size} bytes, more than {most}", where=str(path), fix=_FETCH)


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
