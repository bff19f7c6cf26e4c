"""Prompts embedded by the CLIP text encoder of a folder, as Stable Diffusion has it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ..engine.errors import RequestError


@torch.inference_mode()
def embed(folder: Path, wanted: Sequence[str], *, otherwise: str) -> dict[str, torch.Tensor]:
    """Embed prompts by ``tokenizer`` and ``text_encoder`` of a folder.

    Args:
        folder: of the model.
        wanted: the prompts.
        otherwise: what a user can do who has no encoder, in the imperative, for errors.

    Returns:
        (tokens, length) float32 for each prompt: last hidden states, padded to the encoder's full length.

    Raises:
        RequestError: the package transformers is not installed, or the folder holds no such encoder.
    """
    try:
        clip: Any = import_module("transformers")
    except ImportError as error:
        raise RequestError(
            "embedding prompts needs the package transformers, which is not installed",
            where=str(folder),
            fix=f"install transformers, or {otherwise}",
        ) from error
    try:
        tokenizer = clip.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        encoder = clip.CLIPTextModel.from_pretrained(
            folder / "text_encoder", local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise RequestError(
            "there is no CLIP text encoder here that can be read",
            where=str(folder),
            fix=f"name a folder with tokenizer/ and text_encoder/, the latter as safetensors, or {otherwise}",
        ) from error
    ids = tokenizer(
        list(wanted),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids
    return dict(zip(wanted, encoder.eval()(ids)[0].float().unbind(0), strict=True))
