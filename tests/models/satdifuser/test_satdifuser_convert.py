"""Released decoders as model folders: what is written, what it gives, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner
from rasterio.transform import from_origin
from safetensors.torch import load_file, save_file

from seamline.cli.group import cli
from seamline.engine.errors import ModelError, RequestError
from seamline.models.folder import load_folder, verify_folder
from seamline.models.satdifuser.convert import Sources, convert
from seamline.models.satdifuser.fusers.build import build_fuser
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.heads import Linear
from seamline.models.satdifuser.published.backbone import Options, open_published, read_layout
from seamline.models.satdifuser.upernet import UPerConfig, UPerNet
from seamline.tests.bounds import assert_same_but_rounding
from seamline.tests.models.satdifuser.backbones import WEIGHTS, make_backbone

SIDE = 32


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return make_backbone(tmp_path_factory.mktemp("backbone") / "sd")


def decoder(backbone, kind="global", head=3, zoom=1):
    torch.manual_seed(1)
    layout = read_layout(backbone, Options(zoom=zoom))
    fuser = build_fuser(layout, FuserConfig(kind, width=64, bottleneck=32, experts=2, as_released=True))
    built = Linear(64, head) if isinstance(head, int) else UPerNet(64, len(layout.scales), head)
    return fuser.eval(), built.eval()


@pytest.fixture
def released(backbone, tmp_path):
    def write(**shape):
        fuser, head = decoder(backbone, **shape)
        file = tmp_path / "decoder.pth"
        torch.save({"epoch": 1, "decoder_net": {**fuser.state_dict(), **head.state_dict()}}, file)
        return file

    return write


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def scene(path, height=20, width=13):
    values = np.random.default_rng(0).integers(1, 255, (3, height, width), dtype=np.uint8)
    profile = {"driver": "GTiff", "count": 3, "height": height, "width": width, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", **profile, transform=from_origin(4e5, 5e6, 10, 10)) as file:
        file.write(values)
    return values


@torch.no_grad()
def test_a_converted_segmentation_maps_a_scene_as_its_modules_do(backbone, released, tmp_path):
    head = UPerConfig(3, 8, (1, 2, 3))
    settings = ["--backbone", str(backbone), "--levels", "255", "--classes", "water, road,roof", "--size", str(SIDE)]
    made = run("models", "convert", "satdifuser", released(head=head), tmp_path / "model", *settings)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("satdifuser-gw@1+")
    card = verify_folder(tmp_path / "model").card
    assert (card.task, card.tile, card.align, card.margin, card.overlap) == ("segment", SIDE, 4, 4, 12)
    assert [each.name for each in card.outputs[0].categories] == ["water", "road", "roof"]
    # One tile, so that blending has no part in it.
    values = scene(tmp_path / "scene.tif", SIDE, SIDE)
    also = ["--also", f"probabilities={tmp_path / 'p.tif'}"]
    ran = run("segment", tmp_path / "scene.tif", tmp_path / "map.tif", "--model", tmp_path / "model", *also)
    assert ran.exit_code == 0, ran.output
    fuser, upernet = decoder(backbone, head=head)
    features = open_published(backbone, 3).features(torch.from_numpy(values)[None] / 255.0, lambda *_: None)
    want = upernet(fuser(features), (SIDE, SIDE)).softmax(dim=1)[0]
    with rasterio.open(tmp_path / "p.tif") as file:
        # The weights are stored in half precision.
        assert_same_but_rounding(torch.from_numpy(file.read()), want, share=0.02)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert (file.read(1) == want.argmax(dim=0).numpy()).mean() > 0.95


@pytest.mark.parametrize("kind", ["global", "local", "experts"])
def test_a_converted_classification_has_a_patch_as_large_as_the_images_of_the_training(
    kind, backbone, released, tmp_path
):
    sources = Sources(released(kind=kind, zoom=2), backbone, (255.0, 200.0, 100.0), size=8, zoom=2, many=True)
    folder = convert(sources, tmp_path / "model")
    card, (_, state) = folder.card, load_folder(tmp_path / "model")
    assert (card.task, card.patch, card.align) == ("classify", 8, 16)
    assert [each.name for each in card.outputs] == ["probabilities"]
    assert ("fuser.batches" in state) == (kind == "experts")
    scene(tmp_path / "scene.tif")
    ran = run("classify", tmp_path / "scene.tif", tmp_path / "map.tif", "--model", tmp_path / "model")
    assert ran.exit_code == 0, ran.output
    with rasterio.open(tmp_path / "map.tif") as file:
        found = file.read()
    assert found.shape == (3, 3, 2)
    assert float(found.std()) > 0


def test_a_model_is_held_to_the_content_of_its_backbone(released, tmp_path):
    own = make_backbone(tmp_path / "own")
    convert(Sources(released(), own, (255.0,), size=8), tmp_path / "model")
    file = own / "unet" / WEIGHTS
    save_file({key: value + 0.01 for key, value in load_file(file).items()}, file)
    scene(tmp_path / "scene.tif")
    ran = run("classify", tmp_path / "scene.tif", tmp_path / "map.tif", "--model", tmp_path / "model")
    assert ran.exit_code == 2
    assert "not the weights that the head was trained on" in ran.output


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"levels": (255.0, 255.0)}, "as many levels"),
        ({"levels": (0.0,)}, "as many levels"),
        ({"classes": ("a", "b")}, "3 classes apart, not 2"),
        ({"classes": ("a", "b", "b")}, "3 classes apart"),
        ({"many": True}, "of one class"),
        ({"size": 30}, "no multiple of 4"),
        ({"size": 4}, "less than two"),
        ({"zoom": 3}, "3 times as large"),
        ({"times": (47, 45)}, "of another shape"),
    ],
)
def test_options_that_do_not_fit_are_refused_and_nothing_is_written(changes, match, backbone, released, tmp_path):
    settings = {"levels": (255.0,), "size": SIDE, **changes}
    sources = Sources(released(head=UPerConfig(3, 8)), backbone, **settings)
    with pytest.raises((RequestError, ModelError), match=match):
        convert(sources, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_folder_that_is_in_use_is_refused_and_levels_are_numbers(backbone, released, tmp_path):
    with pytest.raises(RequestError, match="exists already"):
        convert(Sources(released(), backbone, (255.0,)), tmp_path)
    settings = ["--backbone", str(backbone), "--levels", "12 bit"]
    ran = run("models", "convert", "satdifuser", released(), tmp_path / "model", *settings)
    assert ran.exit_code == 2
    assert "'12 bit' are no numbers" in ran.output
