"""Every file of a raster lies with it and is of an allowed format, and nothing is fetched over a network."""

from __future__ import annotations

import os
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.errors import RasterioIOError

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs import files
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.files import open_raster
from seamline.engine.inputs.reading import InputReader
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.inputs.hostile import (
    SIDE,
    Listener,
    dimap,
    mask_vrt,
    pixels,
    product,
    volume,
    vrt,
    wcs,
    wms,
    write,
    write_til,
)
from seamline.tests.engine.safe import write_product

TRUSTED = OpenPolicy(vrt=True)


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    with Listener(tmp_path_factory.mktemp("listener")) as listening:
        yield listening


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """The proxy that does not exist is not what keeps GDAL from the port."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def take(path, policy=None):
    """(values, validity) as the engine takes them in."""
    scene = describe("image", str(path), policy=policy)
    reader = InputReader(scene, scene.grid, "cubic", policy or OpenPolicy())
    try:
        window = Window(0, 0, *scene.grid.shape)
        patch = reader.patch(reader.strip(window), window)
    finally:
        reader.close()
    return patch.values, patch.valid


def beside(name, other, content):
    """A raster with a file beside it; the content may need the listener's address and the folder."""

    def build(folder, address):
        write(folder / "in" / name)
        (folder / "in" / other).write_text(content.format(address=address, folder=folder))
        return folder / "in" / name

    return build


def named_by(metadata, name, content=None):
    """A raster that names another one, which has this content; it may need the address and the folder too."""

    def build(folder, address):
        inside = folder / "in"
        inside.mkdir()
        if content is not None:
            (inside / "i.tif").write_text(content(address, folder))
        written = name.format(address=address, folder=folder)
        if metadata == "til":
            return write_til(inside / "x.TIL", written)
        (inside / "x.xml").write_text(metadata(written))
        return inside / "x.xml"

    return build


def hidden_from_til(folder, _):
    write(folder / "in" / "#good.tif")
    return write_til(folder / "in" / "x.TIL", "../secret.tif", comment="#good.tif;\n")


def tile_with_a_mask(folder, address):
    write(folder / "in" / "i.tif")
    (folder / "in" / "i.tif.msk").write_text(mask_vrt(f"/vsicurl/http://{address}/m.tif"))
    (folder / "in" / "x.xml").write_text(dimap("i.tif"))
    return folder / "in" / "x.xml"


def mask_of_a_mask(folder, address):
    write(folder / "in" / "b.tif")
    write(folder / "in" / "b.tif.msk", dtype="uint8")
    (folder / "in" / "b.tif.msk.msk").write_text(mask_vrt(f"/vsicurl/http://{address}/m.tif"))
    return folder / "in" / "b.tif"


def volume_to_elsewhere(folder, _):
    (folder / "DIM.XML").write_text(product("secret.tif"))
    (folder / "in").mkdir()
    (folder / "in" / "VOL_PHR.XML").write_text(volume("../DIM.XML"))
    return folder / "in"


def late_root(folder, _):
    """What is no DIMAP by its first bytes is one for a DIMAP that names it."""
    write(folder / "in" / "i.tif")
    (folder / "in" / "VOL_PHR.XML").write_text(volume("DIM.XML"))
    (folder / "in" / "DIM.XML").write_text(f"<!--{' ' * 2000}-->" + product("../secret.tif").partition("?>")[2])
    return folder / "in" / "VOL_PHR.XML"


