"""Areas of one class: the same however the raster is cut into strips, valid, and true to its pixels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize

from seamline.engine.output import regions as areas_of
from seamline.engine.output.regions import RegionJoiner

rasters = st.tuples(
    st.integers(1, 24), st.integers(1, 24), st.integers(1, 3), st.floats(0, 0.5), st.integers(0, 2**32 - 1)
).map(lambda spec: raster(*spec))


def raster(height, width, classes, share, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, (height, width)).astype(np.uint8), rng.random((height, width)) >= share


def regions(values, valid, cuts=()):
    """(class, polygon) of every area, the raster cut above these rows."""
    joiner, found = RegionJoiner(), []
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(values)}), len(values)]
    for first, stop in pairwise(edges):
        found.append(joiner.add(values[first:stop], valid[first:stop]))
    found.append(joiner.finish())
    pairs = [pair for each in found for pair in zip(each.classes.tolist(), each.shapes, strict=True)]
    return sorted(pairs, key=lambda pair: (pair[0], pair[1].bounds, pair[1].area))


@given(rasters, st.lists(st.integers(1, 24), max_size=6))
def test_strips_change_no_area_and_add_no_corner(image, cuts):
    whole, cut = regions(*image), regions(*image, cuts)
    assert [kind for kind, _ in whole] == [kind for kind, _ in cut]
    for (_, a), (_, b) in zip(whole, cut, strict=True):
        assert a.equals(b)
        # The corner at which a ring begins may lie on a straight line.
        assert shapely.get_num_coordinates(shapely.simplify(a, 0)) == shapely.get_num_coordinates(b)


@given(rasters, st.lists(st.integers(1, 24), max_size=3))
def test_areas_are_valid_and_burn_back_to_the_pixels(image, cuts):
    values, valid = image
    found = regions(values, valid, cuts)
    assert all(each.is_valid for _, each in found)
    assert sum(each.area for _, each in found) == valid.sum()
    if found:
        burnt = rasterize([(each, kind) for kind, each in found], out_shape=values.shape, fill=9, dtype=np.uint8)
        assert np.array_equal(burnt, np.where(valid, values, 9))


def test_pixels_that_share_a_corner_alone_are_two_areas():
    values = np.eye(2, dtype=np.uint8)
    assert len(regions(values, np.ones((2, 2), np.bool_), [1])) == 4


def test_an_area_that_two_strips_hold_in_pieces_is_one():
    """A comb: its teeth meet in the last row alone."""
    values = np.zeros((9, 9), np.uint8)
    values[:, ::2] = values[8] = 1
    found = regions(values, np.ones(values.shape, np.bool_), [3, 8])
    assert [kind for kind, _ in found] == [0, 0, 0, 0, 1]
    assert found[-1][1].area == 5 * 8 + 9


def test_an_outline_that_touches_itself_is_repaired(monkeypatch):
    """As older versions of GDAL give it: one ring, twice through the corner at which a hole meets the rim."""
    ring = [(0, 0), (3, 0), (3, 2), (2, 2), (2, 1), (1, 1), (1, 2), (2, 2), (2, 3), (0, 3), (0, 0)]
    monkeypatch.setattr(areas_of, "shapes", lambda *args, **more: [({"coordinates": [ring]}, 1.0)])
    ((kind, found),) = regions(np.ones((3, 3), np.uint8), np.ones((3, 3), np.bool_))
    assert (kind, found.area, found.is_valid) == (1, 7, True)


def test_memory_follows_what_is_open():
    joiner = RegionJoiner()
    for _ in range(50):
        # Two rows of single pixels, and a line that goes all the way down.
        values = np.random.default_rng(1).permuted(np.arange(60, dtype=np.uint8).reshape(2, 30))
        values[:, 0] = 200
        joiner.add(values, np.ones((2, 30), np.bool_))
        assert len(joiner._parts) <= 30
        assert len(joiner._parents) <= 30
