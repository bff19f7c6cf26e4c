"""The report of a run as one HTML page that needs nothing but itself: made, filled in, put in its place."""

from __future__ import annotations

import base64
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..engine.events import Cancel, Listener, Progress, Silence
from ..engine.quality.metrics import METRICS
from ..engine.quality.rasters import CACHE_BYTES
from . import maps, sections, template
from .change import CELLS_AT_ONCE, blocks, changes
from .gathering import Rasters, band_names, gather
from .layers import Layers, palette_of, title_of
from .placing import in_place
from .pyramid import Estimate, Level, Picture, levels, media_type, settings
from .rasters import Cells
from .reference import Compared, compared
from .run import Run, damaged, find_run
from .samples import Samples, Spectra, take

# Of 30 MB; the rest is for spectra, maps, scripts, and what an estimate misses.
_PICTURE_BYTES = 25_000_000


def write_page(
    run_or_out: Path,
    page: Path | None = None,
    reference: Path | None = None,
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """Write the page of a run.

    Args:
        run_or_out: as for ``run.find_run``.
        page: where it goes; ``OUT.report.html`` beside the report when None.
        reference: a raster on the output's grid that the output should equal; None for none.

    Returns:
        The page.

    Raises:
        RequestError: there is no finished run, its report cannot be used, its output or the reference cannot be opened
            or compared, or the page cannot be written.
        RunError: a raster cannot be read.
        Cancelled: between two strips; a page that was there stays.
    """
    listener, cancel = listener or Silence(), cancel or Cancel()
    run = find_run(run_or_out)
    target = page or run.page
    with _sensible(run):
        taken = _files_of(run, reference)
    with in_place(target, taken) as stream, rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), ExitStack() as stack:
        with _sensible(run):
            rasters = gather(run, reference)
        score = None if reference is None else compared(rasters, run.out, reference, listener, cancel)
        with _sensible(run):
            made = _Page(run, rasters, score, stack)
        made.write(stream, listener, cancel)
    return target


def _files_of(run: Run, reference: Path | None) -> list[Path]:
    """What a page must not take the place of."""
    inputs = [Path(band["path"]) for bands in (run.facts.get("input_bands") or {}).values() for band in bands]
    return [run.report, *run.layers.values(), *inputs, *([] if reference is None else [reference])]


@contextmanager
def _sensible(run: Run) -> Iterator[None]:
    """Say in one sentence that a report holds what no run writes."""
    try:
        yield
    except (TypeError, KeyError, AttributeError, IndexError) as error:
        raise damaged(run.report) from error


class _Page:
    """What a page is made of.

    Args:
        stack: closes the files that it is made from.
    """

    def __init__(self, run: Run, rasters: Rasters, score: Compared | None, stack: ExitStack) -> None:
        self._run, self._rasters, self._stack = run, rasters, stack
        self._pictures = Layers(rasters, run.facts, stack).pictures()
        self._names = band_names(rasters.out)
        self._facts = _told(run, rasters, score)
        at = run.facts.get("boundaries") or {"rows": [], "columns": []}
        self._boundaries = [int(line) for line in at["rows"]], [int(line) for line in at["columns"]]
        self._is_image = palette_of(rasters.out, ()) is None

    def write(self, stream: IO[str], listener: Listener, cancel: Cancel) -> None:
        """Draw, measure, and fill in the template."""
        listener.emit("start", doing="drawing", unit="strips", out=str(self._run.out))
        cells = self._cells()
        pieces = 0 if cells is None else len(blocks(cells.window, CELLS_AT_ONCE))
        progress = Progress(listener, sum(picture.strips for picture in self._pictures) + pieces)

        def beat() -> None:
            progress.advance()
            cancel.check()

        stored = self._stored(beat)
        samples = self._samples()
        facts = {
            **self._facts,
            "layers": [_layer(*each) for each in zip(self._pictures, stored, strict=True)],
            "samples": _plain_samples(samples),
            "change": [] if cells is None else [each.plain() for each in changes(cells, self._names, beat)],
            "seams": self._seams(cancel.check),
            "lattice": self._lattice(cancel.check),
        }
        data: dict[str, Callable[[], Iterator[str]]] = {}
        for number, tiles in enumerate(stored):
            for place, level in enumerate(tiles):
                data[f"tiles-{number}-{place}"] = partial(_pieces, level.stream)
        for number, spectra in enumerate(samples.spectra.values()):
            data[f"spectra-{number}"] = partial(_packed, spectra)
        template.fill(stream, self._run.out.name, facts, data)

    def _stored(self, beat: Callable[[], None]) -> list[list[Level]]:
        """The tiles of every picture; each takes its share of what the ones before have left."""
        bits = [Estimate.of(picture) for picture in self._pictures]
        left, found = _PICTURE_BYTES, list[list[Level]]()
        for number, picture in enumerate(self._pictures):
            setting = settings(self._pictures[number:], bits[number:], left)[0]
            made = levels(picture, setting, self._spool, beat)
            left -= sum(level.stream.tell() for level in made)
            found.append(made)
        return found

    def _spool(self) -> IO[bytes]:
        return self._stack.enter_context(tempfile.TemporaryFile())

    def _cells(self) -> Cells | None:
        """The output under the input's pixels, where both are images of the same bands."""
        out, main = self._rasters.out, self._rasters.main
        if main is None or not self._is_image or not Cells.can_be(out, main):
            return None
        return self._stack.enter_context(Cells(out, main))

    def _samples(self) -> Samples:
        rasters = self._rasters
        scenes = {"Output": rasters.out}
        if rasters.main is not None:
            scenes[title_of(rasters.main.name)] = rasters.main
        scenes |= {title_of(name): scene for name, scene in rasters.others.items()}
        if rasters.reference is not None:
            scenes["Reference"] = rasters.reference
        return take(rasters.out.grid, scenes)

    def _seams(self, check: Callable[[], None]) -> dict[str, Any] | None:
        found = maps.seams(self._rasters.out, *self._boundaries, check) if self._is_image else None
        if found is None:
            return None
        return {
            "at": dict(zip(("rows", "columns"), self._boundaries, strict=True)),
            "rows": _plain(found.rows),
            "columns": _plain(found.columns),
            "usual": round(found.usual, 3),
            "outstanding": list(found.outstanding),
        }

    def _lattice(self, check: Callable[[], None]) -> dict[str, Any] | None:
        main = self._rasters.main
        found = maps.lattice(self._rasters.out, main, check) if main is not None and self._is_image else None
        if found is None:
            return None
        return {"side": found.side, "scores": _plain(found.scores), "most": METRICS["lattice"].at_most}


