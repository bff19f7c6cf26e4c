"""Finished row bands on disk: a small tiled GeoTIFF for each output, and a receipt for all of them.

A row band counts as finished when its receipt exists: its files are closed, synced and renamed before the receipt is
written, and several processes may write different bands at once.  The receipt says whose band it is and what its files
hold, so that a band of another run, a cut file or a flipped bit is never taken for a result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..errors import RunError
from ..inputs.files import GDAL_ERRORS, quiet
from ..plan.plan import Plan
from ..serial import digest

CHUNK_ROWS = 1024
"""Rows that are read and hashed at a time."""

Planes = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class RowBands:
    """The row bands of one run.

    Attributes:
        folder: of the run.
        identity: of the plan.
        names: of the outputs.
    """

    folder: Path
    identity: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path, plan: Plan) -> RowBands:
        """The row bands of a plan."""
        return cls(folder, plan.identity, tuple(output.name for output in plan.outputs))

    def path(self, name: str, band: int) -> Path:
        """The file of an output's row band."""
        further = "" if name == self.names[0] else f".{name}"
        return self.folder / "bands" / f"{band:06d}{further}.tif"

    def _receipt_path(self, band: int) -> Path:
        return self.folder / "bands" / f"{band:06d}.json"

    def receipt(self, band: int) -> dict[str, Any] | None:
        """What was noted when the band was finished; None while it is not, or where it belongs to another run."""
        try:
            saved = json.loads(self._receipt_path(band).read_text())
            data = saved["receipt"]
            if saved["sha256"] != digest(data):
                return None
            stated = {name: (data["bytes"][name], data["sha256"][name]) for name in self.names}
            whole = all(self.path(name, band).stat().st_size == size for name, (size, _) in stated.items())
            mine = data["identity"] == self.identity
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return dict(data) if mine and whole else None

    def unfinished(self, bands: Iterable[int]) -> list[int]:
        """The bands without a receipt."""
        return [band for band in bands if self.receipt(band) is None]

    def damaged(self, bands: range) -> list[int]:
        """The finished bands whose files do not hold what their receipts say; they count as unfinished from now on."""
        found = []
        for band in bands:
            receipt = self.receipt(band)
            if receipt is not None and any(self._digest(n, band) != receipt["sha256"][n] for n in self.names):
                self.discard(band)
                found.append(band)
        return found

    def _digest(self, name: str, band: int) -> str | None:
        """Of what a file holds; None where it cannot be read."""
        digest = RowDigest()
        try:
            for rows in self.chunks(name, band):
                digest.update(rows)
        except (*GDAL_ERRORS, OSError):
            return None
        return digest.hex

    def check(self, name: str, band: int, digest: RowDigest) -> None:
        """Hold what was read of a band to what was written; where it differs, the band counts as unfinished.

        Raises:
            RunError: it differs.
        """
        receipt = self.receipt(band)
        if receipt is None or receipt["sha256"][name] != digest.hex:
            self.discard(band)
            raise RunError(
                f"row band {band} is not what was written",
                where=str(self.folder),
                fix="check the disk, then run again with --resume",
            )

    def discard(self, band: int) -> None:
        """Take the receipt of a band away."""
        self._receipt_path(band).unlink(missing_ok=True)

    def chunks(self, name: str, band: int) -> Iterator[Planes]:
        """The stored rows of an output's row band from top to bottom, (planes, at most CHUNK_ROWS, columns)."""
        with quiet(), rasterio.open(self.path(name, band)) as data:
            height = data.height
        for row in range(0, height, CHUNK_ROWS):
            yield self.chunk(name, band, row, min(CHUNK_ROWS, height - row))

    def chunk(self, name: str, band: int, row: int, rows: int) -> Planes:
        """Some rows of an output's row band, (planes, rows, columns)."""
        with quiet(), rasterio.open(self.path(name, band)) as data:
            values: Planes = data.read(window=rasterio.windows.Window(0, row, data.width, rows))
        return values

    def write(self, band: int, outputs: Mapping[str, Planes], facts: Mapping[str, Any]) -> None:
        """Write the planes of every output, (planes, rows, columns) each, make them last, then note them.

        Raises:
            RunError: the disk is full or a file cannot be written.
        """
        try:
            sizes = {name: self._write(self.path(name, band), outputs[name]) for name in self.names}
            digests = {name: digest_of(outputs[name]) for name in self.names}
            receipt = {"identity": self.identity, "sha256": digests, "bytes": sizes, **facts}
            write_json(self._receipt_path(band), {"receipt": receipt, "sha256": digest(receipt)})
        except (*GDAL_ERRORS, OSError) as error:
            raise RunError(
                f"row band {band} cannot be written ({getattr(error, 'strerror', None) or error})",
                where=str(self.folder),
                fix="make room on the disk, or the folder writable, then run again with --resume",
            ) from error

    def _write(self, path: Path, planes: Planes) -> int:
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        count, height, width = planes.shape
        try:
            with (
                quiet(),
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
            # A full disk can pass unnoticed until the file is closed; tiles are padded, so a whole file is no smaller.
            size = part.stat().st_size
            if size < planes.nbytes:
                raise OSError(28, os.strerror(28))
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return size


class RowDigest:
    """A sha256 over rows that come in chunks, the same however they were stored."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, rows: Planes) -> None:
        """Take the next CHUNK_ROWS rows, or the last ones."""
        for plane in rows:
            self._hash.update(np.ascontiguousarray(without_sign(plane)).data)

    @property
    def hex(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()


def without_sign(values: Planes) -> Planes:
    """The same values with one zero: GDAL leaves blocks of zeros out, whatever their sign, and reads them as +0."""
    if values.dtype.kind != "f":
        return values
    positive: Planes = np.add(values, values.dtype.type(0))
    return positive


def digest_of(planes: Planes) -> str:
    """The digest of (planes, rows, columns)."""
    digest = RowDigest()
    for row in range(0, planes.shape[1], CHUNK_ROWS):
        digest.update(planes[:, row : row + CHUNK_ROWS])
    return digest.hex


def write_json(path: Path, data: Any, *, replace: bool = True, indent: int | None = None) -> bool:
    """Write a file of JSON, synced, under its name at once or not at all.

    Args:
        replace: a file of that name; False leaves it as it is.

    Returns:
        Whether the file is this one.
    """
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("w") as stream:
            json.dump(data, stream, indent=indent)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            part.replace(path)
            return True
        with contextlib.suppress(FileExistsError):
            # Unlike a rename, a link never replaces.
            path.hardlink_to(part)
            return True
        return False
    finally:
        part.unlink(missing_ok=True)
