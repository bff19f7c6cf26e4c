"""What each raster of a run is: its grid, bands, data type and mask, from the model's outputs and the main input."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from odc.geo.geobox import GeoBox

from ..contract import OutputSpec
from ..errors import ModelError
from ..ground import grids
from ..inputs.scene import Band, Scene
from ..request import Request
from .plan import Output, OutputMask

# What rounds to infinity in float32 starts here.
_FLOAT32_LIMIT = (2 - 2**-24) * 2.0**127
_MASKED_CLASS = 255.0


class OutputMaker:
    """Makes the outputs of one run.

    Args:
        scenes: the inputs that make the grid.
        main: the one whose bands the outputs keep.
        grid: of every output.
    """

    def __init__(self, request: Request, scenes: tuple[Scene, ...], main: Scene, grid: GeoBox) -> None:
        self._request, self._main, self._grid = request, main, grid
        turned = any(not grids.is_separable(grids.relation(grid, scene.grid)) for scene in scenes)
        self._can_be_masked = turned or any(scene.has_invalid for scene in scenes)

    def __call__(self, spec: OutputSpec, path: str | None, *, kept: bool = True) -> Output:
        """The raster of an output.

        Args:
            path: where it goes; None for the first one, and for one that is not kept.

        Raises:
            ModelError: its planes are in the range of bands that there are not.
        """
        main, request = self._main, self._request
        channels = len(main.bands) if spec.planes is None else spec.planes
        if spec.range == "main" and channels != len(main.bands):
            raise ModelError(
                f"the model gives {channels} plane(s) of {spec.name} in the range of {len(main.bands)} band(s) of "
                f"{main.name}",
                where=main.source,
                fix=f"choose {channels} band(s) with --bands, or another --model",
            )
        # Numbers and scores of classes, whatever the user asks of values: other types have no palette, or round them.
        decided = {"argmax": "uint8", "max": "float32"}.get(spec.blend)
        dtype = decided or spec.dtype or request.dtype or main.dtype
        nodata, mask = self._mask(spec, dtype)
        return Output(
            name=spec.name,
            file=None if path is None else Path(path).name,
            kept=kept,
            grid=self._grid,
            dtype=dtype,
            bands=self._bands(spec, channels),
            nodata=nodata,
            mask=mask,
            point=main.point,
            compress=request.compress,
            channels=channels,
            blend=spec.blend,
            overview=spec.overview,
            in_main_range=spec.range == "main",
            consistent=spec.consistent,
            categories=spec.categories,
            note=spec.note,
        )

    def _bands(self, spec: OutputSpec, channels: int) -> tuple[Band, ...]:
        if spec.decides:
            return (_plain(1, spec.name, spec.unit),)
        if spec.planes is not None and channels != len(self._main.bands):
            labels = spec.labels or ("",) * channels
            return tuple(_plain(i, label, spec.unit) for i, label in enumerate(labels, 1))
        if spec.labels:
            return tuple(_plain(i, label, spec.unit) for i, label in enumerate(spec.labels, 1))
        if spec.label == "{band}" and not spec.difference:
            return self._main.bands
        return tuple(
            replace(
                band,
                name=spec.label.format(band=band.name or f"band {i}"),
                colour="",
                unit=spec.unit or band.unit,
                offset=0.0 if spec.difference else band.offset,
                nodata=None,
            )
            for i, band in enumerate(self._main.bands, 1)
        )

    def _mask(self, spec: OutputSpec, dtype: str) -> tuple[float | None, OutputMask]:
        """The nodata value of an output, and how it stores validity."""
        main = self._main
        if spec.blend == "argmax":
            # The input's own nodata value may be the number of a class.
            return (_MASKED_CLASS, "nodata") if self._can_be_masked else (None, "none")
        if spec.dtype == "float32" or spec.blend == "max":
            return math.nan, "nodata"
        # Readers take an alpha band for a mask in these types only, unless the input has it so.
        if main.mask == "alpha" and dtype in (main.dtype, "uint8", "uint16"):
            return None, "alpha"
        nodata = next((band.nodata for band in main.bands if band.nodata is not None), None)
        if nodata is not None and _holds(dtype, nodata):
            return nodata, "nodata"
        if self._can_be_masked:
            return (math.nan, "nodata") if dtype == "float32" else (None, "dataset")
        return None, "none"


def _plain(number: int, name: str, unit: str) -> Band:
    """A band that no input has."""
    return Band("", number, name, unit, "", 1.0, 0.0, None)


def _holds(dtype: str, nodata: float) -> bool:
    if dtype == "float32":
        return math.isnan(nodata) or abs(nodata) < _FLOAT32_LIMIT
    bits = int(dtype.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return not math.isnan(nodata) and nodata.is_integer() and low <= nodata <= high
