"""Names of types and values that every room uses."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
"""Values: (planes, rows, columns) unless said otherwise."""

Validity = NDArray[np.bool_]
"""Which values are valid, shaped like them, or (1, rows, columns) for all planes alike."""

Precision = Literal["fp32", "bf16", "fp16"]
"""Arithmetic of a network."""

EXACT_DTYPES = ("uint8", "int8", "uint16", "int16", "float32")
"""Data types that an identity model gives back bit for bit."""
