"""Synthetic Sentinel-2 products: small, but with the names, metadata and JPEG 2000 images of real ones."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from seamline.engine.inputs.products.sentinel2 import BANDS

SIDE = 60
"""Pixels of 10 m along a side."""

NATIVE = dict.fromkeys(("B02", "B03", "B04", "B08"), 10) | dict.fromkeys(("B01", "B09", "B10"), 60)
"""Pixels of the bands that have not 20 m, m."""


@dataclass(frozen=True)
class Made:
    """What was written.

    Attributes:
        safe: the folder.
        bands: DN of each band, in the finest pixels that were delivered.
        pixel: their size, m.
    """

    safe: Path
    bands: dict[str, NDArray[np.uint16]]
    pixel: dict[str, int]

    @property
    def metadata(self) -> Path:
        return next(self.safe.glob("MTD_MSIL*.xml"))

    def zipped(self, name: str = "product.zip") -> Path:
        path = self.safe.parent / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for member in sorted(self.safe.rglob("*")):
                if member.is_file():
                    file.write(member, member.relative_to(self.safe.parent))
        return path


def write_product(folder: Path, level: str = "2A", baseline: str = "05.09") -> Made:
    """A product of level ``"1C"`` or ``"2A"``, with offsets since baseline 04.00."""
    name = f"S2A_MSIL{level}_20230601T100031_N{baseline.replace('.', '')}_R122_T33UUP_20230601T140000.SAFE"
    safe, granule = folder / name, f"GRANULE/L{level}_T33UUP_A041500_20230601T100205/IMG_DATA"
    rng = np.random.default_rng(17)
    images, bands, pixels = [], {}, {}
    for band in BANDS:
        if level == "2A" and band == "B10":
            continue
        pixel = NATIVE.get(band, 20)
        cells = SIDE * 10 // pixel
        smooth = rng.random((SIDE // 6, SIDE // 6)).repeat(6, 0).repeat(6, 1) * 900 + rng.random((SIDE, SIDE)) * 300
        values = 1200 + smooth.reshape(cells, SIDE // cells, cells, SIDE // cells).mean(axis=(1, 3))
        values[0, 0] = 0
        bands[band], pixels[band] = np.rint(values).astype(np.uint16), pixel
        stem = f"{granule}/T33UUP_20230601T100031_{band}"
        if level == "1C":
            images.append(stem)
            write_image(safe / f"{stem}.jp2", bands[band][None], pixel)
            continue
        # Level 2A has a band at its own and at all coarser resolutions.
        for size in (s for s in (60, 20, 10) if s >= pixel):
            step = size // pixel
            image = f"{granule}/R{size}m/T33UUP_20230601T100031_{band}_{size}m"
            images.append(image)
            write_image(safe / f"{image}.jp2", bands[band][None, ::step, ::step], size)
    images.append(f"{granule}/{'R10m/' if level == '2A' else ''}T33UUP_20230601T100031_TCI{'_10m' * (level == '2A')}")
    (safe / f"MTD_MSIL{level}.xml").write_text(metadata(level, baseline, images), encoding="utf-8")
    return Made(safe, bands, pixels)


def metadata(level: str, baseline: str, images: list[str]) -> str:
    """The metadata of a product, cut to what products of all baselines have in common."""
    kind, add, plural = "", "RADIO_ADD_OFFSET", "Radiometric_Offset_List"
    if level == "2A":
        kind, add, plural = "BOA_", "BOA_ADD_OFFSET", "BOA_ADD_OFFSET_VALUES_LIST"
    files = "\n".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in images)
    # Each band has an offset of its own here, so that none is taken for another.
    numbers = "".join(f'<{add} band_id="{i}">{-1000 - i}</{add}>' for i in range(len(BANDS)))
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-15.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info>
<Product_Info>
<PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Product_Organisation><Granule_List>
<Granule datastripIdentifier="S2A" granuleIdentifier="S2A_T33UUP" imageFormat="JPEG2000">
{files}
</Granule>
</Granule_List></Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<{kind}QUANTIFICATION_VALUE unit="none">10000</{kind}QUANTIFICATION_VALUE>
{f"<{plural}>{numbers}</{plural}>" if float(baseline) >= 4 else ""}
</Product_Image_Characteristics>
</n1:General_Info>
</n1:Level-{level}_User_Product>
"""


def write_image(path: Path, values: NDArray[np.uint16], pixel: int) -> None:
    """A JPEG 2000 file without loss: (bands, h, w), pixels in m."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        count=count,
        height=height,
        width=width,
        dtype="uint16",
        crs="EPSG:32633",
        transform=from_origin(300000, 5800020, pixel, pixel),
        QUALITY="100",
        REVERSIBLE="YES",
    ) as file:
        file.write(values)
