"""A model folder is loaded when every byte is the one that was published, and refused by name otherwise."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seamline.engine.errors import ModelError
from seamline.models import folder as folders
from seamline.models.card import schema_text as card_schema
from seamline.models.folder import Architecture, Card, Input, load_folder, load_strictly, verify_folder, write_folder


def card(**changes):
    fields = {
        "name": "toy",
        "version": "1.0",
        "task": "superres",
        "architecture": Architecture(name="toy", config={"width": 3}),
        "inputs": (Input(name="image", range="unit"),),
        "main": "image",
        "licence": "CC0-1.0",
        "training_data": "none",
        "citation": "none",
    }
    return Card(**(fields | changes))


def state():
    return {"weight": torch.arange(6.0).reshape(2, 3) / 8, "count": torch.tensor([70000])}


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "toy"
    write_folder(path, card(options=("steps",), consistency="area"), state())
    return path


def edit(path: Path, change) -> None:
    data = json.loads((path / "model.json").read_text())
    change(data)
    (path / "model.json").write_text(json.dumps(data))


def test_what_was_written_is_read(model):
    folder, tensors = load_folder(model)
    assert folder.card == card(options=("steps",), consistency="area", files=folder.card.files)
    assert folder.identity == f"toy@1.0+{folder.digest}"
    assert tensors["weight"].dtype == torch.float16
    assert torch.equal(tensors["weight"].float(), state()["weight"])
    assert torch.equal(tensors["count"], state()["count"])
    assert sorted(p.name for p in model.iterdir()) == ["model.json", "model.safetensors"]


def test_the_card_becomes_the_specification_of_the_engine(model):
    spec = verify_folder(model).card.spec
    assert (spec.name, spec.task, spec.main, spec.options) == ("toy", "superres", "image", frozenset({"steps"}))
    assert spec.inputs[0].range == "unit"
    assert (spec.generated, spec.consistency) == (True, "area")
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_writing_again_replaces_the_model(model):
    first = verify_folder(model).digest
    write_folder(model, card(), {"weight": torch.ones(4)})
    folder, tensors = load_folder(model)
    assert folder.digest != first
    assert list(tensors) == ["weight"]


def test_a_crash_before_the_card_leaves_no_model(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(folders.json, "dumps", fail)
    with pytest.raises(OSError, match="disk full"):
        write_folder(tmp_path / "toy", card(), state())
    with pytest.raises(ModelError, match=r"no model\.json"):
        verify_folder(tmp_path / "toy")
    assert [p.name for p in (tmp_path / "toy").iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("value", [float("nan"), 1e6])
def test_a_value_that_half_precision_cannot_hold_is_not_written(tmp_path, value):
    with pytest.raises(ModelError, match="weight does not fit"):
        write_folder(tmp_path / "toy", card(), {"weight": torch.tensor([value])})


def test_an_altered_byte_is_found(model):
    file = model / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors: the content is not the one"):
        verify_folder(model)


def test_a_file_of_another_size_is_found(model):
    with (model / "model.safetensors").open("ab") as stream:
        stream.write(b"0")
    with pytest.raises(ModelError, match="bytes, not"):
        verify_folder(model)


def test_a_missing_file_is_found(model):
    (model / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="the file is missing"):
        verify_folder(model)


@pytest.mark.parametrize("name", ["model.pt", "a.pth", "x.PKL", "pytorch_model.bin", "last.ckpt", "deep/er.pickle"])
def test_a_file_that_can_run_code_is_refused(model, name):
    (model / name).parent.mkdir(exist_ok=True)
    (model / name).write_bytes(pickle.dumps({}))
    with pytest.raises(ModelError, match="can run code"):
        verify_folder(model)


def test_a_readme_is_welcome(model):
    (model / "README.md").write_text("A toy.")
    assert verify_folder(model).card.name == "toy"


def test_unlisted_weights_are_refused(model):
    save_file({"a": torch.ones(1)}, model / "more.safetensors")
    with pytest.raises(ModelError, match=r"more\.safetensors: not listed"):
        verify_folder(model)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_is_refused(model, tmp_path):
    (model / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (model / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(ModelError, match="links are not followed"):
        verify_folder(model)


@pytest.mark.parametrize(
    "name", ["../model.safetensors", "/etc/model.safetensors", "a/b.safetensors", "a\\b.safetensors", "..", "model.pt"]
)
def test_a_name_that_leads_elsewhere_is_refused(model, name):
    edit(model, lambda data: data["files"].update({name: data["files"]["model.safetensors"]}))
    with pytest.raises(ModelError, match=r"model\.json: files\."):
        verify_folder(model)


def test_a_listed_file_that_is_no_safetensors_is_refused(model):
    (model / "model.safetensors").write_bytes(pickle.dumps({"weight": 1}))
    entry = {
        "bytes": (model / "model.safetensors").stat().st_size,
        "sha256": folders._sha256(model / "model.safetensors"),
    }
    edit(model, lambda data: data["files"].update({"model.safetensors": entry}))
    with pytest.raises(ModelError, match="not readable as safetensors"):
        load_folder(model)


def test_a_key_in_two_files_is_refused(model):
    save_file({"weight": torch.ones(1)}, model / "z.safetensors")
    file = model / "z.safetensors"
    entry = {"bytes": file.stat().st_size, "sha256": folders._sha256(file)}
    edit(model, lambda data: data["files"].update({"z.safetensors": entry}))
    with pytest.raises(ModelError, match="weight is in two files"):
        load_folder(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surprise": 1}, "surprise: Extra inputs"),
        ({"scale": "2"}, "scale: Input should be a valid integer"),
        ({"scale": 0}, "scale: .*greater than or equal to 1"),
        ({"task": "paint"}, "task: "),
        ({"main": "pan"}, "main must be one of the inputs"),
        ({"tile": 510, "align": 8}, "no multiple of align"),
        ({"margin": 40}, "overlap must lie between"),
        ({"overlap": 300}, "overlap must lie between"),
        ({"format": 2}, "format: "),
        ({"name": "../toy"}, "name: "),
        ({"files": {}}, "no files are listed"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused_by_field(model, change, message):
    edit(model, lambda data: data.update(change))
    with pytest.raises(ModelError, match=message):
        verify_folder(model)


def test_a_missing_field_is_named(model):
    edit(model, lambda data: data.pop("licence"))
    with pytest.raises(ModelError, match="licence: Field required"):
        verify_folder(model)


def test_text_that_is_no_json_and_cards_without_bound_are_refused(model):
    (model / "model.json").write_text("{")
    with pytest.raises(ModelError, match="JSON"):
        verify_folder(model)
    (model / "model.json").write_text(" " * (folders.CARD_BYTES + 1))
    with pytest.raises(ModelError, match="more than"):
        verify_folder(model)


def test_what_is_said_of_a_card_is_short_however_long_what_it_says(model):
    edit(model, lambda data: data.update({"x" * 5000: 1, "main": "y" * 5000}))
    with pytest.raises(ModelError, match=r"x{100}.*\.\.\.: Extra inputs") as refused:
        verify_folder(model)
    assert len(str(refused.value)) < 2000


def test_a_folder_without_a_card_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no model\.json"):
        verify_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("bias"), "bias missing"),
        (lambda s: s.update(extra=torch.ones(1)), "extra unexpected"),
        (lambda s: s.update(bias=torch.ones(3)), "bias of another shape"),
        (lambda s: s["bias"].fill_(float("inf")), "bias not finite"),
    ],
)
def test_state_dicts_must_fit_to_the_key(change, message):
    module = nn.Linear(3, 2)
    good = {key: value.clone().half() for key, value in module.state_dict().items()}
    load_strictly(module, good, where="toy")
    assert module.weight.dtype == torch.float32
    change(good)
    with pytest.raises(ModelError, match=f"toy: .*{message}"):
        load_strictly(module, good, where="toy")


def test_the_published_schema_is_the_one_that_is_checked():
    file = Path(folders.__file__).parent / "model.schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    assert schema == json.loads(card_schema())
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Card.model_fields)
