"""Whether a band that is called alpha is a mask, or data under that name: many images carry near infrared there."""

from __future__ import annotations

import warnings

import numpy as np
import rasterio
from rasterio.windows import Window

from ..errors import AlphaWarning

_SIDE, _PLACES = 64, 3
# Of the sampled pixels; soft edges of a mask are few.
_BETWEEN = 0.5


def warn_if_data(data: rasterio.DatasetReader, band: int, path: str) -> None:
    """Warn where most pixels are neither transparent nor opaque, on a few small windows along the diagonal."""
    if not _varies(data, band):
        return
    everything = ",".join(str(i) for i in range(1, data.count + 1))
    text = (
        f"{path}: its band {band} is called alpha and is taken for a mask, but its values vary as data do; "
        f"pass --bands {everything} to keep it as a band"
    )
    warnings.warn(AlphaWarning(text), stacklevel=3)


def _varies(data: rasterio.DatasetReader, band: int) -> bool:
    kind = np.dtype(data.dtypes[band - 1])
    opaque = np.iinfo(kind).max if kind.kind in "iu" else 1.0
    height, width = min(_SIDE, data.height), min(_SIDE, data.width)
    parts = []
    for step in range(_PLACES):
        row, column = (
            step * (whole - side) // (_PLACES - 1) for whole, side in ((data.height, height), (data.width, width))
        )
        parts.append(data.read(band, window=Window(column, row, width, height)).ravel())
    values = np.concatenate(parts)
    # Some writers let the largest value that there is stand for opaque.
    between = (values > 0) & (values < opaque) & (values < values.max())
    return bool(between.mean() > _BETWEEN)
