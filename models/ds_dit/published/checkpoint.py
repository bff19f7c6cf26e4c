"""Checkpoints of others: the released form of DS-DiT, and Stable Diffusion 3's single file to start a training from."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ....engine.errors import RequestError
from ...convert import check_fit, check_settings, read_settings, read_tensors
from ...folder import Folder, write_folder
from ..config import Config
from ..use import checked_scale
from .tile import Autoencoder, Published, card

CITATION = "DS-DiT, arXiv 2605.17980, ECCV 2026"
NOT_STATED = "not stated"
_WITHIN = "model"
"""Entry of the released file that holds the tensors; beside it lie the settings of its training."""

_SD3 = "model.diffusion_model."
_UNUSED = re.compile(r"^(y_embedder|context_embedder)\.|^joint_blocks\.\d+\.context_block\.")
_STREAMS = ("x_block", "lr_block", "ref_block")
_EMBEDDERS = ("x_embedder", "lr_embedder", "ref_embedder")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a model folder is made of.

    Attributes:
        checkpoint: as the released training saves it, or Stable Diffusion 3's single file.
        vae: folder of Stable Diffusion 3's autoencoder, as diffusers saves it.
        scale: that it was trained for; the file does not say.
        licence, training_data, citation: statements for the card.
    """

    checkpoint: Path
    vae: Path
    scale: int = 4
    licence: str = NOT_STATED
    training_data: str = NOT_STATED
    citation: str = CITATION


def convert(
    sources: Sources, out: Path, check: Callable[[], None] = lambda: None, *, config: Config | None = None
) -> Folder:
    """Write a model folder from the released checkpoint or from Stable Diffusion 3, as fp16.

    Args:
        check: called before every file that is read and before the folder is written; may raise to cancel.
        config: shape of the transformer; that of the released one where None.

    Raises:
        RequestError: a file is not there, ``out`` already holds something, or the scale is out of range.
        ModelError: keys, shapes or settings are not those of the network.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RequestError("it exists already", where=str(out), fix="name a new folder")
    try:
        checked_scale(sources.scale)
    except ValueError as error:
        raise RequestError(str(error), where="--scale", fix="pass that of the weights") from error
    shape = config or Config()
    autoencoder = _autoencoder(sources.vae / "config.json")
    about = card(
        shape,
        autoencoder,
        sources.scale,
        licence=sources.licence,
        training_data=sources.training_data,
        citation=sources.citation,
    )
    with torch.device("meta"):
        network = Published(shape, autoencoder)
    check()
    weights = read_tensors(sources.vae / "diffusion_pytorch_model.safetensors")
    check_fit(network.vae.state_dict(), weights, where=str(sources.vae))
    state = {f"vae.{key}": value for key, value in weights.items()}
    check()
    found = read_tensors(sources.checkpoint, within=_WITHIN, known=(argparse.Namespace,))
    own = network.transformer.state_dict()
    if any(key.startswith(_SD3) for key in found):
        found = from_sd3(found, own)
    check_fit(own, found, where=str(sources.checkpoint))
    state |= {f"transformer.{key}": value for key, value in found.items()}
    check()
    return write_folder(out, about, state)


def from_sd3(state: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors to start a training from: LR and reference are copies of the image's stream, and injection adds nothing.

    Args:
        state: of the single file; what belongs to text or autoencoder is left out.
        own: of the network, for the shapes of what the file does not have.
    """
    image = {
        key.removeprefix(_SD3): value
        for key, value in state.items()
        if key.startswith(_SD3) and not _UNUSED.match(key.removeprefix(_SD3))
    }
    found = dict(image)
    for key, value in image.items():
        for first, *others in (_STREAMS, _EMBEDDERS):
            if re.search(rf"(^|\.){first}\.", key):
                found |= {key.replace(first, other): value.clone() for other in others}
    generator = torch.Generator().manual_seed(0)
    for key, like in own.items():
        if ".weighting." in key and key not in found:
            found[key] = _started(key, like, generator)
    return found


def _started(key: str, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Zero for what adds and for the last layer of the gate; the gate's other layers small."""
    if like.ndim < 2 or "zero_proj" in key or key.endswith("gate.4.weight"):
        return torch.zeros(like.shape)
    small: torch.Tensor = torch.randn(like.shape, generator=generator) / math.sqrt(like.shape[1])
    return small


def _autoencoder(path: Path) -> Autoencoder:
    found = read_settings(path)
    own = Autoencoder()
    widths = found.get("block_out_channels", own.channels)
    shape = Autoencoder(
        tuple(widths), found.get("layers_per_block", own.blocks), found.get("norm_num_groups", own.groups)
    )
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    check_settings(
        found, AutoencoderKL, shape.settings(), free=("sample_size", "force_upcast", "latents_mean"), where=str(path)
    )
    return shape