def overviews_by_tag(folder, address):
    write(folder / "in" / "b.tif")
    with rasterio.open(folder / "in" / "b.tif", "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"WMS:http://{address}/?")
    return folder / "in" / "b.tif"


def overviews_of_a_mask(folder, address):
    write(folder / "in" / "b.tif")
    mask = write(folder / "in" / "b.tif.msk", dtype="uint8")
    with rasterio.open(mask, "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"WMS:http://{address}/?")
    return folder / "in" / "b.tif"


def spilled_elsewhere(folder, _):
    """An ERDAS raster whose values lie in a file of their own, by a name as long as the one that it had."""
    write(folder / "in" / "aa_x.img", driver="HFA", dtype="uint8", USE_SPILL="YES")
    content = (folder / "in" / "aa_x.img").read_bytes()
    assert content.count(b"aa_x.ige") == 1
    (folder / "in" / "aa_x.img").write_bytes(content.replace(b"aa_x.ige", b"../zz.ig"))
    (folder / "in" / "aa_x.ige").rename(folder / "zz.ig")
    return folder / "in" / "aa_x.img"


OVERVIEW_TAG = '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{}</MDI></Metadata></PAMDataset>'
ATTACKS = {
    "mask from a network": (beside("b.tif", "b.tif.msk", mask_vrt("/vsicurl/http://{address}/m.tif")), "no GeoTIFF"),
    "mask of a raster in capitals": (
        beside("B.TIF", "b.tif.msk", mask_vrt("/vsicurl/http://{address}/m.tif")),
        "takes it for the mask of B.TIF",
    ),
    "mask in capitals": (beside("b.tif", "b.tif.MSK", mask_vrt("/vsicurl/http://{address}/m.tif")), "no GeoTIFF"),
    "mask of another file": (
        beside("b.tif", "b.tif.msk", mask_vrt("{folder}/secret.tif")),
        "takes it for the mask of b.tif",
    ),
    "mask that is a service": (beside("b.tif", "b.tif.msk", wcs("{address}")), "no GeoTIFF"),
    "mask of a mask": (mask_of_a_mask, "for the mask of b.tif.msk"),
    "overviews from a network": (
        beside("b.tif", "b.tif.ovr", vrt("/vsicurl/http://{address}/o.tif")),
        "for the overviews of b.tif",
    ),
    "overviews by a tag": (overviews_by_tag, "its tags name overviews"),
    "overviews by a tag beside": (
        beside("b.tif", "b.tif.aux.xml", OVERVIEW_TAG.format("/vsicurl/http://{address}/o.tif")),
        "its tags name overviews",
    ),
    "overviews of another folder": (
        beside("b.tif", "b.tif.aux.xml", OVERVIEW_TAG.format("../secret.tif")),
        "name overviews",
    ),
    "overviews of the mask": (overviews_of_a_mask, r"b\.tif\.msk: its tags name overviews"),
    "dimap upward": (named_by(dimap, "../secret.tif"), "lies outside its folder"),
    "dimap to the root": (named_by(dimap, "{folder}/secret.tif"), "lies outside its folder"),
    "dimap to a network": (named_by(dimap, "http://{address}/d.tif"), "lies outside its folder"),
    "dimap to a file system of GDAL": (named_by(dimap, "/vsicurl/http://{address}/d.tif"), "outside its folder"),
    "dimap to a virtual raster": (
        named_by(dimap, "i.tif", lambda _, folder: vrt(f"{folder}/secret.tif")),
        "no raster of an allowed",
    ),
    "dimap to a network by one": (
        named_by(dimap, "i.tif", lambda address, _: vrt(f"/vsicurl/http://{address}/d.tif")),
        "no raster of",
    ),
    "dimap to a service": (named_by(dimap, "i.tif", lambda address, _: wcs(address)), "no raster of an allowed format"),
    "dimap to a mask": (tile_with_a_mask, "takes it for the mask of i.tif"),
    "dimap to nothing": (named_by(dimap, "j.tif"), "which is no local file"),
    "dimap to a long name": (named_by(dimap, "j" * 5000), "which is no local file"),
    "dimap 2 upward": (named_by(product, "../secret.tif"), "lies outside its folder"),
    "dimap 2 to a service": (
        named_by(product, "i.tif", lambda address, _: wms(address)),
        "no raster of an allowed format",
    ),
    "dimap 2 from a volume": (volume_to_elsewhere, "names '../DIM.XML', which lies outside"),
    "dimap 2 with a late root": (late_root, "names '../secret.tif', which lies outside"),
    "til upward": (named_by("til", "../secret.tif"), "lies outside its folder"),
    "til to a virtual raster": (
        named_by("til", "i.tif", lambda _, folder: vrt(f"{folder}/secret.tif")),
        "no raster of an allowed",
    ),
    "til to a service": (named_by("til", "i.tif", lambda address, _: wcs(address)), "no raster of an allowed format"),
    "til with a comment": (hidden_from_til, "it names files as no TIL does"),
    "values of another folder": (spilled_elsewhere, "a file of it lies outside its folder"),
}


@pytest.mark.parametrize(("build", "sentence"), ATTACKS.values(), ids=ATTACKS)
def test_what_lies_elsewhere_or_is_of_another_kind_is_refused(listener, tmp_path, build, sentence, monkeypatch):
    write(tmp_path / "secret.tif", 7)
    path, before = build(tmp_path, listener.address), listener.heard
    with pytest.raises(RequestError, match=sentence):
        take(path)
    # Names without a folder are those that GDAL may take for more than names.
    if path.is_file():
        monkeypatch.chdir(path.parent)
        for written in (path.name, f"./{path.name}"):
            with pytest.raises(RequestError, match=sentence):
                take(written)
    assert listener.heard == before


@pytest.mark.parametrize("build", [build for build, _ in ATTACKS.values()], ids=ATTACKS)
def test_who_trusts_virtual_rasters_fetches_nothing_all_the_same(listener, tmp_path, build, monkeypatch):
    write(tmp_path / "secret.tif", 7)
    path, before = build(tmp_path, listener.address), listener.heard
    monkeypatch.chdir(path.parent)
    for written in (path, f"./{path.name}"):
        with suppress(RequestError):
            take(written, TRUSTED)
    assert listener.heard == before


SOURCES = {
    "file system of GDAL": ("/vsicurl/http://{address}/d.tif", ""),
    "streaming": ("/vsicurl_streaming/http://{address}/d.tif", ""),
    "archive on a server": ("/vsizip//vsicurl/http://{address}/d.zip/d.tif", ""),
    "address": ("http://{address}/d.tif", ""),
    "map service": ("WMS:http://{address}/?", ""),
    "data service": ("NETCDF:&quot;http://{address}/d.nc&quot;:x", ""),
    "description of a service": ("wcs.xml", ""),
    "virtual raster in it": ("inner.vrt", ""),
    "mask of a source": ("masked.tif", ""),
    "geolocation": ("i.tif", '<Metadata><MDI key="X_DATASET">/vsicurl/http://{address}/x.tif</MDI></Metadata>'),
    "overviews": (
        "i.tif",
        '<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">WMS:http://{address}/?</MDI></Metadata>',
    ),
}


@pytest.mark.parametrize(("source", "extra"), SOURCES.values(), ids=SOURCES)
def test_a_trusted_virtual_raster_that_names_a_network_is_refused(listener, tmp_path, source, extra):
    write(tmp_path / "i.tif")
    (tmp_path / "wcs.xml").write_text(wcs(listener.address))
    (tmp_path / "inner.vrt").write_text(vrt(f"/vsicurl/http://{listener.address}/d.tif"))
    write(tmp_path / "masked.tif")
    (tmp_path / "masked.tif.msk").write_text(mask_vrt(f"/vsicurl/http://{listener.address}/m.tif"))
    text = vrt(source.format(address=listener.address), relative=1, extra=extra.format(address=listener.address))
    (tmp_path / "a.vrt").write_text(text)
    before = listener.heard
    with pytest.raises(RequestError, match=r"it names .*, which is no (local file|raster of an allowed format)"):
        take(tmp_path / "a.vrt", TRUSTED)
    assert listener.heard == before


@pytest.mark.parametrize("build", [overviews_by_tag, overviews_of_a_mask])
def test_overviews_of_the_sources_of_a_trusted_virtual_raster_are_looked_at(listener, tmp_path, build):
    source, before = build(tmp_path, listener.address), listener.heard
    (tmp_path / "a.vrt").write_text(vrt(str(source.relative_to(tmp_path)), relative=1))
    for _ in range(2):
        with pytest.raises(RequestError, match="its tags name overviews"):
            open_raster(str(tmp_path / "a.vrt"), TRUSTED)
    assert listener.heard == before


def test_a_file_that_has_changed_is_looked_at_again(tmp_path):
    source = write(tmp_path / "i.tif")
    (tmp_path / "x.xml").write_text(dimap("i.tif"))
    open_raster(str(tmp_path / "x.xml"), OpenPolicy()).close()
    (tmp_path / "i.tif.aux.xml").write_text(OVERVIEW_TAG.format("../o.tif"))
    with pytest.raises(RequestError, match=f"{source.name}: its tags name overviews"):
        open_raster(str(tmp_path / "x.xml"), OpenPolicy())


def test_the_port_hears_what_is_fetched(listener, tmp_path):
    (tmp_path / "a.vrt").write_text(vrt(f"/vsicurl/http://{listener.address}/seen.tif"))
    (tmp_path / "wcs.xml").write_text(wcs(listener.address))
    for name in ("a.vrt", "wcs.xml"):
        before = listener.heard
        with pytest.raises(RasterioIOError), rasterio.open(tmp_path / name) as file:
            file.read()
        assert len(listener.heard) > len(before), name


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        ("dimap to a service", "cannot be opened"),
        ("dimap upward", "a file of it lies outside its folder"),
        ("til upward", "a file of it lies outside its folder"),
    ],
)
def test_what_the_first_look_overlooked_is_still_not_read(listener, tmp_path, monkeypatch, build, sentence):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setattr(files, "other_files", lambda *_: ())
    write(tmp_path / "secret.tif", 7)
    path, before = ATTACKS[build][0](tmp_path, listener.address), listener.heard
    with pytest.raises(RequestError, match=sentence):
        open_raster(str(path), OpenPolicy())
    assert listener.heard == before


