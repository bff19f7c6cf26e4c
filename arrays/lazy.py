"""Results of lazy arrays: computed when they are asked for, by row bands, in whatever processes dask computes.

Nothing is computed where the result is made: its grid, bands and data type follow from those of the inputs.  When it is
computed, each chunk of the inputs is written into a temporary folder as it comes; then they are laid down as GeoTIFFs,
so that the plan with all that is measured on the whole scene is the one of a file; then each block of the result
computes its row bands.  Memory is the plan's, in each process, and pixels are those of a file however inputs and result
are chunked.
"""

from __future__ import annotations

import itertools
import math
import shutil
import tempfile
import uuid
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import dask
import dask.array
import numpy as np
import xarray as xr
from dask.delayed import delayed
from dask.utils import SerializableLock

from ..engine.context import RunContext
from ..engine.contract import ModelSource
from ..engine.errors import BlocksWarning, RunError
from ..engine.output.report import tags_of
from ..engine.output.row_bands import RowBands
from ..engine.output.vrt import write_vrt
from ..engine.plan.make import make_plan
from ..engine.plan.plan import Output, Plan
from ..engine.plan.resources import check_resources
from ..engine.request import Request
from ..engine.run import plan_run
from ..engine.run.job import Job, even_parts, run_job
from ..engine.run.loaded import of_this_process
from ..engine.run.unchanged import check_as_read
from .given import Given
from .options import told_by
from .result import Pattern, lazy_result, values_of

Words = Callable[[Path, Path], AbstractContextManager[Any]]
"""Says errors by the names that Python knows things by: of the folder of arrays, and the output."""

da: Any = dask.array  # without types

_BLOCK_BYTES = 512 * 2**20
_ROWS_A_BLOCK = 10
_MOST_TWICE = 1.25
# Processes take one block at a time: the plan counts the memory of one.
_ONE_AT_A_TIME = SerializableLock("seamline")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a lazy result is computed from; picklable, and without any values.

    Attributes:
        request: whose inputs and output lie in a folder that is gone.
        source: of the model.
        arrays: the inputs that are arrays, by name, with nothing in them.
        pattern: of the result, likewise.
        words: for errors.
    """

    request: Request
    source: ModelSource
    arrays: Mapping[str, Given]
    pattern: Pattern
    words: Words

    def at(self, folder: Path) -> Request:
        """The request with its arrays laid down in a folder."""
        inputs = {
            name: str(folder / f"{name}.tif") if name in self.arrays else path
            for name, path in self.request.inputs.items()
        }
        return replace(self.request, inputs=inputs, out=str(folder / "out.tif"))


@dataclass(frozen=True, eq=False)
class Laid:
    """A scene that lies in a temporary folder, planned.  The folder goes with the one that was made first.

    Attributes:
        folder: the folder.
        plan: of the run.
        recipe: of the result.
    """

    folder: Path
    plan: Plan
    recipe: Recipe

    @classmethod
    def keeping(cls, folder: Path, plan: Plan, recipe: Recipe) -> Laid:
        """One whose folder is deleted with it."""
        laid = cls(folder, plan, recipe)
        weakref.finalize(laid, shutil.rmtree, folder, ignore_errors=True)
        return laid

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process gets it: without the duty to delete anything."""
        return Laid, (self.folder, self.plan, self.recipe)