def _told(run: Run, rasters: Rasters, score: Compared | None) -> dict[str, Any]:
    """What the report says, and the comparison with a reference."""
    facts, metrics = run.facts, run.facts["metrics"]
    names = band_names(rasters.out if rasters.main is None else rasters.main, facts.get("main_bands") or ())
    height, width = rasters.out.grid.shape
    return {
        "heading": sections.heading(facts, run.out),
        "size": [int(width), int(height)],
        "pixel": _pixel(rasters),
        "verdicts": sections.verdicts(metrics),
        "consistency": sections.consistency(metrics, names),
        "added": sections.added(facts, names),
        "instrument": sections.instrument(facts, names),
        "scores": [] if score is None else sections.scores(score.metrics),
        "reference": None if score is None else score.name,
        "timings": sections.timings(facts.get("seconds", {})),
        "provenance": sections.provenance(facts, run.out),
        "missing": list(rasters.missing),
    }


def _pixel(rasters: Rasters) -> dict[str, Any]:
    """Size of a pixel on the ground, where it has one that is a length."""
    grid = rasters.out.grid
    unit = None if grid.crs is None or grid.crs.geographic else str(grid.crs.units[0])
    return {"size": math.sqrt(abs(grid.affine.determinant)), "unit": {"metre": "m"}.get(unit or "", unit)}


def _layer(picture: Picture, tiles: Sequence[Level]) -> dict[str, Any]:
    place, finest = picture.place, picture.depth + 1 - len(tiles)
    return {
        "name": picture.name,
        "title": picture.title,
        "note": picture.note,
        "place": [place.column, place.row, place.width, place.height],
        "size": [-(-picture.width // 2**finest), -(-picture.height // 2**finest)],
        "finest": 2**finest,
        "type": media_type(picture),
        "legend": picture.legend,
        "levels": [{"rows": level.rows, "columns": level.columns, "sizes": level.sizes} for level in tiles],
    }


def _plain_samples(samples: Samples) -> dict[str, Any]:
    spectra = [{"title": title, **each.plain()} for title, each in samples.spectra.items()]
    return {"step": samples.step, "rows": samples.rows, "columns": samples.columns, "spectra": spectra}


def _plain(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[round(float(value), 3) if math.isfinite(value) else None for value in row] for row in values]


def _packed(spectra: Spectra) -> Iterator[str]:
    yield base64.b64encode(spectra.packed()).decode("ascii")


def _pieces(stream: IO[bytes]) -> Iterator[str]:
    """What a file of characters holds."""
    stream.seek(0)
    while piece := stream.read(1 << 20):
        yield piece.decode("ascii")
