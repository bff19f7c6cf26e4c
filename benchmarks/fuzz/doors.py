"""The doors of the program that read files: each takes one, and gives what it read for comparison, or refuses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from seamline.engine.errors import SeamlineError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.readers import opened
from seamline.engine.inputs.vectors import find_layer, read_features
from seamline.engine.optics.sensors import read_sensor
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run
from seamline.engine.serial import digest
from seamline.models import registry
from seamline.models.convert import read_settings, read_tensors
from seamline.models.folder import CARD, load_folder, read_card
from seamline.models.install import install
from seamline.training.reading import read_recipe

_MOST_PIXELS = 1 << 20
"""Larger rasters are planned, not read."""


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """What a door read of a raster.

    Attributes:
        values: (C, H, W).
        valid: likewise.
        bands: path and number of each band in its file.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    bands: tuple[tuple[str, int], ...]

    def as_gdal_has_them(self) -> NDArray[np.float32]:
        """The same bands without the program."""
        found = []
        for path, index in self.bands:
            with rasterio.open(path) as data:
                found.append(data.read(index).astype(np.float32))
        return np.stack(found)

    def differ(self, others: NDArray[np.float32]) -> bool:
        """Whether valid values are not those."""
        if others.shape != self.values.shape:
            return True
        return not np.array_equal(self.values[self.valid], others[self.valid], equal_nan=True)


def _raster(path: Path, bands: tuple[int | str, ...] = (), *, vrt: bool = False) -> Pixels | None:
    """Plan a run, and read all of the input as a run does."""
    source, policy = registry.resolve("identity", "superres"), OpenPolicy(vrt=vrt)
    out = path.parent / "out" / "o.tif"
    request = Request(inputs={"image": str(path)}, out=str(out), bands=bands, dtype="float32", threads=1, policy=policy)
    plan, _ = plan_run(request, source)
    scene = plan.scene
    height, width = scene.grid.shape
    if height * width * len(scene.bands) > _MOST_PIXELS:
        return None
    window = Window(0, 0, height, width)
    with opened([scene], scene.grid, source.spec, policy) as (reader,):
        patch = reader.patch(reader.strip(window), window)
    valid = np.ones(patch.values.shape, np.bool_) if patch.valid is None else patch.valid
    valid = np.broadcast_to(valid, patch.values.shape)
    return Pixels(patch.values, valid, tuple((band.path, band.index) for band in scene.bands))


def _product(path: Path) -> None:
    _raster(path, ("B02", "B04"))
    describe("image", str(path))


def _archived_product(path: Path) -> None:
    """A product whose metadata lie beside the archive that they belong into."""
    from .seeds import pack

    folder = path.parent / "A.SAFE"
    shutil.copyfile(path.parent / "MTD_MSIL2A.xml", folder / "MTD_MSIL2A.xml")
    pack(folder, path)
    _product(path)


def sign(folder: Path) -> None:
    """Make the card of a model folder fit its files, so that what is in them is looked at."""
    card = json.loads((folder / CARD).read_text())
    content = (folder / "model.safetensors").read_bytes()
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": max(len(content), 1)}
    (folder / CARD).write_text(json.dumps(card | {"files": {"model.safetensors": entry}}))


def _model(path: Path) -> None:
    sign(path.parent)
    load_folder(path.parent)


def _card(path: Path) -> None:
    registry.info(str(read_card(path).path))
    with contextlib.suppress(SeamlineError):
        registry.resolve(str(path), read_card(path).card.task)


def _wheel(path: Path) -> None:
    install([path], path.parent / "installed")


def _sign_plan(path: Path) -> None:
    """The plan with a checksum that fits; what is no plan at all stays as it is."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        saved = json.loads((path / "plan.json").read_text())
        (path / "plan.json").write_text(json.dumps(saved | {"sha256": digest(saved["plan"])}))


def _plan(path: Path) -> None:
    Workspace(path).plan()


def _signed_plan(path: Path) -> None:
    _sign_plan(path)
    _plan(path)


def _receipt(path: Path) -> None:
    workspace = Workspace(path)
    plan = workspace.plan()
    row_bands = workspace.row_bands(plan)
    row_bands.unfinished(plan.row_bands)
    row_bands.damaged(plan.row_bands)


def _shapes(path: Path) -> None:
    layer = find_layer(str(path))
    read_features(layer, layer.fields[0] if layer.fields else None)


DOORS: Mapping[str, Callable[[Path], Any]] = {
    "raster": _raster,
    "trusted raster": lambda path: _raster(path, vrt=True),
    "product": _product,
    "archived product": _archived_product,
    "card": _card,
    "model": _model,
    "checkpoint": read_tensors,
    "settings": read_settings,
    "wheel": _wheel,
    "sensor": read_sensor,
    "recipe": read_recipe,
    "plan": _plan,
    "signed plan": _signed_plan,
    "receipt": _receipt,
    "shapes": _shapes,
}


def through(door: str, path: Path) -> Pixels | None:
    """Give a file to a door, in silence; pixels where it reads any.

    Raises:
        SeamlineError: it was refused.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = DOORS[door](path)
    return found if isinstance(found, Pixels) else None