def lazily(request: Request, source: ModelSource, arrays: Mapping[str, Given], words: Words) -> xr.DataArray:
    """The lazy result of a request.

    Args:
        request: its arrays and output lie in a folder that exists meanwhile.
        arrays: the inputs that are arrays, by name.
        words: for errors.

    Raises:
        RequestError: the request is wrong, as far as can be told without any value.
    """
    folder, output = Path(request.out).parent, source.spec.outputs[0]
    for name, array in arrays.items():
        array.outline(folder / f"{name}.tif")
    plan = make_plan(request, source.spec, source.identity)
    main = arrays[source.spec.main]
    numbers = [band.index for band in plan.scene.bands]
    pattern = Pattern.of(main, output, numbers, restored=request.dtype is not None)
    recipe = Recipe(
        request,
        source,
        {name: _emptied(array) for name, array in arrays.items()},
        replace(pattern, given=_emptied(main)),
        words,
    )
    parts = _parts(plan)
    place = Path(tempfile.gettempdir(), f"seamline-lazy-{uuid.uuid4().hex}")
    stores = [_stored(array, place) for array in arrays.values()]
    # Not as arguments: dask looks into those for what it could compute, and finds the arrays that stand for values.
    lay_down = partial(_lay_down, recipe, [chunks for _, chunks in stores])
    laid = delayed(lay_down, name=f"seamline-plan-{place.name}", pure=False)([written for written, _ in stores])
    stored = np.dtype(plan.output.dtype)
    count, width = len(plan.output.bands), int(plan.output.grid.shape[1])
    none = np.zeros((count, 0, 0), stored)
    dtype = values_of(none, none == 0, recipe.pattern, apart=plan.output.mask == "dataset").dtype
    blocks = [
        da.from_delayed(
            delayed(_block, name=f"seamline-rows-{part[0]}-{part[-1]}-{place.name}")(laid, tuple(part)),
            (count, _height(plan, part), width),
            dtype,
        )
        for part in parts
    ]
    outline = write_vrt(plan.output, (), folder, (), tags_of(plan, Path(request.out))[0])
    classes = [category.name for category in plan.output.categories]
    return lazy_result(outline, da.concatenate(blocks, axis=1), stored, pattern, classes)


def _emptied(array: Given) -> Given:
    """The same without values."""
    nothing = da.zeros(array.image.shape, dtype=array.image.dtype, chunks=array.image.shape)
    return replace(array, image=array.image.copy(data=nothing))


def _height(plan: Plan, part: Sequence[int]) -> int:
    rows = [plan.rows_of(band) for band in part]
    return sum(span.stop - span.start for span in (plan.scale.span(low, high) for low, high in rows))


