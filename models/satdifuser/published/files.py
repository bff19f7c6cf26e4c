"""Folders of published backbones: where their parts lie, and how they are read without running code from them.

Stable Diffusion as diffusers saves it (``unet/``, ``vae/``, ``scheduler/``), or DiffusionSat as it was released, whose
UNet lies in ``checkpoint-150000/unet`` beside the other parts.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin

from ....engine.errors import ModelError, RequestError
from ...convert import check_fit, read_settings, read_tensors
from ..inversion import STEPS

_CONFIG = "config.json"
_SCHEDULER = "scheduler_config.json"
_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
)
# Names that diffusers gave to the attention of the autoencoder before 0.18; Stable Diffusion's file still has them.
_RENAMED = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the parts of a backbone lie.

    Attributes:
        root: its folder, which also holds the text.
        unet, vae, scheduler: folders.
    """

    root: Path
    unet: Path
    vae: Path
    scheduler: Path


def find_parts(folder: Path) -> Parts:
    """The parts of a backbone's folder.

    Raises:
        RequestError: one is missing.
    """
    saved = sorted(folder.glob("checkpoint-*/unet"), key=_number)
    unet = folder / "unet" if (folder / "unet").is_dir() or not saved else saved[-1]
    parts = Parts(folder, unet, folder / "vae", folder / "scheduler")
    wanted = (parts.unet / _CONFIG, parts.vae / _CONFIG, parts.scheduler / _SCHEDULER)
    missing = [file.relative_to(folder).as_posix() for file in wanted if not file.is_file()]
    if missing:
        raise RequestError(
            f"this is no folder of a backbone, {', '.join(missing)} is missing",
            where=str(folder),
            fix="name a folder of Stable Diffusion 2.1 or DiffusionSat with unet/, vae/ and scheduler/",
        )
    return parts


def digest_of(folder: Path) -> str:
    """sha256 over names and contents of everything that is read from a backbone's folder.

    Raises:
        RequestError: a part is missing.
    """
    parts = find_parts(folder)
    files = [part / _CONFIG for part in (parts.unet, parts.vae)] + [parts.scheduler / _SCHEDULER]
    files += [weights(part) for part in (parts.unet, parts.vae)]
    texts = [file for name in ("text_encoder", "tokenizer") for file in (folder / name).glob("*") if file.is_file()]
    cached = folder / "prompt.safetensors"
    whole = hashlib.sha256()
    for file in sorted(files + ([cached] if cached.is_file() else texts)):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{file.relative_to(folder).as_posix()} {content}\n".encode())
    return whole.hexdigest()


def read_part(kind: Any, folder: Path, state: Mapping[str, torch.Tensor]) -> Any:
    """A network of diffusers with the weights of a folder, frozen, float32, in evaluation mode.

    Args:
        kind: class of diffusers.
        folder: with ``config.json``, of which arguments are taken that the class has.
        state: weights.

    Raises:
        ModelError: settings or weights do not fit.
    """
    part = outline(kind, folder)
    check_fit(part.state_dict(), state, where=str(folder))
    if odd := [key for key, value in state.items() if not torch.isfinite(value).all()]:
        raise ModelError(f"{odd[0]} is not finite", where=str(folder), fix="fetch the weights again")
    part.load_state_dict({key: value.float() for key, value in state.items()}, assign=True)
    return part.eval().requires_grad_(False)


def outline(kind: Any, folder: Path) -> Any:
    """A network of diffusers on the meta device.

    Args:
        kind, folder: as for ``read_part``.

    Raises:
        ModelError: the settings do not fit.
    """
    settings = read_settings(folder / _CONFIG)
    known = inspect.signature(kind).parameters
    try:
        with torch.device("meta"):
            return kind(**{name: value for name, value in settings.items() if name in known})
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise ModelError(
            f"the settings make no {kind.__name__} ({error})",
            where=str(folder / _CONFIG),
            fix="fetch the file again",
        ) from error


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Weights of a part, by the names that diffusers has now.

    Raises:
        RequestError: there are none.
        ModelError: they are unreadable.
    """
    state = {}
    for key, value in read_tensors(weights(folder)).items():
        for old, new in _RENAMED.items():
            key = key.replace(old, new)
        state[key] = value
    return state


def weights(folder: Path) -> Path:
    """The file of a part's weights.

    Raises:
        RequestError: there is none.
    """
    found = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise RequestError(f"there is no {_WEIGHTS[0]}", where=str(folder), fix="fetch the folder again")
    return found


def read_schedule(folder: Path) -> tuple[torch.Tensor, tuple[int, ...], str]:
    """Betas (steps,) of a scheduler, its 50 training steps of generation, descending, and what its network predicts.

    Raises:
        ModelError: there is no such scheduler, or it does not give 50 steps.
    """
    file = folder / _SCHEDULER
    settings = read_settings(file)
    name = settings.get("_class_name")
    kind: Any = getattr(import_module("diffusers"), name, None) if isinstance(name, str) else None
    fix = "let the file name a scheduler with 50 steps, such as DDIMScheduler with steps_offset 1"
    if not (inspect.isclass(kind) and issubclass(kind, SchedulerMixin)):
        raise ModelError(f"there is no scheduler {name!r}", where=str(file), fix=fix)
    try:
        made: Any = kind
        scheduler = made.from_config(settings)
        scheduler.set_timesteps(STEPS)
        steps = [float(step) for step in scheduler.timesteps]
        betas: torch.Tensor = scheduler.betas
    except (AttributeError, TypeError, ValueError, ImportError, NotImplementedError) as error:
        raise ModelError(f"{name} makes no schedule of these settings ({error})", where=str(file), fix=fix) from error
    if len(steps) != STEPS:
        raise ModelError(f"{name} gives {len(steps)} times for {STEPS} steps", where=str(file), fix=fix)
    whole = tuple(int(step) for step in steps)
    if list(whole) != steps or list(whole) != sorted(set(whole), reverse=True) or whole[0] >= len(betas):
        raise ModelError(f"{name} gives times that are no training steps in order", where=str(file), fix=fix)
    return betas, whole, str(settings.get("prediction_type", "epsilon"))


def _number(unet: Path) -> int:
    found = re.search(r"-(\d+)$", unet.parent.name)
    return int(found.group(1)) if found else -1
