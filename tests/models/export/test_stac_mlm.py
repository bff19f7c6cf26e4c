"""The item of a model is valid, reads as the extension has it, says what the card says, and its files are there."""

from __future__ import annotations

import hashlib
import json
import re

import pystac
import pytest
from click.testing import CliRunner
from pystac.extensions.classification import Classification
from pystac.extensions.file import FileExtension
from pystac.extensions.mlm import AcceleratorType, MLMExtension, TaskType, ValueScalingType
from pystac.extensions.scientific import ScientificExtension
from pystac.stac_object import STACObjectType
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from seamline.cli.group import cli
from seamline.engine.errors import RequestError
from seamline.models import registry
from seamline.models.export.stac_mlm import export_item
from seamline.models.folder import load_folder, verify_folder

SHIPPED = [name for name in registry.names() if registry.info(name).origin != "built-in"]
# Read off version 1.5 of the extension's schema: fields of items, of assets, and of the parts of inputs and outputs.
OF_ITEMS = {
    *(
        "name",
        "architecture",
        "tasks",
        "framework",
        "framework_version",
        "memory_size",
        "total_parameters",
        "pretrained",
    ),
    *("pretrained_source", "batch_size_suggestion", "accelerator", "accelerator_constrained", "accelerator_summary"),
    *("accelerator_count", "input", "output", "hyperparameters"),
}
OF_ASSETS = {"artifact_type", "compile_method", "entrypoint"}
NEEDS = {"min-max": {"minimum", "maximum"}, "scale": {"value"}, "processing": {"format", "expression"}}


def exported(name, out) -> dict:
    """The item of a model."""
    item, *_ = export_item(registry.folder_of(name), out)
    return json.loads(item.read_text(encoding="utf-8"))


def own(fields) -> set[str]:
    return {field.removeprefix("mlm:") for field in fields if field.startswith("mlm:")}


@pytest.mark.parametrize("name", SHIPPED)
def test_an_item_meets_the_core_schema_and_the_rules_of_the_extension(name, tmp_path):
    item = exported(name, tmp_path)
    JsonSchemaSTACValidator().validate_core(item, STACObjectType.ITEM, "1.1.0")
    properties = item["properties"]
    assert own(properties) <= OF_ITEMS
    assert {"name", "architecture", "tasks", "input", "output"} <= own(properties)
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]", properties["mlm:name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+([-+][\w.+-]+)?", properties["mlm:framework_version"])
    assert set(properties["mlm:tasks"]) <= set(TaskType)
    assert properties["mlm:accelerator"] in (None, *AcceleratorType)
    named = {band["name"] for band in properties.get("bands", ())}
    for given in properties["mlm:input"]:
        shape, order = given["input"]["shape"], given["input"]["dim_order"]
        assert len(shape) == len(order) == len(set(order))
        assert all(side == -1 or side > 0 for side in shape)
        # The axis of bands is there where bands are named, and only there.
        assert ("bands" in order) == bool(given["bands"])
        assert set(given["bands"]) <= named
        for scaling in given["value_scaling"] or ():
            assert NEEDS[scaling["type"]] <= scaling.keys()
        assert len(given["value_scaling"] or [0]) in (1, len(given["bands"]))
    for result in properties["mlm:output"]:
        assert len(result["result"]["shape"]) == len(result["result"]["dim_order"])
        assert set(result["tasks"]) <= set(properties["mlm:tasks"])
        assert "bands" not in result["result"]["dim_order"]
    for asset in item["assets"].values():
        assert own(asset) <= OF_ITEMS - {"name", "input", "output", "hyperparameters"} | OF_ASSETS
        # What is a model says how it was stored, and nothing else does.
        assert ("mlm:model" in asset["roles"]) == ("mlm:artifact_type" in asset)
    assert any("mlm:model" in asset["roles"] for asset in item["assets"].values())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_files_are_beside_the_item_and_are_what_it_says(name, tmp_path):
    item = pystac.Item.from_dict(exported(name, tmp_path))
    for asset in item.assets.values():
        content = (tmp_path / asset.href).read_bytes()
        file = FileExtension.ext(asset)
        assert (file.size, file.checksum) == (len(content), "1220" + hashlib.sha256(content).hexdigest())
    assert verify_folder(tmp_path).identity == registry.resolve(name, registry.info(name).spec.task).identity


