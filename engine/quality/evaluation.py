"""Carry out an evaluation: every metric is a sum over strips of rows, so that memory depends on the width alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..errors import OutOfRangeWarning, RequestError
from ..events import Cancel, Listener, Progress, Silence, warnings_to
from ..optics.degrade import coarse_shape
from ..output.artefacts import ArtefactSums, CellSums
from ..output.lattice import STEP, LatticeSums, lattice_metric, lattice_sums
from ..request import OpenPolicy
from .artefacts import artefact_sums, cell_sums
from .consistency import ConsistencySums, consistency_sums
from .cost import Cost
from .detail import BLOCK, HALO, DetailSums, LumaSums, detail_sums, luma_sums
from .evaluation_extra import Perceptual, as_released, check_released
from .evaluation_plan import EvaluationPlan, InputsPart, ReferencePart, left_out
from .full import FullScene, FullSums, area_sums, full_sums, seen_rows
from .rasters import CACHE_BYTES, RasterRows
from .reduced import ReducedSums, strip_sums, strips
from .validity import joint, under_cells

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_REFERENCE_STRIP = BLOCK
_PAN_STRIP, _MS_STRIP = 64, 32
_Q2N_LARGEST = 65535


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measured quality.

    Attributes:
        metrics: by the names that reports use; what was not measured is not there.  Values may be infinite.
        pixels: valid pixels that were compared with the reference; None without one.
        blocks: blocks at PAN scale that the indices without a reference are means of; None without PAN and MS.
        cost: of the runs that made what was scored; None where a file was.
    """

    metrics: dict[str, float]
    pixels: int | None
    blocks: int | None
    cost: Cost | None = None

    def plain(self) -> dict[str, float | None]:
        """The metrics as JSON holds them: None where a value is infinite, which a warning has explained."""
        return {name: value if math.isfinite(value) else None for name, value in self.metrics.items()}


def evaluate(
    plan: EvaluationPlan,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
    policy: OpenPolicy | None = None,
) -> Evaluation:
    """Carry out a plan, strip by strip; warnings go to the listener.

    Raises:
        RequestError: masks leave nothing to score, or valid values are outside what Q2n takes.
        ResourceError: the as-released metrics, which need whole images, do not fit into 1 GiB.
        RunError: a file cannot be read.
        Cancelled: between strips.
    """
    listener, cancel, policy = listener or Silence(), cancel or Cancel(), policy or OpenPolicy()
    with warnings_to(listener), rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        if plan.released:
            check_released(plan)
        perceptual = Perceptual(plan)
        progress = Progress(listener, _steps(plan) + perceptual.steps)

        def beat() -> None:
            progress.advance()
            cancel.check()

        cancel.check()
        metrics: dict[str, float] = {}
        pixels = blocks = None
        if plan.reference is not None:
            rgb = plan.rgb if len(plan.fused.bands) == 3 else None
            found, pixels = _against_reference(plan.reference, rgb, beat, policy)
            metrics |= found
        if plan.inputs is not None:
            found, blocks = _against_inputs(plan.inputs, beat, policy)
            metrics |= found
        if plan.released:
            metrics |= as_released(plan, policy)
        metrics |= perceptual.measure(beat, policy)
        return Evaluation(metrics, pixels, blocks)


def _steps(plan: EvaluationPlan) -> int:
    steps = 0
    if plan.reference is not None:
        steps += len(strips(plan.reference.fused_window.height, _REFERENCE_STRIP))
    if plan.inputs is not None:
        pairing = plan.inputs.pairing
        steps += len(strips(pairing.fine.height, _PAN_STRIP)) + len(strips(pairing.coarse.height, _MS_STRIP))
    return steps


def _against_reference(
    part: ReferencePart, rgb: tuple[int, int, int] | None, beat: Callable[[], None], policy: OpenPolicy
) -> tuple[dict[str, float], int]:
    height = part.fused_window.height
    # Gradients and spectra need no peak; SSIM without one is left out below.
    peak = 1.0 if part.bits is None else 2.0**part.bits - 1.0
    reduced: list[ReducedSums] = []
    details: list[DetailSums] = []
    lumas: list[LumaSums] = []
    lattices: list[LatticeSums] = []
    outside = 0
    with (
        RasterRows(part.fused, part.fused_window, policy) as fused,
        RasterRows(part.reference, part.reference_window, policy) as reference,
    ):
        valid = joint(fused.valid, reference.valid)
        for start, stop in strips(height, _REFERENCE_STRIP):
            top, bottom = max(start - HALO, 0), min(stop + HALO, height)
            f, r = fused.values.replicated(top, bottom), reference.values.replicated(top, bottom)
            known = None if valid is None else np.asarray(valid.read(top, bottom))[0] != 0
            _check_range(r, known, part.reference.source)
            own = slice(start - top, stop - top)
            outside += _outside(f[:, own], None if known is None else known[own])
            reduced.append(strip_sums(fused.values, reference.values, start, stop, valid))
            below = min(stop + STEP, height)
            seen = None if valid is None else np.asarray(valid.read(start, below))[0] != 0
            lattices.append(lattice_sums(_shown(fused.values.replicated(start, below), seen), seen, start, stop))
            details.append(detail_sums(f, r, own.start, own.stop, peak=peak, valid=known))
            if rgb is not None and part.bits is not None:
                colours = f[list(rgb)], r[list(rgb)]
                lumas.append(luma_sums(*colours, own.start, own.stop, peak=peak, valid=known))
            beat()
    _warn_outside(outside, part.fused.source)
    total = reduce(add, reduced)
    scores = total.scores(ratio=part.ratio, bits=part.bits)
    metrics = scores.as_dict() | _detail_metrics(reduce(add, details), part.bits)
    if part.ratio is not None:
        metrics |= lattice_metric(reduce(add, lattices), part.ratio)
    if scores.q2n is None:
        left_out("Q2n is left out: no 32 x 32 block is free of masked pixels")
    if lumas and (luma_total := reduce(add, lumas)).windows:
        luma = luma_total.scores(peak=peak)
        metrics |= {"Y_PSNR": luma.psnr, "Y_SSIM": luma.ssim}
    return metrics, total.pixels