def test_masks_in_archives_are_not_looked_at(listener, tmp_path):
    made = write_product(tmp_path)
    clean = describe("image", str(made.zipped()), bands=("B02",))
    image = next(made.safe.rglob("*B02_10m.jp2")).relative_to(made.safe.parent)
    before = listener.heard
    for number, name in enumerate((f"{image}.msk", f"./{image}.msk", str(image).replace("/", "\\") + ".msk")):
        archive = made.zipped(f"{number}.zip")
        with zipfile.ZipFile(archive, "a") as file:
            file.writestr(name, mask_vrt(f"/vsicurl/http://{listener.address}/m.tif"))
        scene = describe("image", str(archive), bands=("B02",))
        assert (scene.mask, scene.fingerprint) == (clean.mask, clean.fingerprint)
    assert listener.heard == before


def masked(folder):
    path = write(folder / "b.tif", 1, dtype="uint8")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(SIDE, dtype=bool))
    (folder / "b.tif.msk").rename(folder / "b.tif.MSK")
    return path, path


def with_overviews(folder):
    write(folder / "b.tif", 1)
    with rasterio.Env(TIFF_USE_OVR="YES"), rasterio.open(folder / "b.tif", "r+") as file:
        file.build_overviews([2, 4])
    assert (folder / "b.tif.ovr").exists()
    return folder / "b.tif", folder / "b.tif"


