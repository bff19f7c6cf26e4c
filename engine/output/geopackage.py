"""Layers of features as GeoPackages: written chunk by chunk, and put in place by a rename, whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS

from ..errors import RunError
from .vrt import crs_text

_SIDE_FILES = ("", "-journal", "-wal", "-shm")

Geometries = NDArray[np.object_]
Columns = Mapping[str, NDArray[Any]]


class GeoPackage:
    """A file of one layer that is being written.

    Args:
        path: where it goes once it is whole; a file there is replaced.
        layer: its name.
        kind: ``"Polygon"`` or ``"MultiPolygon"``, of every feature.
        fields: data type of each field by its name; ``object`` for text.
        crs: of the coordinates.
    """

    def __init__(self, path: Path, layer: str, kind: str, fields: Mapping[str, Any], crs: CRS | None) -> None:
        self._path, self._layer, self._kind, self._fields = path, layer, kind, dict(fields)
        self._crs = None if crs is None else crs_text(crs)
        # Without the number of the process: what a killed one left is written over.
        self._part = path.with_name(f".{path.stem}.part.gpkg")
        self.count = 0

    def __enter__(self) -> GeoPackage:
        self._remove_part()
        # An empty layer first, so that a file without features has its fields too.
        self._put(np.empty(0, object), {name: np.empty(0, kind) for name, kind in self._fields.items()}, append=False)
        return self

    def write(self, geometries: Geometries, columns: Columns) -> None:
        """Add features, (n,) each of geometries and of every column.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        if len(geometries):
            self._put(shapely.to_wkb(geometries), columns, append=True)
            self.count += len(geometries)

    def _put(self, wkb: NDArray[Any], columns: Columns, *, append: bool) -> None:
        data = [np.asarray(columns[name], kind) for name, kind in self._fields.items()]
        try:
            with warnings.catch_warnings():
                # On a layer without a CRS.
                warnings.simplefilter("ignore")
                pyogrio.raw.write(
                    self._part,
                    geometry=wkb,
                    field_data=data,
                    fields=list(self._fields),
                    layer=self._layer,
                    driver="GPKG",
                    geometry_type=self._kind,
                    crs=self._crs,
                    promote_to_multi=self._kind == "MultiPolygon",
                    append=append,
                    # QGIS 3.22 says of newer versions that it may not read all of them.
                    dataset_options=None if append else {"VERSION": "1.2"},
                )
        except (OSError, RuntimeError, ValueError) as error:
            self._remove_part()
            raise self._cannot_be_written(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._remove_part()
            return
        try:
            with self._part.open("rb") as stream:
                os.fsync(stream.fileno())
            for ending in _SIDE_FILES[1:]:
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            self._part.replace(self._path)
        except OSError as problem:
            self._remove_part()
            raise self._cannot_be_written(problem) from problem

    def _remove_part(self) -> None:
        for ending in _SIDE_FILES:
            self._part.with_name(self._part.name + ending).unlink(missing_ok=True)

    def _cannot_be_written(self, error: Exception) -> RunError:
        return RunError(
            f"the GeoPackage cannot be written ({getattr(error, 'strerror', None) or error})",
            where=str(self._path),
            fix="make room on the disk, or close the programs that use the file, then run again with --resume",
        )
