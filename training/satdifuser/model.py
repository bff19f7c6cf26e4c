"""The model that is trained: which backbone looks, how its features are read, and what is put on top of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import nn

from ...engine.contract import Category, Where
from ...engine.errors import RequestError
from ...models.folder import Architecture, Card, QualityRow
from ...models.satdifuser.backbone import Backbone, Noise
from ...models.satdifuser.config import ARCHITECTURE, BackboneRef, Config, LinearConfig, Reading, Task
from ...models.satdifuser.fusers.config import FuserConfig
from ...models.satdifuser.fusers.config import Kind as FuserKind
from ...models.satdifuser.network import SatDiFuser
from ...models.satdifuser.open import find_backbone, open_backbone
from ...models.satdifuser.tile import noise_of, spec_of
from ...models.satdifuser.unet import UNetConfig
from ...models.satdifuser.upernet import UPerConfig
from ...models.terra_ldm.conditioning import Band
from .colours import Colour

BACKBONE = "terra-ldm-tiny"
_WAVELENGTHS = {"blue": 0.49, "green": 0.56, "red": 0.665, "nir": 0.84}
"""Centres of bands that are called so, micrometres."""
_PATCH_FINEST = 4
_UNET, _PATCHES, _ALONE = (24, 12, 12), (96, 24, 64), (128, 32, 64)
"""Channels of fused maps, inside the fuser and inside the head: beside a way of its own, of patches with their px, and
where all is in the features."""
_PUBLISHED_TIMES = (47.0, 45.0, 40.0)


@dataclass(frozen=True, slots=True)
class Design:
    """Backbone, fuser and head.

    Attributes:
        backbone: name or folder of a model.
        fuser: how streams are joined.
        width, bottleneck: channels of the fused maps, and inside the fuser; 0 for what suits the head.
        norm: of the fuser and UPerNet; both are the same in every tile.
        experts, window, balance: of a mixture of experts; see ``FuserConfig``.
        head: that tells pixels apart: a U-Net with the image beside the features, or UPerNet on features alone.
        channels: inside that head; 0 for what suits it.
        mode: along the inversion of the image, or one noising a time.
        times: of the diffusion at which features are read; empty for what suits the backbone.
        zoom: how many times as large images are made for our own backbone.
        finest: image px along a cell of its finest scale that is read; 0 for what suits the task.
        pixels: whether the px of each cell are read beside its features; None for what suits: UPerNet does without.
        prompt: what a published backbone is told.
        metadata: whether DiffusionSat is told the facts of an image beside it: place, px size, cloud and date.
    """

    backbone: str = BACKBONE
    fuser: FuserKind = "global"
    width: int = 0
    bottleneck: int = 0
    norm: Literal["pixel", "batch"] = "batch"
    experts: int = 4
    window: int = 9
    balance: bool = False
    head: Literal["unet", "upernet"] = "unet"
    channels: int = 0
    mode: Literal["inversion", "noising"] = "inversion"
    times: tuple[float, ...] = ()
    zoom: int = 1
    finest: int = 0
    pixels: bool | None = None
    prompt: str = ""
    metadata: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A backbone that is ready to look.

    Attributes:
        backbone: frozen, on its device.
        ref: which one it is.
        reading: how its features are read.
        bands: what is known of each band.
        noise: that it may draw from, where its images lie.
    """

    backbone: Backbone
    ref: BackboneRef
    reading: Reading
    bands: tuple[Band, ...]
    noise: Callable[[Where], Noise]

    @property
    def identity(self) -> str:
        """Of all that decides its features beside the image."""
        return f"{self.ref.kind} {self.ref.digest} {self.reading} {self.bands} {self.backbone.layout}"


