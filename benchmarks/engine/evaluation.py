"""A full evaluation of 10,000 x 10,000 x 4 uint16, against a reference and against PAN and MS, in 1 GB of memory.

    python -m benchmarks.engine.evaluation [FOLDER]      needs about 2 GB of disk there

The memory is the peak of the whole process, libraries included.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from ..shared.processes import cost_of, scratch_folder, seamline
from ..shared.scenes import large_scene

SIDE, RATIO, MOST_BYTES = 10_000, 4, 1e9
# Few rows and a small cache: what a process is said to have used at its peak begins with the peak of its parent.
_ROWS, _CACHE_BYTES = 64, 128 * 2**20


def derived(source: Path, path: Path, *, bands: int, ratio: int = 1) -> Path:
    """Write a noisy copy of a scene's first bands, or their means over cells of ``ratio`` px; strip by strip."""
    rng = np.random.default_rng(3)
    with rasterio.open(source) as scene:
        profile = scene.profile | {"count": bands, "height": scene.height // ratio, "width": scene.width // ratio}
        profile["transform"] = scene.transform * scene.transform.scale(ratio)
        with rasterio.open(path, "w", **profile) as out:
            for row in range(0, profile["height"], _ROWS):
                rows = min(_ROWS, profile["height"] - row)
                window = Window(0, row * ratio, profile["width"] * ratio, rows * ratio)
                values = scene.read(list(range(1, bands + 1)), window=window).astype(np.float32)
                cells = values.reshape(bands, rows, ratio, profile["width"], ratio).mean(axis=(2, 4))
                noisy = cells + rng.normal(0, 10, cells.shape).astype(np.float32)
                out.write(
                    np.clip(np.rint(noisy), 1, 4000).astype(np.uint16), window=Window(0, row, profile["width"], rows)
                )
    return path


def main() -> int:
    """Measure, judge."""
    with scratch_folder("Peak memory of a full evaluation of a large raster.") as folder:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            reference = large_scene(folder / "reference.tif", height=SIDE, width=SIDE)
            fused = derived(reference, folder / "fused.tif", bands=4)
            pan = derived(reference, folder / "pan.tif", bands=1)
            ms = derived(reference, folder / "ms.tif", bands=4, ratio=RATIO)
        against = ["--reference", reference, "--bits", 12, "--pan", pan, "--ms", ms]
        cost = cost_of(seamline("evaluate", fused, *against, "--json"))
    good = cost.peak_bytes <= MOST_BYTES
    print(
        f"{SIDE} x {SIDE} x 4 uint16, both forms: peak {cost.peak_bytes / 1e6:.0f} MB "
        f"(at most {MOST_BYTES / 1e6:.0f}), {cost.wall_s:.0f} s wall, {cost.processor_s:.0f} s of processor: "
        f"{'ok' if good else 'MISSED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
