"""The backbone that a head names, opened and held to what it was when the head was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...engine.errors import ModelError, SeamlineError
from ..folder import check_folder, load_folder, load_strictly
from ..registry import info
from ..terra_ldm.conditioning import Band
from ..terra_ldm.network import ARCHITECTURE as TERRA
from ..terra_ldm.network import Config as TerraConfig
from ..terra_ldm.network import TerraLdmTiny
from .backbone import Backbone
from .beside import Beside
from .config import BackboneRef, Reading
from .terra import TerraBackbone


def open_backbone(ref: BackboneRef, reading: Reading, bands: tuple[Band, ...]) -> Backbone:
    """The backbone, frozen, float32, on the CPU.

    Args:
        ref: which one; an empty digest takes what is there.
        reading: how its features are read.
        bands: of the images.

    Raises:
        RequestError: there is none of the name, or a part of its folder is missing.
        ModelError: it is damaged, another one than the head was trained on, or cannot be read so.
    """
    try:
        found = _published(ref, reading, len(bands)) if ref.kind == "published" else _terra(ref, reading, bands)
        return Beside(found, len(bands)) if reading.pixels else found
    except ValueError as error:
        raise ModelError(f"its features cannot be read so: {error}", where=ref.name, fix="name other times") from error


def find_backbone(name_or_folder: str) -> BackboneRef:
    """What a card says of a backbone that the user names.

    Raises:
        RequestError, ModelError: there is no such model, or none that can be one.
    """
    folder = Path(name_or_folder).expanduser()
    if (folder / "unet").is_dir() or any(folder.glob("*/unet")):
        from .published.files import digest_of

        return BackboneRef("published", str(folder.absolute()), digest_of(folder))
    origin = Path(info(name_or_folder).origin)
    opened = check_folder(origin) if origin.is_dir() else None
    if opened is None or opened.card.architecture.name != TERRA:
        raise ModelError(
            "this model gives no features",
            where=name_or_folder,
            fix="name a base model such as terra-ldm-tiny, or a folder of Stable Diffusion 2.1 or DiffusionSat",
        )
    return BackboneRef("terra", name_or_folder, opened.digest)


def _terra(ref: BackboneRef, reading: Reading, bands: tuple[Band, ...]) -> TerraBackbone:
    if reading.metadata:
        raise ModelError(
            "this base model cannot be told the facts of a scene",
            where=ref.name,
            fix="leave metadata out, or name a folder of DiffusionSat",
        )
    try:
        folder, state = load_folder(info(ref.name).origin)
    except SeamlineError as error:
        raise ModelError(
            f"the base model that this model reads with is not here ({error.what})",
            where=ref.name,
            fix="install it with: seamline models install",
        ) from error
    if folder.card.architecture.name != TERRA or ref.digest not in ("", folder.digest):
        raise ModelError(
            "this is not the base model that the head was trained on",
            where=str(folder.path),
            fix="use the models of one version of the program, or train the head again",
        )
    network = TerraLdmTiny(TerraConfig.of(folder.card.architecture.config))
    load_strictly(network, {key: value.float() for key, value in state.items()}, where=str(folder.path))
    return TerraBackbone(network, reading, bands)


def _published(ref: BackboneRef, reading: Reading, bands: int) -> Backbone:
    from .published.backbone import Options, open_published
    from .published.files import digest_of

    folder = Path(ref.name)
    if ref.digest not in ("", digest_of(folder)):
        raise ModelError(
            "these are not the weights that the head was trained on", where=ref.name, fix="give the folder of those"
        )
    times = tuple(int(time) for time in reading.times)
    options = Options(times=times, mode=reading.mode, zoom=reading.zoom, metadata=reading.metadata)
    return open_published(folder, bands, replace(options, prompt=reading.prompt) if reading.prompt else options)
