"""Features of tiles: out of the cache as they were computed, turned as the image was, and never of another image."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from seamline.engine.ground.grids import Window
from seamline.tests.training.satdifuser.made_up import Means, two_kinds
from seamline.training.satdifuser.cache import CacheWarning, FeatureCache
from seamline.training.satdifuser.features import GAINS, WAYS, Extractor, turned
from seamline.training.satdifuser.images import Image
from seamline.training.satdifuser.tiles import IGNORE, Sheet, Tile, sheets_of

REGION, WINDOW = Window(16, 24, 32, 40), Window(8, 16, 48, 56)


def make_tile(values, region=REGION, window=WINDOW, patch=1):
    def read(part):
        return values[:, slice(*part.rows), slice(*part.columns)].astype(np.float32), None

    labels = np.random.default_rng(1).integers(0, 2, (region.height // patch, region.width // patch)).astype(np.uint8)
    return Tile(Image("image", values.shape[1:], ("",) * len(values), read), region, window, labels, "0")


def extractor(folder, backbone=None, levels=(1000.0, 1000.0, 1000.0), identity="means"):
    return Extractor(backbone or Means(), identity, lambda where: None, levels, FeatureCache(folder))


def example_of(found, tile, way=0):
    """A copy of a tile, and whether it had to be computed."""
    (example,), computed = found.examples([Sheet(tile.image, tile.window, (tile,))], way)
    return example, bool(computed)


def alike(one, other):
    return all(torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@pytest.fixture
def tile():
    return make_tile(two_kinds(96, 96)[0])


@pytest.mark.parametrize("way", range(WAYS))
def test_a_copy_has_the_features_and_the_labels_of_the_turned_image(tmp_path, tile, way):
    """The region of the turned window, found the long way round: by turning a map of where things are."""
    example, computed = example_of(found := extractor(tmp_path), tile, way)
    assert computed
    inside = tile.image.read(tile.window)[0] / 1000
    image = turned(torch.from_numpy(inside), way)
    whole = Means().features(GAINS[way] * image[None], None, lambda: None)
    marked = torch.zeros(48, 56)
    marked[8:40, 8:48] = 1
    rows, columns = (torch.nonzero(turned(marked, way).amax(axis)).flatten() for axis in (1, 0))
    top, left, height, width = int(rows[0]), int(columns[0]), len(rows), len(columns)
    expected = [
        [
            m[..., top // s : (top + height) // s, left // s : (left + width) // s].half()
            for m, s in zip(t, (4, 8), strict=True)
        ]
        for t in whole
    ]
    assert alike(found.cache.get(example.key), expected)
    assert np.array_equal(example.labels, turned(torch.from_numpy(tile.labels), way).numpy())
    assert example.labels.shape == (height, width)


def test_ways_differ_and_none_is_the_turned_features(tmp_path, tile):
    found = extractor(tmp_path)
    keys = {example_of(found, tile, way)[0].key for way in range(WAYS)}
    assert len(keys) == WAYS
    first, mirrored = (found.cache.get(example_of(found, tile, way)[0].key) for way in (0, 4))
    assert not alike([[turned(m, 4) for m in t] for t in first], mirrored)


def test_what_is_there_is_not_computed_again_and_is_the_same(tmp_path, tile):
    backbone = Means()
    first = extractor(tmp_path, backbone)
    keys = [example_of(first, tile, way)[0].key for way in range(3)]
    before = [first.cache.get(key) for key in keys]
    first.cache.close()
    again = extractor(tmp_path, backbone)
    assert not any(example_of(again, tile, way)[1] for way in range(3))
    assert backbone.calls == 3
    assert all(alike(again.cache.get(key), kept) for key, kept in zip(keys, before, strict=True))


@pytest.mark.parametrize("change", ["pixel", "levels", "identity", "region", "place"])
def test_whatever_decides_the_features_decides_the_key(tmp_path, change):
    values = two_kinds(96, 96)[0]
    first = example_of(extractor(tmp_path), make_tile(values), 0)[0].key
    options, tile = {}, make_tile(values)
    if change == "pixel":
        values[0, 40, 40] += 1
    elif change == "region":
        tile = make_tile(values, region=Window(24, 24, 32, 40))
    elif change == "place":
        tile = make_tile(np.roll(values, 8, axis=1), Window(24, 24, 32, 40), Window(16, 16, 48, 56))
    else:
        options = {"levels": (1000.0, 1000.0, 999.0)} if change == "levels" else {"identity": "other"}
    assert example_of(extractor(tmp_path, **options), tile, 0)[0].key != first


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "none"])
def test_damaged_shards_are_computed_again_and_foreign_ones_left_alone(tmp_path, tile, damage):
    backbone = Means()
    first = extractor(tmp_path, backbone)
    key = example_of(first, tile, 0)[0].key
    first.cache.close()
    (shard,) = tmp_path.glob("*.safetensors")
    kept = [[m.clone() for m in time] for time in first.cache.get(key)]
    content = bytearray(shard.read_bytes())
    if damage == "cut":
        shard.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[-5] ^= 64
        shard.write_bytes(content)
    elif damage == "foreign":
        save_file({f"{key}/0/0": torch.zeros(1)}, tmp_path / "other.safetensors")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", CacheWarning)
        again = extractor(tmp_path, backbone)
        example_of(again, tile, 0)
    assert len(said) == (damage in ("cut", "flipped"))
    assert backbone.calls == (1 if damage in ("foreign", "none") else 2)
    assert alike(again.cache.get(key), kept)
    again.cache.close()
    assert (tmp_path / "other.safetensors").exists() == (damage == "foreign")


def test_a_cancelled_run_leaves_what_it_has(tmp_path, tile):
    backbone = Means()
    first = extractor(tmp_path, backbone)
    example_of(first, tile, 0)
    first.cache.close()
    assert not list(tmp_path.glob("*.partial"))
    assert example_of(extractor(tmp_path, backbone), tile, 0)[1] is False
    assert example_of(extractor(tmp_path, backbone), tile, 1)[1] is True


def test_images_that_end_inside_a_window_are_mirrored(tmp_path):
    values = two_kinds(44, 50)[0]
    tile = make_tile(values, Window(0, 0, 48, 56), Window(0, 0, 48, 56))
    found = extractor(tmp_path)
    maps = found.cache.get(example_of(found, tile, 0)[0].key)[0][0]
    padded = np.pad(values, ((0, 0), (0, 4), (0, 6)), mode="reflect").astype(np.float32) / 1000
    expected = Means().features(torch.from_numpy(padded)[None], None, lambda: None)[0][0]
    assert torch.equal(maps, expected.half())
    assert IGNORE == 255


def test_tiles_of_a_sheet_go_through_the_backbone_once_and_together(tmp_path):
    values = two_kinds(400, 900)[0]
    corners = ((16, 24), (48, 24), (16, 200), (16, 800))
    tiles = [make_tile(values, Window(r, c, 32, 40), Window(r - 8, c - 8, 48, 56)) for r, c in corners]
    tiles = [Tile(tiles[0].image, t.region, t.window, t.labels, t.block) for t in tiles]
    sheets = sheets_of(tiles)
    assert [[tiles.index(tile) for tile in sheet.tiles] for sheet in sheets] == [[0, 1, 2], [3]]
    assert sheets[0].window == Window(8, 16, 80, 232)
    backbone = Means()
    found = extractor(tmp_path, backbone)
    for way in (0, 3, 6):
        examples, computed = found.examples(sheets[:1], way)
        assert computed == 3
        image = turned(torch.from_numpy(tiles[0].image.read(sheets[0].window)[0] / 1000), way)
        whole = Means().features(GAINS[way] * image[None], None, lambda: None)[0][1]
        upright = torch.rot90(whole.flip(-1) if way >= 4 else whole, -(way % 4), (-2, -1))
        for tile, example in zip(sheets[0].tiles, examples, strict=True):
            row, column = (tile.region.row - 8) // 8, (tile.region.column - 16) // 8
            expected = turned(upright[..., row : row + 4, column : column + 5], way)
            assert torch.equal(found.cache.get(example.key)[0][1], expected.half())
    assert backbone.calls == 3
    # What a tile is known by does not depend on the other labels of its sheet.
    assert example_of(found, tiles[1], 3)[1] is False


def test_small_images_go_through_the_backbone_together(tmp_path):
    tiles = [make_tile(two_kinds(16, 16, seed=i)[0], Window(0, 0, 16, 16), Window(0, 0, 16, 16)) for i in range(5)]
    apart = extractor(tmp_path / "a")
    kept = [apart.cache.get(example_of(apart, tile, 5)[0].key) for tile in tiles]
    backbone = Means()
    found = extractor(tmp_path / "b", backbone)
    example_of(found, tiles[3], 5)
    examples, computed = found.examples(sheets_of(tiles), 5)
    assert (backbone.calls, computed) == (2, 4)
    assert all(alike(found.cache.get(e.key), own) for e, own in zip(examples, kept, strict=True))
