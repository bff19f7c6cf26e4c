"""Names find models, wrong names find help, and a source loads the very model that was resolved."""

from __future__ import annotations

import pickle
import sys
import types

import pytest
import torch

from seamline.engine.contract import Runtime, TileModel, Where
from seamline.engine.errors import ModelError, RequestError
from seamline.models import architectures, registry
from seamline.models import folder as folders
from seamline.models.folder import Architecture, Card, Input, write_folder
from seamline.models.registry import info, names, resolve

TASKS = ("pansharpen", "superres", "segment", "classify")


def card(**changes):
    fields = {
        "name": "toy",
        "version": "2",
        "task": "superres",
        "architecture": Architecture(name="toy_net", config={"factor": 3.0}),
        "inputs": (Input(name="image"),),
        "main": "image",
        "licence": "CC0-1.0",
        "training_data": "synthetic",
        "citation": "none",
    }
    return Card(**(fields | changes))


class Toy:
    def __init__(self, factor, offset):
        self.factor, self.offset = factor, offset

    def predict(self, batch, where):
        return batch["image"] * self.factor + self.offset


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A model folder, and the architecture that it names."""
    module = types.ModuleType("seamline.models.toy_net")
    module.load = lambda config, state, runtime: Toy(config["factor"], state["offset"].float())
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(architectures, "ARCHITECTURES", {"toy_net": "toy_net"})
    write_folder(tmp_path / "toy", card(), {"offset": torch.tensor([0.5])})
    return tmp_path / "toy"


def test_every_name_resolves_for_its_task_and_only_for_that():
    assert {"identity", "bicubic", "brovey", "gsa", "mtf-glp-fs", "mtf-glp-hpm"} <= set(names())
    assert set().union(*(names(task) for task in TASKS)) == set(names())
    for name in names():
        spec = info(name).spec
        source = resolve(name, spec.task)
        assert (source.spec, source.spec.name) == (spec, name)
        other = next(task for task in TASKS if task != spec.task)
        with pytest.raises(RequestError, match=f"{name} is for {spec.task}, not for {other}"):
            resolve(name, other)


def test_the_nearest_name_is_offered():
    with pytest.raises(RequestError, match="did you mean brovey") as caught:
        resolve("brovy", "pansharpen")
    assert "mtf-glp-hpm" in str(caught.value)
    assert caught.value.exit_code == 2
    with pytest.raises(RequestError, match="no model 'zzz'") as caught:
        resolve("zzz", "pansharpen")
    assert "did you mean" not in str(caught.value)


def test_scales():
    assert resolve("bicubic", "superres").spec.scale == 4
    assert resolve("bicubic", "superres", scale=1).spec.scale == 1
    with pytest.raises(RequestError, match="identity has scale 1, not 2"):
        resolve("identity", "superres", scale=2)


def test_a_folder_is_loaded_through_its_architecture(toy):
    source = pickle.loads(pickle.dumps(resolve(str(toy), "superres")))
    assert source.identity.startswith("toy@2+")
    assert len(source.identity) == len("toy@2+") + 64
    model = source.load(Runtime())
    assert isinstance(model, TileModel)
    where = Where(0, 0, ((0, 0),), {"image": (1.0, 1.0)})
    assert model.predict({"image": torch.tensor(2.0)}, where) == 6.5


def test_a_folder_that_ships_has_a_name(toy, monkeypatch):
    monkeypatch.setattr(registry, "WEIGHTS", toy.parent)
    assert "toy" in names("superres")
    assert "toy" not in names("pansharpen")
    assert resolve("toy", "superres") == resolve(str(toy), "superres")
    assert info("toy").training_data == "synthetic"
    assert info("toy").origin == str(toy)


def test_a_model_that_changed_after_planning_is_refused(toy):
    source = resolve(str(toy), "superres")
    write_folder(toy, card(), {"offset": torch.tensor([0.75])})
    with pytest.raises(ModelError, match="has changed since"):
        source.load(Runtime())


def test_weights_are_read_where_a_model_is_loaded_and_not_before(toy, monkeypatch):
    hashed, sha256 = [], folders._sha256
    monkeypatch.setattr(folders, "_sha256", lambda file: hashed.append(file.name) or sha256(file))
    monkeypatch.setattr(registry, "WEIGHTS", toy.parent)
    info("toy")
    names()
    source = resolve("toy", "superres")
    assert not hashed
    source.load(Runtime())
    assert hashed == ["model.safetensors"]


def test_altered_weights_are_resolved_and_not_loaded(toy):
    """Their size is that of the card: only their hash tells."""
    file = toy / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    source = resolve(str(toy), "superres")
    with pytest.raises(ModelError, match="the content is not the one that was published"):
        source.load(Runtime())


@pytest.mark.parametrize("name", ["model.safetensors", "more.safetensors", "more.pt"])
def test_what_a_look_at_the_folder_tells_is_refused_before_the_run(toy, name):
    with (toy / name).open("ab") as file:
        file.write(b"0")
    with pytest.raises(ModelError, match=name):
        resolve(str(toy), "superres")


def test_an_unknown_architecture_is_refused_when_it_is_asked_for(tmp_path):
    write_folder(tmp_path / "toy", card(architecture=Architecture(name="os")), {"offset": torch.ones(1)})
    with pytest.raises(ModelError, match="architecture 'os' is unknown"):
        resolve(str(tmp_path / "toy"), "superres")


def test_a_path_without_a_model_is_an_error_about_the_folder(tmp_path):
    with pytest.raises(ModelError, match=r"no model\.json"):
        resolve(str(tmp_path), "superres")


def test_folders_that_ship_are_named_as_their_cards_say():
    for name, path in registry._shipped().items():
        assert info(name).spec.name == name == path.name


@pytest.mark.parametrize("config", [{"width": 10**9}, {"of": {"widths": [8, 10**12]}}, {"depth": -(10**15)}])
def test_a_config_larger_than_its_weights_is_refused_before_a_network_is_made(tmp_path, monkeypatch, config):
    made = []
    monkeypatch.setattr(registry, "find_loader", lambda *_, **__: lambda *_: made.append(1))
    write_folder(
        tmp_path / "toy", card(architecture=Architecture(name="yardstick_cnn", config=config)), {"w": torch.ones(1)}
    )
    with pytest.raises(ModelError, match="more than any side of its weights"):
        resolve(str(tmp_path / "toy"), "superres").load(Runtime())
    assert not made


@pytest.mark.parametrize("error", [MemoryError(), KeyError("scale"), RuntimeError("can't allocate memory\nmore")])
def test_a_network_that_cannot_be_built_is_a_sentence(tmp_path, monkeypatch, error):
    def load(*_):
        raise error

    monkeypatch.setattr(registry, "find_loader", lambda *_, **__: load)
    write_folder(tmp_path / "toy", card(architecture=Architecture(name="yardstick_cnn")), {"w": torch.ones(1)})
    with pytest.raises(ModelError, match="its network cannot be built") as refused:
        resolve(str(tmp_path / "toy"), "superres").load(Runtime())
    assert "\n" not in str(refused.value)
