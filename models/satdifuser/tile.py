"""SatDiFuser as a tile model: segmentation of px, classification of patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from ...engine.contract import (
    Category,
    InputSpec,
    ModelSpec,
    OutputSpec,
    Prediction,
    Runtime,
    TileModel,
    Where,
    class_outputs,
)
from ...engine.facts import SceneFacts
from ..folder import load_strictly
from .backbone import Backbone, Noise
from .config import ARCHITECTURE, BackboneRef, Config, LinearConfig, Reading
from .layout import Features
from .network import SatDiFuser
from .open import open_backbone

TILE, MAP_TILE = 512, 1024
"""Sides of a tile of patches and of px, about; margins of px are wide, so that small tiles mostly consist of them."""
CHUNK = 16
"""Patches that are worked on at once."""
_RAMP = 64
_LATENT = {"terra": 4, "published": 8}
# Measured on tiles of 384 and 640 px with one to six bands and each of the fusers: what every px takes, and every band.
_PX_BYTES, _BAND_BYTES = 1500, 200


class Segmenter:
    """A loaded model that tells px apart; a ``TileModel``.

    Args:
        backbone: frozen, on the run's device.
        network: fuser and head, in evaluation mode, on the run's device.
        config: of the model.
    """

    def __init__(self, backbone: Backbone, network: SatDiFuser, config: Config) -> None:
        self._backbone, self._network, self._config = backbone, network, config

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> Prediction:
        """(B, bands, H, W), stored values, to probabilities (B, classes, H, W) for each output."""
        image = at_levels(batch["image"], self._config.levels)
        features = _features(self._backbone, self._config, image, where)
        found = self._network(features, (image.shape[-2], image.shape[-1])).softmax(dim=1)
        return dict.fromkeys(where.wanted, found)


class PatchClassifier:
    """A loaded model that gives each patch its classes; a ``TileModel``.

    Every patch is an image of its own, as those that heads are trained on, so that its neighbours and the tile do not
    matter.

    Args:
        backbone, network, config: as for ``Segmenter``.
        head: of the config.
        chunk: patches that are worked on at once.
    """

    def __init__(
        self, backbone: Backbone, network: SatDiFuser, config: Config, head: LinearConfig, chunk: int = CHUNK
    ) -> None:
        self._backbone, self._network, self._config, self._head = backbone, network, config, head
        self._chunk = chunk

    def predict(self, batch: Mapping[str, torch.Tensor], where: Where) -> Prediction:
        """(B, bands, H, W), stored values, to probabilities (B, classes, H / patch, W / patch) for each output."""
        image, side = at_levels(batch["image"], self._config.levels), self._head.patch
        count, bands, rows, columns = len(image), image.shape[1], image.shape[2] // side, image.shape[3] // side
        patches = image.reshape(count, bands, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
        patches = patches.reshape(-1, bands, side, side)
        origins = [(r + i * side, c + j * side) for r, c in where.origins for i in range(rows) for j in range(columns)]
        parts = []
        for first in range(0, len(patches), self._chunk):
            own = replace(where, origins=tuple(origins[first : first + self._chunk]))
            piece = patches[first : first + self._chunk]
            features = _features(self._backbone, self._config, piece, own)
            logits = self._network(features, (side, side))
            parts.append(logits.sigmoid() if self._head.many else logits.softmax(dim=1))
        found = torch.cat(parts).reshape(count, rows, columns, -1).movedim(-1, 1)
        return dict.fromkeys(where.wanted, found)


def at_levels(image: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Stored values (N, bands, H, W) in units of each band's level."""
    return image / torch.tensor(levels, dtype=image.dtype, device=image.device)[:, None, None]


