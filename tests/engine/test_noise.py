from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seamline.engine import testing
from seamline.engine.noise import philox4x32, world_noise

DRAW = {"seed": 3, "stream": 0, "sample": 0, "step": 0, "bands": 1, "channels": 1, "row": 0, "column": 0}


def test_philox_gives_the_published_known_answers():
    """Known-answer vectors of Philox 4x32-10 (Random123's kat_vectors)."""
    word = [np.array([0], np.uint64)] * 4
    assert [int(w[0]) for w in philox4x32(tuple(word), (0, 0))] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = [np.array([0xFFFFFFFF], np.uint64)] * 4
    drawn = [int(w[0]) for w in philox4x32(tuple(ones), (0xFFFFFFFF, 0xFFFFFFFF))]
    assert drawn == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@given(
    st.integers(-(2**31), 2**31 - 1000),
    st.integers(-(10**7), 10**7),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 2**64 - 1),
)
def test_noise_belongs_to_the_ground(row, column, down, right, seed):
    testing.assert_noise_anchored(row, column, down, right, seed)


def test_noise_is_standard_normal():
    noise = world_noise(**DRAW, shape_hw=(700, 700)).astype(np.float64)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    assert abs(np.mean(noise[..., 1:] * noise[..., :-1])) < 0.01


def test_every_coordinate_of_a_draw_changes_it():
    first = world_noise(**DRAW, shape_hw=(8, 8))
    for name in ("seed", "stream", "sample", "step", "row", "column"):
        other = world_noise(**{**DRAW, name: DRAW[name] + 1}, shape_hw=(8, 8))
        assert not np.array_equal(first, other), name
    planes = world_noise(**{**DRAW, "bands": 2, "channels": 3}, shape_hw=(8, 8)).reshape(6, -1)
    assert abs(np.corrcoef(planes) - np.eye(6)).max() < 0.5
    assert np.array_equal(planes[0], first.ravel())
