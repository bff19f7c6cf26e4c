"""What the network is told besides the noisy latents: two images in 0..1, and a sentence on the sensor and the band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch

from ....engine.errors import ModelError, RequestError
from ....engine.optics.sensors import Sensor
from ...architectures import STRONGEST
from .branches import PLANES
from .layers import Scales

ANY_BAND = ""
"""Prompt of a band of which nothing is known; also the unconditional one of guidance."""

# As the prompts of the published training spell them.
_SENSORS = {"GF2": "GaoFen-2", "QB": "QuickBird", "WV3": "WorldView-3"}
_BANDS = {"rededge": "RedEdge", "nir": "NIR", "nir1": "NIR1", "nir2": "NIR2"}

_COUNTED_BITS = 12
"""Deeper data are stored stretched, so that the bit depth says nothing of the brightest value."""


@dataclass(frozen=True, slots=True)
class Radiometry:
    """How the bands of one sensor are brought to the network.

    Attributes:
        prompts: one a band; a single one for any number of bands.
        maximum: DN that becomes 1, what is brighter is clipped as in training; None where the engine hands over the
            unit range, in which the same clipping falls on the brightest pixels of the scene.
        noise: ``"shared"``: the bands of an image start from one draw, as in training; ``"band"``: each from its own,
            as in the released inference.
        chunk: bands that go through the network at once.
    """

    prompts: tuple[str, ...] = (ANY_BAND,)
    maximum: float | None = None
    noise: Literal["shared", "band"] = "shared"
    chunk: int = 8

    def __post_init__(self) -> None:
        if not self.prompts or not all(isinstance(prompt, str) for prompt in self.prompts):
            raise ValueError("prompts are one or more texts")
        if self.maximum is not None and not 0 < self.maximum < float("inf"):
            raise ValueError("maximum is positive and finite")
        if self.noise not in ("shared", "band") or not (isinstance(self.chunk, int) and self.chunk > 0):
            raise ValueError("noise is shared or band, and chunk a positive whole number")

    @property
    def bits(self) -> int | None:
        """Depth of the stored values, by their maximum; None where any depth will do."""
        return None if self.maximum is None else int(self.maximum).bit_length()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card, where a tuple is a list.

        Raises:
            TypeError, ValueError: a value is unknown or does not fit.
        """
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly PAN and MS steer the network, and in which of its steps.

    Attributes:
        pan, ms: scale of what the branch says, 0 to 2; 1 as trained.
        start, end: first step that is steered, counted from 0, and the first one after it that is not; None for all
            that follow.  In the others the network is told the prompt alone.
    """

    pan: float = 1.0
    ms: float = 1.0
    start: int = 0
    end: int | None = None

    def __post_init__(self) -> None:
        if not all(type(scale) in (int, float) and 0.0 <= scale <= STRONGEST for scale in (self.pan, self.ms)):
            raise ValueError(f"the scales of PAN and MS are numbers from 0 to {STRONGEST:g}")
        steps = (self.start, self.start + 1 if self.end is None else self.end)
        if not all(type(step) is int for step in steps) or not 0 <= steps[0] < steps[1]:
            raise ValueError("start and end are steps, counted from 0, the end after the start")

    def at(self, step: int) -> Scales:
        """The scales of a step, counted from 0."""
        if step < self.start or (self.end is not None and step >= self.end):
            return Scales(0.0, 0.0)
        return Scales(self.pan, self.ms)


AS_TRAINED = Strength()


def prompts(sensor: Sensor) -> tuple[str, ...]:
    """Text prompts of a sensor's bands by the published template, in the order of its products.

    Raises:
        RequestError: the sensor's description lacks its bands or a pixel size.
    """
    if not sensor.bands or sensor.pan_gsd is None or sensor.ms_gsd is None:
        raise RequestError(
            f"the description of {sensor.name} lacks bands or pixel sizes",
            where="--sensor",
            fix="name a sensor with PAN and MS, or leave --sensor out",
        )
    name = _SENSORS.get(sensor.name, sensor.name)
    product = f"{name} satellite: PAN {sensor.pan_gsd:g} m; MS {sensor.ms_gsd:g} m; {len(sensor.bands)} bands."
    return tuple(
        f"{product} Band {_BANDS.get(band.name, band.name.capitalize())} {band.low:g}-{band.high:g}nm"
        for band in sensor.bands
    )


def radiometry(sensor: Sensor | None, noise: Literal["shared", "band"]) -> Radiometry:
    """Prompts and brightest value of a sensor; those of no sensor in particular for None."""
    if sensor is None:
        return Radiometry(noise=noise)
    counted = sensor.bits is not None and sensor.bits <= _COUNTED_BITS
    return Radiometry(prompts(sensor), float(2 ** (sensor.bits or 0) - 1) if counted else None, noise)


def images(pan: torch.Tensor, ms: torch.Tensor, maximum: float) -> torch.Tensor:
    """The images that steer the branches.

    Args:
        pan: (B, 1, H, W).
        ms: (B, C, H, W), on the PAN grid.
        maximum: value that becomes 1.

    Returns:
        (B * C, 5, H, W) in 0..1: the MS band four times over, then PAN.
    """
    tiles, bands, height, width = ms.shape
    band = ms[:, :, None].expand(tiles, bands, PLANES["spe"], height, width)
    shared = pan[:, None].expand(tiles, bands, PLANES["spa"], height, width)
    return (torch.cat((band, shared), dim=2).flatten(0, 1) / maximum).clamp(0.0, 1.0)


def read_embeddings(
    path: Path, wanted: Sequence[str], state: Mapping[str, torch.Tensor], length: int
) -> dict[str, torch.Tensor]:
    """The embeddings of some prompts out of a table keyed by prompt.

    Args:
        path: of the table, for messages.
        state: (tokens, length) of each prompt.

    Raises:
        ModelError: a prompt is missing, or an embedding has another shape than the others or another length.
    """
    missing = [prompt for prompt in wanted if prompt not in state]
    if missing:
        raise ModelError(
            f"there is no embedding of {len(missing)} prompt(s), the first is {missing[0]!r}",
            where=str(path),
            fix="embed it with the CLIP text encoder of Stable Diffusion 1.5",
        )
    found = {prompt: state[prompt] for prompt in wanted}
    tokens = next(iter(found.values())).shape[0]
    odd = [prompt for prompt, value in found.items() if value.shape != (tokens, length)]
    if odd:
        raise ModelError(
            f"the embedding of {odd[0]!r} has shape {tuple(found[odd[0]].shape)}, not ({tokens}, {length})",
            where=str(path),
            fix="embed it with the CLIP text encoder of Stable Diffusion 1.5",
        )
    return found
