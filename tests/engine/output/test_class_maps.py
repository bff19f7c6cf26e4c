"""A class map is a paletted COG: its file alone has the colours and names of the classes, in its overviews too."""

from __future__ import annotations

import json
import shutil
import warnings
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rio_cogeo.cogeo import cog_validate

from seamline.engine.contract import Category
from seamline.engine.inputs.scene import Band
from seamline.engine.output.finish import _copy
from seamline.engine.output.pyramid import Pyramid
from seamline.engine.output.vrt import StoredRows, write_vrt
from seamline.engine.plan.plan import Output

NODATA = 255
SHAPE, CUTS = (1200, 1301), (0, 500, 1012, 1200)


def classes(count):
    return tuple(Category(f"class {i}", (i, 255 - i, 7 * i % 256)) for i in range(count))


def output(categories, compress="zstd"):
    return Output(
        name="classes",
        file=None,
        kept=True,
        grid=GeoBox(SHAPE, Affine(2, 0, 500000, 0, -2, 5000000), "EPSG:32633"),
        dtype="uint8",
        bands=(Band("", 1, "land cover", "", "", 1.0, 0.0, None),),
        nodata=float(NODATA),
        mask="nodata",
        point=False,
        compress=compress,
        channels=len(categories),
        blend="argmax",
        overview="mode",
        in_main_range=False,
        consistent=False,
        categories=categories,
        note="",
    )


def class_map(count):
    """Patches of classes with a masked corner: (rows, columns)."""
    patches = np.random.default_rng(count).integers(0, count, (172, 186), np.uint8)
    pixels = patches.repeat(7, 0).repeat(7, 1)[: SHAPE[0], : SHAPE[1]]
    pixels[:300, :450] = NODATA
    return pixels


def write(folder, kind, pixels, tags=()):
    """Lay a class map out as a run does: row bands, overviews, COG; (its path, the overviews)."""
    (folder / "bands").mkdir(parents=True)
    rows = []
    for first, stop in pairwise(CUTS):
        rows.append(StoredRows(folder / "bands" / f"{first}.tif", first, stop - first, SHAPE[1]))
        save(rows[-1].path, pixels[first:stop])
    pyramid = Pyramid(folder, SHAPE, 1, "uint8", kind.nodata, False, kind.overview)
    pyramid.push(pixels[None])
    pyramid.finish()
    cog = folder / "output.tif"
    _copy(write_vrt(kind, rows, folder, pyramid.paths, dict(tags)), cog, kind)
    return cog, pyramid.paths


def save(path, pixels):
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "transform": Affine.scale(2)}
    with rasterio.open(path, "w", height=pixels.shape[0], width=pixels.shape[1], **profile) as file:
        file.write(pixels, 1)


def alone(cog, folder):
    """The file moved to where no side file lies."""
    folder.mkdir()
    return shutil.move(cog, folder / "moved.tif")


@pytest.mark.parametrize("count", [2, 5, 255])
def test_the_file_alone_says_what_its_classes_are(tmp_path, count):
    kind, pixels = output(classes(count)), class_map(count)
    cog, levels = write(
        tmp_path / "work", kind, pixels, {"SEAMLINE_MODEL": "toy@1", "SEAMLINE_CLASSES": "of the input"}
    )
    with rasterio.open(cog.with_name("output.vrt")) as laid_out:
        assert {laid_out.colormap(1)[i] for i in range(count, 256)} == {(0, 0, 0, 0)}
    cog = alone(cog, tmp_path / "alone")
    assert cog_validate(cog, strict=True) == (True, [], [])
    with rasterio.open(cog) as file:
        assert file.colorinterp == (ColorInterp.palette,)
        table = file.colormap(1)
        assert [table[i] for i in range(count)] == [(*c.colour, 255) for c in kind.categories]
        assert table[NODATA] == (0, 0, 0, 0)
        assert json.loads(file.tags()["SEAMLINE_CLASSES"]) == [c.name for c in kind.categories]
        assert file.tags()["SEAMLINE_MODEL"] == "toy@1"
        assert (file.nodata, file.descriptions) == (NODATA, ("land cover",))
        np.testing.assert_array_equal(file.read(1), pixels)
        assert file.overviews(1) == [2**k for k in range(1, len(levels) + 1)] != []


def test_overviews_are_class_maps_with_the_same_colours(tmp_path):
    pixels = class_map(3)
    pixels[pixels != NODATA] *= 2  # a mean would come to the classes between
    cog, levels = write(tmp_path / "work", output(classes(5)), pixels)
    for number, path in enumerate(levels):
        with rasterio.open(cog, overview_level=number) as level:
            got, table = level.read(1), level.colormap(1)
        with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning), rasterio.open(path) as made:
            np.testing.assert_array_equal(got, made.read(1))
        assert set(np.unique(got)) == {0, 2, 4, NODATA}
        assert [table[i][:3] for i in range(5)] == [c.colour for c in classes(5)]


@pytest.mark.parametrize("compress", ["zstd", "deflate", "lzw", "none"])
def test_any_compression_keeps_the_colours(tmp_path, compress):
    pixels = class_map(3)
    cog, _ = write(tmp_path / "work", output(classes(3), compress), pixels)
    with rasterio.open(cog) as file:
        assert file.colormap(1)[2] == (2, 253, 14, 255)
        np.testing.assert_array_equal(file.read(1), pixels)


def test_names_are_kept_in_any_script(tmp_path):
    names = ["Küste & <Wald>", 'a "b"', "水", "", "bad\x01\ud800"]
    kind = output(tuple(Category(name, (1, 2, 3)) for name in names))
    cog, _ = write(tmp_path / "work", kind, class_map(5))
    with rasterio.open(alone(cog, tmp_path / "alone")) as file:
        kept = json.loads(file.tags()["SEAMLINE_CLASSES"])
    assert kept[:4] == names[:4]
    assert len(kept) == len(names)


def test_gdal_finds_the_names_in_the_side_file_that_it_writes(tmp_path):
    """A GeoTIFF has no place for category names; who wants them in a legend keeps the side file beside the COG."""
    cog, _ = write(tmp_path / "work", output(classes(3)), class_map(3))
    side = cog.with_name(cog.name + ".aux.xml")
    assert category_names(cog, tmp_path) == ["class 0", "class 1", "class 2"]
    side.unlink()
    assert category_names(cog, tmp_path) == []


def category_names(path, folder):
    """As GDAL reads them: rasterio has no word for them, but a virtual raster of the file lists them."""
    rasterio.shutil.copy(path, folder / "read.vrt", driver="VRT")
    return [each.text for each in ElementTree.parse(folder / "read.vrt").iter("Category")]


def test_a_raster_without_classes_has_no_colour_table(tmp_path):
    cog, _ = write(tmp_path / "work", output(()), class_map(4))
    with rasterio.open(cog) as file:
        assert file.colorinterp == (ColorInterp.gray,)
        assert "SEAMLINE_CLASSES" not in file.tags()
        with pytest.raises(ValueError, match="NULL color table"):
            file.colormap(1)
