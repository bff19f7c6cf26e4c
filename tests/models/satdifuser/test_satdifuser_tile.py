"""Maps from our own backbone: no tile shows, whatever the tiles, the extent and the order."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.contract import Category
from seamline.engine.errors import ModelError
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.engine.testing import assert_is_crop, assert_same_pixels
from seamline.models import registry
from seamline.models.card import Architecture, Card
from seamline.models.folder import write_folder
from seamline.models.satdifuser.backbone import no_checkpoint
from seamline.models.satdifuser.config import ARCHITECTURE, Config, LinearConfig, Reading
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.network import SatDiFuser
from seamline.models.satdifuser.open import find_backbone, open_backbone
from seamline.models.satdifuser.tile import spec_of
from seamline.models.satdifuser.unet import UNetConfig
from seamline.models.satdifuser.upernet import UPerConfig
from seamline.models.terra_ldm import network as terra
from seamline.models.terra_ldm.conditioning import Band
from seamline.models.terra_ldm.tile import SPEC

NAMES = ("water", "field", "roof")
BANDS = (Band(0.665, 1.0, "photo"), Band(0.56), Band())
STATED = {"licence": "CC0-1.0", "training_data": "none", "citation": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a base model of random weights, narrow, and as far-sighted as the one that ships."""
    folder = tmp_path_factory.mktemp("maps")
    config = terra.Config(forecast=4, depth=3, unet=(8, 12), embedding=16)
    torch.manual_seed(1)
    model = terra.TerraLdmTiny(config)
    for mix in (*model.vae.coarse.mixes, *model.vae.fine.mixes, model.vae.coarse.out, model.vae.fine.out):
        torch.nn.init.normal_(mix.weight, std=0.2)
    about = {"forecast": 4, "depth": 3, "unet": [8, 12], "embedding": 16}
    card = Card.of(SPEC, architecture=Architecture(name=terra.ARCHITECTURE, config=about), **STATED)
    write_folder(folder / "base", card, model.state_dict())
    return folder


def scene():
    rng = np.random.default_rng(5)
    coarse = rng.uniform(300, 900, (3, 42, 54)).repeat(10, axis=1).repeat(10, axis=2)[:, :410, :530]
    return (coarse + rng.normal(0, 40, coarse.shape)).clip(1).astype(np.uint16)


@pytest.fixture(scope="module")
def image(folder):
    """Fields, roofs and a hole, (3, 410, 530)."""
    values = scene()
    values[:, 120:150, 300:360] = 0
    path = folder / "image.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=3,
        height=410,
        width=530,
        dtype="uint16",
        nodata=0,
        crs="EPSG:32633",
        transform=from_origin(500_000, 5_000_000, 1, 1),
    ) as file:
        file.write(values)
    return str(path)


def make(folder, name, *, reading=None, fuser="global", patch=None, told_by=None, **head):
    """A model folder with random weights, whose classes all occur."""
    reading = reading or Reading("inversion", (0.1,))
    config = Config(
        backbone=find_backbone(str(folder / "base")),
        reading=reading,
        bands=BANDS,
        levels=(800.0, 900.0, 1000.0),
        fuser=FuserConfig(kind=fuser, width=16, bottleneck=8, norm="batch", experts=3, window=5),
        head=LinearConfig(3, patch, **head) if patch else told_by or UPerConfig(3, channels=8, pools=(), norm="batch"),
    )
    backbone = open_backbone(config.backbone, reading, BANDS)
    torch.manual_seed(3)
    network = SatDiFuser(backbone.layout, config)
    with torch.no_grad():
        # Statistics of the norms, and logits that are spread about none, as after a training.
        x = torch.from_numpy(scene()[None, :, :128, :256] / 900).float().unfold(3, 128, 128).movedim(3, 1)[0]
        features = backbone.features(x, lambda _, shape: torch.zeros(2, *shape), no_checkpoint)
        network.train()
        for _ in range(60):
            network(features, (128, 128))
        logits = network.eval()(features, (128, 128)).transpose(0, 1).flatten(1)
        last = network.head.decoder_head[2] if patch else network.head.out if told_by else network.head.conv_seg
        last.weight /= logits.std(dim=1)[(...,) + (None,) * (last.weight.ndim - 1)]
        last.bias.copy_(-(logits.mean(dim=1) - last.bias) / logits.std(dim=1))
    categories = tuple(Category(each, (80 * i, 10, 200)) for i, each in enumerate(NAMES))
    card = Card.of(
        spec_of(config, name=name, version="1", categories=categories),
        architecture=Architecture(name=ARCHITECTURE, config=config.to_card()),
        **STATED,
    )
    write_folder(folder / name, card, network.state_dict())
    return str(folder / name)


