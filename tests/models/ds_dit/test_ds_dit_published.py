"""Checkpoints of others become model folders, which run on scenes."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin
from safetensors.torch import save_file

from seamline.engine.contract import Runtime
from seamline.engine.errors import ModelError, RequestError
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import assert_is_crop
from seamline.models import registry
from seamline.models.ds_dit.config import Config
from seamline.models.ds_dit.published.checkpoint import Sources, convert, from_sd3
from seamline.models.ds_dit.published.tile import Autoencoder, Published
from seamline.tests.bounds import assert_same_but_rounding

SHAPE = Config(depth=2, width=64, heads=2, table=48)
WIDTHS = Autoencoder(channels=(8, 8, 8, 8), blocks=1, groups=4)
SD3 = "model.diffusion_model."


def network():
    torch.manual_seed(0)
    made = Published(SHAPE, WIDTHS).eval()
    for parameter in made.transformer.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    made.transformer.pos_embed.normal_(std=0.1)
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The released form of a checkpoint, and the autoencoder's folder."""
    folder = tmp_path_factory.mktemp("files")
    made = network()
    args = argparse.Namespace(lr=5e-5, image_size=512)
    torch.save({"model": made.transformer.state_dict(), "args": args}, folder / "released.pt")
    vae = folder / "vae"
    vae.mkdir()
    save_file(made.vae.state_dict(), vae / "diffusion_pytorch_model.safetensors")
    (vae / "config.json").write_text(json.dumps({"_class_name": "AutoencoderKL", **WIDTHS.settings()}))
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """LR of 96 x 80 px and a reference four times as fine, 8 bits."""
    folder = tmp_path_factory.mktemp("scene")
    rng = np.random.default_rng(0)
    paths = []
    for name, (height, width), px in (("lr", (96, 80), 4.0), ("reference", (384, 320), 1.0)):
        values = rng.normal(0, 9, (3, height, width)).cumsum(axis=1).cumsum(axis=2) / 60 + 120
        paths.append(str(folder / f"{name}.tif"))
        with rasterio.open(
            paths[-1],
            "w",
            driver="GTiff",
            count=3,
            height=height,
            width=width,
            dtype="uint8",
            crs="EPSG:32633",
            transform=from_origin(500_000, 5_000_000, px, px),
        ) as file:
            file.write(np.clip(values, 1, 255).astype(np.uint8))
    return paths


def converted(files, out, **options):
    return convert(Sources(files / "released.pt", files / "vae", **options), out, config=SHAPE)


@pytest.mark.parametrize("blend", ["pixel", "latent"])
def test_the_released_form_runs_on_scenes_and_an_extent_is_a_crop(files, scene, tmp_path, blend):
    converted(files, tmp_path / "model")
    source = registry.resolve(str(tmp_path / "model"), "superres")
    inputs = dict(zip(("image", "reference"), scene, strict=True))
    options = {"steps": 2, "tile": 48, "overlap": 16, "blend": blend}
    run(Request(inputs=inputs, out=str(tmp_path / "whole.tif"), **options), source)
    run(Request(inputs=inputs, out=str(tmp_path / "part.tif"), window=(24, 40, 30, 30), **options), source)
    assert_is_crop(tmp_path / "part.tif", tmp_path / "whole.tif")
    with rasterio.open(tmp_path / "whole.tif") as file:
        assert file.shape == (384, 320)
        assert file.read().std() > 0


def test_blending_between_steps_is_another_run_and_one_that_not_every_scale_has(files, scene, tmp_path):
    converted(files, tmp_path / "model")
    source = registry.resolve(str(tmp_path / "model"), "superres")
    found = {}
    for blend in ("pixel", "latent"):
        out = tmp_path / f"{blend}.tif"
        run(Request(inputs={"image": scene[0]}, out=str(out), steps=3, tile=48, overlap=16, blend=blend), source)
        with rasterio.open(out) as file:
            found[blend] = file.read()
    assert not np.array_equal(*found.values())
    converted(files, tmp_path / "ten", scale=10)
    ten = registry.resolve(str(tmp_path / "ten"), "superres")
    with pytest.raises(RequestError) as caught:
        run(Request(inputs={"image": scene[0]}, out=str(tmp_path / "no.tif"), blend="latent"), ten)
    assert caught.value.where == "--blend latent"


