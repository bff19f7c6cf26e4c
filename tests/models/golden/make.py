"""Makes the golden images anew: ``python -m seamline.tests.models.golden.make``, when pixels are meant to change."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry

FOLDER = Path(__file__).parent
PANSHARPEN = ("salad-pan-tiny", "brovey", "brovey-weighted", "gsa", "mtf-glp-fs", "mtf-glp-hpm")
SUPERRES = {
    "slimdiffsr-tiny-x2": 2,
    "slimdiffsr-tiny-x4": 4,
    "slimdiffsr-tiny-x8": 8,
    "ds-dit-tiny-x4": 4,
    "sentinel2-tiny": 1,
    "terra-ldm-tiny": 1,
    "bicubic": 4,
    "identity": 1,
}
CLASSES = {"satdifuser-buildings": "segment", "satdifuser-landcover": "classify", "satdifuser-trees": "classify"}


def truth(side: int) -> np.ndarray:
    """(4, side, side) uint16, from whole numbers alone: fields, a road, roofs, and what looks like noise."""
    y, x = np.mgrid[:side, :side].astype(np.int64)
    fields = 300 + 90 * ((x // 24 + 2 * (y // 17)) % 5)
    road = np.where(np.abs(3 * x - 2 * y - 20) < 9, 350, 0)
    roofs = np.where(((x % 19) < 7) & ((y % 23) < 6), 500, 0)
    grain = (x * 7919 + y * 104729 + (x * y) % 8191) % 61
    return np.stack([fields * (4 + band) // 5 + road + roofs * (5 - band) // 4 + grain for band in range(4)]).astype(
        np.uint16
    )


def write_inputs(folder: Path) -> dict[str, Path]:
    """PAN, MS and an image, as GeoTIFFs."""
    fine = truth(128).astype(np.int64)
    pan = fine.sum(axis=0, keepdims=True) // 4
    ms = fine.reshape(4, 32, 4, 32, 4).sum(axis=(2, 4)) // 16
    paths = {}
    image = truth(64)
    twenty = image[1:3].astype(np.int64).reshape(2, 32, 2, 32, 2).sum(axis=(2, 4)) // 4
    # The ground of the image with finer grain, in another light.
    dated = image.astype(np.int64).repeat(4, axis=1).repeat(4, axis=2) * 3 // 4 + truth(256) // 5
    rasters = (
        ("pan", pan, 0.5),
        ("ms", ms, 2.0),
        ("image", image, 10.0),
        ("dated", dated, 2.5),
        ("twenty", twenty, 20.0),
    )
    for name, values, pixel in rasters:
        paths[name] = folder / f"{name}.tif"
        profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
        transform = from_origin(500_000, 5_000_000, pixel, pixel)
        with rasterio.open(paths[name], "w", dtype="uint16", crs="EPSG:32633", transform=transform, **profile) as file:
            file.write(values.astype(np.uint16))
    paths["photo"] = folder / "photo.tif"
    transform = from_origin(500_000, 5_000_000, 0.15, 0.15)
    profile = {"driver": "GTiff", "count": 3, "height": 192, "width": 192, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(paths["photo"], "w", transform=transform, **profile) as file:
        file.write((truth(192)[:3] // 6).astype(np.uint8))
    return paths


def result(name: str, folder: Path) -> np.ndarray:
    """What a model makes of the inputs: a window that crosses tile borders, default options, one thread.

    Of classes the probabilities: which one is the largest says less.
    """
    paths, out = write_inputs(folder), folder / f"{name}.out.tif"
    if name in CLASSES:
        also = {"probabilities": str(folder / f"{name}.probabilities.tif")}
        request = Request(inputs={"image": str(paths["photo"])}, out=str(out), also=also, threads=1, overwrite=True)
        run(request, registry.resolve(name, CLASSES[name]))
        with rasterio.open(also["probabilities"]) as data:
            return data.read()
    if name in PANSHARPEN:
        source, names, window = registry.resolve(name, "pansharpen"), ("ms", "pan"), (30, 20, 64, 56)
    else:
        source, names = registry.resolve(name, "superres", scale=SUPERRES[name]), ("image",)
        side = 64 // source.spec.scale
        window = (20, 16, side, side)
    inputs = {each: str(paths[each]) for each in names}
    if name == "ds-dit-tiny-x4":
        inputs["reference"] = str(paths["dated"])
    if name == "sentinel2-tiny":
        inputs["image"] += f",{paths['twenty']}"
    run(Request(inputs=inputs, out=str(out), window=window, threads=1, overwrite=True), source)
    with rasterio.open(out) as data:
        return data.read()


def main() -> None:
    """Write every golden image."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (*PANSHARPEN, *SUPERRES, *CLASSES):
            values = result(name, Path(folder))
            np.savez_compressed(FOLDER / f"{name}.npz", values=values)


if __name__ == "__main__":
    main()
