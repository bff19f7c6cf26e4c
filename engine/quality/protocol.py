"""Wald's protocol on a real pair: degrade PAN and MS by their ratio, fuse the result, compare with the MS that was.

Wald, Ranchin and Mangolini, "Fusion of satellite images of different spatial resolutions: assessing the quality of
resulting images", PE&RS 1997.  The degraded pair is written as GeoTIFFs whose georeference says where the pixels lie,
half pixels included, so that a model sees it as any other pair.
"""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window as RasterWindow

from ..contract import ModelSource
from ..errors import GeoreferenceWarning, RequestError
from ..events import Cancel, Listener, Silence
from ..ground.grids import crop, is_separable, relation
from ..ground.grids import ratio as ratio_of
from ..inputs.coregistration import moved
from ..inputs.describe import describe
from ..inputs.instrument import measured_instrument
from ..inputs.scene import Scene
from ..optics.degrade import FILTER_HALO, SPLINE_HALO, Phase, Rows, coarse_shape, degrade_ms_rows, degrade_pan_rows
from ..optics.sensors import find_sensor
from ..plan.response import doubt
from ..request import OpenPolicy, Request
from ..run.loaded import LoadedOnce
from .cost import check_runs, run_at_cost
from .evaluation import Evaluation, evaluate
from .evaluation_plan import EvaluationRequest, Weights, plan_evaluation
from .pairing import pair
from .rasters import CACHE_BYTES, RasterRows
from .reduced import Rim
from .validity import clear, whole_cells

_STRIP = 64


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is degraded and how it is scored.

    Attributes:
        ms, pan: paths of a real pair.
        sensor: name or description file; its MTF degrades MS.
        phase: where the degraded MS is sampled.
        rim: px of MS left out of the scores on every side, or "toolbox".
        bits: radiometric depth; from the data type of MS where None.
        released, perceptual: as for ``EvaluationRequest``.
    """

    ms: str
    pan: str
    sensor: str = "none"
    phase: Phase = "area"
    rim: Rim = 0
    bits: int | None = None
    released: bool = False
    perceptual: Weights | None = None


@dataclass(frozen=True, slots=True)
class ReducedPair:
    """A degraded pair on disk, and the ratio by which it was degraded."""

    ms: Path
    pan: Path
    ratio: float


class Relay:
    """Passes on progress and warnings; the run's files are temporary, so that nobody needs to hear of them."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def emit(self, event: str, **fields: Any) -> None:
        """Progress and warnings alone."""
        if event in ("progress", "warning"):
            self._listener.emit(event, **fields)


