"""The command line: translates options into requests, and events into lines; nothing else."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of the program."""
    # Waiting threads that spin take the processor from those that work; on a busy machine that costs a multiple.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Those of numpy's products wait so, and its matrices are too small for more than one: torch computes what is large.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Here, for whoever asks this package for one of its modules to get that alone.
    from ..engine.allocator import keep_freed_memory
    from .group import cli

    keep_freed_memory()
    try:
        cli()
    except SystemExit as leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        # Everything is closed and on disk; tearing the libraries down would only take time.
        os._exit(leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None))
