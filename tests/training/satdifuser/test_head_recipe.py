"""The recipe of a head: the same training as by options, from any of its sources, refused by key."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.errors import RequestError
from seamline.models.folder import load_folder
from seamline.tests.training.satdifuser.made_up import draw, squares, two_kinds, write_backbone, write_image
from seamline.training.reading import read_recipe
from seamline.training.run import train

RECIPE = """
name: kinds
version: "3"
system: satdifuser
seed: 2
precision: "no"
output: {home}/run
task: segment
data:
  sources:
    - {{images: [a.tif], labels: a.geojson, class_field: kind}}
    - {{images: [b.tif], labels: b.geojson, class_field: kind, rename: {{shiny: bright}}}}
  hold_out: 0.3
design: {{backbone: {home}/backbone, width: 16, bottleneck: 8, channels: 8}}
fit: {{steps: 6, batch: 2, cut: 64}}
minutes: 5
copies: 1
card: {{licence: CC0-1.0, training_data: made up}}
"""


@pytest.fixture(autouse=True)
def _another_accelerator():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def home(tmp_path):
    for i, name in enumerate("ab"):
        write_image(tmp_path / f"{name}.tif", two_kinds(128, 128, seed=i)[0])
    boxes = squares(128)
    draw(tmp_path / "a.geojson", boxes)
    draw(tmp_path / "b.geojson", [("shiny" if kind == "bright" else kind, *box) for kind, *box in boxes])
    write_backbone(tmp_path / "backbone")
    (tmp_path / "kinds.yaml").write_text(RECIPE.format(home=tmp_path))
    return tmp_path


def test_a_recipe_trains_on_several_sources_and_keeps_its_features(home, monkeypatch):
    folder = train(home / "kinds.yaml")
    assert folder == home / "run" / "kinds"
    card = load_folder(folder)[0].card
    assert (card.name, card.version, card.licence, card.training_data) == ("kinds", "3", "CC0-1.0", "made up")
    assert [c.name for c in card.outputs[0].categories] == ["bright", "dark"]
    assert 0 <= card.quality[0].values["mIoU"] <= 1
    assert list((home / "run" / "features").glob("*.safetensors"))
    first = load_folder(folder)[1]

    def never(*given, **more):
        raise AssertionError("the features were there")

    monkeypatch.setattr("seamline.models.satdifuser.terra.TerraBackbone.features", never)
    AcceleratorState._reset_state(reset_partial_state=True)
    result = CliRunner().invoke(cli, ["train", str(home / "kinds.yaml")])
    assert result.exit_code == 0, result.output
    assert str(folder) in result.output
    again = load_folder(folder)[1]
    assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_less_of_the_labels_is_a_share_of_the_tiles(home):
    folder = train(home / "kinds.yaml", {"data.share": 0.25, "fit.steps": 2})
    few = load_folder(folder)[0].card.quality[0].values
    AcceleratorState._reset_state(reset_partial_state=True)
    many = load_folder(train(home / "kinds.yaml", {"fit.steps": 2}))[0].card.quality[0].values
    assert few["tiles trained on"] == round(many["tiles trained on"] / 4)
    assert few["tiles held out"] == many["tiles held out"]


def test_data_sets_of_chips_are_trained_on_by_their_split(home, monkeypatch):
    names = []
    for i in range(12):
        kind = ("calm", "rough")[i % 2]
        (home / "chips" / kind).mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(i).normal(500, 10 + 200 * (i % 2), (3, 32, 32)).clip(1).astype(np.uint16)
        write_image(home / "chips" / kind / f"{i}.tif", values)
        names.append(f"chips/{kind}/{i}.tif")
    sets = {"kinds": {"unit": "file", "labels": "the folder's name", "train": names[:8], "val": names[8:], "test": []}}
    (home / "splits.json").write_text(json.dumps({"datasets": sets}))
    monkeypatch.setenv("SEAMLINE_DATA", str(home))
    overrides = {"task": "classify", "data.sources": [{"dataset": "kinds"}]}
    card = load_folder(train(home / "kinds.yaml", overrides))[0].card
    assert card.task == "classify"
    assert card.patch == 32
    assert card.quality[0].values["tiles held out"] == 4
    AcceleratorState._reset_state(reset_partial_state=True)
    monkeypatch.delenv("SEAMLINE_DATA")
    with pytest.raises(RequestError, match="set SEAMLINE_DATA"):
        train(home / "kinds.yaml", overrides)


@pytest.mark.parametrize(
    ("overrides", "match"),
    [
        ({"task": "pansharpen"}, "task"),
        ({"design.fuser": "best"}, "design.fuser"),
        ({"data.sources": []}, "data.sources"),
        ({"data.hold_out": 0.95}, "data.hold_out"),
        ({"fit.step": 3}, "did you mean steps"),
        ({"minutes": 0}, "minutes"),
    ],
)
def test_settings_are_refused_by_key(home, overrides, match):
    with pytest.raises(RequestError, match=match):
        read_recipe(home / "kinds.yaml", overrides)


def test_a_source_is_one_thing(home):
    for source in ({"labels": "a.geojson"}, {"images": ["a.tif"], "chips": "chips", "labels": "a.geojson"}):
        with pytest.raises(RequestError, match="one of a dataset, images and chips"):
            train(home / "kinds.yaml", {"data.sources": [source]})
    wrong = {"images": ["a.tif"], "labels": "a.geojson", "class_field": "kind", "rename": {"wet": "dry"}}
    with pytest.raises(RequestError, match="no class wet to rename, but bright, dark"):
        train(home / "kinds.yaml", {"data.sources": [wrong]})
