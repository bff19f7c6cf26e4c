"""Chips: classes from folders or a table, several of one chip, GEO-Bench without its pickles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.inputs.labels import LabelRequest
from seamline.tests.training.satdifuser.made_up import draw, squares, two_kinds, write_image
from seamline.training.satdifuser.colours import PALETTE, REST, colours_of
from seamline.training.satdifuser.geobench import _match
from seamline.training.satdifuser.labelled import Together
from seamline.training.satdifuser.sources import open_dataset, open_source
from seamline.training.satdifuser.tiles import IGNORE, Geometry

GEOMETRY = Geometry(align=8, reach=8, patch=16)


def nothing():
    """A check that finds nothing."""


@pytest.fixture
def folder(tmp_path):
    """Chips of two classes, of several sizes and formats."""
    for i, kind in enumerate(("forest", "water") * 4):
        place = tmp_path / "chips" / kind
        place.mkdir(parents=True, exist_ok=True)
        values = np.full((3, 16 + i, 20), 40 + 100 * (kind == "water"), np.uint8)
        suffix = ("png", "tif")[i % 2]
        driver = {"png": "PNG", "tif": "GTiff"}[suffix]
        import rasterio

        with rasterio.open(
            place / f"{i}.{suffix}", "w", driver=driver, count=3, height=16 + i, width=20, dtype="uint8"
        ) as file:
            file.write(values)
    (tmp_path / "chips" / "water" / "notes.txt").write_text("no picture")
    return tmp_path / "chips"


def test_folders_name_the_classes(folder):
    source = open_source("classify", [str(folder)], None)
    assert source.patch(8) == 16
    material = source.material(GEOMETRY, nothing)
    assert (material.names, material.many, len(material.tiles)) == (("forest", "water"), False, 8)
    for tile in material.tiles:
        values, _ = tile.image.read(tile.image.whole)
        assert values.shape == (3, 16, 16)
        assert tile.labels.tolist() == [[int(values.mean() > 100)]]


def test_a_table_names_the_classes_and_the_splits(folder):
    rows = ["file,kind,split"]
    for i, kind in enumerate(("forest", "water") * 4):
        both = ";wet" if i == 1 else ""
        rows.append(f"{kind}/{i}.{('png', 'tif')[i % 2]},{kind}{both},{('train', 'val', 'test', '')[i % 4]}")
    table = folder / "t.csv"
    table.write_text("\n".join(rows))
    request = LabelRequest(str(table), field="kind")
    material = open_source("classify", [str(folder)], request).material(GEOMETRY, nothing)
    assert material.names == ("forest", "water", "wet")
    assert material.many
    assert [tile.side for tile in material.tiles] == ["train", "val", None, "train", "val", None]
    assert material.tiles[1].labels.tolist() == [0, 1, 1]
    assert material.tiles[0].labels.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("content", "field", "match"),
    [
        ("file,kind\na.png,x", "other", r"no column of the classes \(other\), but file, kind"),
        ("where,kind\na.png,x", "kind", r"no column of the files \(file or path\), but where, kind"),
        ("file,kind\n", "kind", "lists no chip"),
        ("file,kind\nforest/0.png,", "kind", "no row names a chip and its class"),
        ("file,kind\nmissing.png,x", "kind", r"missing\.png: the file does not exist"),
        ("file,kind\nforest/0.png,x", "kind", "all labels are of one class, x"),
    ],
)
def test_tables_that_do_not_fit_are_refused(folder, content, field, match):
    table = folder / "t.csv"
    table.write_text(content)
    with pytest.raises(RequestError, match=match):
        open_source("classify", [str(folder)], LabelRequest(str(table), field=field)).material(GEOMETRY, nothing)


def test_what_does_not_go_together_is_refused(folder, tmp_path):
    image = write_image(tmp_path / "a.tif", two_kinds(40, 40)[0])
    labels = LabelRequest(draw(tmp_path / "l.geojson", squares(64)[:2]))
    for task, images, given, match in (
        ("classify", [], labels, "no image is named"),
        ("segment", [image], None, "there are no labels"),
        ("segment", [str(folder)], None, "chips have a class as a whole"),
        ("classify", [str(folder), image], None, "a folder of chips stands for itself"),
        ("classify", [str(folder)], labels, "labels of chips are a table"),
        ("classify", [image], LabelRequest("t.csv"), "no folder of chips is named"),
        ("classify", [str(tmp_path / "chips" / "water")], None, "subfolders hold no pictures"),
    ):
        with pytest.raises(RequestError, match=match):
            open_source(task, images, given)


class Explodes:
    def __reduce__(self):
        return (open, ("/nowhere/at/all",))


@pytest.fixture
def geobench(tmp_path):
    """A folder as the benchmark has them, with pickles that must not be opened."""
    home = tmp_path / "m-made-up"
    home.mkdir()
    names = [f"s{i}" for i in range(6)]
    for i, name in enumerate(names):
        with h5py.File(home / f"{name}.hdf5", "w") as file:
            for band, value in (("02 - Blue", 10), ("03 - Green", 20), ("04 - Red", 30 + 100 * (i % 2))):
                file[band] = np.full((16, 16), value, np.int16)
            label = np.full((16, 16), i % 2, np.uint8)
            label[0, 0] = 255
            file["label"] = label
            file.attrs["pickle"] = str(pickle.dumps(Explodes()))
    (home / "task_specs.pkl").write_bytes(pickle.dumps(Explodes()))
    partition = {"train": names[:3], "valid": names[3:5], "test": names[5:]}
    (home / "default_partition.json").write_text(json.dumps(partition))
    (home / "label_map.json").write_text(json.dumps({"0": names[0::2], "1": names[1::2]}))
    return home


def test_geobench_is_read_by_its_arrays(geobench):
    source = open_source("classify", [str(geobench)], None, bands=("04", "blue"))
    assert source.bands == ("04 - Red", "02 - Blue")
    material = source.material(GEOMETRY, nothing)
    assert material.names == ("000", "001")
    assert [tile.side for tile in material.tiles] == ["train"] * 3 + ["val"] * 2
    for tile in material.tiles:
        values, _ = tile.image.read(tile.image.whole)
        assert values[1].max() == 10
        assert tile.labels.tolist() == [[int(values[0, 0, 0] > 100)]]

    segments = open_source("segment", [str(geobench)], None).material(Geometry(8, 8), nothing)
    assert len(segments.bands) == 3
    assert {tile.labels[0, 0] for tile in segments.tiles} == {IGNORE}
    assert [int(tile.labels[1, 1]) for tile in segments.tiles] == [0, 1, 0, 1, 0]
    with pytest.raises(RequestError, match="0 of its bands are called 99"):
        open_source("classify", [str(geobench)], None, bands=(99,))


def test_a_band_of_that_very_name_comes_before_others():
    there = ("04 - Red", "05 - Vegetation Red Edge", "04 - Red Edge")
    assert _match("04 - red", there, Path("s")) == "04 - Red"
    assert _match("05", there, Path("s")) == there[1]
    with pytest.raises(RequestError, match="2 of its bands are called 04"):
        _match("04", there, Path("s"))


def test_geobench_of_several_classes_a_sample(geobench):
    (geobench / "label_map.json").unlink()
    stats = {f"s{i}": [1, i % 2, 0] for i in range(6)}
    (geobench / "label_stats.json").write_text(json.dumps(stats))
    material = open_source("classify", [str(geobench)], None).material(GEOMETRY, nothing)
    assert material.many
    assert material.names == ("000", "001")
    assert [tile.labels.tolist() for tile in material.tiles[:2]] == [[1, 0], [1, 1]]


def test_data_sets_are_read_by_their_splits_and_put_together(folder, tmp_path):
    root = tmp_path
    image = write_image(root / "a.tif", two_kinds(64, 64)[0].astype(np.uint8))
    other = write_image(root / "b.tif", two_kinds(64, 64, seed=1)[0].astype(np.uint8))
    draw(root / "l.geojson", squares(64, step=1))
    files = sorted(str(p.relative_to(root)) for p in folder.rglob("*") if p.suffix in (".png", ".tif"))
    sets = {
        "scenes": {"unit": "file", "labels": "l.geojson", "train": ["a.tif"], "val": ["b.tif"], "test": ["gone.tif"]},
        "chips": {"unit": "file", "labels": "the folder's name", "train": files[:6], "val": files[6:], "test": []},
    }
    (root / "splits.json").write_text(json.dumps({"datasets": sets}))
    scenes = open_dataset(root, "scenes", labels=LabelRequest("", field="kind")).material(Geometry(8, 8), nothing)
    sides = {tile.image.source: tile.side for tile in scenes.tiles}
    assert sides == {image: "train", other: "val"}
    chips = open_dataset(root, "chips", excludes=["water/3"])
    assert [tile.side for tile in chips.material(GEOMETRY, nothing).tiles] == ["train"] * 5 + ["val"] * 2
    both = Together([chips, open_dataset(root, "chips", contains=["water"], sides={"val": "train"})])
    with pytest.raises(RequestError, match="all labels are of one class, water"):
        both.material(GEOMETRY, nothing)
    both = Together([chips, chips]).material(GEOMETRY, nothing)
    assert len(both.tiles) == 14
    assert len({tile.block for tile in both.tiles}) == 14
    with pytest.raises(RequestError, match="no such dataset"):
        open_dataset(root, "other")


def test_colours_come_from_the_labels_or_tell_classes_apart(tmp_path):
    path = tmp_path / "l.geojson"
    draw(path, squares(64, step=1))
    content = json.loads(path.read_text())
    for feature in content["features"]:
        feature["properties"]["colour"] = "#0a0b0c" if feature["properties"]["kind"] == "dark" else None
    path.write_text(json.dumps(content))
    request = LabelRequest(str(path), "kind", rest="rest")
    assert colours_of(request, ("rest", "bright", "dark")) == (REST, PALETTE[0], (10, 11, 12))
    assert len(set(colours_of(None, [f"{i}" for i in range(255)]))) == 255
