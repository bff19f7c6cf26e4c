"""The pieces of a pair on which its instrument is measured: where they lie, and what they leave out."""

from __future__ import annotations

import numpy as np
import pytest
from rasterio.transform import from_origin

from seamline.engine.inputs.coregistration import Misregistration
from seamline.engine.inputs.describe import describe
from seamline.engine.inputs.instrument import measured_instrument, views_of
from seamline.engine.request import OpenPolicy
from seamline.tests.engine.optics.test_instrument import pair

SIDE, RATIO = 96, 4


def nothing():
    """Never cancelled."""


def scenes(write_raster, pan, ms, *, corner=(0.0, 0.0), **more):
    """A pair as files; ``corner``: of MS, fine px right and down of PAN's."""
    fine = write_raster("pan.tif", pan[None].astype(np.float32), transform=from_origin(500_000, 5_000_000, 1, 1))
    left, top = 500_000 + corner[1], 5_000_000 - corner[0]
    coarse = write_raster("ms.tif", ms.astype(np.float32), transform=from_origin(left, top, RATIO, RATIO), **more)
    return (describe(name, str(path), policy=OpenPolicy()) for name, path in (("pan", fine), ("ms", coarse)))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.7, -1.1)])
def test_an_instrument_is_measured_on_files(write_raster, shift):
    fine, coarse = scenes(write_raster, *pair(1, gain=0.45, shift=shift, side=SIDE))
    found = measured_instrument(fine, coarse, None, OpenPolicy(), nothing)
    assert abs(np.log(found.gain / 0.45)) < 0.05
    assert np.abs(np.subtract(found.shift, shift)).max() < 0.03


def test_the_georeference_says_where_ms_should_lie(write_raster):
    fine, coarse = scenes(write_raster, *pair(2, side=SIDE), corner=(-0.5, 0.25))
    found = measured_instrument(fine, coarse, None, OpenPolicy(), nothing)
    # The georeference puts MS half a px too far up, and a quarter too far right.
    assert np.abs(np.subtract(found.shift, (-0.5, 0.25))).max() < 0.03


def test_a_shift_that_is_known_is_where_the_search_begins(write_raster):
    fine, coarse = scenes(write_raster, *pair(3, shift=(18.0, -14.0), side=SIDE))
    known = Misregistration(4.4, -3.6, (0.1, 0.1), 9)
    found = measured_instrument(fine, coarse, known, OpenPolicy(), nothing)
    assert np.abs(np.subtract(found.shift, (18.0, -14.0))).max() < 0.05


def test_pieces_are_whole_and_valid(write_raster):
    pan, ms = pair(4, side=SIDE)
    ms[:, :8, :8] = -9999.0
    fine, coarse = scenes(write_raster, pan, ms, nodata=-9999.0)
    views = views_of(fine, coarse, OpenPolicy(), nothing)
    assert views
    assert all(view.ms.min() > -9999.0 for view in views)
    assert all(view.rows.coarse_length == view.ms.shape[1] for view in views)
    found = measured_instrument(fine, coarse, None, OpenPolicy(), nothing)
    assert abs(np.log(found.gain / 0.4)) < 0.05


def test_a_scene_that_is_small_tells_nothing(write_raster):
    fine, coarse = scenes(write_raster, *pair(5, side=24))
    assert measured_instrument(fine, coarse, None, OpenPolicy(), nothing) is None
