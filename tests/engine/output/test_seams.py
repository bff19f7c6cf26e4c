from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seamline.engine.output.lines import control_offsets
from seamline.engine.output.seams import SeamMeter

LINES = (100, 200, 300)


def texture(seed=0, size=400, falls=1.6):
    """A field as smooth as satellite imagery seen through its MTF, where its amplitude falls by frequency**1.6."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1
    spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency**falls
    field = np.fft.irfft2(spectrum, s=(size, size))
    return (1000 + 100 * field / field.std())[None].astype(np.float32)


def score(image, valid=None, chunks=(400,), rows=LINES, columns=LINES):
    meter = SeamMeter(len(image), *image.shape[1:], rows, columns)
    start = 0
    for size in chunks:
        part = slice(start, start + size)
        meter.push(image[:, part], None if valid is None else valid[:, part])
        start += size
    return meter.score()


def stepped(image):
    """2 % brighter in every other tile of the grid: what bad blending would leave."""
    tiles = (np.arange(image.shape[1]) // 100)[:, None] + np.arange(image.shape[2]) // 100
    return (image * np.where(tiles % 2, 1.02, 1.0)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_control_a_planted_step_is_seen_and_no_step_is_not(seed):
    clean, dirty = score(texture(seed)), score(stepped(texture(seed)))
    assert clean.low * 0.95 <= clean.score <= clean.high * 1.05
    assert dirty.score >= 1.2
    assert dirty.score > dirty.high


@pytest.mark.parametrize("seed", range(4))
def test_a_step_is_seen_in_a_rough_scene_where_the_plain_measure_is_blind(seed):
    dirty = score(stepped(texture(seed, falls=1.1)))
    assert dirty.score >= 1.2
    assert dirty.score > dirty.high
    assert dirty.plain < 1.2


def test_one_bright_edge_on_a_boundary_is_not_a_seam():
    """A road of 40 px along one boundary: a step of 100 % there, and none anywhere else."""
    image = texture()
    image[:, 200:204, 120:160] *= 2
    edged = score(image)
    assert edged.score <= max(1.05, edged.high)


def test_a_long_scene_is_sampled_and_its_steps_are_seen():
    image = np.tile(texture(), (1, 8, 1))
    lines = tuple(range(100, 3200, 100))
    assert score(image, chunks=(3200,), rows=lines).score <= 1.2
    assert score(stepped(image), chunks=(3200,), rows=lines).score >= 1.2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 150), min_size=1, max_size=12))
def test_the_score_does_not_depend_on_the_chunks(sizes):
    while sum(sizes) < 400:
        sizes = [*sizes, 37]
    image = stepped(texture())
    assert score(image, chunks=sizes).score == pytest.approx(score(image).score, rel=1e-9)


def test_masked_pixels_do_not_count():
    image = texture()
    valid = np.ones(image.shape, np.bool_)
    image[:, :, 150:260] = 0
    valid[:, :, 150:260] = False
    holed = score(image, valid)
    assert holed.score <= max(1.05, holed.high)


def test_no_boundary_no_score():
    assert score(texture(), rows=(), columns=()) is None


def test_flat_images_are_judged_without_dividing_by_nothing():
    flat = np.full((1, 400, 400), 7.0, np.float32)
    assert score(flat).score == 1.0
    assert score(stepped(flat)).score >= 1.2


@given(st.integers(8, 1000))
def test_control_grids_keep_off_the_boundary(spacing):
    offsets = control_offsets(spacing)
    assert all(2 <= offset <= spacing - 2 for offset in offsets)
