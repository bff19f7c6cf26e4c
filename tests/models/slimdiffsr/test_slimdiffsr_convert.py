"""Converting the released checkpoint: a made-up one becomes a model folder or is refused by name."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner
from diffusers import AutoencoderTiny, UNet2DConditionModel
from scipy import ndimage
from torch.nn import functional as F

from seamline.cli.group import cli
from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import Cancelled, ModelError, RequestError
from seamline.engine.plan.make import make_plan
from seamline.engine.request import Request
from seamline.models.folder import load_folder
from seamline.models.registry import resolve
from seamline.models.slimdiffsr import checkpoint
from seamline.models.slimdiffsr.checkpoint import PUBLISHED, Sources, convert, dead_keys
from seamline.models.slimdiffsr.config import Config
from seamline.models.slimdiffsr.network import SlimDiffSR
from seamline.models.slimdiffsr.start import start_from, start_from_folders
from seamline.models.slimdiffsr.tile import SceneTile
from seamline.tests.bounds import assert_same_but_rounding

SMALL = Config(channels=(16, 32, 32), groups=8, queries=4, squeeze=8, codec_width=8)


@pytest.fixture
def small(monkeypatch) -> Config:
    """The released network is a narrow one."""
    monkeypatch.setattr(checkpoint, "PUBLISHED", SMALL)
    return SMALL


@pytest.fixture
def released(small, tmp_path) -> Path:
    """A checkpoint as the released training saves it."""
    torch.manual_seed(0)
    state = SlimDiffSR(replace(small, compat=True)).state_dict()
    path = tmp_path / "net_params_4x.pkl"
    torch.save({f"module.{key}": value for key, value in state.items()}, path)
    return path


def edit(path: Path, change) -> None:
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)


def test_dead_keys_are_those_that_were_published():
    ends = {f"unet.{name}.{part}" for name in ("conv_in", "conv_out") for part in ("weight", "bias")}
    ends |= {f"unet.time_embedding.linear_{i}.{part}" for i in (1, 2) for part in ("weight", "bias")}
    ends |= {f"vae.{name}.{part}" for name in ("encoder.layers.14", "decoder.layers.0") for part in ("weight", "bias")}
    assert dead_keys(PUBLISHED) == ends


def test_a_conversion_keeps_what_is_run_under_its_published_name(released, tmp_path):
    folder = convert(Sources(released, licence="MIT", training_data="AID"), tmp_path / "out")
    card, state = folder.card, load_folder(tmp_path / "out")[1]
    assert (card.name, card.licence, card.training_data) == ("slimdiffsr-x4", "MIT", "AID")
    assert "2605.02198" in card.citation
    assert (card.scale, card.tile, card.align, card.overlap, card.margin) == (4, 128, 4, 32, 8)
    saved = {key.removeprefix("module."): value for key, value in torch.load(released, weights_only=True).items()}
    assert state.keys() == saved.keys() - dead_keys(SMALL)
    assert all(torch.equal(value, saved[key].half()) for key, value in state.items())


def test_the_folder_runs_and_does_what_the_checkpoint_did(released, tmp_path):
    convert(Sources(released), tmp_path / "out")
    model = resolve(str(tmp_path / "out"), "superres", scale=4).load(Runtime())
    network = SlimDiffSR(replace(SMALL, compat=True)).eval()
    saved = torch.load(released, weights_only=True)
    network.load_state_dict({key.removeprefix("module."): value.half().float() for key, value in saved.items()})
    image = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    up = model.upsampled(image)
    with torch.inference_mode():
        expected = network(2 * up - 1) / 2 + 0.5
    found = model.predict({"image": image}, Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)}))
    assert_same_but_rounding(found, expected)


def test_the_command_writes_the_folder_and_says_its_identity(released, tmp_path):
    out = tmp_path / "out"
    arguments = ["models", "convert", "slimdiffsr", str(released), str(out), "--scale", "8", "--licence", "MIT"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    source = resolve(str(out), "superres")
    assert result.output.strip() == source.identity
    assert (source.spec.scale, source.spec.tile, source.spec.align) == (8, 64, 2)
    card = json.loads((out / "model.json").read_text())
    assert (card["licence"], card["architecture"]["config"]["use"]["scale"]) == ("MIT", 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("module.merge_conv2.bias"), r"merge_conv2\.bias missing"),
        (lambda s: s.pop("module.unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.query"), "query missing"),
        (lambda s: s.update({"module.text_encoder.weight": torch.ones(1)}), r"text_encoder\.weight unexpected"),
        (lambda s: s.update({"module.merge_conv1.bias": torch.ones(5)}), r"merge_conv1\.bias of another shape"),
        (lambda s: s["module.merge_conv1.bias"].fill_(float("nan")), r"merge_conv1\.bias does not fit"),
        (lambda s: s.update(iteration=3), "iteration: not a tensor"),
        (lambda s: s.update({"merge_conv1.bias": torch.ones(16)}), "with and without"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_in_one_sentence(released, tmp_path, change, message):
    edit(released, change)
    result = CliRunner().invoke(cli, ["models", "convert", "slimdiffsr", str(released), str(tmp_path / "out")])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert re.search(message, result.stderr)
    assert not (tmp_path / "out" / "model.json").exists()


def test_dead_parameters_may_be_absent_or_of_any_shape(released, tmp_path):
    convert(Sources(released), tmp_path / "one")

    def spoil(state):
        del state["module.unet.conv_in.weight"]
        state["module.unet.time_embedding.linear_1.weight"] = torch.ones(1)

    edit(released, spoil)
    convert(Sources(released), tmp_path / "two")
    one, two = (load_folder(tmp_path / name)[1] for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert all(torch.equal(value, two[key]) for key, value in one.items())


class Touch:
    """A pickle that would write a file when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_with_code_is_refused_and_not_run(released, tmp_path):
    torch.save({"module.merge_conv1.bias": Touch(tmp_path / "ran")}, released)
    result = CliRunner().invoke(cli, ["models", "convert", "slimdiffsr", str(released), str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "something else than tensors" in result.stderr
    assert not (tmp_path / "ran").exists()


def test_other_scales_and_places_are_refused(released, tmp_path):
    with pytest.raises(RequestError, match="for scale 2"):
        convert(Sources(released, scale=2), tmp_path / "out")
    with pytest.raises(RequestError, match="no such file"):
        convert(Sources(tmp_path / "none.pkl"), tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(RequestError, match="exists already"):
        convert(Sources(released), tmp_path / "out")


def test_a_cancelled_conversion_leaves_nothing(released, tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        convert(Sources(released), tmp_path / "out", check)
    assert not (tmp_path / "out").exists()


def test_a_start_from_folders_is_that_from_their_tensors(tmp_path):
    torch.manual_seed(5)
    unet = UNet2DConditionModel(
        block_out_channels=(*SMALL.channels, SMALL.channels[-1]),
        attention_head_dim=1,
        use_linear_projection=True,
        cross_attention_dim=8,
        norm_num_groups=SMALL.groups,
    )
    widths = (SMALL.codec_width,) * 4
    codec = AutoencoderTiny(encoder_block_out_channels=widths, decoder_block_out_channels=widths)
    unet.save_pretrained(tmp_path / "sd" / "unet")
    codec.save_pretrained(tmp_path / "taesd")
    one, two = SlimDiffSR(SMALL), SlimDiffSR(SMALL)
    two.load_state_dict(one.state_dict())
    before = {key: value.clone() for key, value in one.state_dict().items()}
    start_from(one, unet.state_dict(), codec.state_dict())
    start_from_folders(two, tmp_path / "sd", tmp_path / "taesd")
    assert all(torch.equal(value, two.state_dict()[key]) for key, value in one.state_dict().items())
    assert any(not torch.equal(value, before[key]) for key, value in one.state_dict().items())
    with pytest.raises(RequestError, match=r"unet.*: there is no such file"):
        start_from_folders(one, tmp_path / "taesd", tmp_path / "taesd")


# Norms, gates and queries of the scene.


def test_a_model_can_be_made_to_know_the_scene_by_its_folder(released, tmp_path):
    convert(Sources(released, licence="MIT"), tmp_path / "tile")
    arguments = [
        "models",
        "convert",
        "slimdiffsr",
        str(tmp_path / "tile"),
        str(tmp_path / "scene"),
        "--wholes",
        "scene",
    ]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    (before, state), (after, same) = (load_folder(tmp_path / name) for name in ("tile", "scene"))
    assert all(torch.equal(state[key], same[key]) for key in state)
    assert (after.card.name, after.card.licence) == ("slimdiffsr-x4-scene", "MIT")
    assert after.card.architecture.config["use"]["wholes"] == "scene"
    assert before.card.architecture.config["use"]["wholes"] == "tile"
    # Wide enough for all that the convolutions see.
    assert after.card.tile >= 4 * after.card.margin > before.card.tile
    assert isinstance(resolve(str(tmp_path / "scene"), "superres").load(Runtime()), SceneTile)


def test_a_released_checkpoint_can_be_made_to_know_the_scene(released, tmp_path):
    arguments = ["models", "convert", "slimdiffsr", str(released), str(tmp_path / "out"), "--wholes", "scene"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    card = load_folder(tmp_path / "out")[0].card
    assert (card.name, card.architecture.config["use"]["wholes"]) == ("slimdiffsr-x4-scene", "scene")


def test_only_a_student_can_know_the_scene(tmp_path):
    arguments = ["models", "convert", "slimdiffsr", "terra-ldm-tiny", str(tmp_path / "out"), "--wholes", "scene"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert "terra" in result.output
    assert not (tmp_path / "out").exists()


# Through the program, as the released inference does it.


@pytest.mark.parametrize(("height", "width"), [(32, 40), (64, 64)])
def test_a_run_is_the_network_a_resize_and_the_colours_of_the_input(released, write_raster, tmp_path, height, width):
    rng = np.random.default_rng(1)
    rough = ndimage.gaussian_filter(rng.uniform(0, 255, (3, height, width)), (0, 1, 1))
    # Up to both ends, so that the interpolation goes beyond them.
    values = np.clip(np.round(128 + 4 * (rough - 128)), 0, 255).astype(np.uint8)
    convert(Sources(released, scale=8), tmp_path / "model")
    arguments = [str(write_raster("in.tif", values)), str(tmp_path / "out.tif"), "--model", str(tmp_path / "model")]
    result = CliRunner().invoke(cli, ["superres", *arguments])
    assert result.exit_code == 0, result.output
    network = SlimDiffSR(replace(SMALL, compat=True)).eval()
    saved = torch.load(released, weights_only=True)
    network.load_state_dict({key.removeprefix("module."): value.half().float() for key, value in saved.items()})
    low = 2 * torch.from_numpy(values.astype(np.float32))[None] / 255 - 1
    up = F.interpolate(low, scale_factor=8, mode="bicubic", align_corners=False)
    with torch.inference_mode():
        found = network(up)
    spread = [x.std((2, 3), keepdim=True, correction=0) for x in (found, up)]
    matched = (found - found.mean((2, 3), keepdim=True)) / spread[0] * spread[1] + up.mean((2, 3), keepdim=True)
    wanted = ((matched[0] / 2 + 0.5).clamp(0, 1) * 255).round().numpy()
    with rasterio.open(tmp_path / "out.tif") as file:
        apart = np.abs(file.read().astype(float) - wanted)
    assert apart.max() <= 1
    assert apart.mean() <= 0.3


def test_the_bits_of_the_images_are_the_cards(released, write_raster, tmp_path):
    deep = write_raster("deep.tif", np.full((3, 32, 32), 900, np.uint16))
    convert(Sources(released), tmp_path / "eight")
    arguments = ["models", "convert", "slimdiffsr", str(released), str(tmp_path / "eleven"), "--bits", "11"]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    specs = {name: resolve(str(tmp_path / name), "superres").spec for name in ("eight", "eleven")}
    assert [(s.inputs[0].range, s.inputs[0].bits, s.consistency) for s in specs.values()] == [
        ("bits", 8, "off"),
        ("bits", 11, "off"),
    ]
    request = Request(inputs={"image": str(deep)}, out=str(tmp_path / "out.tif"))
    assert make_plan(request, specs["eleven"], "x").output.dtype == "uint16"
    with pytest.raises(ModelError, match="knows images of 8 bits alone"):
        make_plan(request, specs["eight"], "x")
