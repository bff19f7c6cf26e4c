"""Peak memory must not grow with the scene's height: identity runs at 20,000 x 5,000 and 20,000 x 20,000 x 4 uint16.

python -m benchmarks.engine.memory [FOLDER]      needs about 14 GB of disk there
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..shared.processes import cost_of, scratch_folder, seamline
from ..shared.scenes import large_scene

WIDTH, SHORT, TALL = 20_000, 5_000, 20_000
MOST_GROWTH, MOST_BYTES = 1.15, 1.5e9


def peak(folder: Path, height: int) -> int:
    """Peak resident bytes of an identity run."""
    scene = large_scene(folder / f"scene-{height}.tif", height=height, width=WIDTH)
    out = folder / "out.tif"
    cost = cost_of(seamline("superres", scene, out, "--model", "identity", "--overwrite"))
    scene.unlink()
    out.unlink()
    print(f"{WIDTH} x {height} x 4 uint16: peak {cost.peak_bytes / 1e6:.0f} MB, {cost.wall_s:.0f} s", flush=True)
    return cost.peak_bytes


def main() -> int:
    """Measure both, judge."""
    with scratch_folder("Peak memory of identity runs by the height of the scene.") as folder:
        short, tall = (peak(folder, height) for height in (SHORT, TALL))
    good = tall <= MOST_GROWTH * short and tall < MOST_BYTES
    verdict = "ok" if good else "MISSED"
    print(f"ratio {tall / short:.3f} (at most {MOST_GROWTH}), bound {MOST_BYTES / 1e6:.0f} MB: {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
