"""Vector files of a map of classes: what they hold, what is refused, and that they are whole or not there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from rasterio.features import rasterize
from rasterio.transform import from_origin

from seamline.engine.contract import Category, ModelSpec, class_outputs
from seamline.engine.errors import Cancelled, RequestError, RunError
from seamline.engine.events import Cancel
from seamline.engine.output import geopackage, polygons
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.engine.testing import PassThrough, PatchMeans

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("water", "field", "roof")
OUTPUTS = class_outputs(tuple(Category(name, (40 * i, 0, 0)) for i, name in enumerate(NAMES)))
CELL = 2.0


@dataclass(frozen=True, slots=True)
class Thirds:
    """Three classes by the value of the first band: 1, 2 or 3; of pixels, or of patches."""

    patch: int = 1
    identity: str = "thirds@1"

    @property
    def spec(self):
        return ModelSpec(
            name="thirds",
            version="1",
            task="classify",
            inputs=(PassThrough().spec.inputs[0],),
            main="image",
            outputs=OUTPUTS,
            patch=self.patch,
            align=2 * self.patch,
            tile=64,
            overlap=16,
        )

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = torch.nn.functional.avg_pool2d(batch["image"][:, :1], self.patch)
        near = torch.cat([1 / (0.5 + (image - value).abs()) for value in (1, 2, 3)], dim=1)
        return dict.fromkeys(where.wanted, near / near.sum(dim=1, keepdim=True))


@pytest.fixture
def classes():
    """Blocks of 7 px of the values 1 to 3, and a hole."""
    values = np.random.default_rng(2).integers(1, 4, (15, 12)).astype(np.uint16).repeat(7, axis=0).repeat(7, axis=1)
    values[30:50, 40:60] = 0
    return values[:101, :81]


@pytest.fixture
def scene(write_raster, classes):
    return write_raster("in.tif", classes[None], nodata=0)


def asked(scene, out, **options):
    vectors = {name: str(out.with_name(options.pop(name))) for name in ("polygons", "patches") if name in options}
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, **vectors, **options)


def read(path):
    """Fields by name, and geometries."""
    meta, _, wkb, data = pyogrio.raw.read(path)
    return meta, shapely.from_wkb(wkb), dict(zip(meta["fields"], data, strict=True))


class Ears:
    def __init__(self, heard):
        self.heard = heard

    def emit(self, event, **fields):
        if event == "warning":
            self.heard.append((fields["kind"], fields["what"]))


def mapped(scene, tmp_path, heard=None, **options):
    request = asked(scene, tmp_path / "o.tif", polygons="p.gpkg", **options)
    found = run(request, Thirds(), listener=Ears([] if heard is None else heard))
    return found, *read(tmp_path / "p.gpkg")


def test_polygons_are_the_areas_of_the_map(scene, classes, tmp_path):
    found, meta, shapes, told = mapped(scene, tmp_path)
    assert meta["crs"] == "EPSG:32633"
    assert list(told) == ["class", "name", "area_m2"]
    assert all(each.is_valid for each in shapes)
    assert set(shapely.get_type_id(shapes)) == {shapely.GeometryType.MULTIPOLYGON}
    assert [NAMES[number] for number in told["class"]] == told["name"].tolist()
    assert np.array_equal(told["area_m2"], shapely.area(shapes))
    with rasterio.open(tmp_path / "o.tif") as file:
        pairs = zip(shapes, told["class"].tolist(), strict=True)
        burnt = rasterize(pairs, out_shape=file.shape, transform=file.transform, fill=255, dtype=np.uint8)
        assert np.array_equal(burnt, file.read(1))
    assert told["area_m2"].sum() == (classes > 0).sum() * CELL**2
    assert found.facts["stages"]["polygons"] == {
        "path": str(tmp_path / "p.gpkg"),
        "features": len(shapes),
        "unit": "m2",
    }


def test_programs_of_2021_read_the_file_without_a_doubt(scene, tmp_path):
    """GeoPackage, clause 2: the version stands in the header."""
    mapped(scene, tmp_path)
    header = (tmp_path / "p.gpkg").read_bytes()[:100]
    assert (header[68:72], int.from_bytes(header[60:64], "big")) == (b"GPKG", 10200)


def test_smaller_areas_are_left_out_and_no_other(scene, tmp_path):
    _, _, _, every = mapped(scene, tmp_path)
    least = float(np.median(every["area_m2"]))
    _, _, _, kept = mapped(scene, tmp_path, min_area=least, overwrite=True)
    expected = every["area_m2"] >= least
    assert 0 < expected.sum() < len(expected)
    assert np.array_equal(kept["area_m2"], every["area_m2"][expected])


def test_simple_outlines_stay_near_and_valid(scene, tmp_path):
    """A tolerance of more than the width of the narrowest parts."""
    _, _, exact, told = mapped(scene, tmp_path)
    _, _, simple, same = mapped(scene, tmp_path, simplify=13.0, overwrite=True)
    assert np.array_equal(told["area_m2"], same["area_m2"])
    assert all(each.is_valid and each.area > 0 for each in simple)
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(exact).sum()
    assert shapely.hausdorff_distance(exact, simple).max() <= 13.0


def test_an_outline_that_simplification_spoils_is_mended(monkeypatch):
    """A bow tie with a stray line, and one that is gone."""
    tie = shapely.from_wkt("POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0), (9 9, 9 9, 9 9, 9 9))")
    plain = np.array([shapely.box(0, 0, 4, 4)] * 2)
    monkeypatch.setattr(shapely, "simplify", lambda *args, **more: np.array([tie, shapely.Polygon()]))
    mended, kept = polygons._simplified(plain, 1.0)
    assert (mended.geom_type, mended.is_valid, mended.area) == ("MultiPolygon", True, 8)
    assert kept == plain[1]


def test_areas_in_degrees_are_those_of_the_ellipsoid(write_raster, tmp_path):
    values = np.full((1, 70, 70), 1, np.uint16)
    values[:, 20:40, 10:50] = 2
    step = 1e-4
    path = write_raster("in.tif", values, transform=from_origin(12.0, 48.0, step, step), crs="EPSG:4326")
    _, meta, shapes, told = mapped(path, tmp_path, simplify=30.0)
    assert meta["crs"] == "EPSG:4326"
    # Radii of curvature of WGS 84 in the middle of the patch.
    latitude = np.radians(48.0 - 30 * step)
    curved = 1 - 0.00669437999014 * np.sin(latitude) ** 2
    along, across = 6_378_137 * (1 - 0.00669437999014) / curved**1.5, 6_378_137 / np.sqrt(curved) * np.cos(latitude)
    expected = np.radians(20 * step) * along * np.radians(40 * step) * across
    assert told["area_m2"][told["class"] == 1] == pytest.approx(expected, rel=1e-6)
    outer = 70 * 70 / 800 - 1
    assert told["area_m2"][told["class"] == 0] == pytest.approx(outer * expected, rel=1e-4)
    assert np.all(shapely.area(shapes) < 1)


def test_feet_are_no_metres(write_raster, tmp_path):
    path = write_raster("in.tif", np.ones((1, 20, 30), np.uint16), crs="EPSG:2263")
    _, _, _, told = mapped(path, tmp_path)
    assert told["area_m2"] == pytest.approx(600 * CELL**2 * (1200 / 3937) ** 2, rel=1e-12)


@pytest.mark.parametrize("transform", [Affine.identity(), from_origin(10, 70, 0.5, 0.5)])
def test_without_a_crs_pixels_are_counted_and_it_is_said(transform, write_raster, tmp_path):
    values = np.ones((1, 40, 30), np.uint16)
    values[:, 8:12, 3:9] = 2
    path = write_raster("in.tif", values, transform=transform, crs=None)
    heard = []
    _, meta, shapes, told = mapped(path, tmp_path, min_area=24, simplify=0.5, heard=heard)
    assert ("GeoreferenceWarning", f"{tmp_path / 'p.gpkg'}: the map has no CRS, so areas are counted in px²") in heard
    assert meta["crs"] is None
    assert sorted(told["area_px2"]) == [24, 40 * 30 - 24]
    # As QGIS draws rasters without a georeference: downwards.
    expected = (3, -12, 9, -8) if transform.is_identity else (11.5, 64, 14.5, 66)
    assert tuple(shapely.bounds(shapes[told["area_px2"] == 24])[0]) == expected


def test_polygons_of_a_turned_map_lie_where_it_does(write_raster, classes, tmp_path):
    turned = Affine.translation(500_000, 5_000_000) * Affine.rotation(30) * Affine.scale(CELL, -CELL)
    path = write_raster("in.tif", classes[None], nodata=0, transform=turned)
    _, _, shapes, told = mapped(path, tmp_path)
    rows, columns = np.nonzero(classes)
    xs, ys = turned * (columns + 0.5, rows + 0.5)
    tree = shapely.STRtree(shapes)
    points, owners = tree.query(shapely.points(xs, ys), predicate="within")
    assert np.array_equal(points, np.arange(len(rows)))
    assert np.array_equal(told["class"][owners] + 1, classes[rows, columns])
    assert told["area_m2"].sum() == pytest.approx(len(rows) * CELL**2, rel=1e-12)


def test_features_are_written_in_chunks_and_read_in_strips(scene, tmp_path, monkeypatch):
    _, _, whole, told = mapped(scene, tmp_path)
    monkeypatch.setattr(polygons, "_CHUNK", 7)
    monkeypatch.setattr(polygons, "_STRIP_ROWS", 16)
    _, _, shapes, same = mapped(scene, tmp_path, overwrite=True)
    rows, again = (
        sorted(zip(fields["class"], map(tuple, shapely.bounds(areas)), fields["area_m2"], strict=True))
        for areas, fields in ((whole, told), (shapes, same))
    )
    assert rows == again


def test_a_map_without_a_valid_pixel_has_a_layer_without_features(write_raster, tmp_path):
    path = write_raster("in.tif", np.zeros((1, 20, 30), np.uint16), nodata=0)
    _, meta, shapes, told = mapped(path, tmp_path)
    assert (len(shapes), list(told), meta["crs"]) == (0, ["class", "name", "area_m2"], "EPSG:32633")


@pytest.mark.parametrize("confidence", [True, False])
def test_patches_are_squares_with_class_and_score(confidence, scene, tmp_path):
    out, kept = tmp_path / "o.tif", {"confidence": str(tmp_path / "c.tif")}
    run(asked(scene, tmp_path / "b.tif", also=kept), Thirds(7))
    (tmp_path / "c.tif").rename(tmp_path / "expected.tif")
    found = run(asked(scene, out, patches="q.gpkg", also=kept if confidence else {}), Thirds(7))
    meta, shapes, told = read(tmp_path / "q.gpkg")
    assert list(told) == ["class", "name", "score"]
    assert meta["crs"] == "EPSG:32633"
    with rasterio.open(out) as file, rasterio.open(tmp_path / "expected.tif") as sure:
        rows, columns = np.nonzero(file.read_masks(1))
        assert 0 < len(rows) < file.width * file.height
        assert np.array_equal(told["class"], file.read(1)[rows, columns])
        assert np.array_equal(told["score"], sure.read(1)[rows, columns].astype(np.float64))
        xs, ys = file.transform * (columns, rows)
        assert np.allclose(shapely.bounds(shapes), np.stack([xs, ys - 14, xs + 14, ys], axis=1), rtol=0, atol=1e-9)
    assert [NAMES[number] for number in told["class"]] == told["name"].tolist()
    # What only the scores needed is nowhere to be seen.
    assert (tmp_path / "c.tif").exists() == confidence
    assert found.facts["outputs"] == [str(out), *([str(tmp_path / "c.tif")] if confidence else [])]
    assert set(found.facts["layers"]) == {"classes", *(["confidence"] if confidence else [])}
    assert not Workspace.beside(out).folder.exists()


def test_patches_of_a_model_that_tells_no_confidence_have_no_score(scene, tmp_path):
    class Unsure(Thirds):
        @property
        def spec(self):
            return replace(Thirds.spec.fget(self), outputs=OUTPUTS[:1])

    run(asked(scene, tmp_path / "o.tif", patches="q.gpkg"), Unsure(7))
    assert list(read(tmp_path / "q.gpkg")[2]) == ["class", "name"]


def test_merge_makes_what_the_shards_were_asked_for(scene, tmp_path, monkeypatch):
    wanted = {"polygons": "p.gpkg", "patches": "q.gpkg", "min_area": 300.0}
    run(asked(scene, tmp_path / "o.tif", **wanted), Thirds(7))
    expected = [read(tmp_path / name) for name in ("p.gpkg", "q.gpkg")]
    for name in ("p.gpkg", "q.gpkg"):
        (tmp_path / name).unlink()
    monkeypatch.chdir(tmp_path)
    again = replace(asked(scene, tmp_path / "s.tif", **wanted), polygons="p.gpkg", patches="q.gpkg")
    for index in (2, 1):
        run(again, Thirds(7), shard=Shard(index, 2))
        assert not (tmp_path / "p.gpkg").exists()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = merge(tmp_path / "s.tif")
    assert set(found.facts["stages"]) == {"polygons", "patches"}
    for (_, shapes, told), name in zip(expected, ("p.gpkg", "q.gpkg"), strict=True):
        _, others, same = read(tmp_path / name)
        assert shapely.equals_identical(shapes, others).all()
        assert all(np.array_equal(told[field], same[field]) for field in told)


def test_shards_that_want_different_polygons_are_refused(scene, tmp_path):
    run(asked(scene, tmp_path / "o.tif", polygons="p.gpkg"), Thirds(), shard=Shard(1, 2))
    with pytest.raises(RequestError, match="it differs in vectors"):
        run(asked(scene, tmp_path / "o.tif", polygons="p.gpkg", min_area=9), Thirds(), shard=Shard(2, 2))


def test_what_is_wanted_of_a_map_changes_no_pixel_of_it(scene, tmp_path):
    plain = run(asked(scene, tmp_path / "a.tif"), Thirds(7)).facts["identity"]
    assert (
        run(asked(scene, tmp_path / "b.tif", patches="q.gpkg", polygons="p.gpkg"), Thirds(7)).facts["identity"] == plain
    )


@pytest.mark.parametrize("old", [b"", b"an older file"])
@pytest.mark.parametrize("name", ["polygons", "patches"])
def test_cancelled_in_the_middle_it_leaves_no_file_and_can_go_on(name, old, scene, tmp_path, monkeypatch):
    out, file, cancel = tmp_path / "o.tif", tmp_path / "v.gpkg", Cancel()
    if old:
        file.write_bytes(old)
    write = geopackage.GeoPackage.write

    def write_and_cancel(self, shapes, told):
        write(self, shapes, told)
        assert list(tmp_path.glob(".v.part.gpkg"))
        cancel.set()

    monkeypatch.setattr(geopackage.GeoPackage, "write", write_and_cancel)
    monkeypatch.setattr("seamline.engine.output.polygons._CHUNK", 5)
    monkeypatch.setattr("seamline.engine.output.patches._CHUNK", 5)
    with pytest.raises(Cancelled):
        run(asked(scene, out, **{name: "v.gpkg"}, overwrite=bool(old)), Thirds(7), cancel=cancel)
    assert (file.read_bytes() if file.exists() else b"") == old
    assert sorted(path.name for path in tmp_path.glob("*v.*")) == (["v.gpkg"] if old else [])
    assert out.exists()
    monkeypatch.undo()
    run(asked(scene, out, **{name: "v.gpkg"}, resume=True), Thirds(7))
    assert len(read(file)[1])
    assert not Workspace.beside(out).folder.exists()


def test_who_goes_on_may_want_other_polygons(scene, tmp_path, monkeypatch):
    def full(*args, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyogrio.raw.write", full)
    with pytest.raises(RunError, match="No space left on device") as caught:
        run(asked(scene, tmp_path / "o.tif", polygons="p.gpkg"), Thirds())
    monkeypatch.undo()
    assert "--resume" in caught.value.fix
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tif", "o.report.json", "o.tif", "o.tif.seamline"]
    run(asked(scene, tmp_path / "o.tif", polygons="other.gpkg", simplify=3.0, resume=True), Thirds())
    assert sorted(path.name for path in tmp_path.glob("*.gpkg")) == ["other.gpkg"]


def test_places_that_nothing_may_go_to(scene, tmp_path):
    (tmp_path / "folder.gpkg").mkdir()
    (tmp_path / "old.gpkg").write_bytes(b"old")
    (tmp_path / "in.gpkg").symlink_to(scene)
    for wanted, sentence in (
        ({"polygons": "p.tif"}, "not a GeoPackage"),
        ({"polygons": "o.tif"}, "this is the output itself"),
        ({"patches": "c.tif"}, "this is the output confidence"),
        ({"polygons": "p.gpkg", "patches": "P.gpkg"}, "this is the file of the polygons"),
        ({"polygons": "folder.gpkg"}, "the output is a folder"),
        ({"polygons": "none/p.gpkg"}, "the folder does not exist"),
        ({"patches": "old.gpkg"}, "the output exists"),
        ({"polygons": "in.gpkg"}, "the output is one of the inputs"),
    ):
        where = {name: str(tmp_path / path) for name, path in wanted.items()}
        request = replace(asked(scene, tmp_path / "o.tif", also={"confidence": str(tmp_path / "c.tif")}), **where)
        with pytest.raises(RequestError, match=sentence):
            run(request, Thirds(7))
        with pytest.raises(RequestError, match=sentence):
            run(replace(request, overwrite="exists" not in sentence), Thirds(7), shard=Shard(1, 2))
    assert (tmp_path / "old.gpkg").read_bytes() == b"old"
    assert not list(tmp_path.glob("*.seamline"))


def test_an_older_file_is_replaced_where_that_is_wanted(scene, tmp_path):
    (tmp_path / "p.gpkg").write_bytes(b"old")
    (tmp_path / "p.gpkg-wal").write_bytes(b"of the old one")
    run(asked(scene, tmp_path / "o.tif", polygons="p.gpkg", overwrite=True), Thirds())
    assert not (tmp_path / "p.gpkg-wal").exists()


@pytest.mark.parametrize(
    ("options", "model", "sentence"),
    [
        ({"polygons": "p.gpkg"}, PassThrough(), "the model pass-through writes no map of classes"),
        ({"patches": "p.gpkg"}, PatchMeans(), "the model patch-means writes no map of classes"),
        ({"patches": "p.gpkg"}, Thirds(), "tells the class of every pixel, not of patches"),
    ],
)
def test_models_that_cannot_are_named(options, model, sentence, scene, tmp_path):
    with pytest.raises(RequestError, match=sentence):
        run(asked(scene, tmp_path / "o.tif", **options), model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tif"]


@pytest.mark.parametrize("option", ["min_area", "simplify"])
@pytest.mark.parametrize("value", [-1, float("nan"), "much", True])
def test_sizes_that_are_none_are_refused(option, value):
    with pytest.raises(RequestError, match="or more"):
        Request(inputs={}, out="o.tif", polygons="p.gpkg", **{option: value})
    with pytest.raises(RequestError, match="pass --polygons too"):
        Request(inputs={}, out="o.tif", **{option: 3})


def test_the_report_times_the_stages(scene, tmp_path):
    mapped(scene, tmp_path)
    facts = json.loads((tmp_path / "o.report.json").read_text())
    assert facts["seconds"]["polygons"] >= 0


def test_runs_without_vector_files_do_not_carry_what_writes_them(scene, tmp_path):
    """A second GDAL is 80 MB."""
    (tmp_path / "seamline").symlink_to(ROOT, target_is_directory=True)
    code = (
        "import sys; from seamline.cli.group import cli\n"
        f"cli(['superres', {str(scene)!r}, 'o.tif', '--model', 'identity'], standalone_mode=False)\n"
        "print(sorted({'pyogrio', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert (tmp_path / "o.tif").is_file()