def suited(design: Design, task: Task) -> Design:
    """The design with what it leaves to the task.

    Patches are told by what a whole cell shows: scales whose cells are smaller would cost most of the time.
    """
    unet = task == "segment" and design.head == "unet"
    pixels = unet or task == "classify" if design.pixels is None else design.pixels
    width, bottleneck, channels = _UNET if unet else _PATCHES if pixels and task == "classify" else _ALONE
    return replace(
        design,
        finest=design.finest or (1 if task == "segment" else _PATCH_FINEST // design.zoom),
        width=design.width or width,
        bottleneck=design.bottleneck or bottleneck,
        channels=design.channels or channels,
        pixels=pixels,
    )


def open_eye(design: Design, bands: Sequence[str], device: str) -> Eye:
    """Open the backbone of a design.

    Args:
        bands: names of the images' bands.
        device: where it computes.

    Raises:
        RequestError, ModelError: there is no such model, or it gives no features of these images.
    """
    folder = Path(design.backbone).expanduser()
    # A relative path would mean something else in another working directory.
    ref = find_backbone(str(folder.absolute()) if folder.is_dir() else design.backbone)
    default = _PUBLISHED_TIMES if ref.kind == "published" else Reading().times
    reading = Reading(
        design.mode,
        design.times or default,
        design.zoom,
        design.prompt,
        design.metadata,
        max(design.finest, 1),
        bool(design.pixels),
    )
    known = tuple(Band(_WAVELENGTHS.get(name.lower())) for name in bands)
    backbone = open_backbone(ref, reading, known)
    if isinstance(backbone, nn.Module):
        backbone.to(device)
    return Eye(backbone, ref, reading, known, lambda where: noise_of(ref, reading, where))


def configure(
    eye: Eye,
    design: Design,
    *,
    classes: int,
    patch: int,
    many: bool,
    levels: tuple[float, ...],
    bits: int | None = None,
) -> Config:
    """The configuration of a model.

    Args:
        eye: its backbone.
        design: its shape.
        classes: number of them.
        patch: image px along a patch; 1 to tell pixels apart.
        many: whether a patch can be of several classes.
        levels: DN that stand for 1, one a band.
        bits: depth of the stored values that these belong to; None where that says nothing.

    Raises:
        RequestError: a number of the design does not fit.
    """
    try:
        fuser = FuserConfig(
            kind=design.fuser,
            width=design.width,
            bottleneck=design.bottleneck,
            norm=design.norm,
            experts=design.experts,
            top=min(2, design.experts),
            warmup=_WARMUP,
            window=design.window,
            balance=design.balance,
        )
        head = _head(design, classes, patch, many)
        return Config(
            backbone=eye.ref, reading=eye.reading, bands=eye.bands, levels=levels, fuser=fuser, head=head, bits=bits
        )
    except ValueError as error:
        raise RequestError(f"the design does not fit: {error}", where="design", fix="correct it") from error


def _head(design: Design, classes: int, patch: int, many: bool) -> LinearConfig | UPerConfig | UNetConfig:
    if patch > 1:
        return LinearConfig(classes, patch, many)
    if design.head == "unet":
        return UNetConfig(classes, channels=design.channels)
    return UPerConfig(classes, channels=design.channels, pools=(), norm=design.norm)


def make_network(eye: Eye, config: Config, seed: int) -> SatDiFuser:
    """Fuser and head with new weights, which follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SatDiFuser(eye.backbone.layout, config)


class Maker(Protocol):
    """Makes the two halves of a model; another one trains something else in the same way, to compare with."""

    def eye(self, design: Design, bands: Sequence[str], device: str) -> Eye:
        """As ``open_eye``."""
        ...

    def network(self, eye: Eye, config: Config, seed: int) -> nn.Module:
        """As ``make_network``."""
        ...


class Ours:
    """A frozen backbone, and fuser and head on its features; a ``Maker``."""

    def eye(self, design: Design, bands: Sequence[str], device: str) -> Eye:
        """As ``open_eye``."""
        return open_eye(design, bands, device)

    def network(self, eye: Eye, config: Config, seed: int) -> nn.Module:
        """As ``make_network``."""
        return make_network(eye, config, seed)


def make_card(
    config: Config,
    *,
    name: str,
    version: str,
    names: Sequence[str],
    colours: Sequence[Colour],
    licence: str,
    training_data: str,
    citation: str,
    quality: tuple[QualityRow, ...],
) -> Card:
    """The card of a trained model.

    Args:
        config: of the model.
        name, version: of the model.
        names, colours: of the classes.
        licence, training_data, citation: statements.
        quality: what was measured.
    """
    categories = tuple(Category(each, colour) for each, colour in zip(names, colours, strict=True))
    return Card.of(
        spec_of(config, name=name, version=version, categories=categories),
        architecture=Architecture(name=ARCHITECTURE, config=config.to_card()),
        licence=licence,
        training_data=training_data,
        citation=citation,
        quality=quality,
    )


_WARMUP = 100
"""Batches in which all experts are mixed: fits are short."""
