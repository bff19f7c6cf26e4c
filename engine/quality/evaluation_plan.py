"""What an evaluation compares: which windows of which files, at which ratio, phase and bit depth.

Made from descriptions alone, before any pixel is read; ``evaluation`` carries it out.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import GeoreferenceWarning, LeftOutWarning, RequestError
from ..facts import UNMEASURED
from ..ground.grids import Window, check_same_crs, is_separable, ratio, relation, whole_shift
from ..inputs.coregistration import moved
from ..inputs.describe import describe
from ..inputs.instrument import measured_instrument
from ..inputs.scene import Scene
from ..optics.degrade import Phase
from ..optics.instrument import Instrument
from ..optics.mtf import filter_gain
from ..optics.sensors import find_sensor
from ..plan.response import believed
from ..request import OpenPolicy
from ..serial import to_jsonable
from .pairing import Pairing, pair
from .reduced import Rim, inside_rim

_MOST_BITS = 32
_COLOURS = ("red", "green", "blue")

Weights = Path | Literal["none"]
"""The folder of what perceptual metrics have learned, or that there is none."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What the user asked for.

    Attributes:
        fused: path of the image that is scored.
        reference: path of its reference.
        pan, ms: paths of what it was made of.
        ratio: PAN px per MS px, for ERGAS; from PAN and MS where None.
        bits: radiometric depth; from the data type of the reference where None.
        rim: px left out of the comparison with the reference on every side, or "toolbox".
        sensor: name or description file; its MTF shapes the indices without a reference, and MS lies where its
            georeference has it.  None measures both on PAN and MS, where they tell.
        phase: where MS is interpolated to.
        released: also compute the metrics as the released code of SALAD-Pan does.
        perceptual: folder of the weights of perceptual metrics; "none" for those that need none; None leaves all out.

    Raises:
        RequestError: an option is missing, or has a value that no evaluation can mean.
    """

    fused: str
    reference: str | None = None
    pan: str | None = None
    ms: str | None = None
    ratio: float | None = None
    bits: int | None = None
    rim: Rim = 0
    sensor: str | None = None
    phase: Phase = "area"
    released: bool = False
    perceptual: Weights | None = None

    def __post_init__(self) -> None:
        if (self.pan is None) != (self.ms is None):
            given, missing = ("--pan", "--ms") if self.ms is None else ("--ms", "--pan")
            raise RequestError(
                f"it was given without {missing}", where=given, fix="give both: PAN and MS as the fusion got them"
            )
        if self.reference is None and self.pan is None:
            raise RequestError(
                "there is nothing to compare the image with",
                where=self.fused,
                fix="pass --reference REF, or --pan PAN and --ms MS, or both",
            )
        if self.ratio is not None and not (math.isfinite(self.ratio) and self.ratio > 1.0):
            raise RequestError(
                f"a ratio of {self.ratio:g} is not above 1", where="--ratio", fix="give PAN px per MS px"
            )
        if self.bits is not None and not 1 <= self.bits <= _MOST_BITS:
            raise RequestError(
                f"{self.bits} is not a bit depth", where="--bits", fix=f"give a number from 1 to {_MOST_BITS}"
            )


@dataclass(frozen=True, slots=True)
class ReferencePart:
    """The comparison with a reference.

    Attributes:
        fused, reference: the files.
        fused_window, reference_window: of one size, less the rim, px.
        ratio: None leaves ERGAS out.
        bits: None leaves PSNR and SSIM out.
    """

    fused: Scene
    reference: Scene
    fused_window: Window
    reference_window: Window
    ratio: float | None
    bits: int | None


@dataclass(frozen=True, slots=True)
class InputsPart:
    """The comparison with PAN and MS, cut to the whole MS pixels that the fused image covers.

    Attributes:
        fused, pan, ms: the files.
        pan_window: px of PAN under ``pairing.fine``.
        pairing: of the fused image (fine) and MS (coarse).
        gains: MTF gain of each band.
        phase: where MS is interpolated to.
        instrument: as measured; None where a sensor was named, or nothing can be told.
    """

    fused: Scene
    pan: Scene
    ms: Scene
    pan_window: Window
    pairing: Pairing
    gains: tuple[float, ...]
    phase: Phase
    instrument: Instrument | None


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What is compared.

    Attributes:
        fused: the image.
        reference, inputs: one or both comparisons.
        rgb: positions of red, green and blue, where the bands tell or are three.
        bits: radiometric depth of the image, where it is known.
        released, perceptual: as requested.
    """

    fused: Scene
    reference: ReferencePart | None
    inputs: InputsPart | None
    rgb: tuple[int, int, int] | None
    bits: int | None
    released: bool = False
    perceptual: Weights | None = None

    def summary(self) -> dict[str, Any]:
        """What the start event carries: plain JSON values."""
        facts: dict[str, Any] = {}
        if self.reference is not None:
            part = self.reference
            facts["reference"] = {
                "path": part.reference.source,
                "size": [part.fused_window.width, part.fused_window.height],
                "ratio": part.ratio,
                "bits": part.bits,
            }
        if self.inputs is not None:
            fine = self.inputs.pairing.fine
            facts["inputs"] = {
                "pan": self.inputs.pan.source,
                "ms": self.inputs.ms.source,
                "size": [fine.width, fine.height],
                "ratio": self.inputs.pairing.ratio,
                "offset": list(self.inputs.pairing.offset),
                "gains": list(self.inputs.gains),
                "phase": self.inputs.phase,
                "instrument": to_jsonable(self.inputs.instrument),
            }
        return facts


