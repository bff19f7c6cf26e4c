"""What the engine asks of a model: a specification, a picklable source, and ``predict`` on a batch of tiles.

The engine knows no model by name.  It hands tiles over on one common lattice, the *base grid* (the grid of the
finest input), and takes tiles back on the output grid: ``ModelSpec.scale`` times as fine, or a px for each whole patch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from .facts import Response, SceneFacts
from .noise import world_noise
from .types import Precision

Task = Literal["pansharpen", "superres", "segment", "classify"]
Range = Literal["native", "unit", "bits"]
Role = Literal["grid", "guide"]
Blend = Literal["mean", "argmax", "max"]
Overview = Literal["mean", "mode", "nearest"]
Sight = Literal["off", "area", "mtf"]
"""How a pixel of the main input is taken to see the output where the two are made consistent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """One named input of a model.

    Attributes:
        name: key in the batch: ``"image"``, ``"pan"``, ``"ms"``, ``"reference"``.
        bands: the band count the model takes; None for any.
        range: what the tensors hold: ``"native"`` stored values (DN); ``"unit"``: DN divided by the band's robust
            maximum over the scene, so that most values lie in 0..1 (nothing is clipped); ``"bits"``: DN divided by
            2 ** ``bits`` - 1.
        kernel: how an input that is coarser than the base grid is sampled onto it.
        ratio: least and most base-grid px per px of this input that the model takes; None for any.
        bits: depth of the sensor whose stored values are expected, where whole numbers are stored; None where any
            will do.  Shallower ones are refused, and deeper ones where 8 are expected: a sensor of more has them stored
            in 16.
        role: ``"grid"``: the input has a part in the base grid, and what it masks is masked in the output.
            ``"guide"``: it only helps, may lie in another CRS, be finer, have holes and be left out; the batch tells
            where it is valid, as ``NAME_valid``.
        finer: px of this input's tensors per base-grid px along an axis; above 1 for guides alone, so that a model that
            refines sees a reference at the size of its output.
        as_main: its bands are those of the main input, found by their names, or as many in the same order.
    """

    name: str
    bands: int | None = None
    range: Range = "native"
    kernel: Literal["cubic", "lanczos"] = "cubic"
    ratio: tuple[float, float] | None = None
    bits: int | None = None
    role: Role = "grid"
    finer: int = 1
    as_main: bool = False

    def __post_init__(self) -> None:
        if self.finer < 1 or (self.finer > 1 and self.role == "grid"):
            raise ValueError(f"the input {self.name} is given on the base grid; only guides are finer than it")
        if self.range == "bits" and self.bits is None:
            raise ValueError(f"the input {self.name} is in the range of its bits, but has no bits")


