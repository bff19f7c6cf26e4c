"""What the published SALAD-Pan starts from: the frozen UNet, the autoencoder and the embedded prompts, from folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from ...engine.errors import ModelError, RequestError
from ...engine.optics.sensors import Sensor
from ...models.clip import embed
from ...models.convert import check_fit, check_settings, read_settings, read_tensors
from ...models.folder import load_strictly
from ...models.salad_pan.published.checkpoint import fused_key
from ...models.salad_pan.published.conditioning import ANY_BAND, prompts, read_embeddings
from ...models.salad_pan.published.config import Config
from ...models.salad_pan.published.network import SaladPan, unet_settings
from ...models.salad_pan.published.vae import band_vae, to_one_channel, vae_settings

_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors")
_FREE = {"sample_size", "force_upcast", "scaling_factor"}


def start_vae(config: Config, folder: Path | None, seed: int) -> Any:
    """The autoencoder that stage I trains: of a folder, three channels collapsed to one, or with seeded weights.

    Raises:
        ModelError: settings or weights of the folder do not fit.
    """
    if folder is not None:
        return _read_vae(config, folder, collapse=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return band_vae(config)


def trained_vae(config: Config, folder: Path) -> Any:
    """The autoencoder that stage II needs, with the scaling of its latents.

    Raises:
        ModelError: settings or weights do not fit, or the scaling is missing.
    """
    return _read_vae(config, folder, collapse=False)


def _read_vae(config: Config, folder: Path, *, collapse: bool) -> Any:
    settings = read_settings(folder / "config.json")
    channels = settings.get("in_channels") if collapse else 1
    wanted = vae_settings(config) | {"in_channels": channels, "out_channels": channels}
    check_settings(settings, AutoencoderKL, wanted, free=_FREE, where=str(folder))
    if not collapse and "scaling_factor" not in settings:
        raise ModelError(
            "the settings hold no scaling_factor", where=str(folder), fix="name the folder that stage I wrote"
        )
    state = read_tensors(_weights(folder))
    try:
        state = to_one_channel(state)
    except KeyError as error:
        raise ModelError(f"{error} is missing", where=str(folder), fix="name an autoencoder of images") from error
    vae = band_vae(config)
    load_strictly(vae, {key: value.float() for key, value in state.items()}, where=str(folder))
    vae.register_to_config(scaling_factor=float(settings.get("scaling_factor", config.scaling_factor)))
    return vae


def start_network(config: Config, vae: Any, base: Path, seed: int) -> SaladPan:
    """Both stages: the UNet of ``base`` frozen in, adapters with seeded weights.

    Raises:
        ModelError: settings or weights of the UNet do not fit.
    """
    wanted = unet_settings(config)
    settings = read_settings(base / "unet" / "config.json")
    check_settings(settings, UNet2DConditionModel, wanted, free={"sample_size"}, where=str(base / "unet"))
    with torch.device("meta"):
        own = UNet2DConditionModel(**wanted).state_dict()
    state = read_tensors(_weights(base / "unet"))
    check_fit(own, state, where=str(base / "unet"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SaladPan(config)
    network.vae.load_state_dict(vae.state_dict())
    found = network.unet.load_state_dict({fused_key(k): v.float() for k, v in state.items()}, strict=False)
    assert not found.unexpected_keys  # noqa: S101  check_fit held them to the UNet's own
    return network


def sentences(sensor: Sensor, bands: int) -> tuple[str, ...]:
    """Prompts of a sensor's bands; the empty one for any band where the sensor is not described.

    Raises:
        RequestError: the sensor has another number of bands.
    """
    if not sensor.bands or sensor.pan_gsd is None or sensor.ms_gsd is None:
        return (ANY_BAND,)
    if bands != len(sensor.bands):
        raise RequestError(
            f"the pairs have {bands} bands and {sensor.name} has {len(sensor.bands)}",
            where="data.pairs",
            fix="describe the sensor with these bands in a .json or .yaml file",
        )
    return prompts(sensor)


def embedded(wanted: Mapping[str, tuple[str, ...]], path: Path, length: int) -> dict[str, dict[str, torch.Tensor]]:
    """Embeddings of each sensor's prompts, and of the empty one, by prompt.

    Args:
        wanted: prompts by sensor.
        path: table of embeddings (safetensors), or folder with a CLIP encoder.
        length: of a token.

    Raises:
        ModelError, RequestError: an embedding is missing or has another shape, or there is no encoder.
    """
    every = tuple(dict.fromkeys((*(p for some in wanted.values() for p in some), ANY_BAND)))
    otherwise = "name a safetensors file of embeddings keyed by prompt"
    state = embed(path, every, otherwise=otherwise) if path.is_dir() else read_tensors(path)
    found = {prompt: value.float() for prompt, value in read_embeddings(path, every, state, length).items()}
    return {sensor: {p: found[p] for p in (*some, ANY_BAND)} for sensor, some in wanted.items()}


def _weights(folder: Path) -> Path:
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise RequestError(f"there is no {_WEIGHTS[0]}", where=str(folder), fix="name a folder with safetensors")
    return found
