"""Commands are accounted for by themselves, whoever starts them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from seamline.benchmarks.shared.processes import cost_of

_MB = 1_000_000


def test_what_the_starting_process_holds_is_not_counted() -> None:
    held = np.ones(400 * _MB, dtype=np.uint8)
    assert cost_of([sys.executable, "-S", "-c", "pass"]).peak_bytes < 200 * _MB
    assert held.all()


def test_what_the_command_takes_is_counted() -> None:
    found = cost_of([sys.executable, "-S", "-c", f"held = b'x' * {300 * _MB}"])
    assert found.peak_bytes > 300 * _MB
    assert found.wall_s > 0
    assert found.processor_s > 0


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"failed with 3:\nno disk"):
        cost_of([sys.executable, "-c", "import sys; print('no disk', file=sys.stderr); sys.exit(3)"])
