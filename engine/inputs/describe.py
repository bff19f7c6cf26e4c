"""Describe inputs: grid, bands, data type, masks, scale and offset, without reading more than a few pixels."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError
from rasterio.enums import ColorInterp, MaskFlags

from ..errors import GeoreferenceWarning, RequestError
from ..ground.fitting import check_fit
from ..request import OpenPolicy
from ..types import EXACT_DTYPES
from .alpha import warn_if_data
from .archives import exists
from .files import open_raster, readable
from .fingerprint import Stamp, fingerprint, stamps
from .scene import CLASS_NAMES, Band, Mask, Part, Scene
from .sentinel2 import NODATA, Product, find_product

_LARGEST_TERM = 1e100
_MOST_BANDS = 4096
# How far a corner may come back from where it was placed, px.
_TELLS_APART = 0.01


@dataclass(frozen=True, slots=True)
class _File:
    """One file: ``part`` has all its bands but alpha; ``coded`` ones hold numbers of colours or classes."""

    path: str
    part: Part
    dtype: str
    point: bool
    fingerprint: str
    tags: Mapping[str, str]
    coded: bool
    stamps: tuple[Stamp, ...]


def describe(
    name: str,
    source: str,
    *,
    bands: tuple[int | str, ...] = (),
    any_dtype: bool = False,
    coded: bool = False,
    policy: OpenPolicy | None = None,
) -> Scene:
    """Describe one input: a file, several files separated by commas, or a Sentinel-2 product.

    Several files have one grid, or pixels that are whole multiples of those of the finest one over the same ground.

    Args:
        bands: numbers (from 1) or names of the bands to take, in that order; all (but alpha) where empty.
        any_dtype: accept data types that cannot be returned exactly (the user named an output type).
        coded: accept numbers of colours or classes in place of measurements.

    Raises:
        RequestError: missing, unreadable, not allowed, not georeferenced by an affine, or of an unsupported type; the
            files do not fit each other; the product is not complete.
    """
    policy = policy or OpenPolicy()
    product = find_product(source)
    if product is not None:
        files, chosen = _of_product(product, bands, any_dtype, policy)
    else:
        files, chosen = _of_files(name, source, bands, any_dtype, policy)
    if len(files) > 1 and any(file.part.alpha for file in files):
        raise RequestError(
            "one of several files has an alpha band",
            where=source,
            fix="give files without alpha, or stack them first",
        )
    for file in files[1:]:
        if file.dtype != files[0].dtype:
            raise RequestError(
                f"its data type {file.dtype} differs from {files[0].dtype} of {files[0].path}",
                where=file.path,
                fix="give files of one data type, or convert them with gdal_translate -ot",
            )
    if not coded:
        for file in files:
            _check_measured(file)
    content = hashlib.sha256("".join(file.fingerprint for file in files).encode()).hexdigest()
    tags = next(file.tags for file in files if file.path == chosen[0].path)
    stamped = tuple(dict.fromkeys(stamp for file in files for stamp in file.stamps))
    scene = Scene(name, source, _parts(files, chosen), files[0].dtype, files[0].point, content, tags, stamped)
    finest = next(part for part in scene.parts if part.grid == scene.grid).bands[0].path
    for part in scene.parts:
        check_fit(scene.grid, part.grid, fine_name=finest, coarse_name=part.bands[0].path)
    return scene


def _of_files(
    name: str, source: str, bands: tuple[int | str, ...], any_dtype: bool, policy: OpenPolicy
) -> tuple[list[_File], tuple[Band, ...]]:
    paths = [source] if exists(source) else [path for path in source.split(",") if path]
    if not paths:
        raise RequestError("no file is named", where=name, fix="give a path")
    files = [_describe_file(path, any_dtype, bands, policy) for path in paths]
    every = tuple(band for file in files for band in file.part.bands)
    if not every:
        raise RequestError("it holds nothing but alpha", where=source, fix="pass --bands 1 to take that for data")
    # A file counts its own bands, alpha included; several files are counted one after another.
    numbered = {band.index: band for band in every} if len(files) == 1 else dict(enumerate(every, 1))
    numbers = _choose({number: band.name for number, band in numbered.items()}, bands, source)
    return files, tuple(numbered[number] for number in numbers)


def _of_product(
    product: Product, bands: tuple[int | str, ...], any_dtype: bool, policy: OpenPolicy
) -> tuple[list[_File], tuple[Band, ...]]:
    files, chosen = [], []
    names = {number: band.name for number, band in enumerate(product.bands, 1)}
    for number in _choose(names, bands, product.source):
        band = product.bands[number - 1]
        file = _describe_file(product.path(band), any_dtype, (), policy)
        if len(file.part.bands) != 1:
            raise RequestError(
                f"it holds {len(file.part.bands)} bands, not one", where=file.path, fix="fetch the product again"
            )
        colour = {"B02": "blue", "B03": "green", "B04": "red"}.get(band.name, "")
        files.append(file)
        chosen.append(Band(file.path, 1, band.name, "", colour, band.scale, band.offset, NODATA))
    return files, tuple(chosen)


def _choose(names: dict[int, str], wanted: tuple[int | str, ...], source: str) -> list[int]:
    """The numbers of the wanted bands: all where none is wanted; a name counts in any case of its letters."""
    by_name = {name.lower(): number for number, name in reversed(names.items()) if name}
    chosen = []
    for band in wanted:
        number = by_name.get(band.lower(), 0) if isinstance(band, str) else band
        if number not in names:
            known = f" or {', '.join(filter(None, names.values()))}" if by_name else ""
            raise RequestError(
                f"it has no band {band}", where=source, fix=f"choose bands from 1 to {max(names)}{known} with --bands"
            )
        chosen.append(number)
    return chosen or list(names)


def _parts(files: Sequence[_File], chosen: Sequence[Band]) -> tuple[Part, ...]:
    """The chosen bands, cut where the grid changes."""
    by_path = {file.path: file.part for file in files}
    parts = []
    for _, run in groupby(chosen, key=lambda band: by_path[band.path].grid):
        bands = tuple(run)
        whole = [by_path[path] for path in dict.fromkeys(band.path for band in bands)]
        kinds = {part.mask for part in whole} & {"alpha", "dataset"}
        mask: Mask = "nodata" if any(band.nodata is not None for band in bands) else "none"
        if kinds:
            mask = "alpha" if "alpha" in kinds else "dataset"
        parts.append(Part(whole[0].grid, bands, mask, whole[0].alpha))
    return tuple(parts)


def _describe_file(path: str, any_dtype: bool, wanted: tuple[int | str, ...], policy: OpenPolicy) -> _File:
    with open_raster(path, policy) as data, readable(path):
        _check_kind(data, path, any_dtype)
        # Who names the alpha band wants its values.
        alpha_is_data = bool(wanted) and _alpha(data) in wanted
        grid = _grid(data, path)
        alpha = 0 if alpha_is_data else _alpha(data)
        if alpha and not wanted:
            warn_if_data(data, alpha, path)
        bands = _bands(data, path, alpha)
        tags = data.tags()
        point = tags.get("AREA_OR_POINT") == "Point"
        part = Part(grid, bands, _mask(data, alpha, bands), alpha)
        # Stamped first: what is changed from now on shows.
        stamped = stamps(path, data.files)
        content = fingerprint(path, data.files)
        return _File(path, part, data.dtypes[0], point, content, _lasting(tags), _is_coded(data), stamped)


def _check_kind(data: rasterio.DatasetReader, path: str, any_dtype: bool) -> None:
    if not data.count:
        raise RequestError("it holds no band of its own", where=path, fix="name one of its subdatasets")
    if data.count > _MOST_BANDS:
        raise RequestError(
            f"it has {data.count} bands, and more than {_MOST_BANDS} are not read",
            where=path,
            fix="take some of them with gdal_translate -b",
        )
    if len(set(data.dtypes)) != 1 or (data.dtypes[0] not in EXACT_DTYPES and not any_dtype):
        raise RequestError(
            f"its data type {'/'.join(sorted(set(data.dtypes)))} cannot be returned exactly",
            where=path,
            fix=f"convert it, or pass --dtype with one of {', '.join(EXACT_DTYPES)}",
        )
    if "complex" in data.dtypes[0]:
        raise RequestError("complex values are not supported", where=path, fix="give amplitudes")
    header = data.tags(ns="ENVI")
    if data.driver == "ENVI" and header.get("file_compression", "0") == "0":
        # GDAL reads zeros from where the file ends.
        values = data.width * data.height * data.count * np.dtype(data.dtypes[0]).itemsize
        offset = header.get("header_offset", "0").strip()
        if not re.fullmatch(r"[0-9]{1,18}", offset):
            raise RequestError("the offset in its header is no number of bytes", where=path, fix="correct the header")
        stored, expected = Path(path).stat().st_size, int(offset) + values
        if stored < expected:
            raise RequestError(
                f"it is truncated: {stored} of the {expected} bytes that its header states",
                where=path,
                fix="fetch it again",
            )


def _is_coded(data: rasterio.DatasetReader) -> bool:
    """Whether a band has a palette, or is said to be a map of classes."""
    thematic = any(data.tags(i).get("LAYER_TYPE", "").lower() == "thematic" for i in data.indexes)
    return thematic or ColorInterp.palette in data.colorinterp or CLASS_NAMES in data.tags()


def _check_measured(file: _File) -> None:
    if file.coded:
        raise RequestError(
            "its values are numbers of colours or classes, and what lies between two of them is none",
            where=file.path,
            fix="turn a palette into colours with gdal_translate -expand rgb; resample classes with gdalwarp -r near",
        )


def _lasting(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that hold for a raster made from this one: no statistics, nothing that an earlier run said of itself."""
    # What a pixel stands for is kept apart.
    own = ("STATISTICS", "SEAMLINE", "AREA_OR_POINT")
    return {key: value for key, value in tags.items() if not key.startswith(own)}


