"""From trained adapters to model folders of the published architecture, one a sensor, each with its measured table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from ...engine.contract import InputSpec
from ...engine.quality.reduced import reduced_scores
from ...models.folder import Architecture, Card, QualityRow, write_folder
from ...models.salad_pan.published.conditioning import ANY_BAND, AS_TRAINED, Radiometry
from ...models.salad_pan.published.tile import ARCHITECTURE, RATIOS, SPEC, TEXT
from ..loop import move
from ..stored import halves
from ..trainer import Quality
from .data import SensorBatch
from .recipe import PublishedRecipe
from .stages import AdapterStage

Row = dict[str, float]
UPSAMPLED = "upsampled MS"


@dataclass(frozen=True, slots=True)
class SensorUse:
    """What a model folder says of its sensor.

    Attributes:
        name: of the sensor.
        bands: of its MS.
        prompts: one a band, or one for any.
        text: (tokens, length) of each prompt and of the empty one.
        peak: DN that stands for 1.
    """

    name: str
    bands: int
    prompts: tuple[str, ...]
    text: Mapping[str, torch.Tensor]
    peak: float


def sensor_scores(stage: AdapterStage, batches: Sequence[SensorBatch], steps: int) -> dict[str, dict[str, Row]]:
    """Mean Q2n, SAM (degrees) and ERGAS by sensor, of upsampled MS and of sampled results."""
    device = next(stage.parameters()).device
    found: dict[str, dict[str, list[Row]]] = {}
    for batch in batches:
        fused = stage.fuse(move(batch, device), steps).cpu()
        for title, image in ((UPSAMPLED, batch.ms), (f"{steps} steps", fused)):
            rows = found.setdefault(batch.sensor, {}).setdefault(title, [])
            pairs = zip(image.double().numpy(), batch.target.double().numpy(), strict=True)
            rows += [reduced_scores(a, b, ratio=batch.ratio, bits=None).as_dict() for a, b in pairs]
    return {sensor: {title: _mean(rows) for title, rows in own.items()} for sensor, own in found.items()}


def _mean(rows: Sequence[Row]) -> Row:
    """Of each index over the images that have it, and the number of images."""
    names = [name for name in ("Q2n", "SAM", "ERGAS") if any(name in row for row in rows)]
    means = {name: torch.tensor([row[name] for row in rows if name in row]).double().mean().item() for name in names}
    return {**means, "images": float(len(rows))}


def quality_rows(rows: Mapping[str, Mapping[str, Row]], side: int) -> Quality:
    """The measured table as cards have it: a row for each sensor and kind of image.

    Args:
        rows: from ``sensor_scores``.
        side: of the pairs, px.
    """
    protocol = f"reduced resolution, held-out pairs of {side} px in the unit range, fixed scenes; mean over images"
    return tuple(
        QualityRow(scene=sensor, protocol=f"{title}; {protocol}", values=row)
        for sensor, own in rows.items()
        for title, row in own.items()
    )


def export(
    recipe: PublishedRecipe, stage: AdapterStage, uses: Sequence[SensorUse], quality: Quality, folder: Path
) -> None:
    """Write a model folder a sensor: weights as stored, 16 bit.

    Args:
        recipe: gives name, version and statements.
        stage: trained.
        uses: of each sensor.
        quality: of all sensors.
        folder: of the run.

    Raises:
        ModelError: a weight is not finite.
    """
    state = halves(stage.network)
    for use in uses:
        text = {TEXT + prompt: value for prompt, value in use.text.items()}
        about = _card(recipe, stage, use, tuple(row for row in quality if row.scene == use.name))
        write_folder(folder / about.name, about, {**state, **text})


def model_name(recipe: PublishedRecipe, sensor: str) -> str:
    """Name of the model folder of a sensor."""
    suffix = re.sub("[^a-z0-9]+", "-", sensor.lower()).strip("-")
    return f"{recipe.name}-{suffix}"[:64]


def _card(recipe: PublishedRecipe, stage: AdapterStage, use: SensorUse, quality: Quality) -> Card:
    radiometry = Radiometry(use.prompts, use.peak, stage.noise)
    bands = None if use.prompts == (ANY_BAND,) else use.bands
    spec = replace(
        SPEC,
        name=model_name(recipe, use.name),
        version=recipe.version,
        inputs=(
            InputSpec(name="pan", bands=1, range="native", bits=radiometry.bits),
            InputSpec(name="ms", bands=bands, range="native", ratio=RATIOS, bits=radiometry.bits),
        ),
        needs_statistics=False,
    )
    config = {
        "network": asdict(stage.network.config),
        "use": asdict(radiometry),
        "norm": "tile",
        "strength": asdict(AS_TRAINED),
    }
    return Card.of(
        spec,
        architecture=Architecture(name=ARCHITECTURE, config=json.loads(json.dumps(config))),
        quality=quality,
        **recipe.card.lines(),
    )
