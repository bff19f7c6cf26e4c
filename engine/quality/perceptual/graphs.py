"""Networks as ONNX graphs: for those that are too large to be written here.

A graph is a list of operators from a fixed set, run by ``onnxruntime`` (the extra ``perceptual``).  It brings no
operators of its own, so it can compute and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch

from ...errors import ModelError
from .weights import FILE_BYTES

_FIX = "export it as docs/reference/perceptual.md says"


def runtime_is_there() -> bool:
    """Whether ``onnxruntime`` is installed."""
    return find_spec("onnxruntime") is not None


def load_graph(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """A function of images (1, 3, h, w) in 0..1, float32, to the graph's first output.

    Args:
        path: of an ``.onnx`` file with one input and its weights inside.

    Raises:
        ModelError: the file is too large, no graph, or has several inputs; from the function: the graph does not take
            such images.
    """
    if path.stat().st_size > FILE_BYTES:
        raise ModelError(f"more than {FILE_BYTES} bytes", where=str(path), fix="check which file this is")
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        # From memory: weights outside the file would name paths of their own.
        session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"not readable as a graph ({reason})", where=str(path), fix=_FIX) from error
    inputs = [each.name for each in session.get_inputs()]
    if len(inputs) != 1:
        raise ModelError(f"{len(inputs)} inputs, not one", where=str(path), fix=_FIX)

    def run(images: torch.Tensor) -> torch.Tensor:
        try:
            output = session.run(None, {inputs[0]: images.numpy()})[0]
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"does not take images of {tuple(images.shape)} ({reason})", where=str(path), fix=_FIX
            ) from error
        return torch.from_numpy(output)

    return run
