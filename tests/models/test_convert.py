"""Converting published checkpoints: made-up ones with the full key set become a model folder or are refused by name."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from rasterio.transform import from_origin
from safetensors.torch import load_file, save_file

from seamline.cli.group import cli
from seamline.engine.contract import Runtime
from seamline.engine.errors import Cancelled, ModelError, RequestError
from seamline.engine.optics.sensors import find_sensor
from seamline.engine.plan.make import make_plan
from seamline.engine.request import Request
from seamline.models import convert as reading
from seamline.models.convert import check_fit, read_tensors
from seamline.models.counts import COUNTS, count
from seamline.models.folder import load_folder
from seamline.models.registry import resolve
from seamline.models.salad_pan.published import checkpoint
from seamline.models.salad_pan.published.checkpoint import Sources, convert
from seamline.models.salad_pan.published.conditioning import prompts
from seamline.models.salad_pan.published.config import Config
from seamline.models.salad_pan.published.tile import SPEC, TEXT
from seamline.models.salad_pan.published.vae import band_vae
from seamline.tests.models.salad_pan.made_up import CONFIG, Published


def edit_adapters(published: Published, change) -> None:
    path = published.sources.adapters
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)


def test_a_conversion_keeps_every_tensor_under_its_published_name(published, tmp_path):
    sources = replace(published.sources, sensor=find_sensor("QB"), licence="MIT", training_data="PanCollection")
    folder = convert(sources, tmp_path / "out")
    card, state = folder.card, load_folder(tmp_path / "out")[1]
    assert (card.licence, card.training_data) == ("MIT", "PanCollection")
    assert "2602.04473" in card.citation
    assert card.architecture.config["network"]["scaling_factor"] == 0.7071
    assert card.architecture.config["use"]["prompts"] == list(prompts(find_sensor("QB")))
    inputs = [(i.name, i.bands, i.range, i.bits) for i in card.inputs]
    assert inputs == [("pan", 1, "native", 11), ("ms", 4, "native", 11)]
    assert card.name == "salad-pan-sd15-qb"
    adapters = torch.load(sources.adapters, weights_only=True)
    assert all(torch.equal(state[f"unet.{key}"], value.half()) for key, value in adapters.items())
    base = load_file(sources.base / "unet" / "diffusion_pytorch_model.safetensors")
    pairs = {
        "conv_in.weight": "base_conv_in.weight",
        "down_blocks.0.downsamplers.0.conv.bias": "down_blocks.0.base_downsamplers.conv.bias",
        "mid_block.attentions.0.proj_in.weight": "mid_block.base_midblock.attentions.0.proj_in.weight",
        "up_blocks.0.upsamplers.0.conv.weight": "up_blocks.0.upsamplers.conv.weight",
        "up_blocks.1.attentions.2.proj_out.bias": "up_blocks.1.attentions.2.proj_out.bias",
    }
    assert all(torch.equal(state[f"unet.{new}"], base[old].half()) for old, new in pairs.items())
    texts = load_file(sources.text)
    stored = {key for key in state if key.startswith(TEXT)}
    assert stored == {TEXT + s for s in texts if s != "one that is not needed"}
    assert len(state) == len(adapters) + len(base) + len(band_vae(CONFIG).state_dict()) + len(stored)


@pytest.mark.parametrize(("dtype", "refused"), [("uint8", True), ("uint16", False), ("float32", False)])
def test_a_sensor_of_11_bits_is_not_given_8(published, tmp_path, write_raster, dtype, refused):
    folder = convert(replace(published.sources, sensor=find_sensor("QB")), tmp_path / "out")
    spec = folder.card.spec
    coarse, fine = (from_origin(500000, 5000000, size, size) for size in (4, 1))
    ms = write_raster("ms.tif", np.full((4, 16, 16), 100, dtype), transform=coarse, nodata=0)
    pan = write_raster("pan.tif", np.full((1, 64, 64), 100, dtype), transform=fine, nodata=0)
    request = Request(inputs={"pan": str(pan), "ms": str(ms)}, out=str(tmp_path / "fused.tif"))
    if refused:
        with pytest.raises(ModelError, match="its values have 8 bits, and salad-pan-sd15-qb takes the 11-bit values"):
            make_plan(request, spec, folder.identity)
    else:
        assert make_plan(request, spec, folder.identity).output.dtype == dtype


def test_without_a_sensor_any_bands_are_taken_and_the_card_says_what_the_architecture_does(published, tmp_path):
    convert(published.sources, tmp_path / "out")
    source = resolve(str(tmp_path / "out"), "pansharpen")
    assert source.spec == SPEC
    tile = source.load(Runtime(steps=3))
    assert (tile.steps, tile.use.prompts, tile.use.maximum) == (3, ("",), None)


def test_the_command_writes_the_folder_and_says_its_identity(published, tmp_path):
    result = CliRunner().invoke(cli, [*published.arguments(tmp_path / "out"), "--noise", "band"])
    assert result.exit_code == 0, result.output
    assert result.output.strip() == resolve(str(tmp_path / "out"), "pansharpen").identity
    card = json.loads((tmp_path / "out" / "model.json").read_text())
    assert (card["licence"], card["architecture"]["config"]["use"]["noise"]) == ("not stated", "band")


def test_the_prefix_of_parallel_training_is_dropped(published, tmp_path):
    plain = convert(published.sources, tmp_path / "plain")
    edit_adapters(published, lambda s: s.update({f"module.{key}": s.pop(key) for key in list(s)}))
    wrapped = convert(published.sources, tmp_path / "wrapped")
    assert wrapped.card.files == plain.card.files


def test_a_bare_autoencoder_needs_its_settings(published, tmp_path):
    bare = replace(published.sources, vae=published.root / "vae" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(RequestError, match="scaling_factor"):
        convert(bare, tmp_path / "out")
    convert(replace(bare, vae_config=published.root / "vae" / "config.json"), tmp_path / "out")


def test_a_scaling_factor_is_never_assumed(published, tmp_path):
    path = published.root / "vae" / "config.json"
    settings = json.loads(path.read_text())
    settings.pop("scaling_factor")
    path.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="no scaling_factor"):
        convert(published.sources, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.update({"down_blocks.0.spa_gate.weight": torch.ones(1)}),
            r"down_blocks\.0\.spa_gate\.weight unex",
        ),
        (
            lambda s: s.update({"mid_block.spa_cross_band.out.bias": torch.ones(8)}),
            "spa_cross_band.out.bias unexpected",
        ),
        (lambda s: s.update({"base_conv_in.weight": torch.ones(1)}), r"base_conv_in\.weight unexpected"),
        (lambda s: s.pop("up_blocks.1.ctrl_to_base_spe.2.proj.bias"), r"ctrl_to_base_spe\.2\.proj\.bias missing"),
        (lambda s: s.update({"ctrl_conv_in_spa.bias": torch.ones(80)}), r"ctrl_conv_in_spa\.bias of another shape"),
        (lambda s: s["ctrl_conv_in_spa.bias"].fill_(float("nan")), r"ctrl_conv_in_spa\.bias does not fit"),
        (lambda s: s.update(epoch=3), "epoch: not a tensor"),
        (lambda s: s.update({"module.ctrl_conv_in_spa.bias": torch.ones(4)}), "with and without"),
    ],
)
def test_adapters_that_do_not_fit_are_refused_by_name_in_one_sentence(published, tmp_path, change, message):
    edit_adapters(published, change)
    result = CliRunner().invoke(cli, published.arguments(tmp_path / "out"))
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert re.search(message, result.stderr)
    assert not (tmp_path / "out" / "model.json").exists()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("sd15/unet", {"use_linear_projection": True}, "use_linear_projection: not as"),
        ("sd15/unet", {"addition_embed_type": "text"}, "addition_embed_type: not as"),
        ("sd15/unet", {"what_is_this": 1}, "what_is_this: not as"),
        ("sd15/unet", {"block_out_channels": [16]}, "not as in this network"),
        ("sd15/unet", {"block_out_channels": "wide"}, "not those of Stable Diffusion"),
        ("sd15/unet", {"norm_num_groups": 5}, "no network can be built"),
        ("vae", {"in_channels": 3}, "in_channels: not as"),
        ("vae", {"scaling_factor": -1}, "scaling_factor is positive"),
    ],
)
def test_settings_of_another_network_are_refused_by_name(published, tmp_path, file, change, message):
    path = published.root / file / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        convert(published.sources, tmp_path / "out")


def test_the_settings_of_stable_diffusion_give_the_published_network(tmp_path):
    # What unet/config.json of Stable Diffusion 1.5 holds, and vae/config.json with one channel.
    cross, plain = "CrossAttn{}Block2D", "{}Block2D"
    unet = {
        "_class_name": "UNet2DConditionModel",
        "_diffusers_version": "0.6.0",
        "act_fn": "silu",
        "attention_head_dim": 8,
        "block_out_channels": [320, 640, 1280, 1280],
        "center_input_sample": False,
        "cross_attention_dim": 768,
        "down_block_types": [*[cross.format("Down")] * 3, plain.format("Down")],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 2,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 64,
        "up_block_types": [plain.format("Up"), *[cross.format("Up")] * 3],
    }
    vae = {
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "in_channels": 1,
        "latent_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "out_channels": 1,
        "sample_size": 512,
        "scaling_factor": 0.9,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }
    for name, settings in (("unet", unet), ("vae", vae)):
        (tmp_path / name).write_text(json.dumps(settings))
    assert checkpoint._config(tmp_path / "unet", tmp_path / "vae") == Config(scaling_factor=0.9)


def test_what_is_not_there_is_named(published, tmp_path):
    base = published.root / "sd15" / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(base), base.with_suffix(".bin"))
    base.unlink()
    with pytest.raises(RequestError, match=r"unet: there is no diffusion_pytorch_model\.safetensors"):
        convert(published.sources, tmp_path / "out")
    with pytest.raises(RequestError, match=r"config\.json: there is no such file"):
        convert(replace(published.sources, base=tmp_path), tmp_path / "out")
    with pytest.raises(ModelError, match="there is no embedding of 8 prompt"):
        convert(replace(good(published, base), sensor=find_sensor("WV3")), tmp_path / "out")


def good(published: Published, base: Path) -> Sources:
    """The sources, mended."""
    save_file(torch.load(base.with_suffix(".bin"), weights_only=True), base)
    return published.sources


def test_nothing_is_written_over(published, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(RequestError, match="exists already"):
        convert(published.sources, tmp_path / "out")


def test_a_cancelled_conversion_leaves_nothing(published, tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 5:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(published.sources, tmp_path / "out", check)
    assert not (tmp_path / "out").exists()


# Files that are not what they seem.


class Touch:
    """A pickle that would write a file when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_with_code_is_refused_and_not_run(published, tmp_path):
    torch.save({"weight": Touch(tmp_path / "ran")}, published.sources.adapters)
    with pytest.raises(ModelError, match="something else than tensors") as caught:
        convert(published.sources, tmp_path / "out")
    assert "\n" not in str(caught.value)
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"weight": Touch(tmp_path / "ran")}))
    with pytest.raises(ModelError, match=r"something else than tensors|no readable checkpoint"):
        read_tensors(tmp_path / "old.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize(
    "content",
    [b"", b"nonsense" * 20, b"PK\x03\x04 cut short", b"\x80\x02s.", b"\x80\x02K\x01R.",
     b"\x80\x02(ctorch._utils\n_rebuild_tensor_v2\ntR."],
)  # fmt: skip
def test_files_that_are_no_checkpoints_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"no readable checkpoint|something else than tensors"):
        read_tensors(tmp_path / name)


