"""Every model that ships gives the pixels that it shipped with, within the bound across processors."""

from __future__ import annotations

import numpy as np
import pytest

from seamline.models import registry
from seamline.tests.bounds import assert_same_but_rounding, assert_within_one_dn
from seamline.tests.models.golden.make import CLASSES, FOLDER, PANSHARPEN, SUPERRES, result


@pytest.mark.parametrize("name", [*PANSHARPEN, *SUPERRES])
def test_pixels_are_those_of_the_golden_image(name, tmp_path):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        expected = stored["values"]
    # An image that is flat would hide what a model does.
    assert expected.astype(float).std() > 50
    assert_within_one_dn(result(name, tmp_path), expected, dn=1)


@pytest.mark.parametrize("name", CLASSES)
def test_probabilities_are_those_of_the_golden_ones(name, tmp_path):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        expected = stored["values"]
    # The same probabilities everywhere would hide what a model does; rounding may take a tenth of this spread.
    assert expected.std(axis=0).mean() > 0.05
    assert expected.std(axis=(1, 2)).max() > 0.005
    assert_same_but_rounding(result(name, tmp_path), expected)


def test_every_model_that_ships_has_one():
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(registry.names()) == {*PANSHARPEN, *SUPERRES, *CLASSES}
