"""A lattice that is read off many windows together: not found in texture, found where it is planted."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.benchmarks.reference.lattice import window_sums
from seamline.engine.output.lattice import lattice_metric, lattice_sums

PERIOD = 4


def textures() -> list[np.ndarray]:
    """Scenes without a lattice, of very different contrast."""
    rng = np.random.default_rng(7)
    return [400 + contrast * rng.normal(size=(2, 256, 192)) for contrast in (1, 1, 1, 30)]


def pooled(images) -> float:
    first, *others = map(window_sums, images)
    return lattice_metric(sum(others, first), PERIOD)["lattice"]


def test_texture_has_none_whatever_its_contrast():
    assert pooled(textures()) < 1.2


def test_a_planted_one_is_found_in_every_window_alike():
    """The scene of thirty times the contrast hides it from a mean of powers."""
    row, column = np.mgrid[:256, :192]
    lattice = 0.5 * np.cos(np.pi * row / 2) * np.cos(np.pi * column / 2)
    calm, wild = textures()[:3], textures()[3:]
    images = [image + lattice for image in calm] + wild
    first, *others = (lattice_sums(image, None, 0, 256) for image in images)
    assert pooled(images) > 2 > lattice_metric(sum(others, first), PERIOD)["lattice"]


def test_flat_windows_say_nothing():
    assert window_sums(np.full((1, 128, 128), 5.0)).windows == 0


@pytest.mark.parametrize("shape", [(1, 40, 90), (3, 90, 40)])
def test_an_image_smaller_than_a_window_has_none(shape):
    assert window_sums(np.ones(shape)).windows == 0
