from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seamline.engine import testing
from seamline.engine.errors import RequestError
from seamline.engine.ground.scale import Scale
from seamline.engine.ground.tiles import TileGrid, even_axis
from seamline.engine.pixels import blending
from seamline.engine.pixels.joining import BlendedRows, RowJoiner

axes = st.builds(
    lambda length, steps, align, share, margin, fitted: (
        length,
        steps * align,
        int(share * steps * align),
        align,
        margin,
        fitted,
    ),
    st.integers(1, 4000),
    st.integers(2, 24),
    st.sampled_from([1, 4, 8, 12]),
    st.floats(0, 0.5),
    st.integers(0, 12),
    st.booleans(),
)

# Side of a patch, and an axis whose steps are whole pairs of them.
patched = st.sampled_from([2, 3, 8]).flatmap(
    lambda patch: st.tuples(
        st.just(patch),
        st.builds(
            lambda length, steps, pairs, share, margin, fitted: (
                length,
                steps * 2 * patch * pairs,
                int(share * steps * 2 * patch * pairs),
                2 * patch * pairs,
                margin,
                fitted,
            ),
            st.integers(1, 1500),
            st.integers(2, 12),
            st.integers(1, 2),
            st.floats(0, 0.5),
            st.integers(0, 12),
            st.booleans(),
        ),
    )
)


def make(axis, patch=1):
    length, tile, overlap, align, margin, fitted = axis
    assume(2 * overlap <= tile and overlap + align <= tile and overlap >= 2 * margin)
    return even_axis(length, tile=tile, overlap=overlap, align=align, margin=margin, patch=patch, fitted=fitted)


