"""Published checkpoints: which keys they have, and how they become a model folder.

What a published model consists of: the UNet of Stable Diffusion 1.5, the autoencoder of one band, and the adapters,
which are all parameters of the fused network that are not the UNet's.  UNet and adapters may also be one folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from ....engine.contract import InputSpec, Range
from ....engine.errors import ModelError, RequestError
from ....engine.optics.sensors import Sensor
from ...clip import embed
from ...convert import check_fit, check_settings, read_settings, read_tensors, some
from ...folder import Architecture, Card, Folder, write_folder
from .branches import PLANES
from .conditioning import ANY_BAND, AS_TRAINED, Radiometry, Strength, radiometry, read_embeddings
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
        base: folder of Stable Diffusion 1.5 with ``unet/``; not needed beside ``fused``, but for the text.
        vae: folder of the band autoencoder, or its bare weights.
        adapters: of both branches; None where there is ``fused``.
        fused: folder of the fused network whole, UNet and branches, as diffusers saves it.
        vae_config: its settings, where ``vae`` is a bare file.
        text: table of embeddings keyed by prompt (safetensors), or a folder with a CLIP encoder; ``base`` if None.
        sensor: whose bands and brightest value the model is for; None for any.
        noise: whether the bands share it.
        norm: whose moments the group norms use.
        strength: of PAN and MS.
        licence, training_data, citation: statements for the card.
    """

    base: Path | None
    vae: Path
    adapters: Path | None = None
    fused: Path | None = None
    vae_config: Path | None = None
    text: Path | None = None
    sensor: Sensor | None = None
    noise: Literal["shared", "band"] = "shared"
    norm: Norm = "tile"
    strength: Strength = AS_TRAINED
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
    folder = _unet_folder(sources)
    config = _config(folder / "config.json", settings)
    use = radiometry(sources.sensor, sources.noise)
    network = outline(config)
    # The smallest first, so that what does not fit is known early.
    check()
    state = {TEXT + prompt: value for prompt, value in _text(sources, use, config.text).items()}
    check()
    state |= {f"vae.{key}": value for key, value in _checked(network.vae.state_dict(), weights).items()}
    check()
    own = network.unet.state_dict()
    if sources.adapters is None:
        fused = _checked(own, _weights(folder))
    else:
        fused = _checked({key: value for key, value in own.items() if not is_base(key)}, sources.adapters)
        check()
        with torch.device("meta"):
            base_own = UNet2DConditionModel(**unet_settings(config)).state_dict()
        fused |= {fused_key(key): value for key, value in _checked(base_own, _weights(folder)).items()}
    state |= {f"unet.{key}": value for key, value in fused.items()}
    check()
    return write_folder(out, _card(sources, config, use), state)


def _config(base: Path, vae: Path) -> Config:
    """Shape of the network from the settings of its two foundations.

    Args:
        base: of Stable Diffusion's UNet, or of the fused network.
        vae: of the autoencoder.
    """
    unet_found, vae_found = read_settings(base), read_settings(vae)
    if "scaling_factor" not in vae_found:
        raise ModelError(
            "the settings hold no scaling_factor",
            where=str(vae),
            fix="give the config.json that was saved with this autoencoder",
        )
    try:
        config = Config(
            **(_fused_shape(unet_found) if _is_fused(unet_found) else _base_shape(unet_found)),
            scaling_factor=float(vae_found["scaling_factor"]),
            vae=tuple(vae_found["block_out_channels"]),
            vae_groups=vae_found.get("norm_num_groups", 32),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the settings here or in {vae} are not those of Stable Diffusion 1.5 ({error})",
            where=str(base),
            fix="give the folder of Stable Diffusion 1.5 and a band autoencoder made from it",
        ) from error
    if _is_fused(unet_found):
        _check_fused(unet_found, str(base))
    else:
        check_settings(unet_found, UNet2DConditionModel, unet_settings(config), free={"sample_size"}, where=str(base))
    free = {"sample_size", "force_upcast", "scaling_factor"}
    check_settings(vae_found, AutoencoderKL, vae_settings(config), free=free, where=str(vae))
    return config


def _is_fused(found: Mapping[str, Any]) -> bool:
    return "ctrl_block_out_channels" in found


def _base_shape(found: Mapping[str, Any]) -> dict[str, Any]:
    """Branches are a quarter as wide as the base and have as many heads, as published."""
    widths, heads = tuple(found["block_out_channels"]), found["attention_head_dim"]
    return {
        "base": widths,
        "base_heads": heads,
        "base_groups": found.get("norm_num_groups", 32),
        "text": found["cross_attention_dim"],
        "branch": tuple(width // 4 for width in widths),
        "branch_heads": heads,
    }


def _fused_shape(found: Mapping[str, Any]) -> dict[str, Any]:
    heads = found.get("num_attention_heads") or found["attention_head_dim"]
    shape = {
        "base": tuple(found["block_out_channels"]),
        "base_heads": _one(heads),
        "base_groups": found.get("norm_num_groups", 32),
        "text": _one(found["cross_attention_dim"]),
        "branch": tuple(found["ctrl_block_out_channels"]),
        "branch_heads": _one(found["ctrl_num_attention_heads"]),
    }
    embedder = found.get("ctrl_conditioning_embedding_out_channels")
    return shape if embedder is None else shape | {"embedder": tuple(embedder)}


def _one(value: Any) -> Any:
    """A value that the file may repeat for every level."""
    several = set(value) if isinstance(value, list) else {value}
    if len(several) != 1:
        raise ValueError(f"{value} differ from level to level")
    return several.pop()


def _check_fused(found: Mapping[str, Any], where: str) -> None:
    """Refuse settings of a fused network under which its weights would mean something else."""
    wanted: dict[str, Any] = {
        "ctrl_conditioning_channels": sum(PLANES.values()),
        "ctrl_learn_time_embedding": False,
        "time_embedding_mix": 1.0,
    }
    differing = [name for name, value in wanted.items() if found.get(name, value) != value]
    if differing:
        raise ModelError(f"{some(differing)}: not as in this network", where=where, fix="give the released network")


def _unet_folder(sources: Sources) -> Path:
    """Folder of the fused network, or of the UNet that the adapters stand beside."""
    if (sources.fused is None) == (sources.adapters is None):
        raise RequestError(
            "the branches come from --adapters, or with the UNet from --fused",
            where="--adapters" if sources.fused is None else "--fused",
            fix="give one of both",
        )
    if sources.fused is not None:
        return sources.fused
    if sources.base is None:
        raise RequestError("it is missing", where="--base", fix="name the folder of Stable Diffusion 1.5")
    return sources.base / "unet"


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
    if path is None:
        raise RequestError("it is missing", where="--text", fix=otherwise)
    state = embed(path, wanted, otherwise=otherwise) if path.is_dir() else read_tensors(path)
    return read_embeddings(path, wanted, state, length)


def _card(sources: Sources, config: Config, use: Radiometry) -> Card:
    span: Range = "unit" if use.maximum is None else "native"
    bands = None if sources.sensor is None else len(use.prompts)
    stored = {"network": asdict(config), "use": asdict(use), "norm": sources.norm, "strength": asdict(sources.strength)}
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
            config=json.loads(json.dumps(stored)),
        ),
        licence=sources.licence,
        training_data=sources.training_data,
        citation=sources.citation,
    )
