"""Describe inputs: grid, bands, data type, masks, scale and offset, without reading more than a few pixels."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags

from ..errors import RequestError
from ..ground.fitting import check_fit
from ..request import OpenPolicy
from ..types import EXACT_DTYPES
from .alpha import warn_if_data
from .archives import exists
from .files import open_raster, readable
from .fingerprint import Stamp, fingerprint, stamps
from .georeference import grid_of
from .products.find import find_product
from .products.product import Product, ProductBand
from .remote import RemoteRaster
from .scene import CLASS_NAMES, Band, Delivery, Flags, Mask, Part, Scene
from .stac_item import Item, find_item

PAN = "pan"
"""Name of an input that is a panchromatic band."""

_MOST_BANDS = 4096


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
    """Describe one input: a file, several files separated by commas, a product, or assets of a STAC item.

    Several files have one grid, or pixels that are whole multiples of those of the finest one over the same ground.

    Args:
        name: of the input; ``"pan"`` takes the panchromatic band of a product, others take those of its image.
        bands: numbers (from 1) or names of the bands to take, in that order; all (but alpha) where empty.
        any_dtype: accept data types that cannot be returned exactly (the user named an output type).
        coded: accept numbers of colours or classes in place of measurements.

    Raises:
        RequestError: missing, unreadable, not allowed, not georeferenced by an affine, or of an unsupported type; the
            files do not fit each other; the product is not complete.
    """
    policy = policy or OpenPolicy()
    item = find_item(source, policy)
    product = find_product(source) if item is None else None
    delivery = None
    if item is not None:
        files, chosen = _of_item(item, bands, any_dtype, policy)
    elif product is not None:
        taken = _bands_of(product, name, bands)
        files, chosen = _of_product(product, taken, any_dtype, policy)
        delivery = Delivery(product.kind, product.sensor, all(band.scale is not None for band in taken))
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
    told = "" if product is None else product.digest()
    content = hashlib.sha256("".join([*(file.fingerprint for file in files), told]).encode()).hexdigest()
    tags = next(file.tags for file in files if file.path == chosen[0].path)
    if item is not None:
        tags = {**item.tags, **tags}
    stamped = [stamp for file in files for stamp in file.stamps]
    if product is not None:
        stamped += [stamp for path in product.told_by for stamp in stamps(path, ())]
    scene = Scene(
        name,
        source,
        _parts(files, chosen),
        files[0].dtype,
        files[0].point,
        content,
        tags,
        tuple(dict.fromkeys(stamped)),
        delivery,
    )
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
    product: Product, chosen: Sequence[ProductBand], any_dtype: bool, policy: OpenPolicy
) -> tuple[list[_File], tuple[Band, ...]]:
    files: dict[str, _File] = {}
    bands = []
    for band in chosen:
        path = product.path(band)
        if path not in files:
            files[path] = _image(product, band, any_dtype, policy)
        own = next(each for each in files[path].part.bands if each.index == band.index)
        told = replace(own, name=band.name, unit=band.unit, colour=band.colour)
        if band.scale is not None and band.offset is not None:
            told = replace(told, scale=band.scale, offset=band.offset)
        if band.nodata is not None and holds(files[path].dtype, band.nodata):
            told = replace(told, nodata=band.nodata)
        bands.append(told)
    return list(files.values()), tuple(bands)


def _image(product: Product, band: ProductBand, any_dtype: bool, policy: OpenPolicy) -> _File:
    """The image of a band, with the product's mask of it."""
    held = tuple(each.index for each in product.bands if each.image == band.image)
    file = _describe_file(product.path(band), any_dtype, held, policy)
    count = len(file.part.bands)
    if count != len(held):
        expected = "one" if len(held) == 1 else len(held)
        raise RequestError(f"it holds {count} bands, not {expected}", where=file.path, fix="fetch the product again")
    path = None if band.mask is None else product.mask_path(band.mask)
    if band.mask is None or path is None:
        return file
    mask = _describe_file(path, True, (band.mask.index,), policy)
    if band.mask.index not in (each.index for each in mask.part.bands) or not mask.dtype.startswith(("int", "uint")):
        raise RequestError(
            f"it has no flags in band {band.mask.index}, as the mask of the product has",
            where=path,
            fix="fetch the product again",
        )
    if mask.part.grid != file.part.grid:
        raise RequestError(
            f"it is the mask of {file.path}, but lies on another grid", where=path, fix="fetch the product again"
        )
    flags = Flags(path, band.mask.index, band.mask.bits)
    return replace(
        file,
        part=replace(file.part, flags=flags),
        fingerprint=file.fingerprint + mask.fingerprint,
        stamps=file.stamps + mask.stamps,
    )


def _bands_of(product: Product, name: str, wanted: tuple[int | str, ...]) -> list[ProductBand]:
    """The bands of a product that an input takes: PAN takes that of the product, others its image."""
    if wanted:
        names = {number: band.name for number, band in enumerate(product.bands, 1)}
        return [product.bands[number - 1] for number in _choose(names, wanted, product.source)]
    by_role = {role: [band for band in product.bands if band.role == role] for role in ("image", "pan", "further")}
    order = ("pan", "image") if name == PAN else ("image", "pan")
    return next((by_role[role] for role in order if by_role[role]), by_role["further"])


def _of_item(
    item: Item, bands: tuple[int | str, ...], any_dtype: bool, policy: OpenPolicy
) -> tuple[list[_File], tuple[Band, ...]]:
    files = [_describe_file(asset.path, any_dtype, (), policy) for asset in item.assets]
    pairs = zip(item.assets, files, strict=True)
    every = dict(enumerate((band for asset, file in pairs for band in asset.restated(file.part.bands)), 1))
    numbers = _choose({number: band.name for number, band in every.items()}, bands, item.source)
    return files, tuple(every[number] for number in numbers)


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
    for _, run in groupby(chosen, key=lambda band: (by_path[band.path].grid, by_path[band.path].flags)):
        bands = tuple(run)
        whole = [by_path[path] for path in dict.fromkeys(band.path for band in bands)]
        kinds = {part.mask for part in whole} & {"alpha", "dataset"}
        mask: Mask = "nodata" if any(band.nodata is not None for band in bands) else "none"
        flags = whole[0].flags
        if kinds or (mask == "none" and flags is not None):
            mask = "alpha" if "alpha" in kinds else "dataset"
        parts.append(Part(whole[0].grid, bands, mask, whole[0].alpha, flags=flags))
    return tuple(parts)


def _describe_file(path: str, any_dtype: bool, wanted: tuple[int | str, ...], policy: OpenPolicy) -> _File:
    with open_raster(path, policy) as data, readable(path):
        _check_kind(data, path, any_dtype)
        # Who names the alpha band wants its values.
        alpha_is_data = bool(wanted) and _alpha(data) in wanted
        grid = grid_of(data, path)
        alpha = 0 if alpha_is_data else _alpha(data)
        if alpha and not wanted:
            warn_if_data(data, alpha, path)
        bands = _bands(data, path, alpha)
        tags = data.tags()
        point = tags.get("AREA_OR_POINT") == "Point"
        part = Part(grid, bands, _mask(data, alpha, bands), alpha)
        # Stamped first: what is changed from now on shows.
        state = data.state if isinstance(data, RemoteRaster) else None
        stamped = stamps(path, data.files, state)
        content = fingerprint(path, data.files, state)
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