def spec_of(config: Config, *, name: str, version: str, categories: tuple[Category, ...]) -> ModelSpec:
    """What a card of this architecture says.

    Args:
        config: of the model; its backbone is opened, as tile and margin follow from it.
        categories: the classes, in the order of the head's.

    Raises:
        ModelError: the backbone does not fit, or patches do not fall on its cells.
    """
    backbone = open_backbone(config.backbone, config.reading, config.bands)
    head = config.head
    image = InputSpec(name="image", bands=len(config.bands), bits=config.bits)
    if isinstance(head, LinearConfig):
        tile = max(TILE // (2 * head.patch), 1) * 2 * head.patch
        return ModelSpec(
            name=name,
            version=version,
            task="classify",
            inputs=(image,),
            main="image",
            outputs=_many(categories) if head.many else class_outputs(categories),
            patch=head.patch,
            align=2 * head.patch,
            tile=tile,
            overlap=0,
            work_bytes=_work_bytes(config, min(CHUNK * head.patch**2 / tile**2, 1.0)),
            needs_facts=config.reading.metadata,
            generated=False,
        )
    with torch.device("meta"):
        margin = SatDiFuser(backbone.layout, config).margin(backbone.reach)
    align = max(backbone.align, max(backbone.layout.strides))
    tile = -(-(TILE if margin is None else MAP_TILE) // align) * align
    if margin is None:
        # Attention sees the whole tile: what is left of its border is blended away.
        margin = min(align, tile // 8)
    while tile < 4 * margin + 2 * _RAMP:
        tile += align
    return ModelSpec(
        name=name,
        version=version,
        task="segment",
        inputs=(image,),
        main="image",
        outputs=class_outputs(categories),
        align=align,
        margin=margin,
        tile=tile,
        overlap=2 * margin + _RAMP,
        work_bytes=_work_bytes(config, 1.0),
        needs_facts=config.reading.metadata,
        generated=False,
    )


def load(config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime) -> TileModel:
    """Open the backbone, build fuser and head and load their weights strictly.

    Raises:
        ModelError: config, weights or backbone do not fit.
    """
    settings = Config.of(config)
    backbone = open_backbone(settings.backbone, settings.reading, settings.bands)
    network = SatDiFuser(backbone.layout, settings)
    load_strictly(network, {key: _single(value) for key, value in state.items()}, where=ARCHITECTURE)
    network = network.eval().requires_grad_(False).to(runtime.device)
    if isinstance(backbone, torch.nn.Module):
        backbone.to(runtime.device)
    if isinstance(settings.head, LinearConfig):
        return PatchClassifier(backbone, network, settings, settings.head)
    return Segmenter(backbone, network, settings)


def _work_bytes(config: Config, share: float) -> int:
    """Memory for each px of a tile, of which a share is worked on at once; 0 for backbones that nobody has measured."""
    if config.backbone.kind != "terra":
        return 0
    return round((_PX_BYTES + _BAND_BYTES * len(config.bands)) * config.reading.zoom**2 * share)


def _many(categories: tuple[Category, ...]) -> tuple[OutputSpec, ...]:
    """A patch can be of several classes: each has a probability of its own, and none is chosen."""
    names = tuple(category.name for category in categories)
    return (OutputSpec(name="probabilities", planes=len(names), range="native", dtype="float32", labels=names),)


def _features(backbone: Backbone, config: Config, image: torch.Tensor, where: Where) -> Features:
    """Features of a batch of one scene."""
    noise = noise_of(config.backbone, config.reading, where)
    told = told_of(config.reading, [where.facts] * len(image))
    return backbone.features(image, noise, where.checkpoint, **told)


def told_of(reading: Reading, facts: Sequence[SceneFacts | None]) -> dict[str, torch.Tensor]:
    """What a backbone is given beside images whose scenes have these facts; nothing where it is not told any."""
    if not reading.metadata:
        return {}
    from .published.metadata import scalars_of

    return {"metadata": torch.stack([scalars_of(each) for each in facts])}


def noise_of(backbone: BackboneRef, reading: Reading, where: Where) -> Noise:
    """Noise on the lattice of the latents of images that are enlarged first."""
    cell = max(_LATENT[backbone.kind] // reading.zoom, 1)
    return lambda stream, shape: where.noise(stream, 0, shape, cell=cell)


def _single(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.is_floating_point() else value
