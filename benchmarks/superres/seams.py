"""Whether tiles show in super-resolved scenes: the same lines in the same image with tiles and without.

    SEAMLINE_DATA=FOLDER python -m benchmarks.superres.seams [--write DOCS]

The seam score of a scene with few boundaries says most of what lies under them.  So it is divided by the score of the
same lines in the image that was made without tiles: 1 means that tiles add nothing.  The exit status is 1 where the
shipped model of a scale has more than the bound on a scene.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import rasterio

from seamline.engine.contract import ModelSource
from seamline.engine.output.finish import meters_of
from seamline.engine.request import Request
from seamline.engine.run import plan_run
from seamline.models.registry import resolve

from ..shared.pages import published
from ..shared.scenes import read
from .page import MOST_SEAM, PAGES, WIDTH, Names
from .runs import Seam, enlarge
from .scenes import whole_scenes

PAGE, PART = "quality.md", "superres-seams"

_ABOUT = (
    "Made by `python -m benchmarks.superres.seams --write docs/results`, on scenes as they were delivered, by default "
    "options.  The seam score of the default tiles, in brackets its control band; the score of the same lines in the "
    "image that is made without tiles; and the one over the other, which is 1 where tiles add nothing."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A scene: seam score with the default tiles and its control band, and that of the same lines without tiles."""

    scale: int
    scene: str
    tiled: Seam
    untiled: float

    @property
    def over(self) -> float:
        """What the tiles add, as a ratio."""
        return self.tiled.score / self.untiled


def measured(root: Path, scale: int, folder: Path) -> Iterator[Row]:
    """The scenes of a scale; ``root`` is the data folder."""
    source, out = resolve(Names(scale).subject, "superres", scale=scale), folder / "out.tif"
    for scene, path in whole_scenes(root, folder, scale).items():
        tiled = Seam.of(enlarge(source, path, out))
        with rasterio.open(path) as file:
            side = max(file.shape)
        enlarge(source, path, out, tile=-(-side // source.spec.align) * source.spec.align)
        untiled = _score_at_tiles(source, path, out)
        if tiled is not None and untiled is not None:
            row = Row(scale, scene, tiled, untiled)
            print(row, flush=True)
            yield row


def _score_at_tiles(source: ModelSource, scene: Path, image: Path) -> float | None:
    """The seam score of an image at the lines where the tiles of a run by default would end."""
    request = Request(inputs={"image": str(scene)}, out=str(image.with_name("planned.tif")), threads=1)
    plan, _ = plan_run(request, source)
    meters = meters_of(plan, plan.output)
    assert meters is not None
    meters[0].push(read(image))
    found = meters[0].score()
    return None if found is None else found.score


def section(rows: Sequence[Row]) -> Iterator[str]:
    """The part of the page, line by line."""
    yield from (*wrap(_ABOUT, WIDTH), "", "| scene | default tiles | without tiles | ratio |", "|---|---|---|---|")
    for row in rows:
        seam = f"{row.tiled.score:.3f} ({row.tiled.low:.3f} to {row.tiled.high:.3f})"
        yield f"| by {row.scale}, {row.scene} | {seam} | {row.untiled:.3f} | {row.over:.3f} |"
    yield ""
    for row in rows:
        kept = "ok" if row.over <= MOST_SEAM else "MISSED"
        what = f"by {row.scale}, {row.scene}, seam score over that without tiles {row.over:.3f}"
        yield f"- {what}, at most {MOST_SEAM}: {kept}"


def main() -> int:
    """Measure, print, write, judge."""
    parser = argparse.ArgumentParser(description="Seams of super-resolution, against the same image without tiles.")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    rows: list[Row] = []
    for scale in sorted(PAGES):
        with tempfile.TemporaryDirectory(prefix="seamline-") as name:
            rows += measured(Path(os.environ["SEAMLINE_DATA"]), scale, Path(name))
    return published(list(section(rows)), options.write and options.write / PAGE, PART)


if __name__ == "__main__":
    raise SystemExit(main())
