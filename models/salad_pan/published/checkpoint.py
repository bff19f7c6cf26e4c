"""Published checkpoints: which keys they have, and how they become a model folder.

What a published model consists of: the UNet of Stable Diffusion 1.5, the autoencoder of one band, and the adapters,
which are all parameters of the fused network that are not the UNet's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from ....engine.contract import InputSpec, Range
from ....engine.errors import ModelError, RequestError
from ....engine.optics.sensors import Sensor
from ...clip import embed
from ...convert import check_fit, check_settings, read_settings, read_tensors
from ...folder import Architecture, Card, Folder, write_folder
from .conditioning import ANY_BAND, Radiometry, radiometry, read_embeddings
from .config import Config
from .network import outline, unet_settings
from .tile import ARCHITECTURE, RATIOS, SPEC, TEXT, Norm
from .vae import vae_settings

CITATION = "Li et al., SALAD-Pan: Sensor-Agnostic Latent Adaptive Diffusion for Pan-Sharpening, arXiv 2602.04473, 2026"
NOT_STATED = "not stated"

_BASE = re.compile(
    r"base_(conv_in|time_embedding|conv_norm_out|conv_out)\.|down_blocks\.\d+\.base_(resnets|attentions|downsamplers)\."
    r"|mid_block\.base_midblock\.|up_blocks\.\d+\.(resnets|attentions|upsamplers)\."
)
# Keys of diffusers' UNet, and what they are called in the fused network.
_FUSED = (
    (re.compile(r"^(conv_in|time_embedding|conv_norm_out|conv_out)\."), r"base_\1."),
    (re.compile(r"^(down_blocks\.\d+)\.(resnets|attentions)\."), r"\1.base_\2."),
    (re.compile(r"^(down_blocks\.\d+)\.downsamplers\.0\."), r"\1.base_downsamplers."),
    (re.compile(r"^mid_block\."), "mid_block.base_midblock."),
    (re.compile(r"^(up_blocks\.\d+)\.upsamplers\.0\."), r"\1.upsamplers."),
)
_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors")


def is_base(key: str) -> bool:
    """Whether a key of the fused network belongs to the frozen UNet; all others are the adapters'."""
    return _BASE.match(key) is not None


def fused_key(key: str) -> str:
    """What a key of diffusers' UNet is called in the fused network."""
    for pattern, name in _FUSED:
        key, hits = pattern.subn(name, key)
        if hits:
            return key
    return key


@dataclass(frozen=True, slots=True)
class Sources:
    """What a model folder is made of.

    Attributes:
        base: folder of Stable Diffusion 1.5 with ``unet/``.
        vae: folder of the band autoencoder, or its bare weights.
        adapters: of both branches.
        vae_config: its settings, where ``vae`` is a bare file.
        text: table of embeddings keyed by prompt (safetensors), or a folder with a CLIP encoder; ``base`` if None.
        sensor: whose bands and brightest value the model is for; None for any.
        noise: whether the bands share it.
        norm: whose moments the group norms use.
        licence, training_data, citation: statements for the card.
    """

    base: Path
    vae: Path
    adapters: Path
    vae_config: Path | None = None
    text: Path | None = None
    sensor: Sensor | None = None
    noise: Literal["shared", "band"] = "shared"
    norm: Norm = "tile"
    licence: str = NOT_STATED
    training_data: str = NOT_STATED
    citation: str = CITATION