def _alpha(data: rasterio.DatasetReader) -> int:
    """Number of the alpha band; 0 without one.

    A nodata value or a mask outranks alpha (GDAL's rule): many four-band images carry near infrared under that name.
    Unlike GDAL's masks, alpha counts beside any number of bands, not just one or three.
    """
    flags = data.mask_flag_enums[0]
    masked = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
    if masked or any(value is not None for value in data.nodatavals):
        return 0
    return next((i for i, colour in enumerate(data.colorinterp, 1) if colour == ColorInterp.alpha), 0)


def _grid(data: rasterio.DatasetReader, path: str) -> GeoBox:
    if data.transform.is_identity:
        if data.gcps[0] or data.rpcs:
            raise RequestError(
                "it is placed by ground control points or RPCs only, without an affine georeference",
                where=path,
                fix="rectify it first with gdalwarp (-tps, -order 1, or -rpc)",
            )
        warnings.warn(GeoreferenceWarning(f"{path}: no georeference; the output has none either"), stacklevel=2)
    elif data.crs is None:
        warnings.warn(GeoreferenceWarning(f"{path}: no CRS; the output has none either"), stacklevel=2)
    if not _is_usable(data.transform, data.width, data.height):
        raise RequestError("its affine is degenerate", where=path, fix="repair the georeference")
    try:
        return GeoBox((data.height, data.width), data.transform, data.crs.to_wkt() if data.crs else None)
    except ProjError as error:
        raise RequestError(
            f"its CRS cannot be read ({error})", where=path, fix="assign one with gdal_edit.py -a_srs"
        ) from error


