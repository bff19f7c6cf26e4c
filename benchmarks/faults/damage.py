"""What is done to files: fields of JSON altered, bytes flipped, files cut, swapped, or made into something else."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from seamline.engine.serial import digest

from ..shared.json_fields import fields, put
from .jobs import CRS, SIDE, WORKSPACE, Prepared
from .trials import Beside, Content, Damaged


def damage(fault: Damaged, folder: Path, prepared: Prepared) -> None:
    """Damage a file of a run that was killed in a folder."""
    path = _path(fault, folder, prepared)
    foreign = prepared.others if fault.of == "input" else prepared.killed_other
    if fault.how in ("set", "drop"):
        alter(path, fault.at, fault.value if fault.how == "set" else None, signed=fault.signed)
    elif fault.how == "replace":
        path.write_text(fault.value)
    elif fault.how == "flip":
        flip(path, fault.at)
    elif fault.how == "cut":
        os.truncate(path, int(fault.at * path.stat().st_size))
    elif fault.how == "grow":
        with path.open("ab") as stream:
            stream.write(b"\xa5" * 1000)
    elif fault.how == "unreadable":
        path.chmod(0)
    elif fault.how == "foreign":
        _take(path, foreign / path.relative_to(folder))
    elif fault.how == "swap":
        first = path.parent / sorted(p.name for p in path.parent.glob("*.tif"))[0]
        for ending in (".tif", ".json"):
            one, two = first.with_suffix(ending), path.with_suffix(ending)
            held = one.read_bytes(), two.read_bytes()
            one.write_bytes(held[1])
            two.write_bytes(held[0])
    else:
        path.unlink()
        if fault.how == "make a folder":
            path.mkdir()
            (path / "x").write_text("x")
        elif fault.how == "link":
            path.symlink_to("/dev/null")


def _path(fault: Damaged, folder: Path, prepared: Prepared) -> Path:
    if fault.of == "input":
        return folder / prepared.job.inputs[-1]
    if fault.of in ("plan", "lock"):
        return folder / WORKSPACE / {"plan": "plan.json", "lock": "lock"}[fault.of]
    # The last one that is finished.
    ending = ".json" if fault.of == "receipt" else ".tif"
    return sorted((folder / WORKSPACE / "bands").glob("*.json"))[-1].with_suffix(ending)


def _take(path: Path, other: Path) -> None:
    """The file of another run in place of one; a band brings its receipt."""
    shutil.copyfile(other, path)
    if path.suffix == ".tif" and other.with_suffix(".json").exists():
        shutil.copyfile(other.with_suffix(".json"), path.with_suffix(".json"))


def alter(path: Path, at: float, value: str | None, *, signed: bool) -> None:
    """Put a value, as JSON, in place of the field whose place among all is ``at``; None takes the field away."""
    content = json.loads(path.read_text())
    keys = list(fields(content))
    key = keys[min(int(at * len(keys)), len(keys) - 1)]
    put(content, key, None if value is None else json.loads(value), drop=value is None)
    if signed and key[0] == "plan":
        # Of what is no number no checksum is made.
        with contextlib.suppress(ValueError):
            content["sha256"] = digest(content.get("plan"))
    path.write_text(json.dumps(content))


def flip(path: Path, at: float) -> None:
    """Flip a bit; more than one file of zeros begins so, hence not the same one everywhere."""
    content = bytearray(path.read_bytes())
    place = min(int(at * len(content)), len(content) - 1)
    content[place] ^= 1 << place % 8
    path.write_bytes(content)


def lay_beside(fault: Beside, folder: Path, address: str) -> None:
    """Put a file beside another one, before a run begins."""
    path = folder / fault.name
    if fault.content == "folder":
        path.mkdir()
        return
    path.write_bytes(_content(fault.content, folder, address))


def _content(content: Content, folder: Path, address: str) -> bytes:
    rng = np.random.default_rng(7)
    if content == "noise":
        return rng.bytes(3000)
    if content == "foreign":
        return (folder / "lr.tif").read_bytes()
    if content == "raster":
        return _mask(folder / "mask.tif")
    if content == "network":
        source = f"<SourceFilename>/vsicurl/{address}m.tif</SourceFilename><SourceBand>1</SourceBand>"
        band = f'<VRTRasterBand dataType="Byte" band="1"><SimpleSource>{source}</SimpleSource></VRTRasterBand>'
        flags = '<Metadata><MDI key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata>'
        return f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">{flags}{band}</VRTDataset>'.encode()
    inner = {
        "empty": "",
        "statistics": '<Metadata><MDI key="STATISTICS_MEAN">5</MDI></Metadata>',
        "bad CRS": '<SRS>PROJCS["x"</SRS>',
        "other nodata": '<PAMRasterBand band="1"><NoDataValue>1000</NoDataValue></PAMRasterBand>',
    }[content]
    return f"<PAMDataset>{inner}</PAMDataset>".encode() if inner else b""


def _mask(path: Path) -> bytes:
    """A GeoTIFF that masks half of a scene, as GDAL writes it."""
    values = np.zeros((1, SIDE, SIDE), np.uint8)
    values[0, : SIDE // 2] = 255
    profile = {"driver": "GTiff", "count": 1, "height": SIDE, "width": SIDE, "dtype": "uint8", "crs": CRS}
    with rasterio.open(path, "w", transform=from_origin(5e5, 5e6, 4, 4), **profile) as data:
        data.write(values)
        data.update_tags(INTERNAL_MASK_FLAGS_1="2", INTERNAL_MASK_FLAGS_2="2", INTERNAL_MASK_FLAGS_3="2")
    content = path.read_bytes()
    path.unlink()
    return content
