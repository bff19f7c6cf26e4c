"""The report of a run of 10,000 x 10,000 x 4 uint16 pan-sharpened: its size, the peak memory, how soon it opens.

    python -m benchmarks.engine.report [FOLDER]      needs about 4 GB of disk there; a browser and playwright to open it

The memory is the peak of the whole process, libraries included.  The page is opened in Chromium without a screen, and
counts as open once the first tile is drawn.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import rasterio

from ..shared.browser import browser, lacks
from ..shared.processes import cost_of, scratch_folder, seamline
from ..shared.scenes import large_scene
from .evaluation import derived

SIDE, RATIO = 10_000, 4
MOST_PAGE_BYTES, MOST_MEMORY_BYTES, MOST_SECONDS = 30e6, 1e9, 3.0
_CACHE_BYTES = 128 * 2**20


def seconds_to_open(page: Path) -> float | None:
    """Until the first tile of a page is drawn; None without a browser."""
    if lacks():
        return None
    with browser() as running:
        tab = running.new_page()
        before = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_selector("#stage[data-drawn]")
        return time.perf_counter() - before


def main() -> int:
    """Measure, judge."""
    with scratch_folder("Size, memory and opening of the report of a large run.") as folder:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            truth = large_scene(folder / "truth.tif", height=SIDE, width=SIDE)
            pan = derived(truth, folder / "pan.tif", bands=1)
            ms = derived(truth, folder / "ms.tif", bands=4, ratio=RATIO)
        out, page = folder / "fused.tif", folder / "fused.html"
        cost_of(seamline("pansharpen", ms, pan, out, "--model", "mtf-glp-fs"))
        cost = cost_of(seamline("report", out, page))
        size, opening = page.stat().st_size, seconds_to_open(page)
    good = size <= MOST_PAGE_BYTES and cost.peak_bytes <= MOST_MEMORY_BYTES and (opening or 0.0) <= MOST_SECONDS
    opened = "not opened: no browser" if opening is None else f"opens in {opening:.1f} s (at most {MOST_SECONDS:g})"
    print(
        f"{SIDE} x {SIDE} x 4 uint16: page of {size / 1e6:.1f} MB (at most {MOST_PAGE_BYTES / 1e6:.0f}), "
        f"peak {cost.peak_bytes / 1e6:.0f} MB (at most {MOST_MEMORY_BYTES / 1e6:.0f}), {opened}; made in "
        f"{cost.wall_s:.0f} s, {cost.processor_s:.0f} s of processor: {'ok' if good else 'MISSED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
