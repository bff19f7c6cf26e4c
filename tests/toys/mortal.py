"""A toy that ends its process once for every file ``kill-*`` in the folder that the environment names."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from seamline.engine.testing import GroundNoise


class Mortal(GroundNoise):
    def predict(self, batch, where):
        for order in sorted(Path(os.environ["MORTAL"]).glob("kill-*")):
            try:
                order.unlink()
            except FileNotFoundError:
                continue  # it was another one's
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(batch, where)
