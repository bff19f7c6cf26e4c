"""What the input tells of known images: nearly all of what it sees, little of what it hardly sees, none of the rest."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.ground.grids import Window
from seamline.engine.optics.consistency import CellAxis, Consistency
from seamline.engine.optics.instrument import View, weights_in_pan
from seamline.engine.optics.mtf import filter_gain
from seamline.engine.optics.support import LocalMean, give_to_pan, parted, share_of_added, support_reach

CELLS = 80
GAINS = [(), (0.3,)]


def sight_of(ratio, gains, shift=0.0):
    axis = CellAxis(1 / ratio, shift, CELLS, int(CELLS * ratio))
    return Consistency(axis, axis, gains), Window(0, 0, axis.fine_length, axis.fine_length)


def taken_apart(sight, block, image, known=None):
    known = np.ones_like(image) if known is None else known
    return parted(sight, LocalMean.of(sight, known, block), image, block)


def wave(block, period):
    """A wave along the rows of a level of 1000, its length in px."""
    rows = np.cos(2 * np.pi * (np.arange(block.height) + 0.5) / period)
    return (1000 + 100 * np.broadcast_to(rows[:, None], (block.height, block.width)))[None].astype(np.float32)


@pytest.mark.parametrize("gains", GAINS, ids=["area", "mtf"])
@pytest.mark.parametrize(("ratio", "shift"), [(4, 0.0), (4, 0.125), (2, 0.25), (2.5, 0.1), (3, -0.3)])
@pytest.mark.parametrize(("cells", "least", "most"), [(8, 0.0, 0.02), (5, 0.0, 0.08), (1.2, 0.8, 1.1)])
def test_a_wave_is_determined_as_far_as_the_instrument_sees_it(gains, ratio, shift, cells, least, most):
    """By its length in input px: the added share of its energy."""
    sight, block = sight_of(ratio, gains, shift)
    image = wave(block, cells * ratio)
    _, _, added = taken_apart(sight, block, image)
    inner = np.s_[:, 40:-40, 40:-40]
    share = np.square(added[inner]).mean() / np.square(image - 1000)[inner].mean()
    assert least <= share <= most


@pytest.mark.parametrize("gains", GAINS, ids=["area", "mtf"])
@pytest.mark.parametrize("ratio", [2, 2.5, 4])
def test_nothing_is_felt_further_than_the_plan_allows(gains, ratio):
    sight, block = sight_of(ratio, gains)
    image = np.zeros((1, block.height, block.width), np.float32)
    middle = block.height // 2
    image[0, middle, middle] = 1000
    mean = LocalMean.of(sight, np.ones_like(image), block)
    level, determined, added = parted(sight, mean, image, block)
    share = share_of_added(mean, level, determined, added)
    reach = support_reach("mtf" if gains else "area", ratio)
    assert reach < middle  # or the test could not fail
    for part in (determined, added, share):
        assert np.abs(np.argwhere(part[0]) - middle).max() <= reach


def test_the_parts_are_the_image_and_what_is_masked_has_none():
    sight, block = sight_of(4, (0.3,))
    rng = np.random.default_rng(0)
    image = rng.normal(500, 90, (1, block.height, block.width)).astype(np.float32)
    known = (rng.random(image.shape) > 0.2).astype(np.float32)
    level, determined, added = taken_apart(sight, block, image, known)
    assert np.allclose((level + determined + added)[known > 0], image[known > 0], atol=1e-3)
    other = np.where(known > 0, image, np.float32(1e6))
    for part, again in zip((level, determined, added), taken_apart(sight, block, other, known), strict=True):
        assert np.array_equal(part, again)


def test_what_lies_along_the_weights_is_given_to_pan_and_no_more():
    rng = np.random.default_rng(1)
    determined, added = rng.normal(0, 5, (2, 3, 20, 30)).astype(np.float32)
    weights, whole = np.array([0.5, 0.0, 0.2]), determined + added
    second = added[1].copy()
    give_to_pan(determined, added, weights)
    assert np.abs(np.tensordot(weights, added, 1)).max() < 1e-5
    assert np.allclose(determined + added, whole, atol=1e-5)
    assert np.array_equal(added[1], second)


def test_weights_in_pan_are_those_of_the_mixture_and_never_negative():
    rng = np.random.default_rng(2)
    gain, ratio, cells = 0.4, 4, 40
    axis = CellAxis(1 / ratio, 0.0, cells, cells * ratio)
    fine = rng.normal(0, 1, (4, cells * ratio, cells * ratio))
    down = axis.down((0, cells), 0, cells * ratio, filter_gain(gain))
    ms = down.along(down.along(fine.astype(np.float32), 1), 2).astype(np.float64)
    view = View(np.tensordot([0.6, 0.3, 0.1, -0.4], fine, 1), ms, axis, axis)
    found = weights_in_pan([view], gain, (0.0, 0.0))
    assert np.allclose(found, [0.6, 0.3, 0.1, 0.0], atol=0.05)
    assert weights_in_pan([View(rng.normal(size=view.pan.shape), ms, axis, axis)], gain, (0.0, 0.0)) == ()
