"""How row bands are shared out: evenly by the tile rows that they cost, those above a part's first band included."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seamline.engine.ground.tiles import TileGrid, even_axis
from seamline.engine.run.job import even_parts

grids = st.builds(
    lambda length, overlap, halo: TileGrid(
        *(even_axis(length, tile=64, overlap=overlap, align=8, margin=0),) * 2, halo
    ),
    st.integers(64, 1600),
    st.sampled_from([8, 16, 32]),
    st.sampled_from([0, 5, 70]),
)


def tile_rows(grid, part):
    return sum(1 if band - 1 in part else band + 1 - grid.first_row(band) for band in part)


def by_count(bands, count):
    return [bands[len(bands) * i // count : len(bands) * (i + 1) // count] for i in range(count)]


@given(grids, st.integers(1, 9), st.sets(st.integers(0, 40)))
def test_parts_hold_every_band_once_and_none_could_be_smaller(grid, count, done):
    bands = [band for band in range(grid.rows.count) if band not in done]
    parts = even_parts(grid, bands, count)
    assert [band for part in parts for band in part] == bands
    assert len(parts) <= count
    assert all(parts)
    largest = max((tile_rows(grid, part) for part in parts), default=0)
    assert largest <= max((tile_rows(grid, part) for part in by_count(bands, count) if part), default=0)


def test_two_share_seven_tile_rows_to_one():
    axis = even_axis(7 * 56 + 8, tile=64, overlap=8, align=8, margin=0)
    grid = TileGrid(axis, axis)
    assert axis.count == 7
    assert [tile_rows(grid, part) for part in even_parts(grid, list(range(7)), 2)] == [4, 4]
    assert even_parts(grid, [], 2) == []
