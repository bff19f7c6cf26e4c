"""The output is a valid Cloud Optimized GeoTIFF, says the same of itself as the input did, and appears whole or not."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.rpc import RPC
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from seamline.engine.errors import RunError
from seamline.engine.output import finish as cog
from seamline.engine.output.pyramid import level_shapes
from seamline.engine.output.workspace import Workspace
from seamline.engine.plan.plan import Output
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models.classical.interpolate import Bicubic, Identity

DTYPES = ("uint8", "int8", "uint16", "int16", "float32")
MASKS = ("none", "nodata", "internal", "external", "alpha", "nan")
CUSTOM = CRS.from_proj4("+proj=tmerc +lat_0=47.3 +lon_0=12.7 +k=0.9996 +x_0=1000 +y_0=-2000 +ellps=GRS80 +units=m")


def texture(dtype, count, height, width):
    """Smooth enough for an overview to mean something, valid everywhere: from 20 to 100."""
    y, x = np.mgrid[:height, :width]
    bands = [60 + 20 * np.sin(x / 9 + k) + 19 * np.cos(y / 7 - k) for k in range(count)]
    return np.stack(bands).astype(dtype)


def holes(height, width):
    """Valid but in a rectangle that no block or pixel pair is aligned with."""
    valid = np.ones((height, width), bool)
    valid[height // 3 : height // 2 + 1, width // 5 : width // 3 + 1] = False
    return valid


@pytest.fixture
def scene(tmp_path):
    """A function that writes a raster with a mask of some kind: (path, pixels, valid)."""

    def write(dtype="uint16", count=1, height=40, width=50, mask="none", name="in.tif", **more):
        pixels, valid = texture(dtype, count, height, width), holes(height, width)
        nodata = None
        if mask == "none":
            valid[:] = True
        if mask in ("nodata", "nan"):
            nodata = np.nan if mask == "nan" else 7
            pixels[:, ~valid] = nodata
        stored = pixels
        if mask == "alpha":
            opaque = 1 if dtype == "float32" else np.iinfo(dtype).max
            stored = np.concatenate([pixels, (valid * opaque).astype(dtype)[None]])
        profile = {"crs": "EPSG:32633", "transform": from_origin(500000, 5000000, 2, 2), "nodata": nodata} | more
        path = tmp_path / name
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=mask == "internal"),
            rasterio.open(
                path,
                "w",
                driver="GTiff",
                count=len(stored),
                height=height,
                width=width,
                dtype=dtype,
                alpha="unspecified" if mask == "alpha" else "no",
                **profile,
            ) as file,
        ):
            if mask == "alpha":
                file.colorinterp = [ColorInterp.undefined] * count + [ColorInterp.alpha]
            file.write(stored)
            if mask in ("internal", "external"):
                file.write_mask(valid.astype(np.uint8) * 255)
        assert (path.with_name(name + ".msk")).exists() == (mask == "external")
        return path, pixels, valid

    return write


def validity(data):
    """Where an open raster holds data; its alpha band counts however many bands there are."""
    if ColorInterp.alpha in data.colorinterp:
        return data.read(data.colorinterp.index(ColorInterp.alpha) + 1) > 0
    return data.dataset_mask() > 0


def make(source, out, model=None, **options):
    """Run a model (identity without one) over small tiles."""
    request = Request(
        inputs={"image": str(source)}, out=str(out), **({"tile": 1024, "overlap": 0, "threads": 1} | options)
    )
    return run(request, model or Identity())


def assert_valid_cog(path):
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, list(errors), list(warnings)) == (True, [], [])


def masked_mean(values, valid):
    """Mean of the valid in 2 x 2, the rim repeated; and where there is any."""
    pad = [(0, n % 2) for n in values.shape]
    quarters = [(slice(i, None, 2), slice(j, None, 2)) for i in (0, 1) for j in (0, 1)]
    values, valid = np.pad(values.astype(float), pad, "edge"), np.pad(valid, pad, "edge")
    count = sum(valid[q].astype(int) for q in quarters)
    total = sum(np.where(valid[q], values[q], 0) for q in quarters)
    return total / np.maximum(count, 1), count > 0


@pytest.mark.parametrize(
    ("dtype", "mask"), [p for p in itertools.product(DTYPES, MASKS) if p[1] != "nan" or "f" in p[0]]
)
def test_pixels_and_validity_come_back_as_a_cog(scene, tmp_path, dtype, mask):
    source, pixels, valid = scene(dtype, 3, 70, 90, mask)
    make(source, tmp_path / "o.tif", tile=64, overlap=16)
    assert_valid_cog(tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.dtypes[0] == dtype
        got, found, flags = out.read(), validity(out), out.mask_flag_enums[0]
    np.testing.assert_array_equal(found, valid)
    assert len(got) == 3 + (mask == "alpha")
    np.testing.assert_array_equal(got[:3, valid], pixels[:, valid])
    kept = {"nodata": MaskFlags.nodata, "nan": MaskFlags.nodata}
    if mask == "alpha":
        # GDAL calls the alpha band of other types no mask, neither before nor after.
        assert (MaskFlags.alpha in flags) == (dtype in ("uint8", "uint16"))
    elif dtype != "float32":
        kept |= {"internal": MaskFlags.per_dataset, "external": MaskFlags.per_dataset, "none": MaskFlags.all_valid}
        assert kept[mask] in flags
    else:
        # Floats have a value for what is missing, so that they need no plane of its own.
        assert MaskFlags.nodata in flags
    assert not (tmp_path / "o.tif.msk").exists()


@pytest.mark.parametrize("count", [1, 3, 4, 12])
@pytest.mark.parametrize("mask", ["none", "nodata", "internal", "alpha"])
def test_any_band_count(scene, tmp_path, count, mask):
    source, pixels, valid = scene("uint16", count, 50, 60, mask)
    make(source, tmp_path / "o.tif", tile=64, overlap=0)
    assert_valid_cog(tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.count == count + (mask == "alpha")
        np.testing.assert_array_equal(validity(out), valid)
        np.testing.assert_array_equal(out.read()[:count, valid], pixels[:, valid])


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (300, 1), (511, 511), (512, 512), (513, 513), (700, 1500)])
@pytest.mark.parametrize("mask", ["none", "internal"])
def test_any_size(scene, tmp_path, size, mask):
    source, pixels, valid = scene("uint8", 1, *size, mask)
    make(source, tmp_path / "o.tif")
    assert_valid_cog(tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.shape == size
        np.testing.assert_array_equal(out.read()[:, valid], pixels[:, valid])
        assert out.overviews(1) == [2**k for k in range(1, len(level_shapes(*size)) + 1)]
        assert bool(out.overviews(1)) == (max(size) > 512)


@pytest.mark.parametrize("size", [(2000, 1), (2000, 2), (2000, 3), (2100, 5)])
def test_very_narrow_scenes_are_valid_too(tmp_path, write_raster, size):
    out = tmp_path / "out.tif"
    scene = write_raster("in.tif", np.arange(size[0] * size[1], dtype=np.uint16).reshape(1, *size))
    run(Request(inputs={"image": str(scene)}, out=str(out)), Identity())
    valid, errors, _ = cog_validate(out)  # a width of one pixel leaves no room for overviews: that is a warning
    assert valid, errors


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("mask", ["nodata", "internal", "alpha"])
def test_any_scale(scene, tmp_path, scale, mask):
    source, _, valid = scene("uint8", 3, 150, 140, mask)
    make(source, tmp_path / "o.tif", Bicubic(scale), tile=64, overlap=16)
    assert_valid_cog(tmp_path / "o.tif")
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as out:
        assert out.shape == (150 * scale, 140 * scale)
        assert out.transform.almost_equals(before.transform * Affine.scale(1 / scale), 1e-12)
        assert out.bounds == before.bounds
        np.testing.assert_array_equal(validity(out), valid.repeat(scale, 0).repeat(scale, 1))


@pytest.mark.parametrize(("dtype", "mask"), [("uint8", "nodata"), ("int16", "internal"), ("uint16", "alpha"),
                                             ("float32", "nan"), ("uint16", "none"), ("float32", "none")])  # fmt: skip
def test_overviews_are_means_of_what_is_valid(scene, tmp_path, dtype, mask):
    source, pixels, valid = scene(dtype, 2, 701, 1101, mask)
    make(source, tmp_path / "o.tif", tile=512, overlap=32)
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.overviews(1) == [2, 4]
    expected, known = list(pixels), [valid, valid]
    for level in (0, 1):
        with rasterio.open(tmp_path / "o.tif", overview_level=level) as out:
            got, found = out.read(), validity(out)
        for band in (0, 1):
            mean, known[band] = masked_mean(expected[band], known[band])
            expected[band] = mean.astype("float32") if dtype == "float32" else np.floor(mean + 0.5).astype(dtype)
            np.testing.assert_array_equal(found, known[band])
            # Two ways to sum four floats differ in their last bit.
            slack = 1e-4 if dtype == "float32" else 0
            np.testing.assert_allclose(got[band][found], expected[band][found], rtol=0, atol=slack)


@pytest.mark.parametrize("compress", ["zstd", "deflate", "lzw", "none"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_compression_and_predictor(scene, tmp_path, compress, dtype):
    source, pixels, _ = scene(dtype, 1, 60, 60)
    make(source, tmp_path / "o.tif", compress=compress)
    assert_valid_cog(tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as out:
        structure = out.tags(ns="IMAGE_STRUCTURE")
        assert structure["LAYOUT"] == "COG"
        assert structure.get("COMPRESSION", "NONE") == compress.upper()
        wanted = None if compress == "none" else {"uint16": "2", "float32": "3"}[dtype]
        assert structure.get("PREDICTOR") == wanted
        assert out.block_shapes == [(512, 512)]
        np.testing.assert_array_equal(out.read(), pixels)


def test_what_the_file_says_of_its_bands_is_kept(scene, tmp_path):
    source, _, _ = scene("uint16", 4, 30, 30, "nodata")
    with rasterio.open(source, "r+") as file:
        file.descriptions = ("Küste & <Blau>", "green", None, "nir")
        file.units = ("W/m²", "", "", "")
        file.scales, file.offsets = (1e-4, 1e-4, 1.0, 0.3), (-0.1, -0.1, 0.0, 0.0)
        file.colorinterp = (ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined)
    make(source, tmp_path / "o.tif")
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as out:
        for name in ("descriptions", "units", "scales", "offsets", "colorinterp", "nodatavals", "dtypes", "crs"):
            assert getattr(out, name) == getattr(before, name), name
        assert out.nodata == 7


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3031", "EPSG:7415", CUSTOM.to_wkt(), None])
def test_the_crs_is_kept(scene, tmp_path, crs):
    transform = from_origin(12.5, 47.5, 1e-4, 1e-4) if crs == "EPSG:4326" else from_origin(1000, 2000, 2, 2)
    source, _, _ = scene(crs=crs, transform=transform)
    make(source, tmp_path / "o.tif")
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as out:
        assert out.crs == before.crs
        assert out.transform == before.transform


TURNED = {
    "plain": from_origin(499999.7, 5000000.3, 0.3, 0.3),
    "oblong": from_origin(500000, 5000000, 3, 2),
    "turned": Affine.translation(5e5, 5e6) * Affine.rotation(33) * Affine.scale(0.6, -0.6),
    "sheared": Affine(0.6, 0.11, 5e5, -0.07, -0.5, 5e6),
    "south-up": Affine(2, 0, 5e5, 0, 2, 5e6),
}


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("transform", TURNED.values(), ids=TURNED)
@pytest.mark.parametrize("scale", [1, 4])
def test_the_affine_is_kept(scene, tmp_path, transform, point, scale):
    source, _, _ = scene("uint8", transform=transform)
    if point:
        with rasterio.open(source, "r+") as file:
            file.update_tags(AREA_OR_POINT="Point")
    make(source, tmp_path / "o.tif", Bicubic(scale), tile=64, overlap=16)
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as out:
        assert before.tags()["AREA_OR_POINT"] == out.tags()["AREA_OR_POINT"] == ("Point" if point else "Area")
        for corner in itertools.product((0, out.width), (0, out.height)):
            wanted = before.transform * (corner[0] / scale, corner[1] / scale)
            assert np.hypot(*np.subtract(~out.transform * wanted, corner)) < 1e-6
        pixel = before.transform * Affine.scale(1 / scale)
        size = np.sqrt(abs(pixel.determinant))
        assert max(abs(a - b) for a, b in zip(out.transform, pixel, strict=True)) < 1e-9 * size


def test_a_window_is_placed_exactly(scene, tmp_path):
    source, pixels, _ = scene(transform=TURNED["sheared"], height=90, width=80)
    make(source, tmp_path / "o.tif", window=(13, 21, 30, 40), tile=64, overlap=16)
    with rasterio.open(source) as before, rasterio.open(tmp_path / "o.tif") as out:
        assert max(abs(v) for v in np.subtract(out.transform, before.transform * Affine.translation(13, 21))) < 1e-9
        np.testing.assert_array_equal(out.read(), pixels[:, 21:61, 13:43])


def test_tags_that_still_hold_are_kept_and_stale_ones_are_not(scene, tmp_path):
    source, _, _ = scene()
    one, column, row = [1, *[0] * 19], [0, 1, *[0] * 18], [0, 0, 1, *[0] * 17]
    rpc = RPC(0, 1, 0, 1, one, column, 0, 1, 0, 1, one, row, 0, 1, 0, 0)
    with rasterio.open(source, "r+") as file:
        file.update_tags(TIFFTAG_DATETIME="2020:01:02 03:04:05", CLOUDS="3 %", SEAMLINE_MODEL="an older one")
        file.update_tags(STATISTICS_MEAN="7")
        file.update_tags(1, STATISTICS_MEAN="7")
        file.rpcs = rpc
    report = make(source, tmp_path / "o.tif", seed=5).facts
    with rasterio.open(tmp_path / "o.tif") as out:
        tags = out.tags()
        assert (tags["TIFFTAG_DATETIME"], tags["CLOUDS"]) == ("2020:01:02 03:04:05", "3 %")
        assert (tags["SEAMLINE_MODEL"], tags["SEAMLINE_SEED"]) == ("identity@1", "5")
        assert tags["SEAMLINE_IDENTITY"] == report["identity"]
        assert tags["TIFFTAG_SOFTWARE"] == "Seamline"
        assert out.rpcs is None
        assert not out.gcps[0]
        assert not any(key.startswith("STATISTICS") for key in {**tags, **out.tags(1)})


@pytest.mark.parametrize("generated", [False, True])
def test_the_file_says_whether_a_model_invented_its_pixels(scene, tmp_path, generated):
    source, _, _ = scene()
    make(source, tmp_path / "o.tif", Inventive() if generated else None)
    with rasterio.open(tmp_path / "o.tif") as out:
        note = out.tags()["SEAMLINE_NOTE"]
    assert ("generated by a learned model" in note) == generated
    assert ("computed by a classical method" in note) != generated


class Inventive(Identity):
    """Says of itself that its pixels are made up."""

    @property
    def spec(self):
        return replace(Identity().spec, generated=True)


def test_control_characters_in_tags_do_not_stop_the_run(scene, tmp_path):
    source, _, _ = scene()
    with rasterio.open(source, "r+") as file:
        file.update_tags(NOTE="a\x01b\x0cc")
        file.descriptions = ("x\x02y",)
    make(source, tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as out:
        assert out.tags()["NOTE"] == "abc"
        assert out.descriptions == ("xy",)


@pytest.mark.parametrize(("side", "kind"), [(30_000, "NO"), (60_000, "YES")])
def test_big_files_become_bigtiffs_by_estimate(monkeypatch, side, kind, tmp_path):
    seen = {}
    monkeypatch.setattr(cog.rasterio.shutil, "copy", lambda *_, **options: seen.update(options))
    grid = GeoBox((side, side), Affine.identity(), None)
    output = Output(
        name="image",
        file=None,
        kept=True,
        grid=grid,
        dtype="uint8",
        bands=(None,),
        nodata=None,
        mask="none",
        point=False,
        compress="zstd",
        channels=1,
        blend="mean",
        overview="mean",
        in_main_range=True,
        consistent=True,
        categories=(),
        note="",
    )
    assert output.raw_bytes == side * side
    cog._copy(tmp_path / "a.vrt", tmp_path / "a.tif", output)
    # 4 GiB are 2**32 bytes; a third more goes to the overviews.
    assert seen["BIGTIFF"] == kind
    assert (side * side * 4 / 3 > 2**32) == (kind == "YES")


def test_side_files_of_an_older_output_go(scene, tmp_path):
    source, pixels, _ = scene("uint8", 1, 40, 40)
    out = tmp_path / "o.tif"
    shutil.copy(source, out)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(out, "r+") as old:
        old.write_mask(np.zeros((40, 40), np.uint8))
    (tmp_path / "o.tif.aux.xml").write_text("<PAMDataset><Metadata><MDI key='OLD'>1</MDI></Metadata></PAMDataset>")
    assert (tmp_path / "o.tif.msk").exists()
    make(source, out, overwrite=True)
    with rasterio.open(out) as data:
        assert "OLD" not in data.tags()
        assert data.dataset_mask().all()
        np.testing.assert_array_equal(data.read(), pixels)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.tif", "o.report.json", "o.tif"]


def _break_copy(monkeypatch):
    def half(source, target, **options):
        target.write_bytes(b"II*\0 half a file")
        raise rasterio.errors.RasterioIOError("No space left on device")

    monkeypatch.setattr(cog.rasterio.shutil, "copy", half)


def _truncate_silently(monkeypatch):
    honest = rasterio.shutil.copy

    def short(source, target, **options):
        honest(source, target, **options)
        with target.open("r+b") as stream:
            stream.truncate(target.stat().st_size - 200)

    monkeypatch.setattr(cog.rasterio.shutil, "copy", short)


def _break_rename(monkeypatch):
    replace_file = cog.Path.replace

    def refuse(path, target):
        if path.name.startswith("output-"):
            raise PermissionError(13, "the file is open in another program")
        return replace_file(path, target)

    monkeypatch.setattr(cog.Path, "replace", refuse)


@pytest.mark.parametrize("breakage", [_break_copy, _truncate_silently, _break_rename])
def test_a_failed_copy_leaves_the_old_file_and_the_run_can_go_on(scene, tmp_path, monkeypatch, breakage):
    source, pixels, _ = scene("uint16", 1, 40, 40)
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old file")
    with monkeypatch.context() as patch:
        breakage(patch)
        with pytest.raises(RunError, match="the COG cannot be written") as caught:
            make(source, out, overwrite=True, compress="none")
    assert "--resume" in caught.value.fix
    assert out.read_bytes() == b"the old file"
    workspace = Workspace.beside(out)
    assert not list(workspace.folder.glob("output-*.tif"))
    assert workspace.row_bands(workspace.plan()).unfinished(range(1)) == []
    make(source, out, overwrite=True, resume=True, compress="none")
    assert_valid_cog(out)
    assert not workspace.folder.exists()
    with rasterio.open(out) as data:
        np.testing.assert_array_equal(data.read(), pixels)


def test_the_system_gdal_reads_it(scene, tmp_path):
    if shutil.which("gdalinfo") is None:
        pytest.skip("gdalinfo is not installed")
    source, _, _ = scene("uint16", 3, 600, 40, "nodata", crs=CUSTOM.to_wkt())
    make(source, tmp_path / "o.tif")
    done = subprocess.run(["gdalinfo", str(tmp_path / "o.tif")], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for phrase in (
        "Size is 40, 600",
        "LAYOUT=COG",
        "NoData Value=7",
        "Band 3 ",
        "Transverse Mercator",
        "Overviews: 20x300",
    ):
        assert phrase in done.stdout