def convert(sources: Sources, out: Path, check: Callable[[], None] = lambda: None) -> Folder:
    """Write a model folder from published checkpoints, as fp16.

    Args:
        check: called before every file that is read and before the folder is written; may raise to cancel.

    Raises:
        RequestError: a file is not there, or ``out`` already holds something.
        ModelError: keys, shapes or settings are not those of the network.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise RequestError("it exists already", where=str(out), fix="name a new folder")
    settings, weights = _vae_files(sources)
    config = _config(sources.base / "unet" / "config.json", settings)
    use = radiometry(sources.sensor, sources.noise)
    network = outline(config)
    adapters = {key: value for key, value in network.unet.state_dict().items() if not is_base(key)}
    with torch.device("meta"):
        base_own = UNet2DConditionModel(**unet_settings(config)).state_dict()
    # The smallest first, so that what does not fit is known early.
    check()
    state = {TEXT + prompt: value for prompt, value in _text(sources, use, config.text).items()}
    check()
    state |= {f"vae.{key}": value for key, value in _checked(network.vae.state_dict(), weights).items()}
    check()
    state |= {f"unet.{key}": value for key, value in _checked(adapters, sources.adapters).items()}
    check()
    base = _checked(base_own, _weights(sources.base / "unet"))
    state |= {f"unet.{fused_key(key)}": value for key, value in base.items()}
    check()
    return write_folder(out, _card(sources, config, use), state)


def _config(base: Path, vae: Path) -> Config:
    """Shape of the network from the settings of its two foundations.

    Branches are a quarter as wide as the base and have as many heads, as published.
    """
    unet_found, vae_found = read_settings(base), read_settings(vae)
    if "scaling_factor" not in vae_found:
        raise ModelError(
            "the settings hold no scaling_factor",
            where=str(vae),
            fix="give the config.json that was saved with this autoencoder",
        )
    try:
        widths = tuple(unet_found["block_out_channels"])
        config = Config(
            scaling_factor=float(vae_found["scaling_factor"]),
            base=widths,
            base_heads=unet_found["attention_head_dim"],
            base_groups=unet_found.get("norm_num_groups", 32),
            text=unet_found["cross_attention_dim"],
            branch=tuple(width // 4 for width in widths),
            branch_heads=unet_found["attention_head_dim"],
            vae=tuple(vae_found["block_out_channels"]),
            vae_groups=vae_found.get("norm_num_groups", 32),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the settings here or in {vae} are not those of Stable Diffusion 1.5 ({error})",
            where=str(base),
            fix="give the folder of Stable Diffusion 1.5 and a band autoencoder made from it",
        ) from error
    check_settings(unet_found, UNet2DConditionModel, unet_settings(config), free={"sample_size"}, where=str(base))
    free = {"sample_size", "force_upcast", "scaling_factor"}
    check_settings(vae_found, AutoencoderKL, vae_settings(config), free=free, where=str(vae))
    return config


def _vae_files(sources: Sources) -> tuple[Path, Path]:
    """Settings and weights of the autoencoder."""
    if sources.vae.is_dir():
        return sources.vae_config or sources.vae / "config.json", _weights(sources.vae)
    if sources.vae_config is None:
        raise RequestError(
            "bare weights do not say their scaling_factor",
            where=str(sources.vae),
            fix="pass --vae-config with the config.json of this autoencoder",
        )
    return sources.vae_config, sources.vae


def _weights(folder: Path) -> Path:
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise RequestError(f"there is no {_WEIGHTS[0]}", where=str(folder), fix="name a folder with safetensors")
    return found


def _checked(own: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    state = read_tensors(path)
    check_fit(own, state, where=str(path))
    return state


def _text(sources: Sources, use: Radiometry, length: int) -> dict[str, torch.Tensor]:
    """Embedded prompts of the bands, and the empty one that guidance needs."""
    wanted = tuple(dict.fromkeys((*use.prompts, ANY_BAND)))
    path = sources.text or sources.base
    otherwise = "pass --text with a safetensors file of embeddings keyed by prompt"
    state = embed(path, wanted, otherwise=otherwise) if path.is_dir() else read_tensors(path)
    return read_embeddings(path, wanted, state, length)


def _card(sources: Sources, config: Config, use: Radiometry) -> Card:
    span: Range = "unit" if use.maximum is None else "native"
    bands = None if sources.sensor is None else len(use.prompts)
    suffix = "" if sources.sensor is None else "-" + re.sub("[^a-z0-9]+", "-", sources.sensor.name.lower()).strip("-")
    spec = replace(
        SPEC,
        name=f"{SPEC.name}{suffix}"[:64],
        inputs=(
            InputSpec(name="pan", bands=1, range=span, bits=use.bits),
            InputSpec(name="ms", bands=bands, range=span, ratio=RATIOS, bits=use.bits),
        ),
        needs_statistics=use.maximum is None or sources.norm == "scene",
    )
    return Card.of(
        spec,
        architecture=Architecture(
            name=ARCHITECTURE,
            config=json.loads(json.dumps({"network": asdict(config), "use": asdict(use), "norm": sources.norm})),
        ),
        licence=sources.licence,
        training_data=sources.training_data,
        citation=sources.citation,
    )
