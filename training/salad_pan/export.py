"""From trained adapters to model folders of the published architecture, one a sensor, each with its measured table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ...engine.contract import Range
from ...engine.quality.reduced import reduced_scores
from ...models.folder import Architecture, Card, Input, QualityRow, write_folder
from ...models.salad_pan.published.conditioning import ANY_BAND, Radiometry
from ...models.salad_pan.published.tile import ARCHITECTURE, RATIOS, SPEC, TEXT
from ..loop import move
from ..recipe import Recipe
from .data import SensorBatch
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


def measure(stage: AdapterStage, batches: Sequence[SensorBatch], steps: int) -> dict[str, dict[str, Row]]:
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


def export(
    recipe: Recipe, stage: AdapterStage, uses: Sequence[SensorUse], batches: Sequence[SensorBatch], folder: Path
) -> Path:
    """Write a model folder a sensor: weights as stored (16 bit), measured as stored.

    Args:
        recipe: gives name, version and statements.
        stage: trained; its network is rounded to what is stored.
        uses: of each sensor; the first is the one that is returned.
        batches: held-out pairs.
        folder: of the run.

    Raises:
        ModelError: a weight is not finite.
    """
    state = {name: value.detach().cpu().half() for name, value in stage.network.state_dict().items()}
    stage.network.load_state_dict({name: value.float() for name, value in state.items()})
    rows = measure(stage, batches, recipe.salad.steps)
    paths = []
    for use in uses:
        text = {TEXT + prompt: value for prompt, value in use.text.items()}
        paths.append(folder / model_name(recipe, use.name))
        write_folder(paths[-1], _card(recipe, stage, use, rows.get(use.name, {})), {**state, **text})
    return paths[0]


def model_name(recipe: Recipe, sensor: str) -> str:
    """Name of the model folder of a sensor."""
    suffix = re.sub("[^a-z0-9]+", "-", sensor.lower()).strip("-")
    return f"{recipe.name}-{suffix}"[:64]


def _card(recipe: Recipe, stage: AdapterStage, use: SensorUse, rows: Mapping[str, Row]) -> Card:
    noise, config = stage.noise, stage.network.config
    radiometry = Radiometry(use.prompts, use.peak, noise)
    span: Range = "native"
    bands = None if use.prompts == (ANY_BAND,) else use.bands
    shared = ("task", "main", "align", "margin", "tile", "overlap", "latent", "stochastic", "generated", "consistency")
    side = recipe.data.resolution or recipe.data.patch
    protocol = f"reduced resolution, held-out pairs of {side} px in the unit range, fixed scenes; mean over images"
    told = ("licence", "training_data", "citation")
    statements: Mapping[str, Any] = {n: " ".join(str(recipe.card.get(n, "not stated")).split()) for n in told}
    return Card(
        name=model_name(recipe, use.name),
        version=recipe.version,
        architecture=Architecture(
            name=ARCHITECTURE,
            config=json.loads(json.dumps({"network": asdict(config), "use": asdict(radiometry), "norm": "tile"})),
        ),
        inputs=(
            Input(name="pan", bands=1, range=span, bits=radiometry.bits),
            Input(name="ms", bands=bands, range=span, ratio=RATIOS, bits=radiometry.bits),
        ),
        needs_statistics=False,
        options=tuple(sorted(SPEC.options)),
        quality=tuple(
            QualityRow(scene=use.name, protocol=f"{title}; {protocol}", values=r) for title, r in rows.items()
        ),
        **statements,
        **{name: getattr(SPEC, name) for name in shared},
    )
