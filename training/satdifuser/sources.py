"""What a user or a recipe points to, opened: scenes with labels, folders and tables of chips, benchmarks, data sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...engine.errors import RequestError
from ...engine.inputs.labels import LabelRequest
from ...engine.inputs.products.find import find_product
from ...engine.request import OpenPolicy
from .chips import Chip, Chips, Fit, in_folders, in_table
from .geobench import is_geobench, open_geobench
from .labelled import Scenes, Source
from .tiles import Side

SIDES: Mapping[str, Side] = {"train": "train", "val": "val"}
"""Which splits are trained on and which are held out."""


def open_source(
    task: str,
    images: Sequence[str],
    labels: LabelRequest | None,
    *,
    bands: tuple[int | str, ...] = (),
    fit: Fit = "resize",
    policy: OpenPolicy | None = None,
    check: Callable[[], None] = lambda: None,
) -> Source:
    """What options point to.

    Args:
        task: ``"segment"`` or ``"classify"``.
        images: rasters, or one folder of chips.
        labels: on the ground; a CSV table of chips; None where folders are named after classes.
        bands: of the images; all where empty.
        fit: how chips are brought to the side of a patch.
        policy: what may be opened.
        check: called now and then; may raise to stop.

    Raises:
        RequestError: it cannot be opened, or does not fit the task.
    """
    if not images:
        raise RequestError("no image is named", where="--image", fix="give a raster, or a folder of chips")
    folders = [path for path in images if Path(path).is_dir() and find_product(path) is None]
    if not folders:
        if labels is None:
            raise RequestError("there are no labels", where="--labels", fix="give polygons, points or a label raster")
        if _is_table(labels.path):
            raise RequestError(
                "a table lists chips, and no folder of chips is named", where=labels.path, fix="give it with --image"
            )
        return Scenes(images, labels, bands=bands, policy=policy)
    if len(images) > 1:
        raise RequestError(
            "a folder of chips stands for itself", where=folders[0], fix="give one folder with --image, or rasters"
        )
    return _of_folder(task, Path(folders[0]), labels, bands, fit, policy, check)


def _of_folder(
    task: str,
    folder: Path,
    labels: LabelRequest | None,
    bands: tuple[int | str, ...],
    fit: Fit,
    policy: OpenPolicy | None,
    check: Callable[[], None],
) -> Source:
    if is_geobench(folder):
        return open_geobench(folder, task=task, bands=tuple(map(str, bands)), fit=fit, check=check)
    if task == "segment":
        raise RequestError(
            "chips have a class as a whole, and segment tells pixels apart",
            where=str(folder),
            fix="pass --task classify, or give rasters with labels on them",
        )
    if labels is None:
        return Chips.opened(in_folders(folder), str(folder), bands=bands, fit=fit, policy=policy)
    if not _is_table(labels.path):
        raise RequestError(
            "labels of chips are a table", where=labels.path, fix="give a CSV file with --labels, or leave it out"
        )
    chips = in_table(Path(labels.path), folder, labels.field)
    return Chips.opened(chips, labels.path, bands=bands, fit=fit, policy=policy)


def _is_table(path: str) -> bool:
    return path.lower().endswith(".csv")


def open_dataset(
    root: Path,
    name: str,
    *,
    labels: LabelRequest | None = None,
    contains: Sequence[str] = (),
    excludes: Sequence[str] = (),
    bands: tuple[int | str, ...] = (),
    fit: Fit = "resize",
    sides: Mapping[str, Side] = SIDES,
) -> Source:
    """A data set of ``splits.json``: images with a vector file of labels, or chips in folders named after classes.

    Args:
        root: folder of ``splits.json``.
        name: of the data set.
        labels: how its labels are to be read, with an empty path.
        contains, excludes: files whose path holds one of these, or none of these; all where empty.
        bands: of the images; all where empty.
        fit: how chips are brought to the side of a patch.
        sides: splits that are used, and the side that each is on.

    Raises:
        RequestError: there is no such data set, or it has no files of these splits.
    """
    try:
        entry: dict[str, Any] = json.loads((root / "splits.json").read_text(encoding="utf-8"))["datasets"][name]
    except (OSError, ValueError, KeyError) as error:
        raise RequestError("no such dataset", where=name, fix="see splits.json in the data folder") from error
    files = [
        (root / file, side)
        for key, side in sides.items()
        for file in entry[key]
        if (not contains or any(text in file for text in contains)) and not any(text in file for text in excludes)
    ]
    if not files:
        raise RequestError("no file is left", where=name, fix="correct contains and excludes")
    on_ground = entry.get("labels", "")
    if (root / on_ground).is_file():
        request = labels or LabelRequest("")
        return Scenes(
            [str(path) for path, _ in files],
            LabelRequest(str(root / on_ground), request.field, request.layer, request.rest, request.ignore),
            bands=bands,
            sides=[side for _, side in files],
        )
    chips = [Chip(path, (path.parent.name,), side) for path, side in files]
    return Chips.opened(chips, name, bands=bands, fit=fit)