@pytest.mark.parametrize("blend", ["pixel", "latent"])
def test_a_folder_that_names_another_solver_takes_other_steps(files, scene, tmp_path, blend):
    found = []
    for solver in ("euler", "dpm"):
        folder, out = tmp_path / solver, tmp_path / f"{solver}.tif"
        converted(files, folder)
        about = json.loads((folder / "model.json").read_text())
        about["architecture"]["config"]["solver"] = solver
        (folder / "model.json").write_text(json.dumps(about))
        source = registry.resolve(str(folder), "superres")
        run(Request(inputs={"image": scene[0]}, out=str(out), steps=4, tile=48, overlap=16, blend=blend), source)
        with rasterio.open(out) as file:
            found.append(file.read())
    assert not np.array_equal(*found)


def test_without_a_reference_the_weak_pass_is_the_only_one(files, scene, tmp_path):
    converted(files, tmp_path / "model")
    source = registry.resolve(str(tmp_path / "model"), "superres")
    for name, guidance in (("one", 1.0), ("more", 1.5)):
        out = str(tmp_path / f"{name}.tif")
        run(Request(inputs={"image": scene[0]}, out=out, steps=2, tile=48, overlap=16, guidance=guidance), source)
    with rasterio.open(tmp_path / "one.tif") as one, rasterio.open(tmp_path / "more.tif") as more:
        assert np.array_equal(one.read(), more.read())


def test_weights_come_through_unchanged(files, tmp_path):
    converted(files, tmp_path / "model")
    loaded = registry.resolve(str(tmp_path / "model"), "superres").load(Runtime())
    expected = network()
    for key, value in loaded.network.state_dict().items():
        torch.testing.assert_close(value, expected.state_dict()[key].half().float())


@torch.no_grad()
def test_a_training_starts_from_stable_diffusion_with_two_copies_and_nothing_injected(files, tmp_path):
    own = network().transformer.state_dict()
    single = {
        SD3 + key: value for key, value in own.items() if not any(word in key for word in ("lr_", "ref_", "weighting"))
    }
    single |= {SD3 + "y_embedder.mlp.0.weight": torch.zeros(1), "first_stage_model.x": torch.zeros(1)}
    single |= {SD3 + "joint_blocks.0.context_block.attn.qkv.weight": torch.zeros(1)}
    found = from_sd3(single, own)
    assert found.keys() == own.keys()
    for key, value in found.items():
        if "lr_block" in key or "ref_block" in key:
            assert torch.equal(value, own[key.replace("lr_block", "x_block").replace("ref_block", "x_block")])
    started = Published(SHAPE, WIDTHS).eval().transformer
    started.load_state_dict(found)
    x, low, reference = (torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(k)) for k in range(3))
    with_weighting = started(x, torch.tensor([500.0]), low, reference)
    for block in started.joint_blocks:
        block.weighting = torch.nn.Module()
        block.weighting.forward = lambda tokens, *_: tokens
    assert_same_but_rounding(started(x, torch.tensor([500.0]), low, reference), with_weighting)
    save_file(single, tmp_path / "sd3.safetensors")
    convert(Sources(tmp_path / "sd3.safetensors", files / "vae"), tmp_path / "model", config=SHAPE)


def test_what_does_not_fit_is_named(files, tmp_path):
    with pytest.raises(ModelError, match="missing"):
        convert(Sources(files / "released.pt", files / "vae"), tmp_path / "deeper", config=replace(SHAPE, depth=3))
    with pytest.raises(RequestError, match="2 to 16"):
        converted(files, tmp_path / "large", scale=32)
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "file").touch()
    with pytest.raises(RequestError, match="exists"):
        converted(files, tmp_path / "held")
    assert not (tmp_path / "deeper").exists()


def test_a_pickle_of_anything_else_is_refused(files, tmp_path):
    class Other:
        pass

    Other.__qualname__ = "Other"
    globals()["Other"] = Other
    torch.save({"model": {}, "args": Other()}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="could run code"):
        convert(Sources(tmp_path / "other.pt", files / "vae"), tmp_path / "model", config=SHAPE)
