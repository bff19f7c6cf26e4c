"""Put finished row bands together: whole Cloud Optimized GeoTIFFs, or none at all.

Row bands are joined by a virtual raster, overviews are made from the rows as they pass, and GDAL's COG driver lays
both out in one go.  The result replaces the destination by a rename, so that a reader sees the old file or the new
one, never a half.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from ..context import RunContext
from ..errors import RunError
from ..inputs.files import GDAL_ERRORS, quiet
from ..plan.plan import Output, Plan
from .pyramid import Pyramid
from .row_bands import CHUNK_ROWS, RowBands, RowDigest, without_sign
from .seams import SeamMeter, SeamScore
from .texture import TextureMeter, TextureRatio
from .vrt import StoredRows, with_mask, write_vrt

_SIDE_FILES = (".aux.xml", ".msk", ".ovr", ".msk.ovr")
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Finished:
    """What the last step found.

    Attributes:
        seams: the seam score; None where the window holds no tile boundary.
        texture: the mid-overlap variance ratio; None likewise, and where the tiles have no interior.
        output_bytes: size of the COG.
        path: where it lies.
    """

    seams: SeamScore | None
    texture: TextureRatio | None
    output_bytes: int
    path: Path


def make_cogs(
    plan: Plan, row_bands: RowBands, out: Path, tags: Sequence[dict[str, str]], *, context: RunContext
) -> list[Finished]:
    """Make the COG of every output from the finished row bands, beside them.

    Args:
        out: where the first one is to go.
        tags: of each output.

    Returns:
        What was found, one for each output.

    Raises:
        RunError: the disk is full, a COG cannot be written, or a row band is not what was written; the others stay.
        Cancelled: likewise.
    """
    parts = [row_bands.folder / f"output-{i}.tif" for i in range(len(plan.outputs))]
    with _writing(parts, out):
        return [
            _make(plan, output, row_bands, part, its_tags, context)
            for output, part, its_tags in zip(plan.outputs, parts, tags, strict=True)
        ]


def put_in_place(plan: Plan, found: Sequence[Finished], report: Path, out: Path) -> list[Finished]:
    """Put what was made in its place by renames: the report, then the outputs, the first one last.

    What is not kept stays with the row bands.

    Args:
        found: as ``make_cogs`` gives it.
        report: the report, with the row bands.

    Returns:
        The same, where it lies now.

    Raises:
        RunError: a place cannot be written; the row bands stay.
    """
    places = {output.name: path for output, path in zip(plan.kept, plan.destinations(out), strict=True)}
    parts = {output.name: each.path for output, each in zip(plan.outputs, found, strict=True)}
    with _writing(list(parts.values()), out):
        report.replace(report_of(out))
        if out.exists():
            stac_of(out).unlink(missing_ok=True)
        # Whoever finds the first output finds the others too.
        for name, destination in reversed(places.items()):
            # Side files of an older output would describe, mask or stand in for the wrong pixels.
            for ending in _SIDE_FILES:
                destination.with_name(destination.name + ending).unlink(missing_ok=True)
            parts[name].replace(destination)
    return [
        replace(each, path=places.get(output.name, each.path)) for output, each in zip(plan.outputs, found, strict=True)
    ]


def report_of(out: Path) -> Path:
    """The report beside an output."""
    return out.with_name(out.stem + ".report.json")


def stac_of(out: Path) -> Path:
    """The STAC item beside an output."""
    return out.with_name(out.stem + ".stac.json")


@contextmanager
def _writing(parts: Sequence[Path], out: Path) -> Iterator[None]:
    """Say in one sentence what cannot be written, and leave no part of it."""
    try:
        yield
    except (*GDAL_ERRORS, OSError) as error:
        for part in parts:
            part.unlink(missing_ok=True)
        raise RunError(
            f"the COG cannot be written ({error})",
            where=str(out),
            fix="make room on the disk, then run again with --resume",
        ) from error


def _make(
    plan: Plan, output: Output, row_bands: RowBands, part: Path, tags: dict[str, str], context: RunContext
) -> Finished:
    """Lay the row bands of an output out as a COG at ``part``, and make it last."""
    with context.watch.stage("overviews"):
        seams, texture, levels = _overviews(plan, output, row_bands, context)
        if output.mask == "dataset":
            levels = [with_mask(level, output) for level in levels]
    with context.watch.stage("cog"):
        vrt = write_vrt(output, _stored(plan, output, row_bands), part.parent, levels, tags)
        _copy(vrt, part, output)
        _check(part, vrt, output)
        context.cancel.check()
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
    return Finished(seams, texture, part.stat().st_size, part)


def _stored(plan: Plan, output: Output, row_bands: RowBands) -> list[StoredRows]:
    """Where the rows of the window lie."""
    width = int(output.grid.shape[1])
    return [
        StoredRows(row_bands.path(output.name, band), rows.start, rows.stop - rows.start, width)
        for band in plan.stored_row_bands
        for rows in [plan.scale.span(*plan.rows_of(band), plan.window.row)]
    ]


def _overviews(
    plan: Plan, output: Output, row_bands: RowBands, context: RunContext
) -> tuple[SeamScore | None, TextureRatio | None, list[Path]]:
    separate = output.mask in ("dataset", "alpha")
    height, width = output.grid.shape
    pyramid = Pyramid(
        row_bands.folder, (height, width), output.planes, output.dtype, output.nodata, separate, output.overview
    )
    meters = meters_of(plan, output)

    def measure(rows: NDArray[np.generic]) -> None:
        values, valid = rows[: len(output.bands)], _validity(rows, output)
        for meter in meters or ():
            meter.push(values, valid)

    with ThreadPoolExecutor(1) as measuring:
        for rows in _rows(plan, output, row_bands):
            context.cancel.check()
            measured = measuring.submit(measure, rows)
            pyramid.push(rows)
            measured.result()
    pyramid.finish()
    if meters is None:
        return None, None, pyramid.paths
    return meters[0].score(), meters[1].ratio(), pyramid.paths


def meters_of(plan: Plan, output: Output) -> tuple[SeamMeter, TextureMeter] | None:
    """What measures the traces of tiles; None for classes, whose numbers are no quantity."""
    if output.blend == "argmax":
        return None
    scale = plan.scale
    height, width = output.grid.shape
    row_lines, column_lines = boundary_lines(plan)
    ramp = scale.line(max(plan.tiles.rows.ramp, plan.tiles.columns.ramp))
    return (
        SeamMeter(len(output.bands), height, width, row_lines, column_lines),
        TextureMeter(len(output.bands), height, width, row_lines, column_lines, ramp),
    )


def boundary_lines(plan: Plan) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lines of the outputs, along (rows, columns), at which two tiles weigh the same: ``k`` lies before px ``k``."""
    scale, window = plan.scale, plan.window
    rows, columns = (
        tuple(scale.line(line) - scale.line(first) for line in axis.boundaries() if first < line < first + length)
        for axis, first, length in (
            (plan.tiles.rows, window.row, window.height),
            (plan.tiles.columns, window.column, window.width),
        )
    )
    return rows, columns


