"""Open rasters: which formats and places a policy allows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from ..errors import RequestError
from ..request import OpenPolicy
from .addresses import is_address
from .archives import exists, split_archived
from .dataset_files import Kind, check_folder, check_overviews_named, kind_of, other_files
from .remote import RemoteRaster

# Formats that read pixels of the file named, and nothing else.
_OF_ONE_FILE = ("GTiff", "COG", "JP2OpenJPEG", "JP2ECW", "JP2KAK", "PNG", "JPEG", "WEBP", "ENVI")
# Formats that name other files, which are looked at first; a VRT can name any, so it needs a flag.
_OF_SEVERAL: tuple[Kind, ...] = ("DIMAP", "TIL", "HFA", "VRT")
DRIVERS = (*_OF_ONE_FILE, "DIMAP", "TIL", "HFA")
"""Formats that are read without a flag."""

GDAL_ERRORS = (RasterioError, CPLE_BaseError, CRSError, UnicodeDecodeError)
"""What reading and writing may raise: GDAL's own errors too, which rasterio does not always make its own; what it
says of a damaged file need not be text."""

# What is left should the looking have overlooked something: no file on a server is the allowed one, curl knows no such
# proxy, and no code in a virtual raster runs.
OFFLINE = {
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "/none",
    "GDAL_HTTP_PROXY": "none://none",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
}


def open_raster(path: str, policy: OpenPolicy) -> rasterio.DatasetReader:
    """Open for reading with a handle of its own.

    Masks and overviews beside a file belong to it; those in an archive or on a server are not read.

    Raises:
        RunError: a server does not answer; also when the raster is read.
        RequestError: missing, unreadable, or of a format that the policy does not allow; or a file that belongs to it
            is, or lies elsewhere.
    """
    if is_address(path):
        return _remote(path, policy)
    check_place(path)
    if split_archived(path) is None:
        others = other_files(path, policy)
        if not others and kind_of(path) not in _OF_SEVERAL:
            with rasterio.Env():
                return _opened(path, (), policy)
        return _offline(path, others, policy, OFFLINE)
    # In an archive nothing but the file itself is looked at.
    return _offline(path, (), policy, OFFLINE | {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"})


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Refuse in one sentence what GDAL or rasterio cannot make sense of in a file that was opened.

    Raises:
        RequestError: something in it is damaged.
    """
    try:
        yield
    except GDAL_ERRORS as error:
        reason = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise RequestError(
            f"its metadata cannot be read ({reason[0][:120]})",
            where=path,
            fix="the file or one beside it is damaged: fetch it again, or move the one beside it away",
        ) from error


def check_place(path: str) -> None:
    """Refuse what is no file on this machine, and has to be.

    Raises:
        RequestError: it is an address, missing, or has a name that GDAL cannot take.
    """
    archive = split_archived(path)
    if is_address(path) or (path.startswith("/vsi") and archive is None):
        raise RequestError("it is not a local file", where=path, fix="download it first")
    if not exists(path if archive is None else archive[0]):
        raise RequestError("the file does not exist", where=path, fix="check the path")
    # On Linux a name is any bytes, and GDAL takes text.
    name = path.encode(errors="backslashreplace").decode()
    if name != path:
        raise RequestError("its name is not UTF-8", where=name, fix="rename it")


def _offline(
    path: str, others: tuple[str, ...], policy: OpenPolicy, options: Mapping[str, str]
) -> rasterio.DatasetReader:
    def opened() -> rasterio.DatasetReader:
        with rasterio.Env(**options):
            return _opened(path, others, policy)

    # On the main thread rasterio sets options for all threads, and what the others read is not ours to forbid.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(opened).result()


def _remote(path: str, policy: OpenPolicy) -> rasterio.DatasetReader:
    try:
        with rasterio.Env(), quiet():
            data = RemoteRaster(path, policy)
    except GDAL_ERRORS as error:
        raise _not_opened(path, "give a raster such as GeoTIFF or JPEG 2000") from error
    try:
        with readable(path):
            check_overviews_named(path, data.tags(ns="OVERVIEWS"))
    except BaseException:
        data.close()
        raise
    return data


def _not_opened(path: str, fix: str) -> RequestError:
    return RequestError("it cannot be opened as a raster of an allowed format", where=path, fix=fix)


def _opened(path: str, others: tuple[str, ...], policy: OpenPolicy) -> rasterio.DatasetReader:
    with quiet():
        for other in others:
            _check_tags(other, policy, (_stamp(other), _stamp(other + ".aux.xml")))
        data = _read_by_its_driver(path, policy)
        try:
            with readable(path):
                # Before GDAL is asked for the files, for which it opens the overviews.
                check_overviews_named(path, data.tags(ns="OVERVIEWS"))
                if not policy.vrt and split_archived(path) is None:
                    check_folder(path, data.files)
        except BaseException:
            data.close()
            raise
        return data


@lru_cache(maxsize=1 << 16)
def _check_tags(path: str, policy: OpenPolicy, _: tuple[tuple[int, int], ...]) -> None:
    """Look at the tags of a file that GDAL will open; once while it stays as it is, for a mosaic has thousands."""
    with _read_by_its_driver(path, policy) as data, readable(path):
        check_overviews_named(path, data.tags(ns="OVERVIEWS"))


def _stamp(path: str) -> tuple[int, int]:
    """What changes where a file does: the time of its last change, ns, and its size."""
    try:
        status = Path(path).stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _read_by_its_driver(path: str, policy: OpenPolicy) -> rasterio.DatasetReader:
    kind = "other" if split_archived(path) else kind_of(path)
    # By its first bytes a file is of a format that names others, or cannot be opened as one.
    drivers = [kind] if kind in _OF_SEVERAL and (kind != "VRT" or policy.vrt) else list(_OF_ONE_FILE)
    try:
        # The constructor takes a list of drivers; rasterio.open() takes only one.
        return rasterio.DatasetReader(path, driver=drivers, sharing=False)
    except GDAL_ERRORS as error:
        fix = "give a raster such as GeoTIFF or JPEG 2000"
        if not policy.vrt and (kind == "VRT" or path.lower().endswith(".vrt")):
            fix = "pass --allow-vrt if you trust the files that it names"
        raise _not_opened(path, fix) from error


class quiet(warnings.catch_warnings):
    """Without the warning that a raster has no georeference."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
