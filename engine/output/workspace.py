"""The folder of an unfinished run: its plan, its finished row bands, and a receipt for each.

``OUT.seamline/`` lies beside the output, so that the last step is a rename on one file system.  A row band counts as
finished when its receipt exists: the file is closed, synced and renamed before the receipt is written, and several
processes may write different bands at once.  Row bands of standard deviations lie in a workspace inside this one, and
are written before those of the image.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from ..errors import RequestError, RunError
from ..plan.plan import Plan
from ..serial import from_jsonable, to_jsonable


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder beside one output."""

    folder: Path

    @classmethod
    def beside(cls, out: Path) -> Workspace:
        """The workspace of an output path."""
        return cls(out.with_name(out.name + ".seamline"))

    @property
    def exists(self) -> bool:
        """Whether an unfinished run lies here."""
        return (self.folder / "plan.json").exists()

    def create(self, plan: Plan) -> None:
        """Make the folder and save the plan.

        Raises:
            RequestError: the folder cannot be written.
        """
        was_there = self.folder.exists()
        try:
            for workspace in (self, self.deviations)[: len(plan.outputs)]:
                (workspace.folder / "bands").mkdir(parents=True, exist_ok=True)
            self._write_json(self.folder / "plan.json", {"identity": plan.identity, "plan": to_jsonable(plan)})
        except OSError as error:
            if not was_there:
                self.remove()
            raise RequestError(
                f"the folder cannot be written ({error.strerror})",
                where=str(self.folder.parent),
                fix="choose another place for the output",
            ) from error

    def plan(self) -> Plan:
        """The saved plan.

        Raises:
            RequestError: there is none, or it is damaged.
        """
        try:
            data = json.loads((self.folder / "plan.json").read_text())
            plan: Plan = from_jsonable(Plan, data["plan"])
        except FileNotFoundError as error:
            raise RequestError(
                "there is no unfinished run", where=str(self.folder), fix="run the shards first"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise RequestError(
                "the saved plan is damaged", where=str(self.folder / "plan.json"), fix="delete the folder, start anew"
            ) from error
        return plan

    @property
    def model(self) -> Path:
        """Where a model that was adapted for this run lies."""
        return self.folder / "model"

    @property
    def deviations(self) -> Workspace:
        """The row bands of the image's standard deviations."""
        return Workspace(self.folder / "deviations")

    def remove(self) -> None:
        """Delete the folder and everything in it, but for a model that waits for its run to begin."""
        if self.exists or not self.model.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for entry in self.folder.iterdir():
            if entry != self.model:
                shutil.rmtree(entry, ignore_errors=True)

    def row_band_path(self, band: int) -> Path:
        """Where a finished row band lies."""
        return self.folder / "bands" / f"{band:06d}.tif"

    def _receipt_path(self, band: int) -> Path:
        return self.folder / "bands" / f"{band:06d}.json"

    def receipt(self, band: int) -> dict[str, Any] | None:
        """What was noted when the band was finished; None while it is not."""
        try:
            data: dict[str, Any] = json.loads(self._receipt_path(band).read_text())
        except (FileNotFoundError, ValueError):
            return None
        if self.deviations.folder.exists() and not self.deviations.row_band_path(band).exists():
            return None
        return data if self.row_band_path(band).exists() else None

    def unfinished(self, bands: range) -> list[int]:
        """The bands without a receipt."""
        return [band for band in bands if self.receipt(band) is None]

    def write_row_band(self, band: int, planes: NDArray[np.generic], receipt: dict[str, Any]) -> None:
        """Write (planes, rows, columns) as a tiled GeoTIFF, make it last, then note it.

        Raises:
            RunError: the disk is full or the file cannot be written.
        """
        path, part = self.row_band_path(band), self.row_band_path(band).with_suffix(f".{os.getpid()}.part")
        count, height, width = planes.shape
        try:
            with (
                _ungeoreferenced(),
                rasterio.open(
                    part,
                    "w",
                    driver="GTiff",
                    width=width,
                    height=height,
                    count=count,
                    dtype=planes.dtype,
                    tiled=True,
                    blockxsize=512,
                    blockysize=min(512, -(-height // 16) * 16),
                    interleave="band",
                    BIGTIFF="IF_SAFER",
                ) as data,
            ):
                data.write(planes)
            # A full disk can pass unnoticed until the file is closed.
            if part.stat().st_size < planes.nbytes:
                raise OSError(28, os.strerror(28))
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(path)
            self._write_json(self._receipt_path(band), receipt)
        except (OSError, rasterio.errors.RasterioError) as error:
            part.unlink(missing_ok=True)
            raise RunError(
                f"row band {band} cannot be written ({getattr(error, 'strerror', None) or error})",
                where=str(self.folder),
                fix="make room on the disk, then run again with --resume",
            ) from error

    def _write_json(self, path: Path, data: Any) -> None:
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("w") as stream:
            json.dump(data, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


@contextlib.contextmanager
def _ungeoreferenced() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
