"""Pictures as tiles: every pixel where it belongs at every level, within the size that was given."""

from __future__ import annotations

import base64
import io
import tempfile

import numpy as np
import pytest
from PIL import Image

from seamline.report.colours import Palette
from seamline.report.pyramid import TILE, Estimate, Picture, Place, Setting, levels, settings


def picture(pixels, **more):
    height, width = pixels.shape[:2]
    return Picture(
        name="p",
        title="p",
        note="",
        place=Place(0, 0, width, height),
        height=height,
        width=width,
        draw=lambda w: pixels[w.row : w.row + w.height, w.column : w.column + w.width],
        **more,
    )


def drawn(shown, setting):
    """The levels as whole arrays, the finest first."""
    found = []
    for number, level in enumerate(levels(shown, setting, tempfile.TemporaryFile, lambda: None), setting.finest):
        height, width = (-(-length // 2**number) for length in (shown.height, shown.width))
        level.stream.seek(0)
        tiles = [Image.open(io.BytesIO(base64.b64decode(level.stream.read(size)))) for size in level.sizes]
        assert len(tiles) == level.rows * level.columns
        whole = None
        for place, tile in enumerate(tiles):
            part = np.asarray(tile)
            whole = np.zeros((height, width, *part.shape[2:]), np.uint8) if whole is None else whole
            row, column = (TILE * at for at in divmod(place, level.columns))
            whole[row : row + TILE, column : column + TILE] = part
        found.append(whole)
    return found


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).integers(0, 255, (1100, 1337, 3), dtype=np.uint8)


def test_every_pixel_is_where_it_belongs_and_coarser_ones_are_means(noise):
    found = drawn(picture(noise), Setting(None, 0))
    assert [each.shape[:2] for each in found] == [(1100, 1337), (550, 669), (275, 335)]
    assert (found[0] == noise).all()
    means = np.pad(noise, ((0, 0), (0, 1), (0, 0)), mode="edge").reshape(550, 2, 669, 2, 3).mean(axis=(1, 3))
    assert np.abs(found[1] - means).max() < 1


def test_what_is_masked_has_no_part_in_means():
    pixels = np.zeros((600, 600, 4), np.uint8)
    pixels[::2] = (200, 100, 50, 255)
    found = drawn(picture(pixels), Setting(None, 0))
    assert (found[1][..., :3] == (200, 100, 50)).all()


def test_classes_stay_classes_at_every_level():
    numbers = np.random.default_rng(2).integers(0, 4, (700, 900), dtype=np.uint8)
    colours = {0: (255, 0, 0), 1: (0, 255, 0), 2: (0, 0, 255), 3: (9, 9, 9)}
    for level in drawn(picture(numbers, palette=Palette(colours, ())), Setting(None, 0)):
        assert set(np.unique(level)) <= {0, 1, 2, 3}


def test_what_does_not_fit_is_compressed_then_shown_less_fine_the_output_last(noise):
    shown = [picture(noise, first=True), picture(noise), picture(noise)]
    bits = [Estimate.of(each) for each in shown]
    free = settings(shown, bits, 10**9)
    assert free == [Setting(90, 0)] * 3, "noise is too large to be kept as it is"
    tight = settings(shown, bits, int(bits[0].size(Setting(80, 0)) * 1.7))
    assert tight[0].finest == 0 < tight[1].finest == tight[2].finest
    for most in (3_000_000, 1_000_000, 400_000):
        chosen = settings(shown, bits, most)
        size = sum(
            sum(level.stream.tell() for level in levels(each, setting, tempfile.TemporaryFile, lambda: None))
            for each, setting in zip(shown, chosen, strict=True)
        )
        assert size <= 1.1 * most


def test_a_small_picture_is_kept_as_it_is(noise):
    small = picture(noise[:200, :300])
    assert settings([small], [Estimate.of(small)], 10**9) == [Setting(None, 0)]
    assert (drawn(small, Setting(None, 0))[0] == noise[:200, :300]).all()