def _parts(plan: Plan) -> list[list[int]]:
    """The row bands of each block; warns where many tile rows are computed twice."""
    bands = plan.stored_row_bands
    rows = len(bands) + bands[0] - plan.tiles.first_row(bands[0])
    most = max(1, min(_ROWS_A_BLOCK, _BLOCK_BYTES * len(bands) // max(plan.output.raw_bytes, 1)))
    parts = even_parts(plan.tiles, bands, -(-len(bands) // most))
    done = sum(part[-1] + 1 - plan.tiles.first_row(part[0]) for part in parts)
    if done > _MOST_TWICE * rows:
        text = f"the result has {len(parts)} blocks, of few rows as they are wide: {done} tile rows for {rows}"
        warnings.warn(BlocksWarning(text), stacklevel=5)
    return parts


def _stored(array: Given, place: Path) -> tuple[Any, _Chunks]:
    """A dask array that writes each chunk of an array into a file as it is computed, and where they lie."""
    whole = array.image if array.is_lazy else array.image.chunk(dict.fromkeys(array.image.dims, -1))
    chunks = _Chunks(place, array.name, whole.data.chunks)
    # Together with what computes the chunk, a task: none waits in memory for its turn to be written.
    written = whole.data.map_blocks(
        chunks.store,
        chunks=tuple((1,) * len(axis) for axis in chunks.sizes),
        dtype=bool,
        meta=np.empty((0, 0, 0), bool),
        name=f"seamline-store-{array.name}-{place.name}",
    )
    return written, chunks


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The chunks of an array, each in a file.

    Attributes:
        folder: where they lie.
        name: of the array.
        sizes: of the chunks along each axis.
    """

    folder: Path
    name: str
    sizes: tuple[tuple[int, ...], ...]

    def path(self, index: Sequence[int]) -> Path:
        """The file of a chunk."""
        return self.folder / f"{self.name}-{'-'.join(map(str, index))}.npy"

    def store(self, values: Any, block_id: tuple[int, ...]) -> Any:
        """Write a chunk.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        path = self.path(block_id)
        try:
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(f".{uuid.uuid4().hex}.part")
            with part.open("wb") as stream:
                np.save(stream, np.asarray(values))
            part.replace(path)
        except OSError as error:
            raise RunError(
                f"a chunk of the array cannot be written ({error.strerror})",
                where=str(path.parent),
                fix="make room there, or name another folder for temporary files by TMPDIR",
            ) from error
        return np.ones((1, 1, 1), bool)

    def together(self, dtype: Any) -> Any:
        """The whole array, still lazy, by blocks of few rows."""

        def chunk(block_id: tuple[int, ...]) -> Any:
            return np.load(self.path(block_id), mmap_mode="r")

        whole = da.map_blocks(chunk, chunks=self.sizes, dtype=dtype, meta=np.empty((0, 0, 0), dtype))
        return whole.rechunk({0: -1, 1: min(512, whole.shape[1]), 2: -1})

    def delete(self) -> None:
        """Delete the files."""
        for index in itertools.product(*(range(len(axis)) for axis in self.sizes)):
            self.path(index).unlink(missing_ok=True)


def _lay_down(recipe: Recipe, stored: Sequence[_Chunks], written: Sequence[Any]) -> Laid:
    """Make files of chunks, and the plan of the run.

    Args:
        written: what tells that all chunks are.
    """
    del written
    folder = stored[0].folder
    request = recipe.at(folder)
    with recipe.words(folder, Path(request.out)) as said, told_by(said):
        for chunks in stored:
            given = recipe.arrays[chunks.name]
            # Whatever computes this task computes nothing else inside it.
            with dask.config.set(scheduler="synchronous"):
                whole = given.image.copy(data=chunks.together(given.image.dtype))
                replace(given, image=whole).lay_down(folder / f"{chunks.name}.tif")
            chunks.delete()
        with _ONE_AT_A_TIME:
            plan, _ = plan_run(request, recipe.source, loaded=of_this_process())
        check_resources(plan, Path(request.out), request.memory)
    return Laid.keeping(folder, plan, recipe)


def _block(laid: Laid, bands: tuple[int, ...]) -> Any:
    """The values of a block, (band, rows, columns)."""
    plan, recipe = laid.plan, laid.recipe
    with (
        recipe.words(laid.folder, laid.folder / "out.tif"),
        tempfile.TemporaryDirectory(dir=laid.folder, prefix="rows-") as folder,
        _ONE_AT_A_TIME,
    ):
        row_bands = RowBands.of(Path(folder), plan)
        job = Job(plan, recipe.source, row_bands, bands, plan.runtime.device)
        run_job(job, of_this_process()(recipe.source, plan.runtime), RunContext(policy=recipe.request.policy))
        check_as_read(job, recipe.request.policy)
        return _read(row_bands, bands, laid)


def _read(row_bands: RowBands, bands: Sequence[int], laid: Laid) -> Any:
    """The values of finished row bands, a few rows at a time into one array."""
    output, pattern = laid.plan.output, laid.recipe.pattern
    found: Any = None
    top, height = 0, _height(laid.plan, bands)
    for stored in (rows for band in bands for rows in row_bands.chunks(output.name, band)):
        count = len(output.bands)
        values = values_of(stored[:count], _valid(stored, output), pattern, apart=output.mask == "dataset")
        if found is None:
            found = np.empty((count, height, values.shape[2]), values.dtype)
        found[:, top : top + values.shape[1]] = values
        top += values.shape[1]
    return found


def _valid(stored: Any, output: Output) -> Any:
    """Which values of (planes, rows, columns) are valid, (band, rows, columns)."""
    values = stored[: len(output.bands)]
    if output.mask == "dataset":
        return np.broadcast_to(stored[-1:] != 0, values.shape)
    if output.nodata is None:
        return np.broadcast_to(True, values.shape)
    return ~np.isnan(values) if math.isnan(output.nodata) else values != output.nodata
