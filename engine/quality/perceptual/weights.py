"""Weight files that the user names: tensors only, of known keys and shapes; nothing that can run code is opened.

``.safetensors`` is preferred.  A ``.pth`` is read by torch's restricted reader, which builds tensors and plain
containers and refuses everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import torch

from ...errors import ModelError
from ...pickled import load_pickled

FILE_BYTES = 1 << 30
"""Largest file that is opened; the largest that is shared, VGG16 with its classifier, has about half of it."""

_NAMED = 5


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a file, on the CPU.

    Raises:
        ModelError: the file is too large, or is not tensors by name.
    """
    size = path.stat().st_size
    if size > FILE_BYTES:
        raise ModelError(f"{size} bytes are more than {FILE_BYTES}", where=str(path), fix="check which file this is")
    try:
        if path.suffix == ".safetensors":
            # Loaded when asked for: the engine itself never reads weights.
            state = import_module("safetensors.torch").load_file(path)
        else:
            state = load_pickled(path)
    except Exception as error:  # whatever a damaged file makes the two readers raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"not readable as tensors ({reason[:200]})", where=str(path), fix="fetch the file again"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(
            "more than tensors by name", where=str(path), fix="convert it as docs/reference/perceptual.md says"
        )
    return {str(key): value for key, value in state.items()}


def checked(
    state: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]], *, where: Path, surplus: str = ""
) -> dict[str, torch.Tensor]:
    """Tensors of exactly these keys and shapes, finite, as float32 or wider.

    Args:
        shapes: key -> shape.
        surplus: keys that start so are passed over.

    Raises:
        ModelError: naming the keys that are missing, unexpected, of another shape or not finite.
    """
    own = {key: value for key, value in state.items() if not (surplus and key.startswith(surplus))}
    findings = {
        "missing": [key for key in shapes if key not in own],
        "unexpected": [key for key in own if key not in shapes],
        "of another shape": [key for key in shapes if key in own and tuple(own[key].shape) != tuple(shapes[key])],
        "not finite": [key for key, value in own.items() if not torch.isfinite(value).all()],
    }
    what = ", ".join(f"{_some(keys)} {finding}" for finding, keys in findings.items() if keys)
    if what:
        raise ModelError(what, where=str(where), fix="use the file that docs/reference/perceptual.md names")
    return {key: own[key] if own[key].dtype == torch.float64 else own[key].float() for key in shapes}


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