def _detail_metrics(sums: DetailSums, bits: int | None) -> dict[str, float]:
    if not (sums.pixels and sums.windows):
        left_out("gradients, spectrum and SSIM are left out: no 11 x 11 px are free of masked pixels")
        return {}
    named = sums.scores().as_dict()
    if bits is None:
        del named["SSIM"]
    if "spectrum_error" not in named:
        left_out("spectrum_error is left out: no 64 x 64 block is free of masked pixels")
    return named


def _against_inputs(part: InputsPart, beat: Callable[[], None], policy: OpenPolicy) -> tuple[dict[str, float], int]:
    pairing, shape = part.pairing, (part.pairing.fine.height, part.pairing.fine.width)
    outside = 0
    with (
        RasterRows(part.fused, pairing.fine, policy) as fused,
        RasterRows(part.pan, part.pan_window, policy) as pan,
        RasterRows(part.ms, pairing.coarse, policy) as ms,
    ):
        valid = joint(fused.valid, pan.valid, under_cells(ms.valid, pairing.ratio, pairing.offset, shape))
        scene = FullScene(
            fused.values, pan.values, ms.values, part.gains, pairing.ratio, valid, part.phase, pairing.offset
        )
        sums: list[FullSums] = []
        looks: list[ConsistencySums] = []
        cells: list[CellSums] = []
        rings: list[ArtefactSums] = []
        lattices: list[LatticeSums] = []
        for start, stop in strips(coarse_shape(shape, pairing.ratio, pairing.offset)[0], _MS_STRIP):
            mask = None if ms.valid is None else np.asarray(ms.valid.read(start, stop))[0] != 0
            _check_range(ms.values.read(start, stop), mask, part.ms.source)
            seen = seen_rows(scene, start, stop)
            sums.append(area_sums(scene, start, stop, seen))
            looks.append(consistency_sums(scene, start, stop, seen))
            cells.append(cell_sums(scene, start, stop))
            beat()
        levels = reduce(add, cells)
        for start, stop in strips(shape[0], _PAN_STRIP):
            below = min(stop + STEP, shape[0])
            known = None if valid is None else np.asarray(valid.read(start, below))[0] != 0
            values = fused.values.replicated(start, below)
            outside += _outside(values[:, : stop - start], None if known is None else known[: stop - start])
            sums.append(full_sums(scene, start, stop))
            if levels.cells:
                rings.append(artefact_sums(scene, levels, start, stop))
            lattices.append(lattice_sums(_shown(values, known), known, start, stop))
            beat()
    _warn_outside(outside, part.fused.source)
    total = reduce(add, sums)
    artefacts = reduce(add, rings).scores(levels) if rings else None
    metrics = total.scores().as_dict() | reduce(add, looks).as_dict()
    metrics |= artefacts.as_dict() if artefacts is not None else {}
    return metrics | lattice_metric(reduce(add, lattices), pairing.ratio), total.blocks


def _shown(values: Array, known: Mask | None) -> Array:
    return values if known is None else np.where(known, values, 0.0)


def _outside(values: NDArray[np.generic], known: Mask | None) -> int:
    """Valid values outside 0..65535, before and after rounding."""
    if values.dtype in (np.uint8, np.uint16):
        return 0
    strange = (np.asarray(values) < 0) | (np.asarray(values) >= _Q2N_LARGEST + 0.5)
    return int(np.count_nonzero(strange if known is None else strange & known))


def _check_range(values: NDArray[np.generic], known: Mask | None, where: str) -> None:
    count = _outside(values, known)
    if count:
        raise RequestError(
            f"{count} of its valid values lie outside 0 to {_Q2N_LARGEST}, which is what Q2n takes",
            where=where,
            fix="score stored digital numbers, or set a nodata value if these stand for none",
        )


def _warn_outside(count: int, where: str) -> None:
    if count:
        sentence = f"{where}: {count} values outside 0 to {_Q2N_LARGEST} were clipped for Q2n, as the toolbox does"
        warnings.warn(OutOfRangeWarning(sentence), stacklevel=2)