@given(axes)
def test_neighbours_share_the_overlap_and_nothing_is_left_out(spec):
    axis = make(spec)
    length, tile, overlap, align, _, _ = spec
    assert axis.tile <= max(tile, -(-length // align) * align)
    assert axis.starts[0] == 0
    assert axis.starts[-1] + axis.tile >= length
    assert axis.starts[-1] < length
    assert all(0 < b - a <= axis.tile - overlap for a, b in pairwise(axis.starts))
    assert all(start % align == 0 for start in axis.starts)


@given(axes)
def test_fitted_tiles_are_as_many_and_as_small_as_the_overlap_allows(spec):
    length, _, overlap, align, _, _ = spec
    whole, fitted = make((*spec[:5], False)), make((*spec[:5], True))
    assert fitted.count <= whole.count
    assert fitted.tile <= whole.tile
    assert fitted.tile % align == 0
    if fitted.count > 1:
        shared = -(-overlap // align) * align
        # With one step less a tile, the scene would not be covered, or three tiles would meet.
        less = fitted.tile - align
        assert less < 2 * shared or fitted.count * less - (fitted.count - 1) * shared < length


@given(axes)
def test_weights_are_a_partition_of_unity_of_at_most_two_tiles(spec):
    testing.assert_partition_of_unity(make(spec))


@given(axes)
def test_margins_are_never_used_where_a_neighbour_can_serve(spec):
    axis, margin = make(spec), spec[4]
    for i in range(1, axis.count):
        assert axis.up(i) - axis.starts[i] >= margin
        assert axis.starts[i - 1] + axis.tile - axis.down(i - 1) >= margin


@given(patched)
def test_no_hand_over_cuts_a_patch_and_what_holds_for_pixels_holds_for_patches(spec):
    patch, axis = spec[0], make(spec[1], spec[0])
    testing.assert_whole_patches(axis, patch)
    testing.assert_partition_of_unity(axis)
    testing.assert_bands_cover(TileGrid(axis, axis))


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
def test_a_stretch_of_rows_joins_to_the_same_bits_wherever_it_starts(spec, halo, finer, data):
    axis = make(spec)
    assume(axis.length < 1500 and axis.count > 1)
    assert_joins_alike(TileGrid(axis, axis, halo), Scale(finer), data)


@given(patched, st.data())
def test_so_do_rows_of_patches(spec, data):
    axis = make(spec[1], spec[0])
    assume(axis.count > 1)
    assert_joins_alike(TileGrid(axis, axis), Scale(patch=spec[0]), data)


def assert_joins_alike(grid, scale, data):
    axis, halo = grid.rows, grid.halo
    start = data.draw(st.integers(0, axis.count - 1))
    whole, part = joined(grid, scale, 0), joined(grid, scale, start)
    for band in range(start, axis.count):
        first, stop = grid.row_band(band)
        if stop > first:
            low, high = max(first - halo, 0), min(stop + halo, axis.length)
            a, b = (rows[band].cut(low, high, scale).values for rows in (whole, part))
            assert a.shape[1] == scale.line(high) - scale.line(low)
            assert np.array_equal(a, b)


def joined(grid, scale, band):
    """What each row band gets when the rows from ``band`` on are computed; tile k holds noise of its own."""
    axis, joiner, result = grid.rows, RowJoiner(grid, scale), {}
    for row in range(grid.first_row(band), axis.count):
        shape = (1, scale.line(axis.stop(row) - axis.starts[row]), 2)
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


def test_a_tile_that_holds_no_whole_patch_of_a_scene_s_rim_is_refused():
    with pytest.raises(RequestError, match="too small for this model, which speaks of patches of 8 px"):
        even_axis(500, tile=16, overlap=0, align=16, patch=8)


@given(axes, st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_blending_equal_tiles_gives_their_value_back_bit_for_bit(spec, finer, seed):
    axis = make(spec)
    assume(axis.length * finer < 3000 and axis.count < 40)
    assert_blends_back(axis, Scale(finer), seed)


@given(patched, st.integers(0, 2**32 - 1))
def test_so_does_blending_equal_patches(spec, seed):
    assert_blends_back(make(spec[1], spec[0]), Scale(patch=spec[0]), seed)


def assert_blends_back(axis, scale, seed):
    rng = np.random.default_rng(seed)
    scene = rng.normal(0, 1e4, (1, 2, scale.line(axis.starts[-1] + axis.tile))).astype(np.float32)
    strip = np.full((1, 2, scale.line(axis.length)), np.nan, np.float32)
    for i, start in enumerate(axis.starts):
        tile = scene[:, :, scale.span(start, start + axis.tile)]
        blending.place_tile(strip, tile, axis, i, scale=scale, columns=(0, axis.length), left=i > 0)
    assert np.array_equal(strip, scene[:, :, : scale.line(axis.length)])


def test_a_step_between_tiles_becomes_a_smooth_ramp():
    axis = even_axis(100, tile=64, overlap=28, align=1)
    strip = np.zeros((1, 1, 100), np.float32)
    for i in range(axis.count):
        tile = np.full((1, 1, 64), i, np.float32)
        blending.place_tile(strip, tile, axis, i, scale=Scale(), columns=(0, 100), left=i > 0)
    steps = np.diff(strip[0, 0])
    assert (steps >= 0).all()
    assert steps.max() < 2.0 / axis.ramp


@given(st.integers(1, 700), st.sampled_from([192, 256, 512]))
def test_the_last_tile_ends_at_one_place_whatever_its_size(length, tile):
    """Where it overhangs, a model sees the same continuation of the scene's rim."""
    axis = even_axis(length, tile=tile, overlap=80, align=16, margin=40)
    assert axis.starts[-1] + axis.tile == -(-length // 16) * 16


@pytest.mark.parametrize("length", [2**31 - 1, 2**62])
def test_what_a_file_claims_does_not_decide_how_many_tiles_are_listed(length):
    with pytest.raises(RequestError, match="tiles along one side"):
        even_axis(length, tile=64, overlap=16, align=1)
    assert even_axis(length, tile=length, overlap=0, align=1).count == 1
