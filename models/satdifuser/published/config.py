"""Facts of the published system: the images that it takes, its prompt, its layout."""

from __future__ import annotations

from ..inversion import TIMES
from ..layout import Layout, Scale

CHANNELS = 3
"""Of the images that the autoencoder takes."""

PROMPT = "a satellite image"
"""What the backbone is told where nothing better is known."""

LAYOUT = Layout(TIMES, (Scale(8, (320,) * 6), Scale(16, (640,) * 6), Scale(32, (1280,) * 6), Scale(64, (1280,) * 3)))
"""21 streams of Stable Diffusion 2.1, and of DiffusionSat, which has its shape."""
