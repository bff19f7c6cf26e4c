"""The lattice of a group of images, read off all of their windows together.

The score of ``engine.output.lattice`` is a mean over windows.  Images of a few windows score by chance, as the truth
does, and where contrasts differ, a mean of powers is that of a few windows: here every window counts alike.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seamline.engine.output.lattice import STEP, WINDOW, Array, LatticeSums, lattice_sums


def window_sums(image: Array) -> LatticeSums:
    """Of an image (C, h, w), each window by its own power at middle frequencies; what groups add up."""
    _, height, width = image.shape
    total = LatticeSums(0, np.zeros((len(image), WINDOW, WINDOW)))
    # A median: the few bins of a lattice do not move it.
    place = np.minimum(np.arange(WINDOW), WINDOW - np.arange(WINDOW))
    distance = np.hypot(place[:, None], place)
    middle = (distance > WINDOW / 8) & (distance < WINDOW / 2)
    for row in range(0, height - WINDOW + 1, STEP):
        for column in range(0, width - WINDOW + 1, STEP):
            one = lattice_sums(image[:, row : row + WINDOW, column : column + WINDOW], None, 0, WINDOW)
            typical = np.median(one.power[:, middle], axis=1)
            if (typical > 0).all():
                total += replace(one, power=one.power / typical[:, None, None])
    return total
