"""Commands that are accounted for as whole processes, by processor, wall and peak memory; and disk for their files."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of one finished process: seconds, seconds, bytes."""

    processor_s: float
    wall_s: float
    peak_bytes: int


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; its error output is in the message.
    """
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}:\n{error}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss * 1024)


def seamline(*arguments: object) -> list[str]:
    """The command line of this program."""
    return [sys.executable, "-m", "seamline", *map(str, arguments)]


@contextmanager
def scratch_folder(about: str) -> Iterator[Path]:
    """Take the one argument of a benchmark that only wants disk, and give an empty folder there while it runs."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="where scenes and outputs lie meanwhile")
    with tempfile.TemporaryDirectory(prefix="seamline-", dir=parser.parse_args().folder) as name:
        yield Path(name)
