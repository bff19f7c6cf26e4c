"""The whole fused network as one folder becomes the same model as its parts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from seamline.cli.group import cli
from seamline.engine.errors import ModelError, RequestError
from seamline.models.salad_pan.published.checkpoint import Sources, convert, fused_key
from seamline.tests.models.salad_pan.made_up import CONFIG


def settings(**changes) -> dict:
    return {
        "_class_name": "UNetControlNetXSModel",
        "sample_size": 64,
        "block_out_channels": list(CONFIG.base),
        "norm_num_groups": CONFIG.base_groups,
        "cross_attention_dim": [CONFIG.text] * 2,
        "num_attention_heads": [CONFIG.base_heads] * 2,
        "time_embedding_mix": 1.0,
        "ctrl_conditioning_channels": 5,
        "ctrl_block_out_channels": list(CONFIG.branch),
        "ctrl_num_attention_heads": [CONFIG.branch_heads] * 2,
        "ctrl_max_norm_num_groups": 32,
    } | changes


@pytest.fixture
def whole(published) -> Path:
    """Base and adapters of the made-up files as one folder."""
    folder, parts = published.root / "whole", published.sources
    base = load_file(parts.base / "unet" / "diffusion_pytorch_model.safetensors")
    state = {fused_key(key): value for key, value in base.items()} | torch.load(parts.adapters, weights_only=True)
    folder.mkdir()
    save_file(state, folder / "diffusion_pytorch_model.safetensors")
    (folder / "config.json").write_text(json.dumps(settings()))
    return folder


def test_it_is_the_model_of_its_parts(published, whole, tmp_path):
    parts = published.sources
    convert(parts, tmp_path / "parts")
    arguments = ["models", "convert", "salad-pan", "--fused", str(whole), "--vae", str(parts.vae)]
    result = CliRunner().invoke(cli, [*arguments, "--text", str(parts.text), str(tmp_path / "whole")])
    assert result.exit_code == 0, result.output
    one, two = (json.loads((tmp_path / name / "model.json").read_text()) for name in ("parts", "whole"))
    assert one == two


def test_the_card_keeps_how_strongly_pan_and_ms_steer(published, whole, tmp_path):
    parts = published.sources
    arguments = ["models", "convert", "salad-pan", "--fused", str(whole), "--vae", str(parts.vae)]
    arguments += ["--text", str(parts.text), "--pan-scale", "0.5", "--steer-from", "2", str(tmp_path / "out")]
    assert CliRunner().invoke(cli, [*arguments, "--steer-until", "2"]).exit_code == 2
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    card = json.loads((tmp_path / "out" / "model.json").read_text())
    assert card["architecture"]["config"]["strength"] == {"pan": 0.5, "ms": 1.0, "start": 2, "end": None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ctrl_conditioning_channels": 3}, "ctrl_conditioning_channels: not as"),
        ({"time_embedding_mix": 0.5}, "time_embedding_mix: not as"),
        ({"num_attention_heads": [2, 4]}, "differ from level to level"),
        ({"ctrl_block_out_channels": [4, 12]}, "another shape"),
    ],
)
def test_settings_of_another_network_are_refused(published, whole, tmp_path, changes, message):
    (whole / "config.json").write_text(json.dumps(settings(**changes)))
    sources = replace(published.sources, base=None, adapters=None, fused=whole)
    with pytest.raises(ModelError, match=message):
        convert(sources, tmp_path / "out")


def test_branches_come_from_one_place(published, whole, tmp_path):
    parts = published.sources
    for sources, where in (
        (replace(parts, fused=whole), "--fused"),
        (replace(parts, adapters=None), "--adapters"),
        (replace(parts, base=None), "--base"),
        (Sources(None, parts.vae, fused=whole), "--text"),
    ):
        with pytest.raises(RequestError, match=where):
            convert(sources, tmp_path / "out")
