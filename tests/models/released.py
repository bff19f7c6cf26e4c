"""What released modules gave, kept in ``SEAMLINE_GOLDEN``, and the recipe by which their weights are made anew."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

_FOLDER = Path(os.environ.get("SEAMLINE_GOLDEN", "missing"))


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where a file is not there."""
    return pytest.mark.skipif(not (_FOLDER / name).is_file(), reason=f"SEAMLINE_GOLDEN holds no {name}")


@cache
def tensors(name: str) -> dict[str, Any]:
    """What a file holds: tensors, floating ones of half precision as float32, and lists of names."""
    with np.load(_FOLDER / name, allow_pickle=False) as stored:
        return {key: _read(stored[key]) for key in stored.files}


def _read(value: np.ndarray) -> torch.Tensor | list[str]:
    if value.dtype.kind == "U":
        return value.tolist()
    return torch.from_numpy(value.astype(np.float32) if value.dtype == np.float16 else value)


def by_recipe(seed: int, key: str, shape: torch.Size) -> torch.Tensor:
    """The weight that goes by this key of a state dict."""
    digest = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed((seed * 1000003 + digest) % 2**31))
    if drawn.ndim >= 2:
        drawn = drawn / drawn[0].numel() ** 0.5
    else:
        drawn = 1.0 + 0.1 * drawn if key.endswith("weight") else 0.05 * drawn
    return drawn.half().float()
