"""The embedded prompt of a backbone: cached beside it, or embedded by its CLIP encoder."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from ....engine.errors import ModelError, RequestError
from ...convert import read_tensors

CACHED = "prompt.safetensors"


def prompt_embedding(folder: Path, prompt: str, length: int) -> torch.Tensor:
    """(1, tokens, length) float32 of a prompt.

    Args:
        folder: of the backbone.
        prompt: key in the file of cached embeddings; a file with one embedding alone is used whatever its key.
        length: of a token, as the UNet reads it.

    Raises:
        RequestError: there is no cached embedding, and the package transformers or the encoder is not there.
        ModelError: the embedding has another shape.
    """
    cached = folder / CACHED
    text = _cached(cached, prompt) if cached.is_file() else _embedded(folder, prompt)
    text = text[None] if text.ndim == 2 else text
    if text.ndim != 3 or text.shape[0] != 1 or text.shape[2] != length:
        raise ModelError(
            f"an embedding of shape {tuple(text.shape)}, not (1, tokens, {length})",
            where=str(cached if cached.is_file() else folder),
            fix="embed the prompt with the text encoder of this backbone",
        )
    return text.float()


def _cached(file: Path, prompt: str) -> torch.Tensor:
    state = read_tensors(file)
    if prompt not in state and len(state) != 1:
        raise ModelError(
            f"there is no embedding of {prompt!r} among {len(state)}", where=str(file), fix="embed this prompt too"
        )
    return state.get(prompt, next(iter(state.values())))


@torch.no_grad()
def _embedded(folder: Path, prompt: str) -> torch.Tensor:
    both = (
        f"put {CACHED} with a (1, 77, 1024) tensor into the folder, or install transformers and keep text_encoder/ "
        "(as safetensors) and tokenizer/ there"
    )
    try:
        clip: Any = import_module("transformers")
    except ImportError as error:
        raise RequestError(
            f"there is no cached embedding of the prompt, and transformers, which embeds {prompt!r}, is not installed",
            where=str(folder),
            fix=both,
        ) from error
    try:
        tokenizer = clip.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        encoder = clip.CLIPTextModel.from_pretrained(
            folder / "text_encoder", local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise RequestError(
            "there is neither a cached embedding of the prompt nor a text encoder that can be read",
            where=str(folder),
            fix=both,
        ) from error
    ids = tokenizer(
        [prompt], padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    ).input_ids
    text: torch.Tensor = encoder.eval()(ids)[0]
    return text
