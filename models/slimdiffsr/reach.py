"""How far the student sees where what it knows of the whole image is given: its receptive field."""

from __future__ import annotations

from ..lattice import REACH as LATTICE
from .config import Config
from .local import REACH as UNITS


def reach(config: Config) -> int:
    """Bound of the distance, along an axis, of px that decide a px of the result: image px, at the size of the result.

    The sum, over the convolutions on the deepest path, of rows and columns beyond the centre of the kernel times the
    px of a cell; and a cell of the coarsest map less one px, since cells lie on a grid of their own.

    Raises:
        ValueError: self-attention, or Stable Diffusion's autoencoder with its own, sees all of any image.
    """
    if config.attention == "self" or config.codec == "kl":
        raise ValueError("statistics of the scene serve a network without self-attention and without its autoencoder")
    return _codec(config) + _unet(config) + config.stride - 1


def _unet(config: Config) -> int:
    """With the convolutions that join it to the codec."""
    # High frequencies have been through two kernels, one after the other.
    residual = (2 if config.first == "fsc" else 1) + 1
    outer = 1 + 2 * residual + 1 + 1 + 3 * residual + 1
    inner = (2 + 1 + 3) * residual
    return config.factor * (outer + 2 * inner)


def _codec(config: Config) -> int:
    if config.adds:
        return (LATTICE + UNITS) * config.factor if config.codec == "local" else 0
    halves = 0
    for level, blocks in enumerate(config.codec_blocks):
        # Of encoder and decoder: blocks of three convolutions, and the one that meets the finer level or the image.
        halves += 2 * (3 * blocks * 2**level + 2 ** max(level - 1, 0))
    return halves + (0 if config.joined else 2 * config.factor)
