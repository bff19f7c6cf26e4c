"""Prompts embedded by CLIP, which is played here."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from seamline.engine.errors import RequestError
from seamline.models.clip import embed


def test_clip_embeds_prompts_padded_to_its_full_length(monkeypatch, tmp_path):
    class Tokens:
        model_max_length = 6

        @classmethod
        def from_pretrained(cls, path, **kwargs):
            assert path == tmp_path / "tokenizer"
            return cls()

        def __call__(self, texts, *, padding, max_length, truncation, return_tensors):
            assert (padding, truncation, return_tensors) == ("max_length", True, "pt")
            self.input_ids = torch.tensor([[len(text)] * max_length for text in texts])
            return self

    class Encoder(nn.Module):
        @classmethod
        def from_pretrained(cls, path, **kwargs):
            assert kwargs == {"local_files_only": True, "use_safetensors": True}
            return cls()

        def forward(self, ids):
            return (ids[..., None].expand(*ids.shape, 8).half(),)

    module = type("transformers", (), {"CLIPTokenizer": Tokens, "CLIPTextModel": Encoder})
    monkeypatch.setitem(__import__("sys").modules, "transformers", module)
    found = embed(tmp_path, ("abc", ""), otherwise="ask")
    assert {k: (v.shape, v.dtype, float(v.max())) for k, v in found.items()} == {
        "abc": ((6, 8), torch.float32, 3.0),
        "": ((6, 8), torch.float32, 0.0),
    }
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(RequestError, match="not installed") as caught:
        embed(tmp_path, ("abc",), otherwise="ask somebody")
    assert caught.value.fix == "install transformers, or ask somebody"
