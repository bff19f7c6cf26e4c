"""The map of tile boundaries: a step shows at the piece where it is, chance shows where nothing is."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.engine.output.boundaries import boundary_map

LINES = [100, 200, 300]


@pytest.fixture(scope="module")
def scene():
    """Two bands of texture, (2, 400, 400)."""
    rng = np.random.default_rng(6)
    return (800 + 4 * rng.standard_normal((2, 400, 400))).astype(np.float32)


def looked_at(values, rows=LINES, columns=LINES):
    def read(window):
        return values[:, slice(*window.rows), slice(*window.columns)]

    return boundary_map(read, values.shape[1:], rows, columns)


def test_a_step_shows_where_it_is_and_nowhere_else(scene):
    values = scene.copy()
    values[0, 100:200, 200:300] *= 1.02
    found = looked_at(values)
    assert (found.rows.shape, found.columns.shape) == ((3, 4), (4, 3))
    around = {("rows", 0, 2), ("rows", 1, 2), ("columns", 1, 1), ("columns", 1, 2)}
    steps = {("rows", *at): value for at, value in np.ndenumerate(found.rows)}
    steps |= {("columns", *at): value for at, value in np.ndenumerate(found.columns)}
    assert set(sorted(steps, key=steps.get)[-4:]) == around
    assert min(steps[each] for each in around) > found.usual


def test_where_no_boundary_shows_as_many_stand_out_as_by_chance(scene):
    large = np.tile(scene, (1, 3, 3))[:, 7:1107, 13:1113]
    lines = list(range(64, 1100, 64))
    above, told = looked_at(large, lines, lines).outstanding
    assert told == 2 * len(lines) * (len(lines) + 1)
    assert above / told < 0.06


def test_masked_pieces_are_not_told(scene):
    values = scene.copy()
    values[:, :100, :] = np.nan
    found = looked_at(values)
    assert np.isnan(found.rows[0]).all()
    assert np.isnan(found.columns[0]).all()
    assert np.isfinite(found.columns[1:]).all()


@pytest.mark.parametrize(("rows", "columns"), [([], []), ([5, 10], [])])
def test_without_a_boundary_or_room_beside_one_there_is_no_map(scene, rows, columns):
    assert looked_at(scene, rows, columns) is None
