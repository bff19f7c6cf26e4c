"""What a run needs is counted from the plan alone, and every copy that is open at a time is in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seamline.engine.errors import ResourceError
from seamline.engine.plan.resources import check_resources, estimate
from seamline.engine.request import Request
from seamline.engine.run import plan_run
from seamline.models.classical.interpolate import Bicubic, Identity


def plan_of(write_raster, tmp_path, width, source, **options):
    path = write_raster(f"{width}.tif", np.zeros((3, 600, width), np.uint16), nodata=options.pop("nodata", None))
    asked = {"tile": 256, "overlap": 64, "threads": 1} | options
    return plan_run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), **asked), source)[0]


@pytest.mark.parametrize(
    ("source", "options", "copies"),
    [
        # The rows that are blended and those that are being written.
        (Identity(), {}, 2),
        # A mask, or rows beyond both rims of a row band, want them joined in memory of their own.
        (Identity(), {"nodata": 0}, 3),
        # So does a correction, which is as large as they are.
        (Bicubic(2), {"consistency": "area"}, 4),
    ],
)
def test_every_copy_of_the_open_rows_is_counted(write_raster, tmp_path, source, options, copies):
    plans = [plan_of(write_raster, tmp_path, width, source, **options) for width in (1000, 2000)]
    tiles, scale = plans[0].tiles, plans[0].scale.finer
    wider = 1000 * scale**2
    open_rows = (tiles.rows.tile + 2 * tiles.halo) * wider
    floats, stored = 4 * copies * 3 * open_rows, 2 * 2 * 3 * open_rows
    strips = 2 * (tiles.rows.tile + 8) * 1000 * 3 * 2
    grown = estimate(plans[1]).memory_bytes - estimate(plans[0]).memory_bytes
    assert grown == pytest.approx(floats + stored + strips, abs=2)


def test_a_batch_more_is_counted_on_both_sides_of_the_model_and_inside_it(write_raster, tmp_path):
    plan = plan_of(write_raster, tmp_path, 1000, Bicubic(2))
    more = estimate(replace(plan, batch=plan.batch + 1)).memory_bytes - estimate(plan).memory_bytes
    inside = Bicubic(2).spec.work_bytes
    assert inside > 0
    assert more == plan.tiles.rows.tile * plan.tiles.columns.tile * (2 * 4 * (3 + 3 * 4) + inside)


def test_what_does_not_fit_is_refused_before_anything_is_made(write_raster, tmp_path):
    plan = plan_of(write_raster, tmp_path, 1000, Identity())
    needs = estimate(plan)
    assert check_resources(plan, tmp_path / "o.tif", needs.memory_bytes) == needs
    with pytest.raises(ResourceError, match="of memory"):
        check_resources(plan, tmp_path / "o.tif", needs.memory_bytes - 1)
