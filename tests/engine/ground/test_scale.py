from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from seamline.engine.ground.grids import Window, crop
from seamline.engine.ground.scale import Scale

scales = st.one_of(st.integers(1, 8).map(Scale), st.integers(1, 64).map(lambda patch: Scale(patch=patch)))


@given(scales, st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000))
def test_spans_that_follow_each_other_on_the_ground_do_so_in_the_output(scale, a, b, c):
    first, middle, stop = sorted(step * scale.patch for step in (a, b, c))
    left, right, both = scale.span(first, middle), scale.span(middle, stop), scale.span(first, stop)
    assert (left.start, left.stop, right.stop) == (both.start, right.start, both.stop)
    assert (both.stop - both.start) * scale.patch == (stop - first) * scale.finer
    moved = scale.span(middle, stop, first)
    assert (moved.start, moved.stop) == (right.start - left.start, right.stop - left.start)


@given(st.integers(1, 64), st.integers(1, 500))
def test_the_output_px_of_a_scene_cover_it_and_none_lies_beyond(patch, length):
    count = Scale(patch=patch).line(length)
    assert (count - 1) * patch < length <= count * patch


@given(st.integers(1, 20), st.data())
def test_a_window_grows_to_whole_patches_by_less_than_one(patch, data):
    height, width = (data.draw(st.integers(1, 200)) for _ in range(2))
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(row, column, data.draw(st.integers(1, height - row)), data.draw(st.integers(1, width - column)))
    snapped = Scale(patch=patch).snapped(window, height, width)
    for (first, stop), (low, high), length in (
        (window.rows, snapped.rows, height),
        (window.columns, snapped.columns, width),
    ):
        assert 0 <= low <= first < stop <= high <= length
        assert low % patch == 0
        assert high % patch == 0 or high == length
        assert max(first - low, high - stop) < patch
    assert Scale(8).snapped(window, height, width) == window


@pytest.mark.parametrize("turn", [0.0, 17.0])
@pytest.mark.parametrize("scale", [Scale(), Scale(4), Scale(patch=16)])
def test_the_corner_of_an_output_px_lies_on_that_of_its_ground(scale, turn):
    affine = Affine.translation(412_345.5, 5_123_456.25) * Affine.rotation(turn) * Affine.scale(0.37, -0.37)
    base = GeoBox((100, 70), affine, "EPSG:32633")
    grid = scale.grid(base)
    for row, column in ((0, 0), (16, 32), (96, 64)):
        there = scale.grid(crop(base, Window(row, column, 100 - row, 70 - column)))
        expected = base.affine * (column, row)
        assert np.allclose(grid.affine * (scale.line(column), scale.line(row)), expected, rtol=0, atol=1e-9)
        assert np.allclose(there.affine * (0, 0), expected, rtol=0, atol=1e-9)
        assert tuple(there.shape) == (grid.shape[0] - scale.line(row), grid.shape[1] - scale.line(column))


def test_a_patch_is_valid_where_any_of_its_px_is():
    valid = np.zeros((2, 7, 10), np.bool_)
    valid[0, 6, 9] = valid[1, 0, 3] = valid[1, 3, 4] = True
    found = Scale(patch=4).validity(valid)
    assert found.tolist() == [[[False] * 3, [False, False, True]], [[True, True, False], [False] * 3]]
    assert np.array_equal(Scale(3).validity(valid), valid.repeat(3, axis=1).repeat(3, axis=2))
    assert Scale().validity(valid) is valid
