"""Full resolution with a known truth: a finer image is seen by instruments drawn by seed, of which no method is told.

Wald's protocol degrades every pair by one clean instrument that methods may know.  Here gain, sharpening, phase, bands
that lie apart, noise and the response of PAN are drawn (``optics.imaging``), MS and PAN are written as a product would
be, and what a model makes of them is compared with the image that both were made of.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..contract import ModelSource
from ..errors import RequestError
from ..events import Cancel, Listener, Silence
from ..ground.grids import Window, crop
from ..inputs.describe import describe
from ..inputs.reading import PartReader
from ..inputs.scene import Scene
from ..optics.imaging import (
    JUDGED,
    SimulatedInstrument,
    delivered,
    draw_instrument,
    panchromatic,
    saturate,
    with_odd_part,
)
from ..request import OpenPolicy, Request
from ..run.loaded import LoadedOnce
from .cost import check_runs, run_at_cost
from .evaluation import Evaluation, evaluate
from .evaluation_plan import EvaluationRequest, plan_evaluation
from .protocol import Relay

SIDE = 512
"""Longest side of the part that is seen, px: what is drawn is worth more than what is large."""
_LEAST = 128
_RIM = 8
_PEAK = 0.999


@dataclass(frozen=True, slots=True)
class KnownTruth:
    """What is seen, and how often.

    Attributes:
        truth: path of an image of at least three bands; its middle is taken.
        ratio: PAN px per MS px.
        draws: instruments.
        first: seed of the first of them; the others follow.
        bits: radiometric depth; from the data type where None.
    """

    truth: str
    ratio: int = 4
    draws: int = 20
    first: int = 0
    bits: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A pair as it was delivered, on disk.

    Attributes:
        instrument: that took it.
        pan, ms, truth: paths.
    """

    instrument: SimulatedInstrument
    pan: Path
    ms: Path
    truth: Path


def evaluate_draws(
    protocol: KnownTruth,
    source: ModelSource,
    request: Request,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Iterator[Evaluation]:
    """Score a model on each of the drawn pairs, in their order.

    Args:
        protocol: what is seen.
        source: the model.
        request: seed, tile and the other options of the run; its inputs and output are replaced.

    Raises:
        SeamlineError: as for ``run`` and ``evaluate``.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    relay, loaded = Relay(listener), LoadedOnce()
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        for draw in write_draws(protocol, Path(name), request.policy):
            cancel.check()
            drawn = _on_draw(request, draw)
            scored = EvaluationRequest(
                drawn.out, reference=str(draw.truth), ratio=protocol.ratio, bits=protocol.bits, rim=_RIM
            )
            cost = run_at_cost(drawn, source, loaded, listener=relay, cancel=cancel)
            plan = plan_evaluation(scored, request.policy)
            yield replace(evaluate(plan, listener=relay, cancel=cancel), cost=cost)


@dataclass(frozen=True, slots=True)
class DrawnBench:
    """A model on the drawn pairs, again and again; scores are means over them.

    Attributes:
        protocol: what is seen.
        source: the model.
    """

    protocol: KnownTruth
    source: ModelSource

    def check(self, request: Request, cancel: Cancel) -> int:
        """As for ``sweep.Bench``, on the first pair."""
        with tempfile.TemporaryDirectory(prefix="seamline-") as name:
            first = next(write_draws(replace(self.protocol, draws=1), Path(name), request.policy))
            return check_runs(_on_draw(request, first), self.source, LoadedOnce(), cancel)

    def measure(self, request: Request, listener: Listener, cancel: Cancel) -> Evaluation:
        """As for ``sweep.Bench``."""
        return averaged(list(evaluate_draws(self.protocol, self.source, request, listener=listener, cancel=cancel)))


def _on_draw(request: Request, draw: Draw) -> Request:
    inputs = {"ms": str(draw.ms), "pan": str(draw.pan)}
    return replace(request, inputs=inputs, out=str(draw.ms.with_name("fused.tif")), dtype="float32", overwrite=True)


def averaged(found: list[Evaluation]) -> Evaluation:
    """The means over draws of what every draw measured, and the cost of all."""
    names = [name for name in found[0].metrics if all(name in each.metrics for each in found)]
    means = {name: float(np.mean([each.metrics[name] for each in found])) for name in names}
    costs = [each.cost for each in found if each.cost is not None]
    return Evaluation(means, sum(each.pixels or 0 for each in found), None, reduce(add, costs) if costs else None)


def write_draws(protocol: KnownTruth, folder: Path, policy: OpenPolicy | None = None) -> Iterator[Draw]:
    """Write each pair and its truth over the one before.

    Raises:
        RequestError: the image has fewer than three bands or no valid part that is large enough.
    """
    policy = policy or OpenPolicy()
    scene = describe("reference", protocol.truth, policy=policy)
    if len(scene.bands) < 3:
        raise RequestError(
            f"it has {len(scene.bands)} bands", where=protocol.truth, fix="give an image of three bands or more"
        )
    values, grid = _middle(scene, protocol, policy)
    level = float(np.quantile(values, _PEAK)) or 1.0
    paths = [folder / name for name in ("pan.tif", "ms.tif", "truth.tif")]
    for seed in range(protocol.first, protocol.first + protocol.draws):
        # Random numbers of a protocol, not of inference: one seeded generator a draw.
        rng = np.random.default_rng([protocol.ratio, seed])
        instrument = draw_instrument(rng, len(values), float(protocol.ratio), JUDGED)
        truth = saturate(values / np.float32(level), instrument.saturated)
        ground = saturate(with_odd_part(panchromatic(truth, rng), truth, instrument.odd), instrument.saturated)
        pan, ms = delivered(truth, ground, instrument, rng)
        coarse = GeoBox(ms.shape[1:], grid.affine * Affine.scale(protocol.ratio), grid.crs)
        for path, image, at in zip(paths, (pan, ms, truth), (grid, coarse, grid), strict=True):
            _write(path, image * np.float32(level), at)
        yield Draw(instrument, *paths)


def _middle(scene: Scene, protocol: KnownTruth, policy: OpenPolicy) -> tuple[NDArray[np.float32], GeoBox]:
    """The middle of an image, free of masked pixels, its sides whole MS pixels."""
    height, width = scene.grid.shape
    step = protocol.ratio
    for side in range(SIDE, _LEAST - 1, -32):
        rows, columns = (min(n, side) // step * step for n in (height, width))
        if min(rows, columns) < _LEAST:
            break
        window = Window((height - rows) // 2, (width - columns) // 2, rows, columns)
        reader = PartReader(scene.parts[0], scene.grid, "cubic", policy)
        try:
            patch = reader.patch(reader.strip(window), window)
        finally:
            reader.close()
        if patch.valid is None or patch.valid.all():
            return patch.values, crop(scene.grid, window)
    raise RequestError(
        f"its middle holds no {_LEAST} x {_LEAST} valid px", where=protocol.truth, fix="give another image"
    )


def _write(path: Path, image: NDArray[np.float32], grid: GeoBox) -> None:
    bands, height, width = image.shape
    crs = None if grid.crs is None else grid.crs.to_wkt()
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": "float32", "crs": crs}
    with rasterio.open(path, "w", transform=grid.affine, **profile) as file:
        file.write(image)
