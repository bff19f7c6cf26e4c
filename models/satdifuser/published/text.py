"""The embedded prompt of a backbone: cached beside it, or embedded by its CLIP encoder."""

from __future__ import annotations

from pathlib import Path

import torch

from ....engine.errors import ModelError
from ...clip import embed
from ...convert import read_tensors

CACHED = "prompt.safetensors"

_OTHERWISE = f"put {CACHED} with a (1, 77, 1024) tensor into the folder"


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
    text = _cached(cached, prompt) if cached.is_file() else embed(folder, (prompt,), otherwise=_OTHERWISE)[prompt]
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
