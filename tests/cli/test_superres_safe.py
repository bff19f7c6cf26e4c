"""Sentinel-2 products by the command line: the pixels, the tags, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.cli.group import cli
from seamline.engine.inputs.products.sentinel2 import BANDS
from seamline.engine.testing import assert_is_crop, assert_same_pixels
from seamline.tests.engine.safe import SIDE, write_product

L2A = tuple(name for name in BANDS if name != "B10")
TILES = ["--tile", 32, "--overlap", 16, "--threads", 1]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A product of level 2A; tests read it only."""
    return write_product(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def archive(made):
    return made.zipped()


def superres(source, out, *options, code=0):
    """Run the command in this process; its report, or what it said."""
    words = ["superres", source, out, *(options if "--model" in options else ["--model", "identity", *options])]
    answer = CliRunner().invoke(cli, [str(word) for word in words])
    assert answer.exit_code == code, answer.output
    return json.loads(out.with_name(f"{out.stem}.report.json").read_text()) if code == 0 else answer.output


def test_folder_archive_and_metadata_give_the_same_file(made, archive, tmp_path):
    for name, source in (("folder", made.safe), ("zip", archive), ("xml", made.metadata)):
        superres(source, tmp_path / f"{name}.tif", *TILES)
    for name in ("zip", "xml"):
        assert_same_pixels(tmp_path / "folder.tif", tmp_path / f"{name}.tif")
    with rasterio.open(tmp_path / "folder.tif") as one, rasterio.open(tmp_path / "zip.tif") as other:
        assert (one.scales, one.offsets, one.descriptions) == (other.scales, other.offsets, other.descriptions)
        assert one.descriptions == L2A
        assert (one.dtypes[0], one.nodata) == ("uint16", 0)
        assert one.transform == from_origin(300000, 5800020, 10, 10)
        made_10 = {name: one.read(i) for i, name in enumerate(L2A, 1) if made.pixel[name] == 10}
    assert set(made_10) == {"B02", "B03", "B04", "B08"}
    for name, values in made_10.items():
        np.testing.assert_array_equal(values, made.bands[name])


@pytest.mark.parametrize(
    ("level", "baseline", "offset"),
    [("1C", "03.01", False), ("1C", "04.00", True), ("2A", "02.14", False), ("2A", "05.09", True)],
)
def test_the_output_carries_the_radiometry_of_the_product(tmp_path, level, baseline, offset):
    product, out = write_product(tmp_path, level, baseline), tmp_path / "o.tif"
    names = BANDS if level == "1C" else L2A
    superres(product.safe, out)
    with rasterio.open(out) as data:
        assert data.descriptions == names
        assert data.scales == (1 / 10000,) * len(names)
        wanted = tuple(-(1000 + BANDS.index(name)) / 10000 if offset else 0.0 for name in names)
        assert data.offsets == wanted


def test_bands_by_name_and_by_number(made, tmp_path):
    superres(made.safe, tmp_path / "o.tif", "--bands", "B12,2,b8a")
    with rasterio.open(tmp_path / "o.tif") as data:
        assert data.descriptions == ("B12", "B02", "B8A")
        assert data.offsets == (-0.1012, -0.1001, -0.1008)
    # Bands of one pixel size keep it.
    superres(made.safe, tmp_path / "twenty.tif", "--bands", "B05,B11")
    with rasterio.open(tmp_path / "twenty.tif") as data:
        assert data.shape == (SIDE // 2, SIDE // 2)
        np.testing.assert_array_equal(data.read(1), made.bands["B05"])


def test_every_band_equals_the_pixels_that_were_delivered(made, tmp_path):
    """The relative RMS of (area mean - delivered pixel), from the files: 20 m bands come at 2.5 m."""
    out = tmp_path / "o.tif"
    facts = superres(
        made.safe, out, "--model", "bicubic", "--scale", 4, "--consistency", "area", "--dtype", "float32", *TILES
    )
    residuals = {}
    with rasterio.open(out) as data:
        assert data.shape == (4 * SIDE, 4 * SIDE)
        for i, name in enumerate(L2A, 1):
            cells = made.bands[name].astype(np.float64)
            n = 4 * SIDE // len(cells)
            means = data.read(i).astype(np.float64).reshape(len(cells), n, len(cells), n).mean(axis=(1, 3))
            valid = cells > 0
            residuals[name] = np.sqrt(np.mean((means - cells)[valid] ** 2)) / cells[valid].mean()
    assert max(value for name, value in residuals.items() if made.pixel[name] == 20) <= 0.005
    np.testing.assert_allclose(facts["metrics"]["consistency"], list(residuals.values()), rtol=0.05, atol=2e-5)


def test_a_hole_of_a_coarse_band_masks_its_ground_alone(made, tmp_path):
    superres(made.safe, tmp_path / "o.tif", "--model", "bicubic", "--scale", 2)
    with rasterio.open(tmp_path / "o.tif") as data:
        for i, name in enumerate(L2A, 1):
            masked = np.argwhere(data.read_masks(i) == 0)
            assert masked.max() + 1 == 2 * made.pixel[name] // 10
            assert len(masked) == (2 * made.pixel[name] // 10) ** 2


@pytest.mark.parametrize("options", [["--consistency", "on"], ["--consistency", "mtf", "--sensor", "Sentinel-2"]])
def test_same_pixels_for_processes_and_extents(made, archive, tmp_path, options):
    run = ["--model", "bicubic", "--scale", 2, "--bands", "B01,B02,B05,B8A", *options, *TILES]
    superres(made.safe, tmp_path / "whole.tif", *run)
    superres(archive, tmp_path / "three.tif", *run, "--workers", 3)
    assert_same_pixels(tmp_path / "whole.tif", tmp_path / "three.tif")
    superres(archive, tmp_path / "part.tif", *run, "--extent", 300105, 5799605, 300400, 5799930)
    assert_is_crop(tmp_path / "part.tif", tmp_path / "whole.tif")


def write_stack(path, scale=None, offset=None):
    values = np.arange(1, 401, dtype=np.uint16).reshape(2, 20, 10) * 10
    with rasterio.open(
        path, "w", driver="GTiff", count=2, height=20, width=10, dtype="uint16", crs="EPSG:32633",
        transform=from_origin(3e5, 5.8e6, 10, 10)
    ) as file:  # fmt: skip
        file.write(values)
        if scale is not None:
            file.scales, file.offsets = (scale, scale), (offset, offset)
    return values


@pytest.mark.parametrize(
    ("options", "scale", "offset"),
    [
        ([], 0.001, 0.25),
        (["--offset", -1000], 0.001, -1.0),
        (["--scale-factor", 0.0001], 0.0001, 0.025),
        (["--offset", -1000, "--scale-factor", 0.0001], 0.0001, -0.1),
    ],
)
def test_stated_radiometry_replaces_the_tags_and_no_value(tmp_path, options, scale, offset):
    """Of the two that make a reflectance, (DN + offset) * factor, the file's own stays where none is stated."""
    values = write_stack(tmp_path / "in.tif", 0.001, 0.25)
    superres(tmp_path / "in.tif", tmp_path / "o.tif", *options)
    with rasterio.open(tmp_path / "o.tif") as data:
        np.testing.assert_array_equal(data.read(), values)
        np.testing.assert_allclose(data.scales, scale, rtol=1e-12)
        np.testing.assert_allclose(data.offsets, offset, rtol=1e-12)


REFUSED = {
    "offset of a product": (["--offset", -1000], "the metadata of a Sentinel-2 product state its offsets"),
    "factor of a product": (["--scale-factor", 0.001], "the metadata of a Sentinel-2 product state its offsets"),
    "factor of nothing": (["--scale-factor", 0], r"--scale-factor: 0\.0 is no factor; give one above 0"),
    "offset of no number": (["--offset", "nan"], "--offset: nan is no number; give DN"),
    "a band that it has not": (["--bands", "B02,B10"], "it has no band B10; choose bands from 1 to 12 or B01, B02"),
}


@pytest.mark.parametrize(("options", "sentence"), REFUSED.values(), ids=REFUSED)
def test_options_that_do_not_fit_are_refused(made, tmp_path, options, sentence):
    assert_refused(made.safe, tmp_path, sentence, *options)


def assert_refused(source, folder, sentence, *options):
    """Exit code 2, one line, no output."""
    said = superres(source, folder / "o.tif", *options, code=2)
    assert len(said.strip().splitlines()) == 1
    assert re.search(sentence, said), said
    assert not (folder / "o.tif").exists()


def test_products_that_are_not_whole_are_refused(tmp_path):
    product = write_product(tmp_path)
    next(product.safe.rglob("*B05_20m.jp2")).unlink()
    assert_refused(product.safe, tmp_path, "the product lacks the image of B05")
    image = next(product.safe.rglob("*B06_20m.jp2"))
    image.write_bytes(b"nothing")
    assert_refused(product.safe, tmp_path, r"B06_20m\.jp2: it cannot be opened", "--bands", "B06")
    text = product.metadata.read_text()
    product.metadata.write_text(text.replace("<Granule_List>", "<Granule_List><Granule></Granule>"))
    assert_refused(product.safe, tmp_path, "the product has 2 granules")
    product.metadata.unlink()
    assert_refused(product.safe, tmp_path, "it holds no Sentinel-2 product")
    assert_refused(tmp_path / "none.SAFE", tmp_path, "the file does not exist")
