"""Small files that claim much are refused for little; what costs too much is missed in the table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are watched as Linux does it")
def test_no_claim_is_taken_or_paid_for_in_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz.claims", "--folder", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^- at most \d+ MB, bound 200: held$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert "- not refused: none: held" in done.stdout