def _is_usable(affine: Affine, width: int, height: int) -> bool:
    """Whether an affine tells pixels apart, and squares of its terms neither overflow nor vanish."""
    if not (all(abs(term) < _LARGEST_TERM for term in affine) and abs(affine.determinant) > 1 / _LARGEST_TERM):
        return False
    back = ~affine
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        there = affine * corner
        missed = max(abs(found - told) for found, told in zip(back * there, corner, strict=True))
        # Not the other way round: what is no number is no place.
        if not (max(map(abs, there)) < _LARGEST_TERM and missed < _TELLS_APART):
            return False
    return True


def _bands(data: rasterio.DatasetReader, path: str, alpha: int) -> tuple[Band, ...]:
    """All bands but alpha; each list is asked for once, as it is made anew for every answer."""
    return tuple(
        Band(
            path=path,
            index=index,
            name=name or "",
            unit=unit or "",
            # A band that is kept as data is not alpha, whatever the file calls it.
            colour="" if colour in (ColorInterp.undefined, ColorInterp.palette, ColorInterp.alpha) else colour.name,
            scale=scale,
            offset=offset,
            # A nodata value that the type cannot hold marks nothing.
            nodata=float(nodata) if nodata is not None and holds(kind, nodata) else None,
        )
        for index, name, unit, colour, scale, offset, nodata, kind in zip(
            data.indexes,
            data.descriptions,
            data.units,
            data.colorinterp,
            data.scales,
            data.offsets,
            data.nodatavals,
            data.dtypes,
            strict=True,
        )
        if index != alpha
    )


def holds(dtype: str, value: float) -> bool:
    """Whether a data type has a value that can mark pixels."""
    if dtype.startswith("float"):
        return True
    low, high = rasterio.dtypes.dtype_ranges[dtype]
    return not math.isnan(value) and float(value).is_integer() and low <= value <= high


def _mask(data: rasterio.DatasetReader, alpha: int, bands: tuple[Band, ...]) -> Mask:
    if alpha:
        return "alpha"
    flags: list[Any] = data.mask_flag_enums[0]
    # An alpha band that is kept as data is no mask; GDAL calls it both.
    if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags:
        return "dataset"
    return "nodata" if any(band.nodata is not None for band in bands) else "none"
