"""Classical pan-sharpening against GDAL's own, whole runs into a COG in turns on one thread: ratios of CPU seconds.

    python -m benchmarks.engine.classics [--side N] [--rounds N] [--write DOCS]

GDAL's is the weighted Brovey of its virtual pan-sharpened raster, with equal weights and cubic resampling.  Both write
the same compression and overviews, and are started as commands, so that what starting costs is in it.  A bound is
missed where the whole 95 % interval of the median lies above it.  Only ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from xml.sax.saxutils import escape

from ..shared.pages import published
from ..shared.processes import cost_of, seamline
from .against import BANDS, make_scenes

SIDE, ROUNDS, _LEAST_ROUNDS = 4096, 7, 6
BOUNDS: Mapping[str, float] = {"brovey": 1.3, "gsa": 2.0, "mtf-glp-fs": 3.0}
PAGE, PART = "cost.md", "classics"

_WRITE = """
import sys, rasterio, rasterio.shutil
with rasterio.Env(GDAL_NUM_THREADS="1"):
    rasterio.shutil.copy(sys.argv[1], sys.argv[2], driver="COG", COMPRESS="ZSTD", LEVEL="1", PREDICTOR="YES",
                         BLOCKSIZE="512", OVERVIEW_RESAMPLING="AVERAGE", NUM_THREADS="1", BIGTIFF="NO")
"""


def write_fusion(path: Path, ms: Path, pan: Path) -> None:
    """GDAL's virtual pan-sharpened raster of a pair."""
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{band}" subClass="VRTPansharpenedRasterBand"/>'
        for band in range(1, BANDS + 1)
    )
    spectral = "".join(
        f'<SpectralBand dstBand="{band}"><SourceFilename relativeToVRT="0">{escape(str(ms))}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand></SpectralBand>"
        for band in range(1, BANDS + 1)
    )
    weights = ",".join([str(1 / BANDS)] * BANDS)
    path.write_text(
        f'<VRTDataset subClass="VRTPansharpenedDataset">{bands}<PansharpeningOptions><Algorithm>WeightedBrovey'
        f"</Algorithm><AlgorithmOptions><Weights>{weights}</Weights></AlgorithmOptions><Resampling>Cubic</Resampling>"
        f'<NumThreads>1</NumThreads><PanchroBand><SourceFilename relativeToVRT="0">{escape(str(pan))}</SourceFilename>'
        f"<SourceBand>1</SourceBand></PanchroBand>{spectral}</PansharpeningOptions></VRTDataset>"
    )


def measure(side: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds over those of GDAL in the same round, by method."""
    found: dict[str, list[float]] = {name: [] for name in BOUNDS}
    single = ["env", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1"]
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        ms, pan = make_scenes(folder, side)
        write_fusion(folder / "gdal.vrt", ms, pan)
        gdal = [sys.executable, "-c", _WRITE, str(folder / "gdal.vrt"), str(folder / "gdal.tif")]
        for _ in range(rounds):
            theirs = cost_of([*single, *gdal]).processor_s
            for method, ratios in found.items():
                out = [folder / "out.tif", "--model", method, "--threads", 1, "--overwrite"]
                ratios.append(cost_of([*single, *seamline("pansharpen", ms, pan, *out)]).processor_s / theirs)
            print({name: round(ratios[-1], 2) for name, ratios in found.items()}, flush=True)
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Of the median, at 95 % or more: the least and the largest of at least six values.

    All of six lie on one side of their median with a chance of 3.1 %.
    """
    return min(values), max(values)


def lines_of(found: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """The measured part of the page."""
    yield "| method | CPU seconds over GDAL's | 95 % interval |"
    yield "|---|---|---|"
    verdicts = []
    for method, ratios in found.items():
        low, high = interval(ratios)
        yield f"| {method} | {median(ratios):.2f} | {low:.2f} to {high:.2f} |"
        held = "MISSED" if low > BOUNDS[method] else "held"
        verdicts.append(f"- {method}: {median(ratios):.2f}, bound {BOUNDS[method]}: {held}")
    yield from ("", *verdicts)


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Classical pan-sharpening against GDAL's own.")
    parser.add_argument("--side", type=int, default=SIDE, help=f"of PAN, px: {SIDE}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each: {ROUNDS}")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    if options.rounds < _LEAST_ROUNDS:
        parser.error(f"fewer than {_LEAST_ROUNDS} rounds tell no interval")
    lines = list(lines_of(measure(options.side, options.rounds)))
    return published(lines, options.write and options.write / "results" / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
