"""Describe inputs: grid, bands, data type, masks, scale and offset, without reading pixels."""

from __future__ import annotations

import hashlib
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError

from .errors import GeoreferenceWarning, RequestError
from .radiometry import EXACT_DTYPES

Mask = Literal["none", "nodata", "dataset", "alpha"]

# Formats that read pixels of the file named, and nothing else: a VRT can point anywhere, so it needs a flag.
DRIVERS = ("GTiff", "COG", "JP2OpenJPEG", "JP2ECW", "JP2KAK", "DIMAP", "TIL", "PNG", "JPEG", "WEBP", "HFA", "ENVI")
_SAMPLED_BLOCKS, _BLOCK_BYTES = 64, 1 << 16


@dataclass(frozen=True, slots=True)
class Band:
    """One band of an input.

    Attributes:
        path: the file.
        index: band number in it, from 1.
        name, unit, colour: description, unit and colour interpretation; empty where the file has none.
        scale, offset: stored in the file; value = DN * scale + offset.
        nodata: value that stands for "no data", NaN included; None where there is none.
    """

    path: str
    index: int
    name: str
    unit: str
    colour: str
    scale: float
    offset: float
    nodata: float | None


@dataclass(frozen=True, slots=True)
class Scene:
    """One named input.

    Attributes:
        name: of the input in the model's specification.
        source: as the user gave it.
        grid: shape, affine and CRS.
        dtype: of every band.
        bands: without alpha.
        mask: how validity is stored beside nodata values.
        alpha: band number of the alpha band, 0 where there is none.
        point: whether the file calls its pixels points (``AREA_OR_POINT=Point``); the affine is corner-based anyway.
        fingerprint: of size and content samples; part of the run's identity.
    """

    name: str
    source: str
    grid: GeoBox
    dtype: str
    bands: tuple[Band, ...]
    mask: Mask
    alpha: int
    point: bool
    fingerprint: str

    @property
    def has_invalid(self) -> bool:
        """Whether cells can be invalid."""
        return self.mask != "none" or self.dtype.startswith("float")


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be opened: ``vrt`` lifts the refusal of virtual rasters."""

    vrt: bool = False


def describe(
    name: str, source: str, *, bands: tuple[int, ...] = (), any_dtype: bool = False, policy: Policy | None = None
) -> Scene:
    """Describe one input: a file, or several single-band files of one grid separated by commas.

    Args:
        bands: band numbers to take, from 1, in that order; all (but alpha) where empty.
        any_dtype: accept data types that cannot be returned exactly (the user named an output type).

    Raises:
        RequestError: missing, unreadable, not allowed, not georeferenced by an affine, or of an unsupported type.
    """
    parts = [part for part in source.split(",") if part] if not Path(source).exists() else [source]
    if not parts:
        raise RequestError("no file is named", where=name, cure="give a path")
    scenes = [_describe_file(name, part, any_dtype, bands, policy or Policy()) for part in parts]
    first = scenes[0]
    for other in scenes[1:]:
        if (other.grid, other.dtype) != (first.grid, first.dtype):
            raise RequestError(
                f"its grid or data type differs from {first.source}",
                where=other.source,
                cure="give files of one grid and one type, or stack them first",
            )
    every = tuple(band for scene in scenes for band in scene.bands)
    # A file counts its own bands, alpha included; several files are counted one after another.
    numbered = {band.index: band for band in every} if len(scenes) == 1 else dict(enumerate(every, 1))
    chosen = _choose(numbered, bands, source) if bands else every
    fingerprint = hashlib.sha256("".join(scene.fingerprint for scene in scenes).encode()).hexdigest()
    mask: Mask = "nodata" if any(b.nodata is not None for b in chosen) else "none"
    kinds = {scene.mask for scene in scenes}
    if "alpha" in kinds and len(scenes) > 1:
        raise RequestError(
            "one of several files has an alpha band",
            where=source,
            cure="give files without alpha, or stack them first",
        )
    if kinds & {"dataset", "alpha"}:
        mask = "alpha" if "alpha" in kinds else "dataset"
    return Scene(name, source, first.grid, first.dtype, chosen, mask, first.alpha, first.point, fingerprint)


def _choose(numbered: dict[int, Band], bands: tuple[int, ...], source: str) -> tuple[Band, ...]:
    for number in bands:
        if number not in numbered:
            raise RequestError(
                f"it has no band {number}", where=source, cure=f"choose bands from 1 to {max(numbered)} with --bands"
            )
    return tuple(numbered[number] for number in bands)


def open_raster(path: str, policy: Policy) -> rasterio.DatasetReader:
    """Open for reading with a handle of its own.

    Raises:
        RequestError: missing, unreadable, or of a format that the policy does not allow.
    """
    drivers = [*DRIVERS, "VRT"] if policy.vrt else list(DRIVERS)
    if "://" in path or path.startswith("/vsi"):
        raise RequestError("it is not a local file", where=path, cure="download it first")
    if not Path(path).exists():
        raise RequestError("the file does not exist", where=path, cure="check the path")
    try:
        with warnings.catch_warnings(), rasterio.Env():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            # The constructor takes a list of drivers; rasterio.open() takes only one.
            return rasterio.DatasetReader(path, driver=drivers, sharing=False)
    except RasterioIOError as error:
        cure = "give a raster such as GeoTIFF or JPEG 2000"
        if path.lower().endswith(".vrt") and not policy.vrt:
            cure = "pass --allow-vrt if you trust the files that it names"
        raise RequestError("it cannot be opened as a raster of an allowed format", where=path, cure=cure) from error


def _describe_file(name: str, path: str, any_dtype: bool, wanted: tuple[int, ...], policy: Policy) -> Scene:
    with open_raster(path, policy) as data:
        # Who names the alpha band wants its values.
        alpha_is_data = bool(wanted) and _alpha(data) in wanted
        if not data.count:
            raise RequestError("it holds no band of its own", where=path, cure="name one of its subdatasets")
        if len(set(data.dtypes)) != 1 or (data.dtypes[0] not in EXACT_DTYPES and not any_dtype):
            raise RequestError(
                f"its data type {'/'.join(sorted(set(data.dtypes)))} cannot be returned exactly",
                where=path,
                cure=f"convert it, or pass --dtype with one of {', '.join(EXACT_DTYPES)}",
            )
        if "complex" in data.dtypes[0]:
            raise RequestError("complex values are not supported", where=path, cure="give amplitudes")
        grid = _grid(data, path)
        alpha = 0 if alpha_is_data else _alpha(data)
        bands = tuple(_band(data, path, i) for i in range(1, data.count + 1) if i != alpha)
        point = data.tags().get("AREA_OR_POINT") == "Point"
        return Scene(name, path, grid, data.dtypes[0], bands, _mask(data, alpha, bands), alpha, point, _sample(path))


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
                cure="rectify it first with gdalwarp (-tps, -order 1, or -rpc)",
            )
        warnings.warn(GeoreferenceWarning(f"{path}: no georeference; the output has none either"), stacklevel=2)
    elif data.crs is None:
        warnings.warn(GeoreferenceWarning(f"{path}: no CRS; the output has none either"), stacklevel=2)
    if abs(data.transform.determinant) < 1e-300:
        raise RequestError("its affine is degenerate", where=path, cure="repair the georeference")
    return GeoBox((data.height, data.width), data.transform, data.crs.to_wkt() if data.crs else None)


def _band(data: rasterio.DatasetReader, path: str, index: int) -> Band:
    colour = data.colorinterp[index - 1]
    return Band(
        path=path,
        index=index,
        name=data.descriptions[index - 1] or "",
        unit=data.units[index - 1] or "",
        # A band that is kept as data is not alpha, whatever the file calls it.
        colour="" if colour in (ColorInterp.undefined, ColorInterp.palette, ColorInterp.alpha) else colour.name,
        scale=data.scales[index - 1],
        offset=data.offsets[index - 1],
        nodata=_nodata(data, index),
    )


def _nodata(data: rasterio.DatasetReader, index: int) -> float | None:
    value = data.nodatavals[index - 1]
    if value is None:
        return None
    kind = data.dtypes[index - 1]
    if kind.startswith("float"):
        return float(value)
    info = rasterio.dtypes.dtype_ranges[kind]
    # A nodata value that the type cannot hold marks nothing.
    whole = not math.isnan(value) and float(value).is_integer()
    return float(value) if whole and info[0] <= value <= info[1] else None


def _mask(data: rasterio.DatasetReader, alpha: int, bands: tuple[Band, ...]) -> Mask:
    if alpha:
        return "alpha"
    flags: list[Any] = data.mask_flag_enums[0]
    # An alpha band that is kept as data is no mask; GDAL calls it both.
    if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags:
        return "dataset"
    return "nodata" if any(band.nodata is not None for band in bands) else "none"


def _sample(path: str) -> str:
    """Fingerprint of a file: its size and up to 64 evenly spread blocks of its content."""
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    digest = hashlib.sha256(str(size).encode())
    if size:
        with Path(path).open("rb") as stream:
            for i in range(_SAMPLED_BLOCKS):
                stream.seek(max(size - _BLOCK_BYTES, 0) * i // (_SAMPLED_BLOCKS - 1))
                digest.update(stream.read(_BLOCK_BYTES))
    return digest.hexdigest()
