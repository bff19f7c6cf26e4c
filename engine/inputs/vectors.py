"""Vector layers: which files a policy allows, what they hold, and their shapes.

GDAL would open a file with any driver that takes it, those of network services and of files that name other files
included.  So the first bytes must be those of a format that reads one file (or the parts of one shapefile), the driver
is looked at again once it has opened the file, and nothing can be fetched the while.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read
from pyproj import CRS
from pyproj.exceptions import CRSError

from ..errors import RequestError
from .archives import split_archived
from .files import OFFLINE, check_place

Box = tuple[float, float, float, float]
"""(xmin, ymin, xmax, ymax)."""

DRIVERS = ("GPKG", "GeoJSON", "ESRI Shapefile", "FlatGeobuf")
"""Formats that are read."""

# Options of GDAL are those of the whole process.
_LOCK = threading.Lock()
_HEAD = 1024
FORMATS = "GeoPackage, GeoJSON, Shapefile or FlatGeobuf"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a vector file.

    Attributes:
        path: of the file.
        name: of the layer.
        crs: None where the file states none.
        fields: names of its columns.
    """

    path: str
    name: str
    crs: CRS | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Features of a layer, in the order of the file.

    Attributes:
        shapes: as shapely has them; None where a feature has none.
        values: (n,) of one column; None where none was asked for.
    """

    shapes: NDArray[np.object_]
    values: NDArray[Any] | None


def is_vector(path: str) -> bool:
    """Whether a local file begins as one of the vector formats that are read."""
    head = _head(path)
    # GeoPackages state themselves as the application of their database.
    if head.startswith(b"SQLite format 3\0"):
        return head[68:70] == b"GP"
    if head.startswith((b"fgb\x03", b"\0\0\x27\x0a")):
        return True
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def find_layer(path: str, name: str | None = None) -> Layer:
    """Describe a layer of a file: the one of that name, or the only one that has shapes.

    Raises:
        RequestError: the file is missing, unreadable or of another format; there is no such layer, or several.
    """
    check_place(path)
    if split_archived(path) is not None or not is_vector(path):
        raise RequestError("it is no vector file of an allowed format", where=path, fix=f"give a {FORMATS}")
    with _reading(path):
        layers = [str(layer) for layer, kind in pyogrio.list_layers(_place(path)) if kind is not None]
        if name is None and len(layers) == 1:
            name = layers[0]
        if name not in layers:
            what = "it holds no layer of shapes"
            if layers:
                what = f"it holds the layers {_listed(layers)}" + ("" if name is None else f", but no {name}")
            raise RequestError(what, where=path, fix="name one of them with --layer" if layers else "give another file")
        info = pyogrio.read_info(_place(path), layer=name)
    if info["driver"] not in DRIVERS:
        raise RequestError("it is no vector file of an allowed format", where=path, fix=f"give a {FORMATS}")
    return Layer(path, name, _crs(info["crs"], path), tuple(map(str, info["fields"])))


def check_field(layer: Layer, field: str) -> None:
    """Refuse a column that a layer does not have.

    Raises:
        RequestError: naming those there are.
    """
    if field not in layer.fields:
        known = f"its columns are {_listed(layer.fields)}" if layer.fields else "it has no columns"
        raise RequestError(f"it has no column {field}; {known}", where=layer.path, fix="name one with --class-field")


def read_features(layer: Layer, field: str | None, box: Box | None = None) -> Features:
    """Read the shapes of a layer, flat, and one of its columns.

    Args:
        box: in the CRS of the layer; what does not meet it is left out, but for features without a shape.

    Raises:
        RequestError: the file is damaged.
    """
    with _reading(layer.path):
        _, numbers, shapes, columns = read(
            _place(layer.path),
            layer=layer.name,
            columns=[] if field is None else [field],
            force_2d=True,
            bbox=box,
            return_fids=True,
        )
    # An index of the file may give them in an order of its own.
    order = np.argsort(numbers, kind="stable")
    shapes = shapely.from_wkb(shapes[order], on_invalid="ignore")
    return Features(np.asarray(shapes, object), None if field is None else columns[0][order])


def read_column(layer: Layer, field: str) -> NDArray[Any]:
    """Read one column of a layer, without the shapes.

    Raises:
        RequestError: the file is damaged.
    """
    with _reading(layer.path):
        values: NDArray[Any] = read(_place(layer.path), layer=layer.name, columns=[field], read_geometry=False)[3][0]
    return values


def _head(path: str) -> bytes:
    # A pipe would wait for somebody to write.
    if not Path(path).is_file():
        return b""
    with Path(path).open("rb") as stream:
        return stream.read(_HEAD)


def _place(path: str) -> str:
    # A relative name such as http:a.json would be read as an address.
    return str(Path(path).absolute())


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Nothing is fetched, and what GDAL says becomes one sentence."""
    with _LOCK:
        before = {option: pyogrio.get_gdal_config_option(option) for option in OFFLINE}
        pyogrio.set_gdal_config_options(dict(OFFLINE))
        try:
            with warnings.catch_warnings():
                # Of odd rings and the like; what is invalid is repaired and counted by us.
                warnings.simplefilter("ignore", RuntimeWarning)
                yield
        except (DataSourceError, DataLayerError, UnicodeDecodeError, OSError) as error:
            reason = (str(error).splitlines() or [""])[0].replace(_place(path), "it").partition(";")[0]
            raise RequestError(
                f"it cannot be read as {FORMATS} ({reason[:120] or type(error).__name__})",
                where=path,
                fix="fetch it again, or save it anew from QGIS",
            ) from error
        finally:
            pyogrio.set_gdal_config_options(before)


def _crs(text: str | None, path: str) -> CRS | None:
    if not text:
        return None
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise RequestError(
            "its CRS cannot be read", where=path, fix="assign the one that it is in with ogr2ogr -a_srs"
        ) from error
    # GeoPackage has names for a CRS that nobody knows.
    return None if crs.name.lower().startswith(("undefined", "unknown")) else crs


def _listed(names: list[str] | tuple[str, ...]) -> str:
    shown = [name if len(name) <= 40 else name[:37] + "..." for name in names[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