@dataclass(frozen=True, slots=True)
class Category:
    """A class of a class map: its name, and its colour as (red, green, blue), 0..255 each."""

    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """One named output of a model, a raster of its own on the output grid.

    Attributes:
        name: key in what ``predict`` returns.
        planes: how many planes ``predict`` gives; None for as many as the main input has bands, which are its bands.
        range: of the planes: that of the main input (``"main"``; plane by plane, so it takes as many planes as the
            main input has bands), or stored values of this output (``"native"``).
        dtype: of the raster; None for that of the main input, or what the user asks for.
        blend: ``"mean"``: what overlapping tiles say is averaged, plane by plane.  ``"argmax"``: so are
            probabilities or scores of classes, and the raster holds the number of the largest, in one band.  ``"max"``:
            likewise, but it holds the largest itself, as float32: how confident the model is of the class.
        overview: how four pixels become one in an overview: by the ``"mean"`` of the valid ones, the ``"mode"`` (the
            most frequent value, the lowest of several), or the ``"nearest"`` (the first).
        consistent: whether the run's consistency corrects it.
        difference: its values are differences of stored values, so that scales hold for them and offsets do not.
        label: name of a band; ``{band}`` stands for the name of the main input's.
        labels: names of the bands, where they are not the main input's.
        unit: of the values, where they are not the main input's.
        categories: the classes of an ``"argmax"``, in the order of its planes.
        note: one sentence on what the values are, for the tags; ``{image}`` stands for the file of the first output.
    """

    name: str = "image"
    planes: int | None = None
    range: Literal["main", "native"] = "main"
    dtype: str | None = None
    blend: Blend = "mean"
    overview: Overview = "mean"
    consistent: bool = False
    difference: bool = False
    label: str = "{band}"
    labels: tuple[str, ...] = ()
    unit: str = ""
    categories: tuple[Category, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.decides and (self.planes is None or not 2 <= self.planes <= MOST_CLASSES):
            raise ValueError(f"classes are planes, 2 to {MOST_CLASSES}; {self.name} has {self.planes}")
        for values in (self.categories, self.labels):
            if values and len(values) != self.planes:
                raise ValueError(f"{self.name} has {self.planes} planes and names {len(values)}")

    @property
    def decides(self) -> bool:
        """Whether its planes become one band once they are blended."""
        return self.blend != "mean"


MOST_CLASSES = 255
"""Classes that a byte can number beside the value of masked pixels."""

IMAGE = OutputSpec(consistent=True)
"""The image itself: bands, data type and radiometry of the main input."""

UNCERTAINTY = OutputSpec(
    name="uncertainty",
    dtype="float32",
    difference=True,
    label="standard deviation of {band}",
    note="Standard deviation of the pixels of {image}, in its stored units, as the model estimates it.",
)
"""How uncertain each pixel of the image is: finite and not negative.

A weighted mean of standard deviations is an upper bound of the deviation of the blended image, reached where the errors
of both tiles agree (Minkowski's inequality), so that hand-overs are never called more certain than they are.  The
consistency corrects the image alone: deviations stay what the model said.
"""


def class_outputs(categories: tuple[Category, ...]) -> tuple[OutputSpec, ...]:
    """The outputs of a model that tells classes apart; ``predict`` gives its probabilities for each of the three."""
    count = len(categories)
    names = tuple(category.name for category in categories)
    return (
        OutputSpec(
            name="classes", planes=count, range="native", blend="argmax", overview="mode", categories=categories
        ),
        OutputSpec(name="probabilities", planes=count, range="native", dtype="float32", labels=names),
        OutputSpec(name="confidence", planes=count, range="native", dtype="float32", blend="max"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """What the engine must know of a model to plan a run.

    Attributes:
        inputs: named inputs; the first one is the finest and gives the base grid.
        main: name of the input whose bands, dtype and radiometry the output keeps.
        outputs: what the model gives; the first one always, the others where they are wanted.
        scale: output pixels per base-grid pixel along an axis.
        patch: base-grid px per output px along an axis, for models that say something of whole patches; ``scale`` is 1
            then and ``align`` a multiple of twice the patch.  A patch is valid where any of its px is; the last ones
            may overhang the scene.
        align: tile sizes and origins are multiples of this many base-grid px.
        margin: base-grid px at a tile's rim whose output is not trusted, and not used.
        tile, overlap: default tile side and least overlap, base-grid px; ``overlap >= 2 * margin``.
        exact: nothing outside a tile matters inside its margin, whatever its size, so that tiles may be smaller.
        batch: default count of tiles a batch.
        latent: base-grid px per latent cell, the lattice on which noise is drawn.
        work_bytes: memory of the network for each base-grid px of a batch, measured on four bands; 0 where unknown.
        needs_statistics: the scene is sampled before the run (``measure`` and the unit range need it).
        needs_facts: the model is told the facts of the scene that its main input shows.
        stochastic: the output depends on the seed.
        generated: pixels come from a learned model; provenance tags say so.
        consistency: enforced by default after blending: through the ``"mtf"`` that was measured on a pair or of the
            sensor that the user names, with the ``"area"`` mean, or ``"off"``.
        options: names of the run options that the model uses (``"steps"``, ``"guidance"``, ``"blend"``).
        stepping: by default its tiles are blended between steps, so it is a ``SteppingModel``; with ``"blend"`` both.
    """

    name: str
    version: str
    task: Task
    inputs: tuple[InputSpec, ...]
    main: str
    outputs: tuple[OutputSpec, ...] = (IMAGE,)
    scale: int = 1
    patch: int = 1
    align: int = 1
    margin: int = 0
    tile: int = 512
    overlap: int = 64
    exact: bool = False
    batch: int = 1
    latent: int = 1
    work_bytes: int = 0
    needs_statistics: bool = False
    needs_facts: bool = False
    stochastic: bool = False
    generated: bool = False
    consistency: Sight = "off"
    options: frozenset[str] = frozenset()
    stepping: bool = False

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.outputs]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"{self.name} needs outputs, each named once; not {names}")
        if self.inputs[0].role != "grid" or self.input(self.main).role != "grid":
            raise ValueError(f"the first input of {self.name} and its main one make the grid; neither is a guide")
        if self.patch < 1 or (self.patch > 1 and (self.scale > 1 or self.align % (2 * self.patch))):
            raise ValueError(
                f"patches of {self.patch} px need scale 1 and an align that is a multiple of twice their side; "
                f"{self.name} has scale {self.scale} and align {self.align} px"
            )

    def input(self, name: str) -> InputSpec:
        """The input of that name (KeyError if the model has none)."""
        return {spec.name: spec for spec in self.inputs}[name]

    def output(self, name: str) -> OutputSpec:
        """The output of that name (KeyError if the model has none)."""
        return {spec.name: spec for spec in self.outputs}[name]

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the outputs that are written only where they are wanted."""
        return tuple(spec.name for spec in self.outputs[1:])

    @property
    def grids(self) -> tuple[InputSpec, ...]:
        """The inputs that make the base grid."""
        return tuple(spec for spec in self.inputs if spec.role == "grid")


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
        statistics: sums of ``measure`` over the sample blocks, as it laid them out; empty where nothing is measured.
        wanted: names of the outputs that are wanted; a model need not compute others.
        checkpoint: raises ``Cancelled`` when the user cancelled; call it once a denoising step.
        facts: of the whole scene, whatever part of it is wanted; None where the model needs none.
        delivered: for each input name, px of its grid per px in which each band was delivered.
        response: how the main input was seen, noise in the range that the model is given; None where nobody could tell.
    """

    seed: int
    sample: int
    origins: tuple[tuple[int, int], ...]
    ratio: Mapping[str, tuple[float, float]]
    statistics: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    wanted: frozenset[str] = frozenset({"image"})
    checkpoint: Callable[[], None] = lambda: None
    facts: SceneFacts | None = None
    delivered: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    response: Response | None = None

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
        draw = partial(world_noise, seed=self.seed, stream=stream, sample=self.sample, step=step, bands=bands)
        tiles = [
            draw(channels=channels, row=row // cell, column=column // cell, shape_hw=(rows, columns))
            for row, column in self.origins
        ]
        return torch.from_numpy(np.stack(tiles))


Batch = Mapping[str, torch.Tensor]
"""For each input, float32 (B, C, h, w) on the run's device, in the input's range, already on the base grid and free of
masked or non-finite values; a guide that is ``finer`` has so many times as many px along an axis.  A guide named
``reference`` comes with ``reference_valid`` (B, 1, h, w), 1 where it shows the ground and 0 where its values are filled
in; where the user gave none, both are missing."""

Prediction = torch.Tensor | Mapping[str, torch.Tensor]
"""What a model says of a batch: for each wanted output (B, planes, h * scale / patch, w * scale / patch); a tensor is
the first one."""


@runtime_checkable
class TileModel(Protocol):
    """A loaded model."""

    def predict(self, batch: Batch, where: Where) -> Prediction:
        """Predict a batch of tiles.

        Args:
            batch: the inputs.
            where: anchors, scene-wide facts, and which outputs are wanted.

        Returns:
            The wanted outputs.  What else is wanted changes no bit of an output.
        """
        ...


@runtime_checkable
class SteppingModel(Protocol):
    """A model that shows its steps, so that the engine can blend its tiles between them.

    All tiles of a tile row take a step before any takes the next one, and after each their states are handed over to
    their neighbours' as pixels are.  Tile rows know nothing of each other; their pixels are blended at the end.
    """

    @property
    def steps(self) -> int:
        """How many steps."""
        ...

    def begin(self, batch: Batch, where: Where) -> torch.Tensor:
        """The state before the first step: (B, C, h / latent, w / latent)."""
        ...

    def step(self, state: torch.Tensor, index: int, batch: Batch, where: Where) -> torch.Tensor:
        """The state after step ``index``, counted from 0; shape as before."""
        ...

    def decode(self, state: torch.Tensor, batch: Batch, where: Where) -> Prediction:
        """What the state after the last step says, as ``predict`` would."""
        ...


@runtime_checkable
class MeasuringModel(Protocol):
    """A model that needs sums over the scene before its first tile."""

    def measure(self, batch: Batch, valid: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """Sums over one sample block, float64 and one-dimensional; the engine adds the blocks up in plan order.

        Args:
            batch: as for ``predict``, with one tile (B = 1), including a rim of ``margin`` px where there is one.
            valid: bool (1, 1, h, w): pixels to be counted (valid in every input, inside the rim).
            where: as for ``predict``, without statistics.
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

    def load(self, runtime: Runtime) -> TileModel | SteppingModel:
        """Load the model for one process and device.

        Raises:
            ModelError: a file is missing, altered or unsafe, or the device cannot run it.
        """
        ...
