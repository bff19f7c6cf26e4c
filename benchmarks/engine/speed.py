"""An identity run against GDAL's own COG translate: 10,000 x 10,000 x 4 uint16, same compression and threads.

    python -m benchmarks.engine.speed [FOLDER]      needs about 5 GB of disk there; run it on a quiet machine

Both commands run in turn, seven pairs after one that does not count; the figure is the median ratio.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median

from ..shared.processes import Cost, cost_of, scratch_folder, seamline
from ..shared.scenes import large_scene

SIDE, PAIRS, MOST = 10_000, 7, 1.5

TRANSLATE = """
import sys, rasterio, rasterio.shutil
with rasterio.Env(GDAL_CACHEMAX=512 * 2**20):
    rasterio.shutil.copy(sys.argv[1], sys.argv[2], driver="COG", COMPRESS="ZSTD", LEVEL="1", PREDICTOR="YES",
                         BLOCKSIZE="512", OVERVIEW_RESAMPLING="AVERAGE", NUM_THREADS="ALL_CPUS", BIGTIFF="NO")
"""


def pair(scene: Path, folder: Path) -> tuple[Cost, Cost]:
    """Ours and GDAL's, one after the other."""
    ours, theirs = folder / "ours.tif", folder / "gdal.tif"
    for path in (ours, theirs):
        path.unlink(missing_ok=True)
    mine = cost_of(seamline("superres", scene, ours, "--model", "identity"))
    return mine, cost_of([sys.executable, "-c", TRANSLATE, str(scene), str(theirs)])


def main() -> int:
    """Measure the pairs, judge the medians."""
    with scratch_folder("An identity run against GDAL's own COG translate.") as folder:
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
        scene = large_scene(folder / "scene.tif", height=SIDE, width=SIDE)
        pair(scene, folder)
        pairs = []
        for _ in range(PAIRS):
            ours, theirs = pair(scene, folder)
            pairs.append((ours, theirs))
            print(
                f"seamline {ours.processor_s:.1f} s processor {ours.wall_s:.1f} s wall, "
                f"GDAL {theirs.processor_s:.1f} s {theirs.wall_s:.1f} s",
                flush=True,
            )
    processor = median(a.processor_s / b.processor_s for a, b in pairs)
    wall = median(a.wall_s / b.wall_s for a, b in pairs)
    good = max(processor, wall) <= MOST
    verdict = "ok" if good else "MISSED"
    print(f"median of {PAIRS} pairs: processor x{processor:.2f}, wall x{wall:.2f} (at most {MOST}): {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
