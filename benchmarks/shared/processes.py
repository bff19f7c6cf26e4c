"""Commands that are accounted for as whole processes, by processor, wall and peak memory; and disk for their files."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
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


# A process of its own that stays small: the peak of a child begins at the memory of who started it.
_METER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
wall, usage = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
found = {"processor_s": usage.ru_utime + usage.ru_stime, "wall_s": wall, "peak_bytes": usage.ru_maxrss * 1024}
print(json.dumps(found))
sys.exit(code)
"""


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; its error output is in the message.
    """
    done = subprocess.run([sys.executable, "-S", "-c", _METER, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr}")
    return Cost(**json.loads(done.stdout))


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
