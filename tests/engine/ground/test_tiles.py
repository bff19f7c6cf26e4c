from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seamline.engine import testing
from seamline.engine.errors import RequestError
from seamline.engine.ground.tiles import TileGrid, even_axis
from seamline.engine.pixels import blending
from seamline.engine.pixels.joining import BlendedRows, RowJoiner

axes = st.builds(
    lambda length, steps, align, share, margin: (length, steps * align, int(share * steps * align), align, margin),
    st.integers(1, 4000),
    st.integers(2, 24),
    st.sampled_from([1, 4, 8, 12]),
    st.floats(0, 0.5),
    st.integers(0, 12),
)


def make(axis):
    length, tile, overlap, align, margin = axis
    assume(2 * overlap <= tile and overlap + align <= tile and overlap >= 2 * margin)
    return even_axis(length, tile=tile, overlap=overlap, align=align, margin=margin)


@given(axes)
def test_neighbours_share_the_overlap_and_nothing_is_left_out(spec):
    axis = make(spec)
    length, tile, overlap, align, _ = spec
    assert axis.starts[0] == 0
    assert axis.starts[-1] + tile >= length
    assert axis.starts[-1] < length
    assert all(0 < b - a <= tile - overlap for a, b in pairwise(axis.starts))
    assert all(start % align == 0 for start in axis.starts)


@given(axes)
def test_weights_are_a_partition_of_unity_of_at_most_two_tiles(spec):
    testing.assert_partition_of_unity(make(spec))


@given(axes)
def test_margins_are_never_used_where_a_neighbour_can_serve(spec):
    axis, margin = make(spec), spec[4]
    for i in range(1, axis.count):
        assert axis.up(i) - axis.starts[i] >= margin
        assert axis.starts[i - 1] + axis.tile - axis.down(i - 1) >= margin


@given(axes, st.integers(0, 90))
def test_row_bands_cover_the_scene_and_lag_by_the_halo(spec, halo):
    axis = make(spec)
    grid = TileGrid(axis, axis, halo)
    testing.assert_bands_cover(grid)
    for band in range(axis.count):
        first, stop = grid.row_band(band)
        if stop > first:
            assert min(stop + halo, axis.length) <= axis.up(band + 1)


@given(axes, st.integers(0, 90), st.integers(1, 2), st.data())
def test_a_stretch_of_rows_joins_to_the_same_bits_wherever_it_starts(spec, halo, scale, data):
    axis = make(spec)
    assume(axis.length < 1500 and axis.count > 1)
    grid = TileGrid(axis, axis, halo)
    start = data.draw(st.integers(0, axis.count - 1))
    whole, part = joined(grid, scale, 0), joined(grid, scale, start)
    for band in range(start, axis.count):
        first, stop = grid.row_band(band)
        if stop > first:
            low, high = max(first - halo, 0), min(stop + halo, axis.length)
            a, b = (rows[band].cut(low, high, scale).values for rows in (whole, part))
            assert a.shape[1] == (high - low) * scale
            assert np.array_equal(a, b)


def joined(grid, scale, band):
    """What each row band gets when the rows from ``band`` on are computed; tile k holds noise of its own."""
    axis, joiner, result = grid.rows, RowJoiner(grid, scale), {}
    for row in range(grid.first_row(band), axis.count):
        shape = (1, (axis.stop(row) - axis.starts[row]) * scale, 2 * scale)
        values = np.random.default_rng(row).normal(size=shape).astype(np.float32)
        block = joiner.add(row, BlendedRows(axis.starts[row], values, None))
        result[row] = block.copy()
        block.values[...] = np.nan  # whoever gets a block may spoil it
    return result


@given(axes, st.data())
def test_counting_names_exactly_the_tiles_that_matter(spec, data):
    axis = make(spec)
    first = data.draw(st.integers(0, axis.length - 1))
    stop = data.draw(st.integers(first + 1, axis.length))
    chosen = axis.counting(first, stop)
    for i in range(axis.count):
        matters = axis.up(i) < stop and axis.down(i) > first
        assert (i in chosen) == matters


@pytest.mark.parametrize(
    ("tile", "overlap", "align", "margin", "word"),
    [
        (60, 8, 8, 0, "steps of 8"),
        (64, 40, 8, 0, "no room"),
        (64, 16, 8, 12, "margin"),
        (0, 0, 1, 0, "fit"),
        (64, -1, 1, 0, "no room"),
    ],
)
def test_impossible_tiles_are_refused_with_a_cure(tile, overlap, align, margin, word):
    with pytest.raises(RequestError, match=word) as caught:
        even_axis(500, tile=tile, overlap=overlap, align=align, margin=margin)
    assert caught.value.fix


@given(axes, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_blending_equal_tiles_gives_their_value_back_bit_for_bit(spec, scale, seed):
    axis = make(spec)
    assume(axis.length * scale < 3000 and axis.count < 40)
    rng = np.random.default_rng(seed)
    scene = rng.normal(0, 1e4, (1, 2 * scale, (axis.starts[-1] + axis.tile) * scale)).astype(np.float32)
    strip = np.full((1, 2 * scale, axis.length * scale), np.nan, np.float32)
    for i, start in enumerate(axis.starts):
        tile = scene[:, :, start * scale : (start + axis.tile) * scale]
        blending.place_tile(strip, tile, axis, i, scale=scale, first=0, left=i > 0)
    assert np.array_equal(strip, scene[:, :, : axis.length * scale])


def test_a_step_between_tiles_becomes_a_smooth_ramp():
    axis = even_axis(100, tile=64, overlap=28, align=1)
    strip = np.zeros((1, 1, 100), np.float32)
    for i in range(axis.count):
        blending.place_tile(strip, np.full((1, 1, 64), i, np.float32), axis, i, scale=1, first=0, left=i > 0)
    steps = np.diff(strip[0, 0])
    assert (steps >= 0).all()
    assert steps.max() < 2.0 / axis.ramp


@given(st.integers(1, 700), st.sampled_from([192, 256, 512]))
def test_the_last_tile_ends_at_one_place_whatever_its_size(length, tile):
    """Where it overhangs, a model sees the same continuation of the scene's rim."""
    axis = even_axis(length, tile=tile, overlap=80, align=16, margin=40)
    assert axis.starts[-1] + axis.tile == -(-length // 16) * 16