def mapped(model, image, out, task="segment", shard=None, **options):
    request = Request(inputs={"image": image}, out=str(out), threads=1, seed=7, **options)
    run(request, registry.resolve(model, task), shard=shard)
    return out


def smallest(model):
    """The smallest tiles that a model can have."""
    spec = registry.info(model).spec
    return {"tile": -(-4 * spec.margin // spec.align) * spec.align, "overlap": 2 * spec.margin}


def read(path):
    with rasterio.open(path) as file:
        return file.read(), file.dataset_mask() > 0


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("plain", {}),
        ("zoomed", {"reading": Reading("inversion", (0.1,), zoom=2)}),
        ("noised", {"reading": Reading("noising", (0.1, 0.3)), "fuser": "local"}),
        ("routed", {"fuser": "experts"}),
        ("beside", {"reading": Reading("inversion", (0.1,), pixels=True), "told_by": UNetConfig(3, 4)}),
    ],
)
def test_two_tile_grids_give_one_map(name, more, folder, image, tmp_path):
    model = make(folder, name, **more)
    chances = {"also": {"probabilities": str(tmp_path / "p.tif")}}
    small = mapped(model, image, tmp_path / "s.tif", **smallest(model))
    large = mapped(model, image, tmp_path / "l.tif", **chances)
    (a, known), (b, also_known) = read(small), read(large)
    assert np.array_equal(known, also_known)
    assert known.sum() == known.size - 30 * 60
    shares = np.bincount(a[0][known], minlength=3) / known.sum()
    assert (shares > 0.02).all()
    # The bound that users are told; what is left are ties of probabilities.
    assert (a[0][known] != b[0][known]).mean() <= 0.005
    total = read(tmp_path / "p.tif")[0][:, known].sum(axis=0)
    assert np.abs(total - 1).max() < 1e-5


def test_an_extent_and_shards_give_the_map_of_the_whole(folder, image, tmp_path):
    model = make(folder, "parts", reading=Reading("noising", (0.2,), zoom=2))
    how = smallest(model)
    assert how["tile"] < 410
    whole = mapped(model, image, tmp_path / "whole.tif", **how)
    part = mapped(model, image, tmp_path / "part.tif", **how, window=(250, 90, 133, 201))
    assert_is_crop(part, whole)
    out = tmp_path / "shards.tif"
    for index in (2, 1):
        mapped(model, image, out, **how, shard=Shard(index, 2))
    merge(out)
    assert_same_pixels(out, whole)


@pytest.mark.parametrize("many", [False, True])
def test_patches_are_images_of_their_own(many, folder, image, tmp_path):
    model = make(folder, f"patches-{many}".lower(), patch=32, many=many)
    whole = mapped(model, image, tmp_path / "whole.tif", "classify")
    other = mapped(model, image, tmp_path / "other.tif", "classify", tile=128, overlap=0)
    (a, _), (b, _) = read(whole), read(other)
    assert a.shape[1:] == (13, 17)
    if many:
        # Probabilities of each class by itself.
        assert a.shape[0] == 3
        assert np.nanmax(np.abs(a.sum(axis=0) - 1)) > 0.01
        assert np.nanmax(np.abs(a - b)) < 1e-5
    else:
        assert (a != b).mean() <= 0.005
        assert len(np.unique(a)) > 1


def test_a_head_is_refused_on_another_backbone(folder, image, tmp_path):
    model = make(folder, "moved")
    path = folder / "moved" / "model.json"
    card = json.loads(path.read_text())
    card["architecture"]["config"]["backbone"]["digest"] = "0" * 64
    path.write_text(json.dumps(card))
    with pytest.raises(ModelError, match="not the base model that the head was trained on"):
        mapped(model, image, tmp_path / "o.tif")
    assert not list(tmp_path.iterdir())


def test_a_config_survives_the_card(folder):
    config = registry.info(make(folder, "kept", patch=64)).spec
    assert config.patch == 64
    card = json.loads((folder / "kept" / "model.json").read_text())["architecture"]["config"]
    assert Config.of(card).to_card() == card
    with pytest.raises(ModelError, match="does not describe"):
        Config.of(card | {"levels": [1.0]})
