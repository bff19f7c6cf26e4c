"""What an archive of many scenes takes: cores, storage and network, worked out from one measured run.

    SEAMLINE_DATA=FOLDER python -m benchmarks.engine.archive [--write DOCS]

A real Sentinel-2 image is super-resolved by 4 with the default model on one thread, and so is a corner of it, so that
the start is told from the rest.  CPU seconds and bytes by pixel are scaled to whole tiles.  Seconds are those of the
machine that this runs on.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import rasterio

from ...api import default_model
from ...engine.request import Request
from ...engine.run import plan_run
from ...models import registry
from ..shared.pages import published
from ..shared.processes import cost_of, seamline

SCENES, SIDE_PX, GSD_M, SCALE = 100_000, 10_980, 10, 4
_BANDS, _CORNER = (1, 2, 3, 4), 64
_WORKERS = (1, 64, 1024, 4096)
_IMAGE = Path("sentinel2", "australia_fire_20181201.tif")
PAGE, PART = Path("concepts", "scale.md"), "archive"
_HOUR_S, _YEAR_H = 3600, 24 * 365


@dataclass(frozen=True, slots=True)
class Rates:
    """What super-resolution of four bands takes.

    Attributes:
        cpu_s: CPU seconds a pixel of the result.
        start_s: CPU seconds of a start.
        read: bytes of the input by pixel of it.
        disk, written: bytes by pixel of the result: most that lies on disk during a run, and the COG.
    """

    cpu_s: float
    start_s: float
    read: float
    disk: float
    written: float

    @property
    def scene_cpu_s(self) -> float:
        """Of a scene, CPU seconds."""
        return self.start_s + self.cpu_s * (SIDE_PX * SCALE) ** 2


def measure(image: Path) -> Rates:
    """The rates of an image."""
    with tempfile.TemporaryDirectory(prefix="seamline-") as name, rasterio.open(image) as data:
        out = Path(name, "out.tif")
        given = [image, out, "--scale", SCALE, "--threads", 1, "--bands", ",".join(map(str, _BANDS)), "--overwrite"]
        single = ["env", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1", *seamline("superres", *given)]
        corner = cost_of([*single, "--window", "0", "0", str(_CORNER), str(_CORNER)]).processor_s
        whole = cost_of(single).processor_s
        seen, made = data.width * data.height, data.width * data.height * SCALE**2
        request = Request(inputs={"image": str(image)}, out=str(out), bands=_BANDS, overwrite=True)
        source = registry.resolve(default_model("superres", SCALE), "superres", scale=SCALE)
        _, needs = plan_run(request, source)
        by_pixel = (whole - corner) / (made - (_CORNER * SCALE) ** 2)
        return Rates(
            cpu_s=by_pixel,
            start_s=max(corner - by_pixel * (_CORNER * SCALE) ** 2, 0.0),
            read=image.stat().st_size / data.count * len(_BANDS) / seen,
            disk=needs.disk_bytes / made,
            written=out.stat().st_size / made,
        )


def lines_of(rates: Rates) -> Iterator[str]:
    """The measured part of the page."""
    pixels, result = SIDE_PX**2, (SIDE_PX * SCALE) ** 2
    area = (SIDE_PX * GSD_M / 1000) ** 2
    core_h = rates.scene_cpu_s / _HOUR_S
    yield "| of a scene | |"
    yield "|---|---|"
    yield f"| CPU hours | {core_h:.2f} |"
    yield f"| CPU seconds a km² | {rates.scene_cpu_s / area:.2f} |"
    yield f"| of them the start, if each scene is a run of its own | {rates.start_s / rates.scene_cpu_s:.2%} |"
    yield f"| read, GB | {rates.read * pixels / 1e9:.2f} |"
    yield f"| on disk during the run, GB | {rates.disk * result / 1e9:.1f} |"
    yield f"| written, GB | {rates.written * result / 1e9:.1f} |"
    yield ""
    yield "| cores at work | days | scenes a day | read, MB/s | written, MB/s | row bands on disk, TB |"
    yield "|---|---|---|---|---|---|"
    for cores in _WORKERS:
        a_second = cores / rates.scene_cpu_s
        days = SCENES / a_second / _HOUR_S / 24
        yield (
            f"| {cores} | {days:,.0f} | {a_second * _HOUR_S * 24:,.0f} | {a_second * rates.read * pixels / 1e6:,.2f} "
            f"| {a_second * rates.written * result / 1e6:,.1f} | {cores * rates.disk * result / 1e12:,.2f} |"
        )
    yield ""
    yield (
        f"{SCENES:,} scenes: {SCENES * core_h / _YEAR_H:,.0f} years of a core, {SCENES * area / 1e6:,.0f} million km², "
        f"{SCENES * rates.read * pixels / 1e12:,.0f} TB read, {SCENES * rates.written * result / 1e15:,.2f} PB written."
    )


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What an archive of many scenes takes.")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    rates = measure(Path(os.environ["SEAMLINE_DATA"]) / _IMAGE)
    return published(list(lines_of(rates)), options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
