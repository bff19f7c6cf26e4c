"""Heads on DiffusionSat that is told the facts of a scene: in a run, in training, and by a converted decoder."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin

from seamline.engine.errors import ModelError
from seamline.engine.facts import SceneFacts
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.models import registry
from seamline.models.folder import load_folder
from seamline.models.satdifuser.config import BackboneRef, Config, Reading
from seamline.models.satdifuser.convert import Sources, convert
from seamline.models.satdifuser.fusers.build import build_fuser
from seamline.models.satdifuser.fusers.config import FuserConfig
from seamline.models.satdifuser.heads import Linear
from seamline.models.satdifuser.open import open_backbone
from seamline.models.satdifuser.published.backbone import Options, open_published, read_layout
from seamline.models.satdifuser.published.metadata import scalars_of
from seamline.models.satdifuser.upernet import UPerConfig, UPerNet
from seamline.models.terra_ldm.conditioning import Band
from seamline.tests.models.satdifuser.backbones import add_metadata, make_backbone
from seamline.tests.training.satdifuser.made_up import write_backbone

PATCH, SIDE = 8, 32
FACTS = SceneFacts((15.1, 45.08), 1000.0, 0.125, (2021, 7, 9))
TAGS = {"DATE_ACQUIRED": "2021-07-09", "CLOUDCOVER": "12.5"}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    folder = make_backbone(tmp_path_factory.mktemp("backbone") / "sat")
    add_metadata(folder)
    return folder


def decoder(backbone, head):
    torch.manual_seed(1)
    layout = read_layout(backbone, Options())
    fuser = build_fuser(layout, FuserConfig("global", width=64, bottleneck=32, as_released=True))
    built = Linear(64, 3) if head is None else UPerNet(64, len(layout.scales), head)
    return fuser.eval(), built.eval()


@pytest.fixture(scope="module")
def models(backbone, tmp_path_factory):
    """Folders of a classification and a segmentation, told of scenes or not."""
    home = tmp_path_factory.mktemp("models")
    made = {}
    for task, head, size in (("classify", None, PATCH), ("segment", UPerConfig(3, 8, (1, 2, 3)), SIDE)):
        fuser, built = decoder(backbone, head)
        torch.save({"decoder_net": {**fuser.state_dict(), **built.state_dict()}}, home / f"{task}.pth")
        for told in (False, True):
            sources = Sources(home / f"{task}.pth", backbone, (255.0,), size=size, metadata=told)
            made[task, told] = convert(sources, home / f"{task}-{told}").path
    return made


def scene(path, tags=TAGS, crs="EPSG:32633", height=SIDE, width=SIDE):
    values = np.random.default_rng(0).integers(1, 255, (3, height, width), dtype=np.uint8)
    placed = {"crs": crs, "transform": from_origin(4.92e5, 5.008e6, 1000, 1000)} if crs else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", count=3, height=height, width=width, dtype="uint8", **placed
        ) as file:
            file.write(values)
            file.update_tags(**tags)
    return values


def probabilities(model, source, out, **options):
    source_of = registry.resolve(str(model), options.pop("task"))
    also = {"probabilities": str(out.with_name(f"p-{out.name}"))}
    run(Request(inputs={"image": str(source)}, out=str(out), threads=1, also=also, **options), source_of)
    with rasterio.open(also["probabilities"]) as file:
        return torch.from_numpy(file.read())


@torch.no_grad()
def by_hand(backbone, values, facts):
    """Probabilities of a scene of one tile."""
    upernet = UPerConfig(3, 8, (1, 2, 3))
    fuser, head = decoder(backbone, upernet)
    image = torch.from_numpy(values)[None] / 255.0
    scalars = torch.zeros(1, 7) if facts is None else scalars_of(facts)[None]
    features = open_published(backbone, 3, Options(metadata=True)).features(image, lambda *_: None, metadata=scalars)
    return head(fuser(features), (SIDE, SIDE)).softmax(dim=1)[0]


def assert_told(found, facts, backbone, values):
    """A map is that of these facts, but for weights that are stored in half precision, and not that of others."""
    own, *others = (
        float((found - by_hand(backbone, values, each)).abs().max())
        for each in (facts, *({None, FACTS, replace(FACTS, date=None)} - {facts}))
    )
    assert own < min(others) / 10


def test_a_map_is_made_as_the_facts_of_the_scene_say(backbone, models, tmp_path):
    values = scene(tmp_path / "scene.tif")
    assert load_folder(models["segment", True])[0].card.needs_facts
    assert not load_folder(models["segment", False])[0].card.needs_facts
    told, silent = (
        probabilities(models["segment", each], tmp_path / "scene.tif", tmp_path / f"{each}.tif", task="segment")
        for each in (True, False)
    )
    assert_told(told, FACTS, backbone, values)
    assert float((told - silent).abs().max()) > 0.005


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_scene_that_tells_nothing_is_mapped_with_zeros(backbone, models, tmp_path):
    values = scene(tmp_path / "scene.tif", tags={}, crs=None)
    told = probabilities(models["segment", True], tmp_path / "scene.tif", tmp_path / "o.tif", task="segment")
    assert_told(told, None, backbone, values)


@pytest.mark.parametrize("task", ["classify", "segment"])
def test_a_part_of_a_scene_is_told_the_facts_of_the_whole(task, models, tmp_path):
    scene(tmp_path / "scene.tif", height=64, width=80)
    whole = probabilities(models[task, True], tmp_path / "scene.tif", tmp_path / "whole.tif", task=task)
    part = probabilities(
        models[task, True], tmp_path / "scene.tif", tmp_path / "part.tif", task=task, window=(48, 32, 32, 16)
    )
    step = PATCH if task == "classify" else 1
    assert torch.equal(part, whole[:, 32 // step : 48 // step, 48 // step : 80 // step])
    # Facts of the part would make another map.
    silent = probabilities(models[task, False], tmp_path / "scene.tif", tmp_path / "silent.tif", task=task)
    assert not torch.allclose(silent, whole, atol=0.01)


def test_backbones_without_a_place_for_facts_refuse_them_in_a_sentence(tmp_path):
    told = Reading(metadata=True)
    with pytest.raises(ModelError, match="cannot be told the facts of a scene"):
        open_backbone(BackboneRef("terra", write_backbone(tmp_path / "terra"), ""), told, (Band(),))
    plain = make_backbone(tmp_path / "sd")
    with pytest.raises(ModelError, match="no networks of 7 metadata"):
        open_backbone(BackboneRef("published", str(plain), ""), Reading(times=(47,), metadata=True), (Band(),))


def test_cards_of_before_are_told_nothing(models):
    card = load_folder(models["segment", True])[0].card
    config = dict(card.architecture.config)
    assert Config.of(config).reading.metadata
    config["reading"] = {key: value for key, value in config["reading"].items() if key != "metadata"}
    assert not Config.of(config).reading.metadata
