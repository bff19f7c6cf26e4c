"""A model folder in the form that is asked for, written into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ...engine.errors import RunError
from .onnx_file import export_onnx
from .stac_mlm import export_item

FORMATS: Mapping[str, Callable[[Path, Path], list[Path]]] = MappingProxyType(
    {"onnx": export_onnx, "stac-mlm": export_item}
)
"""What writes each form."""


def export(origin: Path, out: Path, form: str) -> list[Path]:
    """Write a model for other programs.

    Args:
        origin: the model folder.
        out: where to; made where it is missing.
        form: one of ``FORMATS``.

    Returns:
        The files.

    Raises:
        RequestError, ModelError: as ``export_onnx`` and ``export_item``.
        RunError: the folder cannot be written.
    """
    try:
        return FORMATS[form](origin, out)
    except OSError as error:
        raise RunError(
            f"the model cannot be exported ({error})", where=str(out), fix="name a folder that can be written"
        ) from error
