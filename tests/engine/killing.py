"""Runs that are killed again and again, and go on each time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ATTEMPTS = 200


def kill_at_random(script: Path, out: Path, rng: np.random.Generator) -> None:
    """Start a script until it is through; each time but the last it is killed a while after a random number of events.

    Counted in events and not in seconds, so that a busy machine gets on as well.

    Args:
        script: resumes a run that writes ``out``, and prints a line at each event.
    """
    killed = 0
    for _ in range(ATTEMPTS):
        with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as process:
            heard = [process.stdout.readline() for _ in range(rng.integers(1, 14))]
            if not heard[-1]:
                assert process.wait() == 0
                break
            time.sleep(rng.uniform(0.0, 0.05))
            process.kill()
        killed += 1
        if out.exists():  # killed after the rename: the output is complete, only the clean-up is missing
            break
    assert killed, "the run was never interrupted: the test shows nothing"
