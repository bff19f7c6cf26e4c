"""Deviations are made as large as errors are, also where one factor does not do."""

from __future__ import annotations

import pytest
import torch

from seamline.training.deviations import ONE_SIGMA, calibrate, coverage


@pytest.mark.parametrize("answer", [1.0, 0.5], ids=["in proportion", "half of what is asked"])
def test_deviations_end_as_large_as_errors(answer):
    errors = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).abs()
    told = [0.2]
    calibrate(lambda factor: told.append(told[-1] * factor**answer), lambda: errors / told[-1])
    assert coverage(errors / 0.2) < 0.2
    assert coverage(errors / told[-1]) == pytest.approx(ONE_SIGMA, abs=0.01)


def test_it_stops_where_nothing_is_left_to_widen():
    errors = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).abs()
    asked = []
    calibrate(asked.append, lambda: errors / torch.quantile(errors, ONE_SIGMA))
    assert len(asked) == 1
