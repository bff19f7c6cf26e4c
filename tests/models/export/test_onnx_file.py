"""The graph of a network gives in another program what the network gives here, and is in place once that is so."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.contract import Runtime, Where
from seamline.engine.errors import ModelError, RequestError
from seamline.engine.facts import UNMEASURED
from seamline.models import registry
from seamline.models.export import onnx_file
from seamline.models.export.graph import graph_of, rounding
from seamline.models.folder import load_folder
from seamline.models.salad_pan.fusion import conditions
from seamline.models.slimdiffsr.graph import graph_of as student_graph
from seamline.tests.bounds import UNIT_DN

STUDENTS = ["slimdiffsr-tiny-x2", "slimdiffsr-tiny-x4", "slimdiffsr-tiny-x8"]


def session(file):
    return onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A function that exports a model once and gives the ONNX file and what the JSON file beside it says."""
    made = {}

    def export(name):
        if name not in made:
            file, beside = onnx_file.export_onnx(registry.folder_of(name), tmp_path_factory.mktemp("onnx"))
            made[name] = file, json.loads(beside.read_text(encoding="utf-8"))
        return made[name]

    return export


@pytest.mark.parametrize("name", STUDENTS)
def test_a_student_sharpens_tiles_of_any_size_as_here(exported, name):
    file, said = exported(name)
    source = registry.resolve(name, "superres")
    step, scale = source.spec.align, source.spec.scale
    tile = torch.rand(3, 4, 24 // step * step, 40 // step * step, generator=torch.Generator().manual_seed(5))
    here = source.load(Runtime()).predict(
        {"image": tile},
        Where(seed=0, sample=0, origins=((0, 0),) * 3, ratio={}, wanted=frozenset({"image", "uncertainty"})),
    )
    found = session(file).run(["image", "uncertainty"], {"tiles": tile.numpy()})
    network = graph_of(*load_folder(registry.folder_of(name))).network
    for key, values in zip(("image", "uncertainty"), found, strict=True):
        assert values.shape == (3, 4, tile.shape[2] * scale, tile.shape[3] * scale)
        assert np.abs(values - here[key].numpy()).max() <= rounding(network) * here[key].abs().max()
    assert said["inputs"][0]["axes"][1] == 4
    assert said["checked"]["apart"].keys() == {"image", "uncertainty"}


def test_the_pansharpening_network_fuses_as_here(exported):
    file, _ = exported("salad-pan-tiny")
    model = registry.resolve("salad-pan-tiny", "pansharpen").load(Runtime())
    generator = torch.Generator().manual_seed(6)
    pan, ms = torch.rand(1, 1, 40, 56, generator=generator), torch.rand(1, 3, 40, 56, generator=generator)
    given = conditions(pan, ms, (4.0, 4.0), UNMEASURED, torch.tensor([0.5, 0.3, 0.2]))
    noise = torch.randn(1, 8, 10, 14, generator=generator).expand(3, 8, 10, 14)
    with torch.inference_mode():
        here = model.network(given, noise, 1)
    names = ("base", "scale", "spatial", "spectral", "told")
    tensors = {key: getattr(given, key).numpy() for key in names} | {"noise": noise.numpy()}
    image, deviation = session(file).run(["image", "uncertainty"], tensors)
    share = rounding(model.network)
    assert np.abs(image - here.image.numpy()).max() <= share * here.image.abs().max()
    assert np.abs(deviation - here.deviation.numpy()).max() <= share * here.deviation.abs().max()


def test_the_json_file_says_which_file_it_is_and_how_far_it_came_apart(exported):
    file, said = exported("slimdiffsr-tiny-x2")
    assert said["file"] == file.name
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said["model"] == registry.resolve("slimdiffsr-tiny-x2", "superres").identity
    assert said["licence"] == registry.info("slimdiffsr-tiny-x2").licence
    checked = said["checked"]
    assert len(checked["cells"]) >= 2
    assert all(0 <= checked["apart"][key] <= most for key, most in checked["allowed"].items())
    # Of values up to about 1.
    assert 0 < checked["allowed"]["image"] < UNIT_DN


@pytest.mark.parametrize("wrong", ["weight", "size"])
def test_a_graph_that_gives_something_else_is_not_put_in_place(monkeypatch, tmp_path, wrong):
    """What is checked is another network than the one that was written."""
    make, written = onnx_file.graph_of, []

    def other(folder, state):
        graph = make(folder, state)
        written.append(graph.network)
        return graph

    check = onnx_file._check

    def altered(graph, file, name):
        if wrong == "weight":
            with torch.no_grad():
                weight = next(p for p in graph.network.parameters() if p.ndim == 4 and p.shape[2] > 1)
                weight += 0.01 * weight.abs().mean()
            return check(graph, file, name)
        port = graph.outputs[0]
        return check(replace(graph, outputs=(replace(port, axes=(1, *port.axes[1:])), *graph.outputs[1:])), file, name)

    monkeypatch.setattr(onnx_file, "graph_of", other)
    monkeypatch.setattr(onnx_file, "_check", altered)
    with pytest.raises(ModelError, match="does not give what the network gives"):
        onnx_file.export_onnx(registry.folder_of("slimdiffsr-tiny-x2"), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_bound_is_that_of_sums_one_layer_after_the_other():
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 5, 3), torch.nn.Linear(9, 2))
    assert math.isclose(rounding(network), 2 * 2**-24 * (math.sqrt(36) + 3))


@pytest.mark.parametrize("name", ["ds-dit-tiny-x4", "sentinel2-tiny", "terra-ldm-tiny", "satdifuser-buildings"])
def test_networks_that_are_no_graph_are_refused_with_what_can_be_done(name):
    with pytest.raises(RequestError, match="cannot be exported as a graph") as caught:
        graph_of(*load_folder(registry.folder_of(name)))
    assert "stac-mlm" in caught.value.fix


def test_a_student_that_looks_at_the_whole_scene_is_refused():
    folder, state = load_folder(registry.folder_of("slimdiffsr-tiny-x4"))
    config = folder.card.architecture.config
    with pytest.raises(ModelError, match="depend on the whole tile or scene"):
        student_graph(config | {"use": config["use"] | {"wholes": "scene"}}, state)


@pytest.mark.parametrize("form", ["onnx", "stac-mlm"])
def test_a_classical_method_has_nothing_to_export(tmp_path, form):
    done = CliRunner().invoke(cli, ["models", "export", "gsa", str(tmp_path / "out"), "--format", form])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "gsa is computed and has no weights" in done.stderr


def test_a_missing_package_is_named_with_the_extra(monkeypatch, tmp_path):
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == "onnxruntime" else object())
    done = CliRunner().invoke(
        cli, ["models", "export", "slimdiffsr-tiny-x2", str(tmp_path / "out"), "--format", "onnx"]
    )
    assert done.exit_code == 2
    assert "onnxruntime is not installed; pip install 'seamline[export]'" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["onnx", "stac-mlm"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, form):
    (tmp_path / "file").write_text("no folder")
    done = CliRunner().invoke(cli, ["models", "export", "slimdiffsr-tiny-x2", str(tmp_path / "file"), "--format", form])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "the model cannot be exported" in done.stderr
