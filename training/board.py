"""TensorBoard, where it is installed: the scalars of a run, in a folder of the run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class Board:
    """Writer of scalars; without TensorBoard it writes nothing and one line of the log says so.

    Args:
        folder: of the events.
        first: step that the run begins at; what an earlier, broken run wrote from there on is hidden.
        wanted: whether to write at all, which one process of a run does.
    """

    def __init__(self, folder: Path, first: int, wanted: bool) -> None:
        self._writer: Any = None
        if not wanted:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.info("TensorBoard is off: pip install tensorboard turns it on")
            return
        self._writer = SummaryWriter(str(folder), purge_step=first)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Show values, by name, at a step."""
        if self._writer is None:
            return
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
