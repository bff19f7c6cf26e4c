"""The heads that ship, on test splits.

SEAMLINE_DATA=FOLDER python -m benchmarks.satdifuser.shipped [--write DOCS]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.merge import merge

from seamline.engine.contract import Runtime, Where
from seamline.engine.ground.grids import Window
from seamline.engine.quality.classes import ClassScores, confusion
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.registry import info, resolve
from seamline.training.satdifuser.labelled import numbered
from seamline.training.satdifuser.tiles import IGNORE, Geometry

from ..shared.pages import replace_part
from .tasks import BANEPA, TASKS, Set, test_source

PAGE, PART = "results/satdifuser.md", "shipped"
SHIPPED: Mapping[str, str] = MappingProxyType(
    {"satdifuser-buildings": "both", "satdifuser-landcover": "eurosat", "satdifuser-trees": "trees"}
)
"""Task of each."""
_ALIGN = 16


def told(name: str, each: Set, root: Path) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Labels (h, w), and what a model says of each class there, (classes, h, w), of every image of a test set.

    Every image is one tile, which is what a run of it is.
    """
    kind = TASKS[SHIPPED[name]].kind
    source = resolve(name, kind)
    model = source.load(Runtime(device="cpu"))
    categories = source.spec.outputs[0]
    classes = tuple(category.name for category in categories.categories)
    material = test_source(each, root).material(Geometry(_ALIGN, 0, source.spec.patch), lambda: None)
    for tile in numbered(material, classes):
        values, _ = tile.image.read(Window(0, 0, tile.region.height, tile.region.width))
        where = Where(seed=0, sample=0, origins=(tile.image.origin,), ratio={}, wanted=frozenset({categories.name}))
        with torch.inference_mode():
            found = model.predict({"image": torch.from_numpy(values)[None]}, where)[categories.name]
        yield tile.labels, found[0].numpy()


def scores_of(name: str, each: Set, root: Path) -> ClassScores:
    """Of a model on a test set."""
    classes = tuple(category.name for category in info(name).spec.outputs[0].categories)
    matrix = np.zeros((len(classes), len(classes)), np.int64)
    for labels, scores in told(name, each, root):
        matrix += confusion(labels, scores.argmax(axis=0), len(classes), IGNORE)
    return ClassScores(classes, matrix)


def _two_tiles(side: int) -> tuple[int, int]:
    """The side of tiles that a model has, and one whose grid meets it seldom."""
    return side, side - 192


def disagreement(root: Path) -> tuple[float, int]:
    """Share of px that two tile grids of one scene disagree on, and how many px there are.

    The scene is the mosaic of the test tiles of Banepa.
    """
    tiles = test_source(BANEPA, root).material(Geometry(_ALIGN, 0), lambda: None).images
    source = resolve("satdifuser-buildings", "segment")
    with tempfile.TemporaryDirectory(prefix="seamline-") as folder:
        scene = str(Path(folder) / "scene.tif")
        merge([tile.source for tile in tiles], nodata=0, dst_path=scene)
        found = []
        for tile in _two_tiles(source.spec.tile):
            out = str(Path(folder) / f"{tile}.tif")
            run(Request(inputs={"image": scene}, out=out, tile=tile), source)
            with rasterio.open(out) as file:
                found.append(file.read(1, masked=True))
    return float((found[0] != found[1]).mean()), int(found[0].count())


def rows(root: Path) -> Iterator[str]:
    """The table."""
    yield "| model | test split | accuracy | mIoU | mean F1 | IoU of each class |"
    yield "|---|---|---|---|---|---|"
    for name, task in SHIPPED.items():
        for each in TASKS[task].tests:
            found = scores_of(name, each, root)
            by_class = ", ".join(f"{n} {value:.3f}" for n, value in zip(found.names, found.iou, strict=True))
            means = " | ".join(f"{value:.3f}" for value in (found.accuracy, found.miou, found.macro_f1))
            yield f"| {name}, version {info(name).spec.version} | {each.title} | {means} | {by_class} |"
    yield ""
    share, pixels = disagreement(root)
    large, small = _two_tiles(info("satdifuser-buildings").spec.tile)
    counted = f"{share:.3%} of {pixels / 1e6:.1f} million px"
    yield f"Maps of buildings by tiles of {large} px and by tiles of {small} px disagree on {counted}."


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="The heads that ship, on test splits.")
    parser.add_argument("--write", type=Path, metavar="DOCS", help="folder of the pages")
    options = parser.parse_args()
    lines = []
    for line in rows(Path(os.environ["SEAMLINE_DATA"])):
        print(line, flush=True)
        lines.append(line)
    if options.write:
        replace_part(options.write / PAGE, PART, lines)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