def plan_evaluation(request: EvaluationRequest, policy: OpenPolicy | None = None) -> EvaluationPlan:
    """Describe the files, check that they fit, and find the windows that are compared.

    Raises:
        RequestError: an option is missing or wrong, or the files do not fit.

    Warns:
        LeftOutWarning: the ratio or the bit depth is not known, so that metrics are left out.
    """
    policy = policy or OpenPolicy()
    with warnings.catch_warnings():
        # What an evaluation writes has no georeference to lose.
        warnings.simplefilter("ignore", GeoreferenceWarning)
        scenes = {
            name: describe(name, path, any_dtype=True, policy=policy)
            for name in ("fused", "reference", "pan", "ms")
            if (path := getattr(request, name)) is not None
        }
    inputs = None
    if "pan" in scenes:
        inputs = _inputs_part(request, scenes["fused"], scenes["pan"], scenes["ms"], policy)
    reference = None
    if "reference" in scenes:
        known = request.ratio if request.ratio is not None or inputs is None else inputs.pairing.ratio
        reference = _reference_part(request, scenes["fused"], scenes["reference"], known)
    fused = scenes["fused"]
    bits = request.bits if request.bits is not None else _bits_of(scenes.get("reference", fused).dtype)
    return EvaluationPlan(fused, reference, inputs, _rgb(fused), bits, request.released, request.perceptual)


def _reference_part(request: EvaluationRequest, fused: Scene, reference: Scene, ratio: float | None) -> ReferencePart:
    if len(fused.bands) != len(reference.bands):
        raise RequestError(
            f"it has {len(fused.bands)} bands and {reference.source} has {len(reference.bands)}",
            where=fused.source,
            fix="compare images of the same bands",
        )
    row, column = _shift(fused, reference)
    height, width = (int(n) for n in fused.grid.shape)
    own = inside_rim((height, width), request.rim)
    other = Window(own.row + row, own.column + column, own.height, own.width)
    bits = request.bits if request.bits is not None else _bits_of(reference.dtype)
    if bits is None:
        left_out(f"PSNR and SSIM are left out: {reference.dtype} does not tell the bit depth; pass --bits")
    if ratio is None:
        left_out("ERGAS is left out: pass --ratio, or --pan and --ms")
    return ReferencePart(fused, reference, own, other, ratio, bits)


