"""What the user asks for, and what may be opened: the engine's order form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .contract import Precision


@dataclass(frozen=True, slots=True)
class OpenPolicy:
    """What may be opened: ``vrt`` lifts the refusal of virtual rasters."""

    vrt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for; None means "as the model says".

    Attributes:
        inputs: path (or comma-separated paths) for each input name of the model.
        out: the COG to write.
        tile, overlap: base-grid px.
        extent: (xmin, ymin, xmax, ymax) in the CRS of the first finest input.
        window: (column, row, width, height) in px of the first finest input.
        bands: numbers, from 1, or names of bands of the main input.
        offset, scale_factor: of the main input: reflectance = (DN + offset) * scale_factor; None for what its file
            says.  They become tags of the output and change no DN.
        consistency: ``"on"`` for the sensor's MTF where ``sensor`` or the model names one, else the area mean.  What is
            asked for is enforced in whole; a model's default through an MTF leaves part of the finest, which is noise.
        sensor: of the main input, as ``sensors.find_sensor`` takes it.
        coregister: the main input is moved by its measured shift against the finest one.
        dtype: of the output; None for that of the main input.
        compress: of the output.
        memory: bytes the run may use; None for what is free.
        uncertainty: a second COG to write, in the folder of ``out``: the standard deviation of every pixel.
    """

    inputs: Mapping[str, str]
    out: str
    tile: int | None = None
    overlap: int | None = None
    batch: int | None = None
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    device: str = "cpu"
    precision: Precision = "fp32"
    attention: Literal["sdpa", "xformers"] = "sdpa"
    threads: int | None = None
    consistency: Literal["on", "off", "area", "mtf"] | None = None
    sensor: str | None = None
    coregister: bool = False
    extent: tuple[float, float, float, float] | None = None
    window: tuple[int, int, int, int] | None = None
    bands: tuple[int | str, ...] = ()
    offset: float | None = None
    scale_factor: float | None = None
    dtype: str | None = None
    compress: Literal["zstd", "deflate", "lzw", "none"] = "zstd"
    memory: int | None = None
    overwrite: bool = False
    resume: bool = False
    uncertainty: str | None = None
    policy: OpenPolicy = field(default_factory=OpenPolicy)