def evaluate_model(
    protocol: Protocol,
    source: ModelSource,
    request: Request,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Evaluation:
    """Degrade a pair, run a model on it, score what comes out.

    Args:
        protocol: the pair, and how it is degraded and scored.
        source: the model.
        request: seed, tile and the other options of the run; its inputs and output are replaced.

    Raises:
        SeamlineError: as for ``run`` and ``evaluate``.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    with reduced_bench(protocol, source, request.policy, cancel) as bench:
        return bench.measure(request, listener, cancel)


@contextmanager
def reduced_bench(
    protocol: Protocol, source: ModelSource, policy: OpenPolicy, cancel: Cancel
) -> Iterator[ReducedBench]:
    """Degrade a pair once, to run a model on it as often as is wanted; the model is loaded once, too.

    Raises:
        SeamlineError: as for ``write_reduced_pair``.
    """
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        yield ReducedBench(
            protocol, source, write_reduced_pair(protocol, folder, policy=policy, check=cancel.check), LoadedOnce()
        )


@dataclass(frozen=True, slots=True)
class ReducedBench:
    """A degraded pair on disk, and a model to run on it.

    Attributes:
        protocol: how it is scored.
        source: the model.
        pair: on disk; the output goes beside it, over the one before.
        loaded: keeps the model for the next run.
    """

    protocol: Protocol
    source: ModelSource
    pair: ReducedPair
    loaded: LoadedOnce

    def check(self, request: Request, cancel: Cancel) -> int:
        """As for ``sweep.Bench``."""
        return check_runs(self._on_pair(request), self.source, self.loaded, cancel)

    def measure(self, request: Request, listener: Listener, cancel: Cancel) -> Evaluation:
        """As for ``sweep.Bench``."""
        protocol, request = self.protocol, self._on_pair(request)
        scored = EvaluationRequest(
            request.out,
            reference=protocol.ms,
            ratio=self.pair.ratio,
            bits=protocol.bits,
            rim=protocol.rim,
            released=protocol.released,
            perceptual=protocol.perceptual,
        )
        cost = run_at_cost(request, self.source, self.loaded, listener=Relay(listener), cancel=cancel)
        plan = plan_evaluation(scored, request.policy)
        return replace(evaluate(plan, listener=listener, cancel=cancel, policy=request.policy), cost=cost)

    def _on_pair(self, request: Request) -> Request:
        pair = self.pair
        inputs = {"ms": str(pair.ms), "pan": str(pair.pan)}
        # What was degraded is stored as float32; the model answers in kind.
        return replace(request, inputs=inputs, out=str(pair.ms.with_name("fused.tif")), dtype="float32", overwrite=True)


def write_reduced_pair(
    protocol: Protocol, folder: Path, *, policy: OpenPolicy | None = None, check: Callable[[], None] = lambda: None
) -> ReducedPair:
    """Write ``ms.tif`` and ``pan.tif``, strip by strip.

    PAN comes onto the pixels of MS that it covers wholly, where these were measured to lie: the MS that was delivered
    is the truth of the reduced pair, and a shift against PAN would count as an error of every method that sees it.
    In phase "dlpan" it comes to where the georeference has them.  MS comes onto cells that are ``ratio`` times larger.
    A pixel whose filter meets a masked pixel is masked.

    Args:
        protocol: the pair, and how it is degraded.
        folder: where to write.
        check: called between strips; may raise to stop.

    Raises:
        RequestError: the pair does not fit, is too small, or its ratio has no such phase.
    """
    policy = policy or OpenPolicy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GeoreferenceWarning)
        ms, pan = (describe(n, path, policy=policy) for n, path in (("ms", protocol.ms), ("pan", protocol.pan)))
    if len(pan.bands) != 1:
        raise RequestError(f"it has {len(pan.bands)} bands", where=pan.source, fix="give PAN, which has one")
    lying = ms.grid if protocol.phase == "dlpan" else _lying(ms, pan, policy, check)
    pairing = pair(pan.grid, lying, fine_name=pan.source, coarse_name=ms.source)
    ratio, covered = pairing.ratio, pairing.coarse
    cells = coarse_shape((covered.height, covered.width), ratio)
    if ratio == int(ratio):
        # To whole cells, so that every pixel of PAN lies in one.
        covered = replace(covered, height=cells[0] * int(ratio), width=cells[1] * int(ratio))
    gains = find_sensor(protocol.sensor).gains(len(ms.bands), [band.name for band in ms.bands])
    fine = crop(ms.grid, covered)
    pair_on_disk = ReducedPair(folder / "ms.tif", folder / "pan.tif", ratio)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), RasterRows(pan, pairing.fine, policy) as rows:
        values, valid = rows.values, rows.valid

        def pan_rows(first: int, stop: int) -> NDArray[np.float64]:
            coarse = degrade_pan_rows(values, ratio, np.arange(first, stop), covered.width, pairing.offset)
            reach = math.ceil(1.5 * ratio) + 1
            return _masked(coarse, valid, ratio, reach, first, stop, pairing.offset)

        _write(pair_on_disk.pan, fine, pan, Rows((1, covered.height, covered.width), pan_rows), check)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), RasterRows(ms, covered, policy) as rows:
        values, valid = rows.values, rows.valid

        def ms_rows(first: int, stop: int) -> NDArray[np.float64]:
            coarse = degrade_ms_rows(values, gains, ratio, first, stop, phase=protocol.phase)
            return _masked(coarse, valid, ratio, FILTER_HALO + SPLINE_HALO, first, stop, (0.0, 0.0))

        grid = reduced_grid(fine, ratio, protocol.phase)
        _write(pair_on_disk.ms, grid, ms, Rows((len(ms.bands), *cells), ms_rows), check)
    return pair_on_disk


def _lying(ms: Scene, pan: Scene, policy: OpenPolicy, check: Callable[[], None]) -> GeoBox:
    """The grid of MS where it really lies, as far as the pair tells."""
    if not is_separable(relation(ms.grid, pan.grid)):
        return ms.grid
    found = measured_instrument(pan, ms, None, policy, check)
    per_cell = ratio_of(pan.grid, ms.grid)
    if doubt(found, per_cell) is not None or found is None:
        return ms.grid
    return moved(ms, (found.shift[0] / per_cell[0], found.shift[1] / per_cell[1])).grid


def reduced_grid(fine: GeoBox, ratio: float, phase: Phase) -> GeoBox:
    """The grid of cells of ``ratio`` px on a fine grid.

    In phase "dlpan" a cell is sampled at fine pixel ``ratio // 2``, which for even ratios lies half a fine pixel right
    and down of its centre; the grid says so.
    """
    height, width = coarse_shape((int(fine.shape[0]), int(fine.shape[1])), ratio)
    late = int(ratio) // 2 + 0.5 - ratio / 2.0 if phase == "dlpan" else 0.0
    return GeoBox((height, width), fine.affine * Affine.translation(late, late) * Affine.scale(ratio), fine.crs)


def _masked(
    coarse: NDArray[np.float64],
    valid: Rows | None,
    ratio: float,
    reach: int,
    first: int,
    stop: int,
    offset: tuple[float, float],
) -> NDArray[np.float64]:
    """NaN where a pixel of the cell has a masked one within ``reach``."""
    if valid is None:
        return coarse
    free = Rows(valid.shape, lambda a, b: clear(valid, a, b, reach, wrap=False)[None])
    return np.where(whole_cells(free, ratio, first, stop, coarse.shape[2], offset), coarse, np.nan)


def _write(path: Path, grid: GeoBox, like: Scene, rows: Rows, check: Callable[[], None]) -> None:
    bands, height, width = rows.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=bands,
        height=height,
        width=width,
        dtype="float32",
        crs=None if grid.crs is None else grid.crs.to_wkt(),
        transform=grid.affine,
        nodata=float("nan") if like.has_invalid else None,
        BIGTIFF="IF_SAFER",
    ) as file:
        file.descriptions = [band.name or None for band in like.bands]
        for first in range(0, height, _STRIP):
            stop = min(first + _STRIP, height)
            file.write(rows.read(first, stop).astype(np.float32), window=RasterWindow(0, first, width, stop - first))
            check()
