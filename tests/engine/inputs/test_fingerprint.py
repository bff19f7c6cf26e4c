"""The identity of a run knows its inputs by their content, not by their names or sizes."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.fingerprint import fingerprint
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import plan_run
from seamline.engine.testing import PassThrough
from seamline.tests.engine.inputs.hostile import dimap, vrt, write, write_til
from seamline.tests.engine.safe import write_product

BLOCK = 1 << 16
ALL_READ = 64 * BLOCK
"""Files up to this size are read whole."""


def identity(path, folder, **options):
    """The identity of a run on one input."""
    request = Request(inputs={"image": str(path)}, out=str(folder / "o.tif"), threads=1, tile=64, overlap=0, **options)
    return plan_run(request, PassThrough())[0].identity


def flip(path, offset):
    """Change one bit of a file; its size stays."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def raw(path, height, width):
    """An uncompressed raster of 8 bits, and the offset of its first pixel."""
    values = np.random.default_rng(3).integers(0, 255, (1, height, width)).astype(np.uint8)
    profile = {"driver": "GTiff", "count": 1, "height": height, "width": width, "dtype": "uint8"}
    with rasterio.open(
        path, "w", crs="EPSG:32633", transform=rasterio.Affine(2, 0, 5e5, 0, -2, 5e6), **profile
    ) as file:
        file.write(values)
    return path.read_bytes().index(values[0, 0].tobytes())


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 3 * BLOCK), data=st.data())
def test_every_byte_of_a_small_file_counts(tmp_path_factory, size, data):
    path = tmp_path_factory.mktemp("file") / "a"
    path.write_bytes(np.random.default_rng(size).bytes(size))
    before = fingerprint(str(path), [])
    flip(path, data.draw(st.integers(0, size - 1)))
    assert fingerprint(str(path), []) != before


@settings(max_examples=20, deadline=None)
@given(more=st.integers(1, 3 * ALL_READ), block=st.integers(0, 63), within=st.integers(0, BLOCK - 1))
def test_64_blocks_spread_over_a_large_file_count(tmp_path_factory, more, block, within):
    size = ALL_READ + more
    path = tmp_path_factory.mktemp("file") / "a"
    path.write_bytes(bytes(size))
    before = fingerprint(str(path), [])
    flip(path, (size - BLOCK) * block // 63 + within)
    assert fingerprint(str(path), []) != before


@pytest.mark.parametrize(("height", "width"), [(40, 50), (2500, 2600)])
def test_a_run_on_other_values_of_the_same_size_is_another_one(tmp_path, height, width):
    path = tmp_path / "a.tif"
    first = raw(path, height, width)
    size = path.stat().st_size
    assert (size > ALL_READ) == (height > 1000)
    before = identity(path, tmp_path)
    assert identity(path, tmp_path) == before
    # In the middle: the first byte of a block that is read.
    flip(path, max((size - BLOCK) * 32 // 63, first))
    assert path.stat().st_size == size
    assert identity(path, tmp_path) != before


def test_a_run_on_other_values_in_an_archive_is_another_one(tmp_path):
    made = write_product(tmp_path)
    image = next(made.safe.rglob("*B02_10m.jp2"))
    identities = []
    for place in ("middle", "end"):
        archive = tmp_path / "product.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for member in sorted(made.safe.rglob("*")):
                if member.is_file():
                    file.write(member, member.relative_to(tmp_path))
        identities.append((archive.stat().st_size, identity(archive, tmp_path, bands=("B02",))))
        flip(image, image.stat().st_size // 2 if place == "middle" else image.stat().st_size - 3)
    (size, before), (same_size, after) = identities
    assert size == same_size
    assert before != after


def masked(folder):
    path = write(folder / "b.tif", dtype="uint8")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(file.height, dtype=bool))
    return path, folder / "b.tif.msk"


def metadata(folder):
    (folder / "DIM.XML").write_text(dimap("i.tif"))
    return folder / "DIM.XML", write(folder / "i.tif")


def tiles(folder):
    return write_til(folder / "x.TIL", "i.tif"), write(folder / "i.tif")


def virtual(folder):
    (folder / "a.vrt").write_text(vrt("i.tif", relative=1))
    return folder / "a.vrt", write(folder / "i.tif")


def spilled(folder):
    return write(folder / "x.img", driver="HFA", dtype="uint8", USE_SPILL="YES"), folder / "x.ige"


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.GeoreferenceWarning")
@pytest.mark.parametrize("build", [masked, metadata, tiles, virtual, spilled])
def test_what_a_raster_consists_of_counts_wherever_it_lies(tmp_path, build):
    (tmp_path / "first").mkdir()
    path, part = build(tmp_path / "first")
    before = identity(path, tmp_path, policy=OpenPolicy(vrt=True))
    moved = (tmp_path / "first").rename(tmp_path / "second")
    path, part = (moved / each.relative_to(tmp_path / "first") for each in (path, part))
    assert identity(path, tmp_path, policy=OpenPolicy(vrt=True)) == before
    flip(part, part.stat().st_size - 5)
    assert identity(path, tmp_path, policy=OpenPolicy(vrt=True)) != before


def test_the_header_of_a_raw_raster_counts(tmp_path):
    path = write(tmp_path / "x.dat", driver="ENVI", count=3, dtype="uint8")
    before = identity(path, tmp_path)
    header = tmp_path / "x.hdr"
    header.write_text(header.read_text().replace("bsq", "bil"))
    assert identity(path, tmp_path) != before


def test_what_viewers_write_beside_a_raster_does_not_count(tmp_path):
    path = write(tmp_path / "b.tif")
    before = identity(path, tmp_path)
    with rasterio.Env(TIFF_USE_OVR="YES"), rasterio.open(path, "r+") as file:
        file.build_overviews([2])
    statistics = '<MDI key="STATISTICS_MEAN">3</MDI>'
    (tmp_path / "b.tif.aux.xml").write_text(
        f'<PAMDataset><PAMRasterBand band="1"><Metadata>{statistics}</Metadata></PAMRasterBand></PAMDataset>'
    )
    assert {"b.tif.ovr", "b.tif.aux.xml"} <= {entry.name for entry in tmp_path.iterdir()}
    assert identity(path, tmp_path) == before


def test_the_order_of_several_files_counts(tmp_path):
    a, b = (write(tmp_path / f"{seed}.tif", seed) for seed in (1, 2))
    assert describe("image", f"{a},{b}").fingerprint != describe("image", f"{b},{a}").fingerprint
