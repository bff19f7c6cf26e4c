"""Models without knowledge: ``identity`` gives the input back, ``bicubic`` interpolates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional

from ...engine.contract import InputSpec, ModelSpec, Runtime, Where
from ...engine.errors import RequestError

LARGEST_SCALE = 16
_REACH = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """Source of ``identity``: any bands, scale 1, no margin, so that blending and writing stand alone."""

    name: str = "identity"

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs."""
        return ModelSpec(
            name=self.name,
            version="1",
            task="superres",
            inputs=(InputSpec(name="image"),),
            main="image",
            overlap=32,
            exact=True,
        )

    @property
    def identity(self) -> str:
        """Name and version."""
        return f"{self.name}@1"

    def load(self, runtime: Runtime) -> Identity:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """The input itself, (B, C, h, w)."""
        return batch["image"]


@dataclass(frozen=True, slots=True)
class Bicubic:
    """Source of ``bicubic``: cubic convolution (Keys, IEEE ASSP 1981, a = -0.5), pixel centres, edges replicated.

    Attributes:
        scale: output px per input px, 1..16.
    """

    scale: int = 4
    name: str = "bicubic"

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= LARGEST_SCALE:
            raise RequestError(
                f"{self.name} has no scale {self.scale}", where="--scale", fix=f"pass 1 to {LARGEST_SCALE}"
            )

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs; the margin is the kernel's reach and one pixel more."""
        return ModelSpec(
            name=self.name,
            version="1",
            task="superres",
            inputs=(InputSpec(name="image"),),
            main="image",
            scale=self.scale,
            work_bytes=90 * self.scale**2,
            margin=_REACH + 1,
            overlap=32,
            exact=True,
        )

    @property
    def identity(self) -> str:
        """Name, version and scale."""
        return f"{self.name}@1 x{self.scale}"

    def load(self, runtime: Runtime) -> Bicubic:  # noqa: ARG002
        """Nothing to load."""
        return self

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:  # noqa: ARG002
        """Interpolate (B, C, h, w) to (B, C, h * scale, w * scale)."""
        image = batch["image"]
        b, c, h, w = image.shape
        s, taps = self.scale, 2 * _REACH + 1
        weight = torch.tensor(_phases(s), dtype=image.dtype, device=image.device)
        x = functional.pad(image.reshape(b * c, 1, h, w), (_REACH,) * 4, mode="replicate")
        x = functional.conv2d(x, weight.reshape(s, 1, 1, taps))  # (b * c, s, h + 4, w)
        x = x.permute(0, 2, 3, 1).reshape(b * c, 1, h + 2 * _REACH, w * s)
        x = functional.conv2d(x, weight.reshape(s, 1, taps, 1))  # (b * c, s, h, w * s)
        return x.permute(0, 2, 1, 3).reshape(b, c, h * s, w * s)


@lru_cache(maxsize=LARGEST_SCALE)
def _phases(scale: int) -> tuple[tuple[float, ...], ...]:
    """Weights of the five nearest pixels for each output pixel of an input pixel."""
    centres = ((phase + 0.5) / scale - 0.5 for phase in range(scale))
    return tuple(tuple(_keys(offset - centre) for offset in range(-_REACH, _REACH + 1)) for centre in centres)


def _keys(t: float) -> float:
    t = abs(t)
    if t <= 1.0:
        return (1.5 * t - 2.5) * t * t + 1.0
    return ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0 if t < 2.0 else 0.0