def test_a_reader_of_the_extension_is_told_what_the_card_says(tmp_path):
    card = registry.info("salad-pan-tiny")
    item = pystac.Item.from_dict(exported("salad-pan-tiny", tmp_path))
    model = MLMExtension.ext(item)
    assert (model.mlm_name, model.architecture, model.framework) == ("salad-pan-tiny", "salad_pan_tiny", "PyTorch")
    assert model.tasks == [TaskType.SUPER_RESOLUTION, TaskType.GENERATIVE]
    _, state = load_folder(registry.folder_of("salad-pan-tiny"))
    assert model.total_parameters == sum(value.numel() for value in state.values())
    assert model.hyperparameters.to_dict()["margin"] == card.spec.margin
    pan, ms = model.input
    assert (pan.name, pan.bands, pan.input.shape) == ("pan", ["pan"], [-1, 1, 768, 768])
    assert (ms.name, ms.bands, ms.input.shape) == ("ms", [], [-1, -1, 768, 768])
    assert "pixels of 1.5 to 5" in ms.description
    # The reader takes the list of scalings for one.
    told = [scaling for given in item.properties["mlm:input"] for scaling in given["value_scaling"]]
    assert {each["type"] for each in told} == {ValueScalingType.PROCESSING}
    assert [each.name for each in model.output] == ["image", "uncertainty"]
    assert item.properties["license"] == card.licence
    assert ScientificExtension.ext(item).citation == card.citation
    assert card.training_data in item.properties["description"]


def test_bands_levels_and_classes_of_a_map_are_told(tmp_path):
    item = pystac.Item.from_dict(exported("satdifuser-landcover", tmp_path))
    assert [band["eo:center_wavelength"] for band in item.properties["bands"]] == [0.665, 0.56, 0.49]
    model = MLMExtension.ext(item)
    assert model.tasks == [TaskType.SCENE_CLASSIFICATION]
    (image,) = model.input
    scaled = item.properties["mlm:input"][0]["value_scaling"]
    assert [(each["type"], each["value"]) for each in scaled] == [("scale", 255.0), ("scale", 254.0), ("scale", 253.0)]
    categories = registry.info("satdifuser-landcover").spec.outputs[0].categories
    told = [Classification(each) for each in item.properties["mlm:output"][0]["classification:classes"]]
    assert [(each.value, each.description) for each in told] == [(i, c.name) for i, c in enumerate(categories)]
    assert told[0].color_hint == "{:02X}{:02X}{:02X}".format(*categories[0].colour)
    # Tiles of patches: an output pixel for each.
    assert model.output[0].result.shape[2] == image.input.shape[2] // registry.info("satdifuser-landcover").spec.patch


def test_a_licence_that_is_no_identifier_is_told_in_words(tmp_path):
    source = tmp_path / "m"
    export_item(registry.folder_of("slimdiffsr-tiny-x2"), source)
    card = json.loads((source / "model.json").read_text())
    (source / "model.json").write_text(json.dumps(card | {"licence": "CreativeML Open RAIL-M; see the authors"}))
    item = json.loads(export_item(source, tmp_path / "out")[0].read_text())
    assert item["properties"]["license"] == "other"
    assert "CreativeML Open RAIL-M; see the authors" in item["properties"]["description"]


def test_another_model_in_the_folder_is_left_alone(tmp_path):
    export_item(registry.folder_of("slimdiffsr-tiny-x2"), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RequestError, match="another model lies here"):
        export_item(registry.folder_of("slimdiffsr-tiny-x4"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    # The same model is: its item comes anew, and is the same.
    export_item(registry.folder_of("slimdiffsr-tiny-x2"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_graph_in_the_folder_is_an_asset_of_its_model_alone(tmp_path):
    for form in ("onnx", "stac-mlm"):
        done = CliRunner().invoke(cli, ["models", "export", "slimdiffsr-tiny-x2", str(tmp_path), "--format", form])
        assert done.exit_code == 0, done.output
    item = json.loads((tmp_path / "slimdiffsr-tiny-x2.stac.json").read_text())
    graph = item["assets"]["onnx"]
    content = (tmp_path / "slimdiffsr-tiny-x2.onnx").read_bytes()
    assert graph["href"] == "./slimdiffsr-tiny-x2.onnx"
    assert graph["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()
    assert "mlm:model" in graph["roles"]
    # Altered since, it is no graph of this model any more.
    (tmp_path / "slimdiffsr-tiny-x2.onnx").write_bytes(content + b"\0")
    assert "onnx" not in exported("slimdiffsr-tiny-x2", tmp_path)["assets"]
