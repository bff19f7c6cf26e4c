"""Seamline as methods of arrays: ``import seamline.accessor``, then ``image.seamline.superres(scale=4)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from . import api


@xr.register_dataarray_accessor("seamline")
class Accessor:
    """What Seamline does with an array, (band, y, x).

    Args:
        image: the array.
    """

    def __init__(self, image: xr.DataArray) -> None:
        self._image = image

    def pansharpen(self, pan: Any, **options: Any) -> xr.DataArray:
        """Fuse this multispectral image with a panchromatic one; options and errors as ``seamline.pansharpen``."""
        return api.pansharpen(self._image, pan, **options)

    def superres(self, **options: Any) -> xr.DataArray:
        """Give this image more pixels; options and errors as ``seamline.superres``."""
        return api.superres(self._image, **options)

    def segment(self, **options: Any) -> xr.DataArray:
        """Give every pixel of this image its class; options and errors as ``seamline.segment``."""
        return api.segment(self._image, **options)

    def classify(self, **options: Any) -> xr.DataArray:
        """Give every patch of this image its class; options and errors as ``seamline.classify``."""
        return api.classify(self._image, **options)

    def to_cog(self, path: str | Path, **options: Any) -> None:
        """Write this image as a Cloud Optimized GeoTIFF, as it is; one that is lazy is computed as it is written.

        Args:
            path: where to.
            **options: such as ``compress`` and ``overwrite``, as ``seamline.api.Options`` says.

        Raises:
            SeamlineError: as ``seamline.superres``.
        """
        api.superres(self._image, model="identity", out=path, **options)