def test_a_list_and_a_file_too_large_are_refused(tmp_path, monkeypatch):
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="no dict of tensors"):
        read_tensors(tmp_path / "list.pth")
    monkeypatch.setattr(reading, "PICKLE_BYTES", 100)
    with pytest.raises(ModelError, match="more than 100"):
        read_tensors(tmp_path / "list.pth")


def test_many_findings_are_counted():
    own = {f"k{i}": torch.ones(1) for i in range(9)}
    with pytest.raises(ModelError, match=r"k0, k1, k2, k3, k4 and 4 more missing, x unexpected"):
        check_fit(own, {"x": torch.ones(1)}, where="file")


# Counts.


@pytest.mark.parametrize(("name", "number"), [("salad-pan-vae", 83_649_253), ("salad-pan-adapters", 165_739_056)])
def test_a_count_is_one_number(name, number):
    result = CliRunner().invoke(cli, ["models", "count", name])
    assert (result.exit_code, result.output) == (0, f"{number}\n")


def test_an_unknown_count_lists_what_there_is():
    result = CliRunner().invoke(cli, ["models", "count", "m4-dit"])
    assert result.exit_code == 2
    assert all(name in result.stderr for name in ("m4-dit", *COUNTS))
    with pytest.raises(RequestError):
        count("")