def _validity(rows: NDArray[np.generic], output: Output) -> NDArray[np.bool_] | None:
    if output.mask in ("dataset", "alpha"):
        return np.broadcast_to(rows[-1:] != 0, (len(output.bands), *rows.shape[1:]))
    if output.nodata is None or math.isnan(output.nodata):
        return None  # NaN is left out by the meter itself
    return np.asarray(rows != rows.dtype.type(output.nodata))


def _rows(plan: Plan, output: Output, row_bands: RowBands) -> Iterator[NDArray[np.generic]]:
    """The rows of the window from top to bottom, read one chunk ahead.

    Raises:
        RunError: those of a row band are not what was written.
    """
    chunks = list(_chunks(plan))
    digest = RowDigest()
    with ThreadPoolExecutor(1) as reading:
        ahead = reading.submit(row_bands.chunk, output.name, *chunks[0])
        for (band, *_), following in zip(chunks, [*chunks[1:], None], strict=True):
            rows = ahead.result()
            if following is not None:
                ahead = reading.submit(row_bands.chunk, output.name, *following)
            digest.update(rows)
            if following is None or following[0] != band:
                row_bands.check(output.name, band, digest)
                digest = RowDigest()
            yield rows


def _chunks(plan: Plan) -> Iterator[tuple[int, int, int]]:
    """(row band, first row in it, rows) of at most CHUNK_ROWS output rows each."""
    for band in plan.stored_row_bands:
        rows = plan.scale.span(*plan.rows_of(band))
        height = rows.stop - rows.start
        for row in range(0, height, CHUNK_ROWS):
            yield band, row, min(CHUNK_ROWS, height - row)