def _inputs_part(request: EvaluationRequest, fused: Scene, pan: Scene, ms: Scene, policy: OpenPolicy) -> InputsPart:
    if len(pan.bands) != 1:
        raise RequestError(f"it has {len(pan.bands)} bands", where=pan.source, fix="give PAN, which has one")
    if len(fused.bands) != len(ms.bands):
        raise RequestError(
            f"it has {len(fused.bands)} bands and {ms.source} has {len(ms.bands)}",
            where=fused.source,
            fix="give the bands of MS that were fused",
        )
    row, column = _shift(fused, pan)
    instrument = _measured(pan, ms, policy) if request.sensor is None else None
    if instrument is not None and request.phase == "area":
        # Everything is compared where MS really lies.
        down, across = ratio(pan.grid, ms.grid)
        ms = moved(ms, (instrument.shift[0] / down, instrument.shift[1] / across))
    pairing = pair(fused.grid, ms.grid, fine_name=fused.source, coarse_name=ms.source)
    fine = pairing.fine
    window = Window(fine.row + row, fine.column + column, fine.height, fine.width)
    if request.sensor is not None:
        gains = find_sensor(request.sensor).gains(len(ms.bands), [band.name for band in ms.bands])
    else:
        gains = (filter_gain(UNMEASURED.gain if instrument is None else instrument.gain),) * len(ms.bands)
    return InputsPart(fused, pan, ms, window, pairing, gains, request.phase, instrument)


def _measured(pan: Scene, ms: Scene, policy: OpenPolicy) -> Instrument | None:
    """How MS was seen, where the pair tells."""
    if not is_separable(relation(pan.grid, ms.grid)):
        return None  # which is refused with the other misfits
    found = measured_instrument(pan, ms, None, policy, lambda: None)
    return believed(found, pan, ms, ratio(pan.grid, ms.grid))


def _shift(fused: Scene, other: Scene) -> tuple[int, int]:
    """(row, column) of the fused image's first pixel in ``other``, which must hold all of it."""
    check_same_crs(fused.grid, other.grid, fine_name=fused.source, coarse_name=other.source)
    shift = whole_shift(relation(fused.grid, other.grid))
    if shift is None:
        raise RequestError(
            f"its pixels do not lie on those of {other.source}",
            where=fused.source,
            fix="compare images of one grid, or resample one with gdalwarp",
        )
    (height, width), (rows, columns) = fused.grid.shape, other.grid.shape
    # Without a georeference, sizes are all there is to tell that pixels belong together.
    fits = fused.grid.crs is not None or (height, width) == (rows, columns)
    if min(shift) < 0 or shift[0] + height > rows or shift[1] + width > columns or not fits:
        raise RequestError(
            f"its {width} x {height} px reach beyond the {columns} x {rows} px of {other.source}",
            where=fused.source,
            fix="crop it with gdal_translate -projwin to what both cover",
        )
    return shift


def _bits_of(dtype: str) -> int | None:
    """Radiometric depth of a whole-numbered type; its sign takes one bit."""
    kind = np.dtype(dtype)
    return None if kind.kind == "f" else int(np.iinfo(kind).max).bit_length()


def _rgb(scene: Scene) -> tuple[int, int, int] | None:
    """Positions of red, green and blue by the bands' names or colours; three bands that do not tell, as they come."""
    words = [f"{band.name} {band.colour}".lower() for band in scene.bands]
    found = [[i for i, text in enumerate(words) if colour in text] for colour in _COLOURS]
    if all(len(where) == 1 for where in found) and len({where[0] for where in found}) == 3:
        return found[0][0], found[1][0], found[2][0]
    return (0, 1, 2) if len(words) == 3 else None


def left_out(sentence: str) -> None:
    """Warn that a metric is not measured, and why."""
    warnings.warn(LeftOutWarning(sentence), stacklevel=4)
