"""The student as a tile model: tiles of any band count in, tiles ``scale`` times as fine out.

As published it looks at the whole tile, so tiles are as large as the images of its training, are blended, and are not
exact: pixels depend on the tile grid, and the seam score of a run says by how much.  What it knows of the whole can be
the scene's instead, where the model folder says so: a departure from the released inference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ...engine.contract import (
    IMAGE,
    UNCERTAINTY,
    Batch,
    InputSpec,
    ModelSpec,
    OutputSpec,
    Prediction,
    Runtime,
    TileModel,
    Where,
)
from ...engine.errors import ModelError
from ..folder import Architecture, Card, floats, load_strictly
from ..placed import channels_last
from .bands import Rule, groups, in_groups
from .colour import Match
from .colour import sums as colour_sums
from .config import Config
from .network import SlimDiffSR, outline
from .reach import reach
from .wholes import AS_PUBLISHED, Looking, MeasuredWholes, SceneWholes, Wholes, unmeasured

ARCHITECTURE = "slimdiffsr"
WORK_BYTES = 1000
"""For each output px of a batch, measured on the students that ship."""
QUERIES = "queries"
"""Name of the output that says where the queries look."""
LARGEST_SCALE = 16
DEEPEST = 16
_CUBIC = 2  # input px that bicubic interpolation sees on either side


@dataclass(frozen=True, slots=True)
class Use:
    """How a student is applied to scenes.

    Attributes:
        scale: output px per input px.
        tile: input px along a side of the images of its training; the default tile.
        bands: what is done with bands of another count than the network has channels.
        colour: whether mean and deviation of each band are set to those of the input, over the scene, as released.
        wholes: whether norms, gates and queries see the tile, as released, or the scene.
        bits: of images whose largest value is 1 to the network, as released; None where the engine hands over the unit
            range.
    """

    scale: int
    tile: int
    bands: Rule = "groups"
    colour: Literal["scene", "none"] = "scene"
    wholes: Literal["tile", "scene"] = "tile"
    bits: int | None = None

    def __post_init__(self) -> None:
        if type(self.scale) is not int or not 2 <= self.scale <= LARGEST_SCALE:
            raise ValueError(f"scale is a whole number from 2 to {LARGEST_SCALE}, not {self.scale!r}")
        if type(self.tile) is not int or self.tile < 1:
            raise ValueError("tile is a positive whole number")
        if self.bands not in ("groups", "single") or self.colour not in ("scene", "none"):
            raise ValueError("bands is groups or single, and colour scene or none")
        if self.wholes not in ("tile", "scene"):
            raise ValueError("wholes is tile or scene")
        if self.bits is not None and (type(self.bits) is not int or not 1 <= self.bits <= DEEPEST):
            raise ValueError(f"bits is a whole number from 1 to {DEEPEST}, not {self.bits!r}")


Parts = tuple[torch.Tensor, ...]
"""An image, and its deviations or their logarithm where they are asked for, all of one shape."""


class SlimTile:
    """A loaded student.

    Args:
        network: in evaluation mode, on the run's device.
        use: how it is applied.
    """

    def __init__(self, network: SlimDiffSR, use: Use) -> None:
        self.network, self.use = network, use

    @torch.inference_mode()
    def predict(self, batch: Batch, where: Where) -> Prediction:
        """Sharpen tiles.

        Args:
            batch: ``"image"`` (B, C, h, w), unit range.
            where: its ``checkpoint``, whether the uncertainty is wanted, and the statistics of the scene where they are
                needed.

        Returns:
            The image, and its ``"uncertainty"`` where it is wanted: (B, C, h * scale, w * scale) each, unit range;
            where they are wanted ``"queries"``, (B, queries, h * scale, w * scale).

        Raises:
            ModelError: the network knows the scene, and ``where`` holds no statistics or those of other bands; or
                deviations are wanted of one without a head for them.
        """
        deviations = UNCERTAINTY.name in where.wanted
        if deviations and not self.network.config.deviation:
            raise ModelError("this network tells no deviations", where=ARCHITECTURE, fix="run it without --uncertainty")
        parts = self.predicted(batch["image"], where, deviations=deviations)
        looks = {QUERIES: self.looks(batch["image"], where)} if QUERIES in where.wanted else {}
        if len(parts) == 1 and not looks:
            return parts[0]
        return dict(zip((IMAGE.name, UNCERTAINTY.name), parts, strict=False)) | looks

    def looks(self, image: torch.Tensor, where: Where) -> torch.Tensor:
        """Where each query of the last layer looks, on the average over the groups of bands.

        In a pass of its own, so that the image is the same whether it is asked for or not.

        Returns:
            (B, queries, h * scale, w * scale), 1 on the average over a tile.
        """
        upsampled, config = self.upsampled(image), self.network.config
        height, width = upsampled.shape[-2:]
        wholes = self.wholes(image, where)
        found: list[torch.Tensor] = []

        def network(planes: torch.Tensor) -> Parts:
            looking = Looking(next(wholes))
            sharpened = self.network(planes, looking)
            found.append(looking.weights)
            return (sharpened,)

        self.sharpen(upsampled, where, network)
        columns = -(-width // config.stride) * config.stride // config.factor
        maps = torch.stack(found).mean(dim=0)
        maps = maps.reshape(*maps.shape[:2], -1, columns)
        fine: torch.Tensor = maps.repeat_interleave(config.factor, 2).repeat_interleave(config.factor, 3)
        return fine[..., :height, :width]

    def wholes(self, image: torch.Tensor, where: Where) -> Iterator[Wholes]:  # noqa: ARG002
        """What the layers know in each pass, one a group of bands."""
        return repeat(AS_PUBLISHED)

    def predicted(self, image: torch.Tensor, where: Where, *, deviations: bool) -> Parts:
        """What (B, C, h, w) becomes: (B, C, h * scale, w * scale) each, unit range."""
        return self.sharpen(self.upsampled(image), where, lambda planes: self.passed(planes, deviations=deviations))

    def passed(self, planes: torch.Tensor, *wholes: Wholes, deviations: bool) -> Parts:
        """One pass of the network: its image and, where asked for, the log-variance, in its range."""
        if deviations:
            return self.network.with_deviation(planes, *wholes)
        return (self.network(planes, *wholes),)

    def upsampled(self, image: torch.Tensor) -> torch.Tensor:
        """Bicubic interpolation by the scale at pixel centres, as the network saw it in training: a = -0.75."""
        return F.interpolate(image, scale_factor=self.use.scale, mode="bicubic", align_corners=False)

    def sharpen(self, upsampled: torch.Tensor, where: Where, network: Callable[[torch.Tensor], Parts]) -> Parts:
        """(B, C, H, W) at the size of the result, to the same shape and range.

        The network sees 0..1 as -1..1.  In the unit range what lies beyond, as the brightest pixels of a scene do, goes
        round it and is added again.  In that of bits only the interpolation goes beyond, and the network sees it.

        Args:
            network: called for every group of bands; see ``passed``.
        """

        def in_unit_range(planes: torch.Tensor) -> torch.Tensor:
            where.checkpoint()
            image, *log_variance = network(2.0 * planes - 1.0)
            # Half of a deviation in -1..1 is one in 0..1.
            deviation = [0.5 * torch.exp(0.5 * each.float()) for each in log_variance]
            return torch.stack([image.float() / 2.0 + 0.5, *deviation], dim=2)

        known = upsampled.clamp(0.0, 1.0) if self.use.bits is None else upsampled
        found = in_groups(in_unit_range, known, self.network.config.image, self.use.bands)
        image, *deviation = found.unbind(dim=2)
        return image + (upsampled - known), *deviation


class MatchedTile(SlimTile):
    """A loaded student whose colours are set to those of the scene."""

    def predicted(self, image: torch.Tensor, where: Where, *, deviations: bool) -> Parts:
        """As ``SlimTile.predicted``, with the colours that ``measure`` found for the scene."""
        parts = super().predicted(image, where, deviations=deviations)
        # Nothing was measured where no sample block has a valid pixel.
        return _matched(parts, where.statistics) if where.statistics.size else parts

    def measure(self, batch: Mapping[str, torch.Tensor], valid: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """Sums over one block, which is cut into images as large as those of the training.

        Returns:
            Colours of result and input, as ``colour.sums``.
        """
        scale, side = self.use.scale, self.use.tile
        upsampled = self.upsampled(batch["image"].to(next(self.network.parameters()).device))
        counted = valid[0, 0].repeat_interleave(scale, 0).repeat_interleave(scale, 1)
        # From the first counted row and column on, so that a block without a mask is a whole number of images.
        rows, columns = (counted.any(axis).nonzero().flatten().tolist() for axis in (1, 0))
        total = np.zeros(1)
        for row in range(rows[0], rows[-1] + 1, side * scale):
            for column in range(columns[0], columns[-1] + 1, side * scale):
                inside = (..., slice(row, row + side * scale), slice(column, column + side * scale))
                if counted[inside].any():
                    total = total + self.sums(upsampled[inside], counted[inside], where)
        return total

    def sums(self, upsampled: torch.Tensor, counted: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """What ``measure`` adds up, of one image (1, C, H, W) whose px count where the bool (H, W) says so."""
        image, *_ = self.sharpen(upsampled, where, lambda planes: self.passed(planes, deviations=False))
        return colour_sums(image[0], upsampled[0], counted)


class SceneTile(MatchedTile):
    """A loaded student that knows the whole scene, and sets colours to it where asked to.

    Its statistics are the sums of the colours, where these are set, then those of ``wholes.MeasuredWholes`` for one
    group of bands after the other.
    """

    def predicted(self, image: torch.Tensor, where: Where, *, deviations: bool) -> Parts:
        """As ``SlimTile.predicted``."""
        wholes, colours = self.wholes(image, where), self._colours(image)
        parts = self.sharpen(
            self.upsampled(image), where, lambda planes: self.passed(planes, next(wholes), deviations=deviations)
        )
        return _matched(parts, where.statistics[:colours]) if colours else parts

    def wholes(self, image: torch.Tensor, where: Where) -> Iterator[Wholes]:
        """As ``SlimTile.wholes``."""
        passes = len(list(groups(image.shape[1], self.network.config.image, self.use.bands)))
        given = where.statistics[self._colours(image) :]
        if len(given) % passes:
            raise unmeasured()
        return (SceneWholes(part, image.device) for part in np.split(given, passes))

    def _colours(self, image: torch.Tensor) -> int:
        """How many of the statistics are those of the colours."""
        return 5 * image.shape[1] if self.use.colour == "scene" else 0

    def sums(self, upsampled: torch.Tensor, counted: torch.Tensor, where: Where) -> NDArray[np.float64]:
        """As ``MatchedTile.sums``, followed by what the layers saw."""
        passes: list[MeasuredWholes] = []

        def network(planes: torch.Tensor) -> Parts:
            passes.append(MeasuredWholes(counted, self.network.config.stride))
            return self.passed(planes, passes[-1], deviations=False)

        image, *_ = self.sharpen(upsampled, where, network)
        colours = colour_sums(image[0], upsampled[0], counted) if self.use.colour == "scene" else np.zeros(0)
        return np.concatenate([colours, *(each.sums for each in passes)])


def _matched(parts: Parts, statistics: NDArray[np.float64]) -> Parts:
    """Image and deviations in the colours of the scene."""
    match = Match.of(statistics)
    return match(parts[0]), *(match.scaled(each) for each in parts[1:])


def sight(config: Config, use: Use) -> int:
    """Bound of the distance of input px, along an axis, that decide a px where the network knows the scene.

    Raises:
        ValueError: as ``reach``.
    """
    return -(-reach(config) // use.scale) + _CUBIC


def card(
    config: Config,
    use: Use,
    *,
    name: str,
    version: str,
    licence: str,
    training_data: str,
    citation: str,
    tile: int | None = None,
    margin: int | None = None,
    batch: int = 1,
) -> Card:
    """The card of a student.

    The margin keeps the rim, where convolutions see padding, out of the result.  What lies outside a tile would change
    pixels at any depth where the network sees the whole tile; where it knows the scene, pixels farther than ``sight``
    from the rim are exact, and the margin is as wide as that where a tile has four times the room.

    Args:
        tile: input px along a side of a tile, rounded up to what the network takes; that of the training where None.
            Only a network that knows the scene, or sees cells alone, does not mind another.
        margin: input px at a tile's rim that are not used, as measured on weights of a network that sees cells alone.
        batch: tiles at a time.

    Raises:
        ValueError: the network cannot do without seeing all of a tile, and is asked to.
    """
    align = config.stride // math.gcd(config.stride, use.scale)
    tile = -(-(tile or use.tile) // align) * align
    if margin is None:
        margin = tile // 16
        if use.wholes == "scene" and 4 * sight(config, use) <= tile:
            margin = sight(config, use)
    spec = ModelSpec(
        name=name,
        version=version,
        task="superres",
        inputs=(InputSpec(name="image", range="unit" if use.bits is None else "bits", bits=use.bits),),
        main="image",
        outputs=_outputs(config),
        scale=use.scale,
        align=align,
        margin=margin,
        tile=tile,
        overlap=2 * margin + align if config.sees == "cell" else max(tile // 4, 2 * margin),
        exact=config.sees == "cell",
        batch=batch,
        work_bytes=WORK_BYTES * use.scale**2,
        needs_statistics=True,
        generated=True,
        # A network that knows noise and compression from detail loses by giving them back.  Through the MTF where the
        # user names the sensor; a wrong one sharpens what is sharp.  The released inference knows none.
        consistency="off" if config.sees == "cell" or use.bits is not None else "area",
    )
    return Card.of(
        spec,
        architecture=Architecture(
            name=ARCHITECTURE, config=json.loads(json.dumps({"network": asdict(config), "use": asdict(use)}))
        ),
        licence=licence,
        training_data=training_data,
        citation=citation,
    )


def _outputs(config: Config) -> tuple[OutputSpec, ...]:
    outputs = (IMAGE, UNCERTAINTY) if config.deviation else (IMAGE,)
    if config.attention != "qgam":
        return outputs
    note = "Where each query of the last layer looks in {image}: 1 is as much as on the average over a tile."
    names = tuple(f"query {k + 1}" for k in range(config.queries))
    looks = OutputSpec(
        name=QUERIES, planes=config.queries, range="native", dtype="float32", labels=names, unit="average", note=note
    )
    return (*outputs, looks)


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Build the network and load its weights strictly.

    Args:
        config: ``"network"`` as ``Config`` and ``"use"`` as ``Use`` name their values.
        state: tensors of ``SlimDiffSR``.
        runtime: device; the engine sets the precision around ``predict``.

    Raises:
        ModelError: config or weights do not fit.
    """
    try:
        shape, use = Config.of(config["network"]), Use(**config["use"])
        if use.wholes == "scene":
            reach(shape)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the config does not describe this network ({error})", where=ARCHITECTURE, fix="fetch the model again"
        ) from error
    network = outline(shape)
    load_strictly(network, floats(state), where=ARCHITECTURE)
    if shape.sees == "cell":
        network = channels_last(network, runtime.device)
    else:
        network = network.eval().requires_grad_(False).to(runtime.device)
    if use.wholes == "scene":
        return SceneTile(network, use)
    return MatchedTile(network, use) if use.colour == "scene" else SlimTile(network, use)