def _copy(vrt: Path, part: Path, output: Output) -> None:
    for stale in (part, part.with_name(part.name + ".aux.xml")):
        stale.unlink(missing_ok=True)
    options = {
        "OVERVIEWS": "FORCE_USE_EXISTING",
        "BLOCKSIZE": str(_BLOCK),
        "COMPRESS": output.compress.upper(),
        "BIGTIFF": "YES" if output.raw_bytes * 4 // 3 > 3.9e9 else "NO",
        "NUM_THREADS": "ALL_CPUS",
    }
    if output.compress != "none":
        options["PREDICTOR"] = "YES"
    if output.compress in ("zstd", "deflate"):
        options["LEVEL"] = "1" if output.compress == "zstd" else "6"
    with quiet(), rasterio.Env(GDAL_CACHEMAX=256 * 2**20):
        rasterio.shutil.copy(vrt, part, driver="COG", **options)


def _check(part: Path, vrt: Path, output: Output) -> None:
    """A disk that fills up can leave a file with holes and no error: every block must hold what went into it.

    Raises:
        OSError: one does not.
    """
    with quiet(), rasterio.open(part) as made, rasterio.open(vrt) as meant:
        if made.shape != tuple(output.grid.shape) or made.count != output.planes - (output.mask == "dataset"):
            raise OSError("the file is not what was planned")
        levels = len(meant.overviews(1))
        if len(made.overviews(1)) != levels:
            raise OSError("overviews are missing")
    for level in (None, *range(levels)):
        options = {} if level is None else {"OVERVIEW_LEVEL": level}
        with (
            quiet(),
            rasterio.Env(GDAL_CACHEMAX=256 * 2**20),
            rasterio.open(part, **options) as made,
            rasterio.open(vrt, **options) as meant,
        ):
            for window in _windows(made.height, made.width):
                whole = _same(made.read(window=window), meant.read(window=window))
                if output.mask == "dataset":
                    whole = whole and _same(_mask(made, window), _mask(meant, window))
                if not whole:
                    raise OSError(f"row {window.row_off} on do not hold what was written")


def _mask(data: rasterio.DatasetReader, window: rasterio.windows.Window) -> NDArray[np.generic]:
    """Where pixels are valid; what stands for that differs from type to type."""
    valid: NDArray[np.generic] = data.read_masks(1, window=window) != 0
    return valid


def _windows(height: int, width: int) -> Iterator[rasterio.windows.Window]:
    """Whole blocks of a COG, as many as memory takes at a time."""
    for row in range(0, height, _BLOCK):
        for column in range(0, width, 8 * _BLOCK):
            yield rasterio.windows.Window(column, row, min(8 * _BLOCK, width - column), min(_BLOCK, height - row))


def _same(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    """Whether two arrays have the same bits, NaN included."""
    one, other = without_sign(one), without_sign(other)
    return one.dtype == other.dtype and np.array_equal(one.view(np.uint8), other.view(np.uint8))
