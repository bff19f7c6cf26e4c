"""The page on inputs says what is so: for each of its rows, such an input is tried."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from seamline import api
from seamline.benchmarks.shared.serving import changes, running
from seamline.engine.errors import RequestError, RunError, SeamlineWarning
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.deliveries import write_dimap, write_landsat, write_maxar, write_planetscope
from seamline.tests.engine.safe import write_product

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "inputs.md"
FINE = from_origin(500000, 5000000, 0.5, 0.5)
HEIGHTS = "EPSG:32633+5773"

Try = Callable[["Tried"], str]
TRIED: dict[str, Try] = {}


def table() -> dict[str, str]:
    """What the page says happens, by input."""
    rows = re.findall(
        r"^\| (.+?) \| (accepted|kept|warned|refused|stopped) \| .*\|$", PAGE.read_text(encoding="utf-8"), re.M
    )
    return dict(rows)


def row(name: str) -> Callable[[Try], Try]:
    """Says for which row of the page a function is."""

    def keep(function: Try) -> Try:
        TRIED[name] = function
        return function

    return keep


class Tried:
    """Writes inputs and tries them.

    Args:
        write: of ``write_raster``.
        folder: for outputs.
    """

    def __init__(self, write: Callable[..., Path], folder: Path) -> None:
        self.write, self.folder = write, folder
        self.out = folder / "out.tif"

    def superres(self, source: object, **options: object) -> str:
        """What happens to an image, which is given back as it is."""
        return self._seen(lambda: api.superres(source, out=self.out, **({"model": "identity"} | options)))

    def pansharpen(self, ms: Path, pan: Path, **options: object) -> str:
        """What happens to a pair, of whose instrument nothing is measured where the options do not say so."""
        return self._seen(
            lambda: api.pansharpen(ms, pan, out=self.out, **({"model": "gsa", "sensor": "none"} | options))
        )

    def _seen(self, call: Callable[[], object]) -> str:
        self.out.unlink(missing_ok=True)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                call()
            except RequestError:
                assert not self.out.exists()
                return "refused"
            except RunError:
                assert not self.out.exists()
                return "stopped"
        return "warned" if any(issubclass(w.category, SeamlineWarning) for w in heard) else "accepted"

    def result(self) -> rasterio.DatasetReader:
        """The output."""
        return rasterio.open(self.out)

    def pair(
        self, ms_size: float = 2.0, pan: np.ndarray | None = None, bands: int = 3, **more: object
    ) -> tuple[Path, Path]:
        """MS of 40 m, and PAN of 0.5 m of the same ground; ``more`` is of MS."""
        side = round(40 / ms_size)
        ms = self.write(
            "ms.tif", ground(bands, side), **({"transform": from_origin(500000, 5000000, ms_size, ms_size)} | more)
        )
        return ms, self.write("pan.tif", ground(1, 80) if pan is None else pan, transform=FINE)


def ground(bands: int, side: int, dtype: str = "uint16") -> np.ndarray:
    """The same texture at any pixel size: (bands, side, side)."""
    rows, columns = (np.indices((side, side)) + 0.5) * (80 / side)
    value = 120 + 40 * np.sin(rows / 7) * np.cos(columns / 5) + 20 * np.sin(columns / 11)
    return np.stack([value * (0.7 + 0.1 * band) for band in range(bands)]).astype(dtype)


@pytest.fixture
def tried(write_raster, tmp_path) -> Tried:
    return Tried(write_raster, tmp_path)


def test_every_row_of_the_page_is_tried():
    assert set(table()) == set(TRIED)


@pytest.mark.parametrize("name", TRIED)
def test_what_the_page_says_of_an_input_is_so(tried, name):
    assert TRIED[name](tried) == table()[name]


@row("8 or 16 bits, signed or not; 32-bit floats")
def _(tried):
    for dtype in ("uint8", "int8", "uint16", "int16", "float32"):
        image = ground(2, 24).astype(dtype)
        assert tried.superres(tried.write("a.tif", image, nodata=0)) == "accepted"
        with tried.result() as file:
            assert file.dtypes[0] == dtype
            np.testing.assert_array_equal(file.read(), image)
    return "accepted"


@row("32-bit whole numbers or 64-bit floats")
def _(tried):
    for dtype in ("int32", "uint32", "float64"):
        image = tried.write("a.tif", ground(1, 24, dtype))
        assert tried.superres(image, dtype="float32") == "accepted"
        assert tried.superres(image) == "refused"
    return "refused"


@row("complex values")
def _(tried):
    image = tried.write("a.tif", ground(1, 24).astype("complex64"))
    assert tried.superres(image, dtype="float32") == "refused"
    return tried.superres(image)


@row("scale and offset of the bands")
def _(tried):
    image = tried.write("a.tif", ground(2, 24))
    with rasterio.open(image, "r+") as file:
        file.scales, file.offsets = (1e-4, 2e-4), (-0.1, 0.0)
    assert tried.superres(image) == "accepted"
    with tried.result() as file:
        assert (file.scales, file.offsets) == ((1e-4, 2e-4), (-0.1, 0.0))
        np.testing.assert_array_equal(file.read(), ground(2, 24))
    return "kept"


@row("names of the bands")
def _(tried):
    image = tried.write("a.tif", ground(3, 24), names=("blue", "green", "nir"))
    assert tried.superres(image, bands=("nir", "blue")) == "accepted"
    with tried.result() as file:
        assert file.descriptions == ("nir", "blue")
    return "kept"


@row("one value everywhere")
def _(tried):
    seen = tried.superres(tried.write("a.tif", np.full((2, 24, 24), 777, np.uint16)), model="bicubic")
    with tried.result() as file:
        assert (file.read() == 777).all()
    return seen


@row("values far beyond all others, as undeclared fill has")
def _(tried):
    ms, pan = tried.pair()
    with rasterio.open(ms) as file:
        values = file.read().astype("float32")
    values[:, 0, 0] = -1e30
    return tried.pansharpen(tried.write("ms.tif", values), pan)


@row("`--nodata` with such a value")
def _(tried):
    image = ground(1, 40, "float32")
    image[:, :3] = -9999
    seen = tried.superres(tried.write("a.tif", image), model="bicubic", nodata=-9999)
    with tried.result() as file:
        valid = file.dataset_mask() > 0
        assert not valid[:12].any()
        assert file.read(1)[valid].min() > 0
    return seen


@row("a palette, or a map of classes")
def _(tried):
    path = tried.write("a.tif", ground(1, 24, "uint8"))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {k: (k, 0, 0, 255) for k in range(256)})
    assert tried.superres(path) == "accepted"
    return tried.superres(path, model="bicubic")


@row("values below 0 under a method of ratios")
def _(tried):
    ms, pan = tried.pair()
    with rasterio.open(ms) as file:
        below = file.read().astype("float32") - 500
    return tried.pansharpen(tried.write("ms.tif", below), pan, model="brovey", sensor=None)


@row("a nodata value")
def _(tried):
    image = ground(2, 24)
    image[:, :5, :7] = 0
    assert tried.superres(tried.write("a.tif", image, nodata=0)) == "accepted"
    with tried.result() as file:
        assert file.nodata == 0
        assert not file.dataset_mask()[:5, :7].any()
        np.testing.assert_array_equal(file.read(), image)
    return "kept"


@row("NaN in an image of floats")
def _(tried):
    image = ground(2, 24, "float32")
    image[:, :5, :7] = np.nan
    assert tried.superres(tried.write("a.tif", image)) == "accepted"
    with tried.result() as file:
        np.testing.assert_array_equal(file.read(), image)
    return "kept"


@row("a mask inside the file")
def _(tried):
    mask = np.ones((24, 24), bool)
    mask[:5, :7] = False
    assert tried.superres(tried.write("a.tif", ground(2, 24), mask=mask)) == "accepted"
    with tried.result() as file:
        np.testing.assert_array_equal(file.dataset_mask() > 0, mask)
    return "kept"


@row("an alpha band")
def _(tried):
    image = ground(4, 24, "uint8")
    image[3] = 255
    image[3, :5, :7] = 0
    path = tried.write("a.tif", image)
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    assert tried.superres(path) == "accepted"
    with tried.result() as file:
        np.testing.assert_array_equal(file.dataset_mask() > 0, image[3] > 0)
    assert tried.superres(path, bands=(1, 2, 3, 4)) == "accepted"
    with tried.result() as file:
        assert file.count == 4
    return "kept"


@row("an alpha band whose values vary as data do")
def _(tried):
    path = tried.write("a.tif", ground(4, 80, "uint8"))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    return tried.superres(path)


@row("no valid pixel")
def _(tried):
    return tried.superres(tried.write("a.tif", np.zeros((1, 24, 24), np.uint8), nodata=0))


@row("any grid of an affine: north up, south up, rotated")
def _(tried):
    for grid in (FINE, Affine(0.5, 0, 500000, 0, 0.5, 5000000), FINE * Affine.rotation(30)):
        assert tried.superres(tried.write("a.tif", ground(1, 24), transform=grid)) == "accepted"
        with tried.result() as file:
            np.testing.assert_allclose((~file.transform * grid)[:6], Affine.identity()[:6], atol=1e-9)
    return "kept"


@row("no CRS")
def _(tried):
    seen = tried.superres(tried.write("a.tif", ground(1, 24), crs=None))
    with tried.result() as file:
        assert file.crs is None
    return seen


@row("no georeference")
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def _(tried):
    seen = tried.superres(tried.write("a.tif", ground(1, 24), crs=None, transform=Affine.identity()), model="bicubic")
    with tried.result() as file:
        assert file.transform == Affine.identity()
    return seen


@row("ground control points or RPCs alone")
def _(tried):
    path = tried.write("a.tif", ground(1, 24), crs=None, transform=Affine.identity())
    with rasterio.open(path, "r+") as file:
        corners = [(0, 0), (0, 24), (24, 0), (24, 24)]
        points = [GroundControlPoint(r, c, 5e5 + 3 * c, 5e6 - 3 * r) for r, c in corners]
        file.gcps = (points, rasterio.CRS.from_epsg(32633))
    return tried.superres(path)


@row("a CRS with heights")
def _(tried):
    ms, pan = tried.pair(crs=HEIGHTS)
    assert tried.pansharpen(ms, pan) == "accepted"
    assert tried.superres(ms) == "accepted"
    with tried.result() as file:
        assert "EGM96" in file.crs.to_wkt()
    return "kept"


@row("an affine without an inverse, or not finite")
def _(tried):
    for grid in (Affine(0.5, 1, 500000, 0.5, 1, 5000000), Affine(float("nan"), 0, 5e5, 0, -1, 5e6)):
        assert tried.superres(tried.write("a.tif", ground(1, 24), transform=grid)) == "refused"
    return "refused"


@row("several files of one grid, with commas")
def _(tried):
    paths = [tried.write(f"{n}.tif", ground(n, 24)) for n in (1, 2)]
    seen = tried.superres(",".join(map(str, paths)))
    with tried.result() as file:
        assert file.count == 3
    return seen


@row("several files of other ground, or of other data types")
def _(tried):
    here = tried.write("a.tif", ground(1, 24))
    away = tried.write("b.tif", ground(1, 24), transform=from_origin(600000, 5000000, 2, 2))
    other = tried.write("c.tif", ground(1, 24, "int16"))
    assert tried.superres(f"{here},{away}") == "refused"
    return tried.superres(f"{here},{other}")


@row("a virtual raster")
def _(tried):
    image = tried.write("a.tif", ground(1, 24))
    wrapper = image.with_suffix(".vrt")
    wrapper.write_text(
        '<VRTDataset rasterXSize="24" rasterYSize="24"><SRS>EPSG:32633</SRS>'
        "<GeoTransform>500000, 2, 0, 5000000, 0, -2</GeoTransform>"
        '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">a.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    assert tried.superres(wrapper, policy=OpenPolicy(vrt=True)) == "accepted"
    return tried.superres(wrapper)


@row("a GeoTIFF or JPEG 2000 on a server")
def _(tried):
    with running() as server:
        address = server.put("/a.tif", tried.write("a.tif", ground(2, 24)).read_bytes())
        assert tried.superres(address, allow_host=[server.host]) == "accepted"
        return tried.superres(address)


@row("another format on an allowed server")
def _(tried):
    rasterio.shutil.copy(tried.write("a.tif", ground(1, 24, "uint8")), tried.folder / "a.png", driver="PNG")
    with running() as server:
        address = server.put("/a.png", (tried.folder / "a.png").read_bytes())
        return tried.superres(address, allow_host=[server.host])


@row("a file on a server that changes while it is read")
def _(tried):
    with running() as server:
        address = server.put("/a.tif", tried.write("a.tif", ground(1, 24)).read_bytes())
        server.fault = changes("/a.tif", at=2)
        return tried.superres(address, allow_host=[server.host])


@row("assets of a STAC item")
def _(tried):
    tried.write("a.tif", ground(2, 24))
    assets = {"red": {"href": "a.tif", "raster:bands": [{"scale": 0.5}, {"scale": 0.25}]}}
    item = {"type": "Feature", "stac_version": "1.0.0", "properties": {}, "assets": assets}
    (tried.folder / "item.json").write_text(json.dumps(item))
    seen = tried.superres(f"{tried.folder / 'item.json'}#red")
    with tried.result() as file:
        assert file.scales == (0.5, 0.25)
    return seen


@row("a file that ends too early")
def _(tried):
    image = tried.write("a.tif", ground(2, 80))
    whole = image.read_bytes()
    image.write_bytes(whole[: len(whole) // 2])
    return tried.superres(image)


@row("a file that is no raster")
def _(tried):
    (tried.folder / "a.tif").write_text("this is no raster\n")
    return tried.superres(tried.folder / "a.tif")


@row("a name that is not UTF-8")
def _(tried):
    image = tried.write("a.tif", ground(1, 24))
    odd = os.fsdecode(os.fsencode(image.parent) + b"/m\xe4p.tif")
    image.rename(odd)
    return tried.superres(odd)


@row("an output that is an input, or a link")
def _(tried):
    image = tried.write("a.tif", ground(1, 24))
    before = image.read_bytes()
    link = tried.folder / "link.tif"
    link.symlink_to(image)
    for out in (image, link):
        with pytest.raises(RequestError):
            api.superres(image, model="identity", out=out, overwrite=True)
    assert image.read_bytes() == before
    return "refused"


def delivered(tried, write, **how):
    """A delivery in a folder of its own."""
    folder = tried.folder / f"{write.__name__}{len(list(tried.folder.iterdir()))}"
    folder.mkdir()
    return write(folder, **how)


@row("a folder, a metadata file or a zip of Sentinel-2, Landsat or PlanetScope")
def _(tried):
    made = [delivered(tried, write) for write in (write_landsat, write_planetscope)]
    safe = delivered(tried, write_product)
    sources = [source for each in made for source in (each.folder, each.metadata, each.zipped())]
    for source in (*sources, safe.safe, safe.metadata, safe.zipped()):
        assert tried.superres(str(source)) == "accepted"
        with tried.result() as file:
            assert all(file.descriptions)
    return "accepted"


@row("a folder or a metadata file of DIMAP 2 or Maxar")
def _(tried):
    for write in (write_dimap, write_maxar):
        made = delivered(tried, write)
        for source in (made.folder, made.metadata):
            assert tried.superres(str(source)) == "accepted"
            with tried.result() as file:
                np.testing.assert_array_equal(file.read()[:, 1:], np.stack(list(made.bands.values()))[:, 1:])
    return "accepted"


@row("one folder as MS and as PAN")
def _(tried):
    for write in (write_landsat, write_dimap, write_maxar):
        folder = delivered(tried, write).folder
        assert tried.pansharpen(folder, folder) == "accepted"
    return "accepted"


@row("reflectance that the metadata state")
def _(tried):
    assert tried.superres(str(delivered(tried, write_landsat).folder), bands=("B2",)) == "accepted"
    with tried.result() as file:
        assert (file.scales, file.offsets) == ((4e-5,), (-0.100002,))
    return "kept"


@row("radiance that the metadata state")
def _(tried):
    seen = tried.superres(str(delivered(tried, write_maxar).folder))
    with tried.result() as file:
        assert (set(file.scales), set(file.offsets)) == ({1.0}, {0.0})
    return seen


@row("fill that QA_PIXEL or `udm2` flags")
def _(tried):
    for write in (write_landsat, write_planetscope):
        assert tried.superres(str(delivered(tried, write).folder)) == "accepted"
        with tried.result() as file:
            assert not file.dataset_mask()[:, 0].any()
            # It is cloudy there.
            assert file.dataset_mask()[5, 5]
    return "kept"


@row("`--offset` or `--scale-factor` beside stated reflectance")
def _(tried):
    source = str(delivered(tried, write_planetscope).folder)
    assert tried.superres(source, offset=1.0) == "refused"
    return tried.superres(source, scale_factor=0.1)


@row("a product without the image of a wanted band")
def _(tried):
    made = delivered(tried, write_landsat)
    next(made.folder.glob("*_B3.TIF")).unlink()
    assert tried.superres(str(made.folder), bands=("B2", "B4")) == "accepted"
    return tried.superres(str(made.folder))


@row("metadata that are cut, or above 4 MiB")
def _(tried):
    for write in (write_landsat, write_planetscope, write_dimap, write_maxar):
        made = delivered(tried, write)
        told = made.metadata if write is not write_maxar else made.metadata.with_suffix(".IMD")
        whole = told.read_text()
        for text in (whole[:-20], whole + " " * 2**22):
            told.write_text(text)
            assert tried.superres(str(made.folder)) == "refused"
    return "refused"


@row("metadata that name a file outside the product")
def _(tried):
    for write, name in (
        (write_landsat, "<FILE_NAME_BAND_2>"),
        (write_dimap, '_PATH href="'),
        (write_maxar, 'filename = "'),
    ):
        made = delivered(tried, write)
        made.change(name, name + "../")
        assert tried.superres(str(made.folder)) == "refused"
    return "refused"


@row("several products in one folder")
def _(tried):
    made = delivered(tried, write_landsat)
    other = "LC08_L1TP_190029_20230601_20230607_02_T1_MTL.xml"
    (made.folder / other).write_text(made.metadata.read_text())
    assert tried.superres(str(made.metadata)) == "accepted"
    return tried.superres(str(made.folder))


@row("MS of 1.5 to 5 times the pixel size of PAN, whole or not")
def _(tried):
    for size in (1.0, 1.25, 2.5):
        assert tried.pansharpen(*tried.pair(size), model="gsa") == "accepted"
        with tried.result() as file:
            assert file.transform.a == 0.5
    return "accepted"


@row("given in the wrong order")
def _(tried):
    ms, pan = tried.pair(bands=1)
    return tried.pansharpen(pan, ms)


@row("two CRSs")
def _(tried):
    return tried.pansharpen(*tried.pair(crs="EPSG:32632"))


@row("one with a CRS, one without")
def _(tried):
    return tried.pansharpen(*tried.pair(crs=None))


@row("no ground in common")
def _(tried):
    return tried.pansharpen(*tried.pair(transform=from_origin(600000, 5000000, 2, 2)))


@row("fewer bands than the model asks, or more")
def _(tried):
    ms, _pan = tried.pair()
    return tried.pansharpen(ms, tried.write("pan.tif", ground(3, 80), transform=FINE))


@row("a shift of more than one pixel of MS")
def _(tried):
    blocks = np.random.default_rng(8).random((2, 32, 32))
    pan = 100 + 100 * (blocks[0].repeat(8, 0).repeat(8, 1) + blocks[1, :16, :16].repeat(16, 0).repeat(16, 1))
    ms = pan.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    away = tried.write("ms.tif", ms[None].astype(np.uint16), transform=from_origin(500003, 5000000, 2, 2))
    return tried.pansharpen(away, tried.write("pan.tif", pan[None].astype(np.uint16), transform=FINE))


@row("PAN without texture")
def _(tried):
    return tried.pansharpen(*tried.pair(pan=np.full((1, 80, 80), 300, np.uint16)), sensor=None)


@row("a reference of another CRS, grid or extent")
def _(tried):
    image = tried.write("a.tif", ground(3, 24))
    reference = tried.write("r.tif", ground(3, 80), transform=from_origin(500010, 5000000, 0.5, 0.5))
    return tried.superres(image, model=None, reference=reference)


@row("a reference of other ground")
def _(tried):
    image = tried.write("a.tif", ground(3, 24))
    reference = tried.write("r.tif", ground(3, 80), transform=from_origin(600000, 5000000, 0.5, 0.5))
    return tried.superres(image, model=None, reference=reference)