def linked(folder):
    """A folder of links, as programs that keep versions of data leave it."""
    write(folder / "store" / "1", 1, dtype="uint8")
    write(folder / "store" / "2", 2, dtype="uint8")
    (folder / "in").mkdir()
    (folder / "in" / "b.tif").symlink_to(folder / "store" / "1")
    (folder / "in" / "b.tif.ovr").symlink_to(folder / "store" / "2")
    return folder / "in" / "b.tif", folder / "store" / "1"


def in_text(metadata, name):
    def build(folder):
        write(folder / "in" / "sub" / "i.tif", 1)
        (folder / "in" / name).write_text(metadata("sub/i.tif"))
        return folder / "in" / name, folder / "in" / "sub" / "i.tif"

    return build


def whole_volume(folder):
    write(folder / "IMG" / "i.tif", 1)
    (folder / "VOL_PHR.XML").write_text(volume("IMG/DIM.XML"))
    (folder / "IMG" / "DIM.XML").write_text(product("i.tif"))
    return folder, folder / "IMG" / "i.tif"


def of_driver(driver, name, **more):
    return lambda folder: (write(folder / name, 1, driver=driver, dtype="uint8", **more),) * 2


GOOD = {
    "mask": masked,
    "overviews": with_overviews,
    "links": linked,
    "dimap": in_text(dimap, "METADATA.DIM"),
    "dimap 2": in_text(product, "DIM_1.XML"),
    "volume": whole_volume,
    "til": lambda folder: (write_til(folder / "x.TIL", "i.tif"), write(folder / "i.tif", 1)),
    "envi": of_driver("ENVI", "x.dat"),
    "erdas": of_driver("HFA", "x.img"),
    "erdas in two files": of_driver("HFA", "x.img", USE_SPILL="YES"),
    "png": of_driver("PNG", "x.png"),
}


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.GeoreferenceWarning")
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("build", GOOD.values(), ids=GOOD)
def test_files_that_lie_together_are_read(tmp_path, build, monkeypatch):
    path, image = build(tmp_path)
    values, valid = take(path)
    with rasterio.open(image) as file:
        expected, known = file.read(), file.dataset_mask() > 0
    assert known.all() == (valid is None)
    assert (values == expected)[:, known].all()
    if valid is not None:
        assert np.array_equal(valid[0], known)
    monkeypatch.chdir(path if path.is_dir() else path.parent)
    again, _ = take("." if path.is_dir() else path.name)
    assert np.array_equal(again, values)


