"""Training tiles: every labelled pixel is in one, once, masked ones aside; windows are what the backbone takes."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.errors import RequestError
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.labels import LabelRequest
from seamline.tests.training.satdifuser.made_up import draw, squares, two_kinds, write_image
from seamline.training.satdifuser.images import Image, check_alike, levels_of, raster, sized
from seamline.training.satdifuser.labelled import MissingClassWarning, Scenes
from seamline.training.satdifuser.tiles import IGNORE, Geometry, by_patch, cut

GEOMETRY = Geometry(align=8, reach=20)


def image_of(values, valid=None, source="image"):
    values = np.asarray(values, np.float32)
    known = np.ones(values.shape[1:], bool) if valid is None else valid

    def read(window):
        part = np.s_[slice(*window.rows), slice(*window.columns)]
        return values[(slice(None), *part)], known[part]

    return Image(source, values.shape[1:], ("",) * len(values), read)


def labels_at(labels):
    return lambda window: labels[slice(*window.rows), slice(*window.columns)]


def laid_out(tiles, shape, patch=1):
    """How often each pixel is labelled, and its label."""
    times = np.zeros([-(-n // patch) + 256 for n in shape], int)
    found = np.full(times.shape, IGNORE, np.uint8)
    for tile in tiles:
        top, left = tile.region.row // patch, tile.region.column // patch
        place = np.s_[top : top + tile.labels.shape[0], left : left + tile.labels.shape[1]]
        known = tile.labels != IGNORE
        times[place] += known
        found[place][known] = tile.labels[known]
    return times, found


@pytest.mark.parametrize(("height", "width"), [(300, 500), (37, 700), (128, 128), (250, 131)])
@pytest.mark.parametrize("share", [0.001, 0.2, 1.0])
def test_every_labelled_valid_pixel_is_in_one_tile_and_no_other_is(height, width, share):
    rng = np.random.default_rng(height)
    labels = np.where(rng.random((height, width)) < share, rng.integers(0, 3, (height, width)), IGNORE).astype(np.uint8)
    labels[height // 2, width // 2] = 1
    valid = rng.random((height, width)) < 0.9
    valid[height // 2, width // 2] = True
    tiles = cut([image_of(np.ones((2, height, width)), valid)], [labels_at(labels)], GEOMETRY)
    times, found = laid_out(tiles, (height, width))
    wanted = np.where(valid, labels, IGNORE)
    assert np.array_equal(found[:height, :width], wanted)
    assert times.max() == 1
    assert times.sum() == (wanted != IGNORE).sum()
    for tile in tiles:
        window, region = tile.window, tile.region
        assert not any(n % 8 for n in (window.row, window.column, window.height, window.width))
        assert not any(n % 8 for n in (region.row, region.column, region.height, region.width))
        # All that a feature sees, but for what lies outside the image.
        assert window.row <= max(region.row - 20, 0)
        assert window.rows[1] >= min(region.rows[1] + 20, height)
        assert tile.labels.shape == (region.height, region.width)


def test_labels_that_are_added_leave_the_windows_of_the_others():
    labels = np.full((600, 600), IGNORE, np.uint8)
    labels[40::150, 40::150] = 1
    image = image_of(np.ones((1, 600, 600)))
    before = {tile.window for tile in cut([image], [labels_at(labels)], GEOMETRY)}
    labels[560:570, 20:40] = 0
    after = {tile.window for tile in cut([image], [labels_at(labels)], GEOMETRY)}
    assert before < after


def test_a_patch_is_what_covers_most_of_its_labelled_cells():
    labels = np.full((8, 8), IGNORE, np.uint8)
    labels[:4, :4] = [[2, 2, 2, 0], [0, 0, 2, IGNORE], [IGNORE] * 4, [IGNORE] * 4]
    labels[4, 0], labels[5, 5], labels[6, 5] = 1, 3, 0
    assert by_patch(labels, 4).tolist() == [[2, IGNORE], [1, 0]]


def test_small_images_are_tiles_as_they_are():
    images = [image_of(np.ones((1, 50, 70))) for _ in range(9)]
    labels = np.zeros((50, 70), np.uint8)
    tiles = cut(images, [labels_at(labels)] * 9, GEOMETRY)
    assert [tile.image for tile in tiles] == images
    assert {(t.region.height, t.region.width) for t in tiles} == {(56, 72)}
    assert all((t.labels[:50, :70] == 0).all() and (t.labels != IGNORE).sum() == 3500 for t in tiles)


def test_images_with_other_bands_are_refused(tmp_path):
    first, other = two_kinds(40, 40)[0], two_kinds(40, 40, bands=4)[0]
    write_image(tmp_path / "a.tif", first)
    write_image(tmp_path / "b.tif", other)
    with pytest.raises(RequestError, match=r"b\.tif: it has 4 band\(s\), and .*a\.tif has 3; choose"):
        check_alike([raster(str(tmp_path / name)) for name in ("a.tif", "b.tif")])
    check_alike([raster(str(tmp_path / name), (1, 2)) for name in ("a.tif", "b.tif")])


def test_levels_are_what_most_of_the_valid_pixels_stay_below():
    values = np.arange(10000, dtype=np.float32).reshape(1, 100, 100).repeat(2, axis=0)
    valid = values[0] < 5000
    values[1] = 0
    level, dark = levels_of([image_of(values, valid)], 0)
    assert 4800 < level < 5000
    assert dark == 1.0
    with pytest.raises(RequestError, match="no pixel of the images is valid"):
        levels_of([image_of(values, np.zeros((100, 100), bool))], 0)


def test_chips_of_any_size_are_brought_to_one():
    chip = image_of(np.arange(30 * 50, dtype=np.float32).reshape(1, 30, 50))
    middle, _ = sized(chip, 16, "crop").read(Window(0, 0, 16, 16))
    assert np.array_equal(middle, chip.read(Window(7, 17, 16, 16))[0])
    mirrored, valid = sized(chip, 64, "crop").read(Window(0, 0, 64, 64))
    assert np.array_equal(mirrored[:, :30, :50], chip.read(chip.whole)[0])
    assert np.array_equal(mirrored[:, 30, :50], chip.read(chip.whole)[0][:, 28])
    assert valid.all()
    small, _ = sized(chip, 10, "resize").read(Window(0, 0, 10, 10))
    assert small.mean() == pytest.approx(chip.read(chip.whole)[0].mean(), rel=0.01)


def test_classes_that_are_masked_away_are_left_out_with_a_warning(tmp_path):
    values, _ = two_kinds(96, 96)
    values[:, :32, :32] = 0
    image = write_image(tmp_path / "a.tif", values, nodata=0)
    boxes = [("gone", 2, 2, 20, 20), *squares(96)[1:]]
    scenes = Scenes([image], LabelRequest(draw(tmp_path / "l.geojson", boxes), "kind"))
    with pytest.warns(MissingClassWarning, match="gone"):
        material = scenes.material(GEOMETRY, lambda: None)
    assert material.names == ("bright", "dark")
    assert {int(n) for tile in material.tiles for n in np.unique(tile.labels)} == {0, 1, IGNORE}

    only = Scenes([image], LabelRequest(draw(tmp_path / "o.geojson", [boxes[0]] * 2), "kind", rest="rest"))
    with pytest.raises(RequestError, match="all labels are of one class, rest"):
        only.material(GEOMETRY, lambda: None)
    values[:] = 0
    write_image(tmp_path / "a.tif", values, nodata=0)
    with pytest.raises(RequestError, match="no label lies on a valid pixel"):
        Scenes([image], LabelRequest(draw(tmp_path / "l.geojson", boxes), "kind")).material(GEOMETRY, lambda: None)
