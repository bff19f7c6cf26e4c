"""What the engine asks of a model: a specification, a picklable source, and ``predict`` on a batch of tiles.

The engine knows no model by name.  It hands tiles over on one common lattice, the *base grid* (the grid of the
finest input), and takes tiles back on the output grid (the base grid times ``ModelSpec.scale``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from .noise import world_noise

Task = Literal["pansharpen", "superres", "segment", "classify"]
Range = Literal["native", "unit"]
Precision = Literal["fp32", "bf16", "fp16"]
Sight = Literal["off", "area", "mtf"]
"""How a pixel of the main input is taken to see the output where the two are made consistent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One named input of a model.

    Attributes:
        name: key in the batch: ``"image"``, ``"pan"``, ``"ms"``, ``"reference"``.
        bands: the band count the model takes; None for any.
        range: what the tensors hold: ``"native"`` stored values (DN), or ``"unit"``: DN divided by the band's
            robust maximum over the scene, so that most values lie in 0..1 (nothing is clipped).
        kernel: how an input that is coarser than the base grid is sampled onto it.
        ratio: least and most base-grid px per px of this input that the model takes; None for any.
        bits: depth of the sensor whose stored values are expected; None where any depth will do.
    """

    name: str
    bands: int | None = None
    range: Range = "native"
    kernel: Literal["cubic", "lanczos"] = "cubic"
    ratio: tuple[float, float] | None = None
    bits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What the engine must know of a model to plan a run.

    Attributes:
        inputs: named inputs; the first one is the finest and gives the base grid.
        main: name of the input whose bands, dtype and radiometry the output keeps.
        bands: output band count; None for as many as the main input has.
        scale: output pixels per base-grid pixel along an axis.
        align: tile sizes and origins are multiples of this many base-grid px.
        margin: base-grid px at a tile's rim whose output is not trusted, and not used.
        tile, overlap: default tile side and least overlap, base-grid px; ``overlap >= 2 * margin``.
        batch: default count of tiles a batch.
        latent: base-grid px per latent cell, the lattice on which noise is drawn.
        needs_statistics: the scene is sampled before the run (``measure`` and the unit range need it).
        stochastic: the output depends on the seed.
        generated: pixels come from a learned model; provenance tags say so.
        consistency: enforced by default after blending: with the ``"mtf"`` of the sensor (that of an unknown one where
            the user names none), with the ``"area"`` mean, or ``"off"``.
        options: names of the run options that the model uses (``"steps"``, ``"guidance"``).
        uncertainty: the model is an ``UncertainModel``: it can say how far its pixels may be off.
    """

    name: str
    version: str
    task: Task
    inputs: tuple[InputSpec, ...]
    main: str
    bands: int | None = None
    scale: int = 1
    align: int = 1
    margin: int = 0
    tile: int = 512
    overlap: int = 64
    batch: int = 1
    latent: int = 1
    needs_statistics: bool = False
    stochastic: bool = False
    generated: bool = False
    consistency: Sight = "off"
    options: frozenset[str] = frozenset()
    uncertainty: bool = False

    def input(self, name: str) -> InputSpec:
        """The input of that name (KeyError if the model has none)."""
        return {spec.name: spec for spec in self.inputs}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """How a model is to be loaded: device (``"cpu"``, ``"cuda:0"``), precision, attention backend, run options."""

    device: str = "cpu"
    precision: Precision = "fp32"
    attention: Literal["sdpa", "xformers"] = "sdpa"
    steps: int | None = None
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where in the world the tiles of a batch lie, so that a model's randomness belongs to the ground.

    Attributes:
        seed, sample: of the run.
        origins: (row, column) of each tile's first pixel on the world lattice of the base grid, px.
        ratio: for each input name, base-grid px per input px along (row, column); (1.0, 1.0) for the finest.
        statistics: the sums of ``measure`` over the scene's sample blocks, as that method laid them out; empty
            where the model measures nothing.
        checkpoint: raises ``Cancelled`` when the user cancelled; call it once a denoising step.
    """

    seed: int
    sample: int
    origins: tuple[tuple[int, int], ...]
    ratio: Mapping[str, tuple[float, float]]
    statistics: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    checkpoint: Callable[[], None] = lambda: None

    def noise(self, stream: int, step: int, shape: tuple[int, int, int, int], *, cell: int = 1) -> torch.Tensor:
        """Standard normal noise anchored to the ground.

        Args:
            stream: number of the model's noise source (0 initial latent, 1 per-step noise, ...).
            step: number of the denoising step.
            shape: (bands, channels, rows, columns) in cells, for one tile.
            cell: base-grid px per cell (the latent factor).

        Returns:
            (tiles, bands, channels, rows, columns), float32, on the CPU.
        """
        bands, channels, rows, columns = shape
        tiles = [
            world_noise(
                seed=self.seed,
                stream=stream,
                sample=self.sample,
                step=step,
                bands=bands,
                channels=channels,
                row=row // cell,
                column=column // cell,
                shape_hw=(rows, columns),
            )
            for row, column in self.origins
        ]
        return torch.from_numpy(np.stack(tiles))


@runtime_checkable
class TileModel(Protocol):
    """A loaded model."""

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> torch.Tensor:
        """Predict a batch of tiles.

        Args:
            batch: for each input, float32 (B, C, h, w) on the run's device, in the input's range, already on the
                base grid and free of masked or non-finite values.
            where: anchors and scene-wide facts.

        Returns:
            (B, C, h * scale, w * scale) in the range of the main input.
        """
        ...


@runtime_checkable
class MeasuringModel(TileModel, Protocol):
    """A model that needs sums over the scene before its first tile."""

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """Sums over one sample block, float64 and one-dimensional; the engine adds the blocks up in plan order.

        Args:
            batch: as for ``predict``, with one tile (B = 1), including a rim of ``margin`` px where there is one.
            valid: bool (1, 1, h, w): pixels to be counted (valid in every input, inside the rim).
            where: as for ``predict``, without statistics.
        """
        ...


@runtime_checkable
class UncertainModel(TileModel, Protocol):
    """A model that knows how uncertain its pixels are; its specification says ``uncertainty``."""

    def predict_with_uncertainty(
        self, batch: Mapping[str, torch.Tensor], where: Where
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict a batch of tiles and the standard deviation of every pixel; called only where deviations are wanted.

        The engine blends deviations with the weights of the image.  A weighted mean of standard deviations is an upper
        bound of the deviation of the blended image, reached where the errors of both tiles agree (Minkowski's
        inequality), so that hand-overs are never called more certain than they are.  The consistency corrects the image
        alone: deviations stay what the model said.

        Args:
            batch, where: as for ``predict``.

        Returns:
            (image, deviation), each (B, C, h * scale, w * scale) in the range of the main input.  The image holds the
            bits that ``predict`` gives; deviations are finite and not negative.
        """
        ...


class ModelSource(Protocol):
    """A picklable recipe for a model; worker processes load through it.

    Attributes:
        spec: what the plan needs.
        identity: name, version and content hash; part of the run's identity.
    """

    @property
    def spec(self) -> ModelSpec:
        """What the plan needs."""
        ...

    @property
    def identity(self) -> str:
        """Part of the run's identity."""
        ...

    def load(self, runtime: Runtime) -> TileModel:
        """Load the model for one process and device.

        Raises:
            ModelError: a file is missing, altered or unsafe, or the device cannot run it.
        """
        ...