def test_a_trusted_virtual_raster_reads_files_anywhere_on_this_machine(tmp_path, monkeypatch):
    write(tmp_path / "far" / "i.tif", 1)
    write(tmp_path / "far" / "e.dat", 2, driver="ENVI", dtype="uint8")
    (tmp_path / "near").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    for name, source, relative in (("a", f"{tmp_path}/far/i.tif", 0), ("b", "../far/i.tif", 1), ("c", "i.tif", 0)):
        (tmp_path / "near" / f"{name}.vrt").write_text(vrt(source, relative=relative))
        values, _ = take(tmp_path / "near" / f"{name}.vrt", TRUSTED)
        assert np.array_equal(values, pixels(tmp_path / "far" / "i.tif"))
    (tmp_path / "near" / "d.vrt").write_text(vrt("../far/e.dat", relative=1))
    assert np.array_equal(take(tmp_path / "near" / "d.vrt", TRUSTED)[0], pixels(tmp_path / "far" / "e.dat"))
    with pytest.raises(RequestError, match="pass --allow-vrt"):
        take(tmp_path / "near" / "a.vrt")


def test_virtual_rasters_that_name_each_other_end(tmp_path):
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.vrt").write_text(vrt(f"{other}.vrt", relative=1))
    with open_raster(str(tmp_path / "a.vrt"), TRUSTED) as data:
        assert data.driver == "VRT"


PIECES = st.sampled_from(["..", ".", "sub", "in", "i.tif", "I.TIF", "secret.tif", "", "C:", "http:", "/", "\\"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    for seed, place in enumerate(("secret.tif", "i.tif", "in/i.tif", "in/sub/i.tif", "in/secret.tif")):
        write(folder / place, seed)
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.lists(PIECES, min_size=1, max_size=5).map("/".join) | st.lists(PIECES, min_size=1, max_size=4).map("".join),
    kind=st.sampled_from([dimap, product, "til"]),
)
def test_whatever_is_named_lies_in_the_folder_or_is_refused(folder, name, kind):
    inside = folder / "in"
    if kind == "til":
        path = write_til(inside / "x.TIL", name)
    else:
        path = inside / "x.xml"
        path.write_text(kind(name))
    try:
        data = open_raster(str(path), OpenPolicy())
    except RequestError:
        return
    with data:
        places = [Path(os.path.realpath(file)) for file in data.files]
        assert all(place.is_relative_to(inside) for place in places)
        assert any(np.array_equal(data.read(), pixels(place)) for place in places if place.suffix == ".tif")
