"""What else was tried where super-resolution loses to interpolation: other kernels of the sensor, less of it, others.

    SEAMLINE_DATA=FOLDER python -m benchmarks.superres.attempts [--between FOLDER FOLDER]

Prints tables of means over the scenes of ``benchmarks.superres``.  The first makes interpolation equal its input
through each of several kernels, exactly.  The second takes a share of what the shipped model adds to interpolation.
The third needs two model folders of one architecture, such as the taught twin and the shipped model, and runs the
weights between them by default options.  First and third leave the sensor-true scenes out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rasterio.transform import from_origin

from seamline.engine.contract import ModelSource
from seamline.models.folder import load_folder, write_folder
from seamline.models.registry import resolve
from seamline.training.slimdiffsr.run import interpolated

from ..shared.scenes import read, write_scene
from .page import CLASSIC, REALISTIC, Names, mean
from .runs import METRICS, Scores, enlarge, score
from .scenes import CORNER, CRS, KINDS, REAL, Scene, degraded_scenes, real_scenes

SCALE = 4
KERNELS = {
    "area": (0.5, lambda x: np.ones_like(x)),
    "hat": (1.0, lambda x: 1.0 - x),
    "cubic": (2.0, lambda x: np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * (x**3 - 5 * x**2 + 8 * x - 4))),
    "Lanczos": (3.0, lambda x: np.sinc(x) * np.sinc(x / 3)),
}
"""Reach and value at a distance, coarse px, of what a coarse pixel sees; cubic is that of Keys with a = -0.5."""
SHARES = (0.25, 0.5, 0.75, 1.0, 1.25)
"""Places between two models, or between interpolation and a model; 1 is the second."""

Array = NDArray[np.float64]
Groups = Mapping[str, Sequence[Scene]]
Rows = Iterator[tuple[str, Mapping[str, Sequence[Scores]]]]
"""Name of a row, and the scores of its scenes by group."""


def seen(count: int, scale: int, kernel: str) -> Array:
    """What each of ``count`` coarse pixels sees of the fine ones, (count, count * scale); rows sum to one."""
    reach, value = KERNELS[kernel]
    fine, coarse = (np.arange(count * scale) + 0.5) / scale, np.arange(count) + 0.5
    distance = np.abs(fine - coarse[:, None])
    weights: Array = np.where(distance < reach, value(distance), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def projected(image: NDArray[np.generic], coarse: NDArray[np.generic], kernel: str) -> Array:
    """The image nearest to (C, H, W) that, seen through the kernel, equals (C, h, w)."""
    scale = image.shape[1] // coarse.shape[1]
    down, across = (seen(count, scale, kernel) for count in coarse.shape[1:])
    missing = coarse - down @ image @ across.T
    result: Array = image + np.linalg.pinv(down) @ missing @ np.linalg.pinv(across).T
    return result


def kernel_rows(groups: Groups, folder: Path) -> Rows:
    """Interpolation as it is, and through every kernel."""
    out, source = folder / "out.tif", resolve(CLASSIC, "superres", scale=SCALE)
    found: dict[str, dict[str, list[Scores]]] = {CLASSIC: {}, **{name: {} for name in KERNELS}}
    for group, scenes in groups.items():
        for scene in scenes:
            enlarge(source, scene.coarse, out, dtype="float32")
            image, coarse = read(out), read(scene.coarse)
            found[CLASSIC].setdefault(group, []).append(score(scene, out))
            for kernel in KERNELS:
                values = projected(image, coarse, kernel).astype(np.float32)
                write_scene(out, values, from_origin(*CORNER, 1, 1), CRS)
                found[kernel].setdefault(group, []).append(score(scene, out))
    yield from found.items()


def share_rows(groups: Groups, folder: Path) -> Rows:
    """Interpolation, and so much of what the shipped model adds to it."""
    out = folder / "out.tif"
    sources = [resolve(name, "superres", scale=SCALE) for name in (CLASSIC, Names(SCALE).subject)]
    found: dict[str, dict[str, list[Scores]]] = {f"{share:g}": {} for share in SHARES}
    for group, scenes in groups.items():
        for scene in scenes:
            images = []
            for source in sources:
                enlarge(source, scene.coarse, out, dtype="float32")
                images.append(read(out).astype(np.float64))
            plain, sharp = images
            for share in SHARES:
                values = (plain + share * (sharp - plain)).astype(np.float32)
                write_scene(out, values, from_origin(*CORNER, 1, 1), CRS)
                found[f"{share:g}"].setdefault(group, []).append(score(scene, out))
    yield from found.items()


def blend_rows(groups: Groups, ends: Sequence[str], folder: Path) -> Rows:
    """Models between two folders."""
    (_, first), (last, second) = (load_folder(end) for end in ends)
    for share in SHARES:
        state = interpolated(*({name: v.float() for name, v in end.items()} for end in (first, second)), share)
        path = folder / f"{share:g}"
        write_folder(path, last.card, state, dtype=torch.float16)
        source: ModelSource = resolve(str(path), "superres", scale=SCALE)
        rows: dict[str, list[Scores]] = {}
        for group, scenes in groups.items():
            for scene in scenes:
                enlarge(source, scene.coarse, folder / "out.tif", dtype="float32")
                rows.setdefault(group, []).append(score(scene, folder / "out.tif"))
        yield f"{share:g}", rows


def table(title: str, names: Sequence[str], rows: Rows) -> Iterator[str]:
    """Means, one column a group."""
    yield f"| {title}: {' / '.join(METRICS)} | " + " | ".join(names) + " |"
    yield "|---" * (1 + len(names)) + "|"
    for name, groups in rows:
        cells = [" / ".join(f"{mean(dict(enumerate(groups[g])), metric):.4f}" for metric in METRICS) for g in names]
        yield f"| {name} | " + " | ".join(cells) + " |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Other kernels of consistency, other weights.")
    parser.add_argument("--between", nargs=2, metavar="FOLDER", help="two model folders of one architecture")
    options = parser.parse_args()
    root = Path(os.environ["SEAMLINE_DATA"])
    with tempfile.TemporaryDirectory(prefix="seamline-") as name:
        folder = Path(name)
        groups = {kind: degraded_scenes(root, folder, kind, SCALE) for kind in KINDS}
        groups[REAL] = real_scenes(root, folder, SCALE)
        realistic = {name: groups[name] for name in REALISTIC}
        tables = [
            table("interpolation through", REALISTIC, kernel_rows(realistic, folder)),
            table("share of what the model adds", list(groups), share_rows(groups, folder)),
        ]
        if options.between:
            tables.append(table("share", REALISTIC, blend_rows(realistic, options.between, folder)))
        for line in chain.from_iterable(tables):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
