"""What an evaluation adds where asked: metrics as the released code of SALAD-Pan has them, and perceptual ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError, ResourceError
from ..request import OpenPolicy
from .as_released import released_full, released_reduced
from .evaluation_plan import EvaluationPlan, left_out
from .rasters import RasterRows
from .validity import joint

if TYPE_CHECKING:
    from .perceptual import Absent, Measure

Array = NDArray[np.float64]

# Whole images as float64, and what the as-released metrics hold beside them.
_RELEASED_COPIES, _RELEASED_BYTES = 10, 2**30


def check_released(plan: EvaluationPlan) -> None:
    """Refuse what does not fit into memory.

    Raises:
        ResourceError: the as-released metrics would need more than 1 GiB.
    """
    cells = 0
    if plan.reference is not None:
        window = plan.reference.fused_window
        cells = window.height * window.width * len(plan.reference.fused.bands)
    if plan.inputs is not None:
        fine = plan.inputs.pairing.fine
        cells = max(cells, fine.height * fine.width * (len(plan.inputs.fused.bands) + 1))
    needed = cells * 8 * _RELEASED_COPIES
    if needed > _RELEASED_BYTES:
        raise ResourceError(
            f"it holds whole images in memory: {needed / 2**30:.1f} GiB for these, and 1 GiB is its bound",
            where="--as-released",
            fix="score a smaller part, or leave it out",
        )


def as_released(plan: EvaluationPlan, policy: OpenPolicy) -> dict[str, float]:
    """The metrics as released, of whole images in memory.

    Raises:
        RequestError: an image has masked pixels, or PAN is not four times as fine as MS.
    """
    found: dict[str, float] = {}
    if (part := plan.reference) is not None:
        fused = _whole(RasterRows(part.fused, part.fused_window, policy))
        peak = None if part.bits is None else 2.0**part.bits - 1.0
        reference = _whole(RasterRows(part.reference, part.reference_window, policy))
        found |= released_reduced(fused, reference, peak).as_dict()
    if (inputs := plan.inputs) is not None:
        fine, coarse = inputs.pairing.fine, inputs.pairing.coarse
        images = ((inputs.fused, fine), (inputs.pan, inputs.pan_window), (inputs.ms, coarse))
        found |= released_full(*(_whole(RasterRows(scene, window, policy)) for scene, window in images)).as_dict()
    return found


def _whole(raster: RasterRows) -> Array:
    """All of a raster, which must hold no masked pixel."""
    with raster:
        rows = raster.window.height
        if raster.valid is not None and not np.asarray(raster.valid.read(0, rows)).all():
            raise RequestError(
                "it has masked pixels, which the released code does not know",
                where=raster.scene.source,
                fix="leave --as-released out, or score a part without masked pixels",
            )
        return raster.values.replicated(0, rows)


class Perceptual:
    """The perceptual metrics of a plan: loaded before the long work begins, measured patch by patch after it.

    Args:
        plan: the images; with a reference, the windows that are compared with it.

    Raises:
        RequestError: there is no folder of weights, or a file in it is not what it should be.

    Warns:
        LeftOutWarning: the image has no red, green and blue, or its bit depth is not known.
    """

    def __init__(self, plan: EvaluationPlan) -> None:
        self._plan = plan
        self._rgb: tuple[int, int, int] | None = None
        self._loaded: dict[str, Measure | Absent] = {}
        if plan.perceptual is None:
            return
        loaded: dict[str, Measure | Absent] = {}
        if plan.perceptual != "none":
            # They bring networks along.
            from .perceptual import load_metrics

            loaded = load_metrics(plan.perceptual)
        if plan.rgb is None:
            left_out("perceptual metrics are left out: they need bands called red, green and blue")
            return
        self._rgb = plan.rgb
        if loaded and plan.bits is None:
            left_out("perceptual metrics but SSIMULACRA2 are left out: they need the bit depth; pass --bits")
            return
        self._loaded = loaded

    @property
    def steps(self) -> int:
        """How often ``measure`` calls ``beat``."""
        if self._rgb is None:
            return 0
        from .perceptual import ssimulacra, steps

        own = 0 if self._plan.reference is None else ssimulacra.steps(self._shape)
        return own + steps(self._loaded, self._shape)

    @property
    def _shape(self) -> tuple[int, int]:
        part = self._plan.reference
        if part is not None:
            return part.fused_window.height, part.fused_window.width
        height, width = self._plan.fused.grid.shape
        return int(height), int(width)

    def measure(self, beat: Callable[[], None], policy: OpenPolicy) -> dict[str, float]:
        """Values of the metrics that are there.

        Args:
            beat: called between patches; may raise to stop.

        Warns:
            LeftOutWarning: a metric is absent, and why.
        """
        plan, part = self._plan, self._plan.reference
        if self._rgb is None:
            return {}
        from .perceptual import Absent, measure, reader, ssimulacra

        values: dict[str, float | Absent] = {ssimulacra.NAME: Absent("needs a reference")}
        with contextlib.ExitStack() as files:
            reference = None
            if part is not None:
                reference = files.enter_context(RasterRows(part.reference, part.reference_window, policy))
            fused = files.enter_context(RasterRows(plan.fused, None if part is None else part.fused_window, policy))
            other = None if reference is None else reference.values
            valid = joint(fused.valid, None if reference is None else reference.valid)
            if other is not None:
                values[ssimulacra.NAME] = ssimulacra.measure_ssimulacra2(fused.values, other, valid, self._rgb, beat)
            if self._loaded and plan.bits is not None:
                read, peak = reader(fused.values, other, valid), 2.0**plan.bits - 1.0
                values |= measure(self._loaded, read, self._shape, peak=peak, bands=self._rgb, beat=beat)
        for name, value in values.items():
            if isinstance(value, Absent):
                left_out(f"{name} is {value}")
        return {name: value for name, value in values.items() if not isinstance(value, Absent)}
