"""Training on labels from end to end: a model folder that a run takes, whole or not at all, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel
from seamline.engine.inputs.labels import LabelRequest
from seamline.engine.quality.classes import ClassScores
from seamline.models.folder import load_folder
from seamline.models.registry import info
from seamline.tests.training.satdifuser.made_up import draw, squares, two_kinds, write_backbone, write_image
from seamline.training.satdifuser import heads
from seamline.training.satdifuser import train as training
from seamline.training.satdifuser.fit import FitSettings
from seamline.training.satdifuser.heads import HeadFit
from seamline.training.satdifuser.model import Design
from seamline.training.satdifuser.sources import open_source
from seamline.training.satdifuser.train import Job, train_on_labels

SIDE = 192
SMALL = {"width": 16, "bottleneck": 8, "channels": 8, "experts": 2}


@pytest.fixture(autouse=True)
def _one_thread():
    """Runs set the threads of the whole process, and threads decide bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scene of two kinds, labels in some of its squares, and a tiny backbone."""
    home = tmp_path_factory.mktemp("scene")
    write_image(home / "scene.tif", two_kinds(SIDE, SIDE)[0], nodata=0)
    draw(home / "labels.geojson", squares(SIDE))
    write_backbone(home / "backbone")
    return home


def job(folder, out, task="segment", **more):
    labels = more.pop("labels", LabelRequest(str(folder / "labels.geojson"), "kind"))
    images = more.pop("images", [str(folder / "scene.tif")])
    design = Design(backbone=str(folder / "backbone"), **SMALL, **more.pop("design", {}))
    options = {"fit": FitSettings(steps=40, rate=0.01, batch=4, cut=64, looks=4), "copies": 2, "device": "cpu"} | more
    return Job(
        task=task,
        source=lambda check: open_source(task, images, labels, check=check),
        out=out,
        labels=labels,
        design=design,
        **options,
    )


class Heard:
    def __init__(self):
        self.events = []

    def emit(self, event, **fields):
        self.events.append({"event": event, **fields})


def truth_of(map_path, labels_of=two_kinds):
    with rasterio.open(map_path) as file:
        return file.read(1), labels_of(file.height, file.width)[1], file


@pytest.fixture(scope="module")
def trained(folder):
    heard = Heard()
    torch.set_num_threads(1)
    return train_on_labels(job(folder, folder / "My Model"), heard), heard


def test_a_class_that_is_found_nowhere_is_named(folder, tmp_path, monkeypatch):
    heard, scores = Heard(), HeadFit.scores

    def all_bright(self, network, examples):
        real = scores(self, network, examples)
        return ClassScores(real.names, np.outer(real.labelled, [1, 0]))

    monkeypatch.setattr(HeadFit, "scores", all_bright)
    train_on_labels(job(folder, tmp_path / "blind", fit=FitSettings(steps=2, batch=4, cut=64, looks=1)), heard)
    (warned,) = [event["what"] for event in heard.events if event["event"] == "warning"]
    assert "dark: labelled" in warned
    assert "more minutes" in warned


def test_the_model_maps_the_scene(folder, trained):
    found = trained[0]
    stored, state = load_folder(found.folder)
    assert stored.card.name == "my-model"
    assert stored.card.task == "segment"
    assert [c.name for c in stored.card.outputs[0].categories] == ["bright", "dark"]
    assert sorted(p.name for p in found.folder.iterdir()) == ["model.json", "model.safetensors"]
    assert found.picture.read_bytes()[1:4] == b"PNG"
    (row,) = stored.card.quality
    assert row.values["mIoU"] == found.scores.miou > 0.9
    assert {"IoU of bright", "F1 of dark", "accuracy"} <= set(row.values)
    assert info(str(found.folder)).quality
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]

    result = CliRunner().invoke(
        cli, ["segment", str(folder / "scene.tif"), str(folder / "map.tif"), "--model", str(found.folder)]
    )
    assert result.exit_code == 0, result.output
    classes, kind, _ = truth_of(folder / "map.tif")
    # Named in order of the alphabet: bright is 0.
    assert (classes == 1 - kind).mean() > 0.8


@pytest.mark.parametrize(("learned", "other"), [("uint8", "uint16"), ("uint16", "uint8")])
def test_values_of_another_depth_than_it_learned_from_are_refused(folder, tmp_path, learned, other):
    values = two_kinds(SIDE, SIDE)[0] / 20
    for dtype in (learned, other):
        write_image(tmp_path / f"{dtype}.tif", values.astype(dtype), nodata=0)
    found = train_on_labels(
        job(folder, tmp_path / "model", images=[str(tmp_path / f"{learned}.tif")], fit=FitSettings(steps=2), copies=1)
    )
    assert info(str(found.folder)).spec.input("image").bits == (8 if learned == "uint8" else 16)
    arguments = ["segment", str(tmp_path / f"{other}.tif"), str(tmp_path / "o.tif"), "--model", str(found.folder)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert f"its values have {8 if other == 'uint8' else 16} bits" in result.output
    assert not (tmp_path / "o.tif").exists()


def test_events_tell_what_is_done_and_how_long_it_takes(trained):
    events = trained[1].events
    assert [e["doing"] for e in events if e["event"] == "start"] == [
        "computing features",
        "computing features of turned copies",
        "fitting",
    ]
    progress = [e for e in events if e["event"] == "progress"]
    assert all(set(e) == {"event", "done", "total", "eta_s"} for e in progress)
    assert progress[-1]["done"] == progress[-1]["total"] == 40


def test_the_seed_decides_the_weights_and_a_cache_changes_none(folder, trained, tmp_path):
    first = load_folder(trained[0].folder)[1]
    cached = train_on_labels(job(folder, tmp_path / "cached", cache=tmp_path / "cache"))
    assert cached.computed > 0
    again = train_on_labels(job(folder, tmp_path / "again", cache=tmp_path / "cache"))
    assert again.computed == 0
    other = train_on_labels(job(folder, tmp_path / "other", cache=tmp_path / "cache", seed=1))
    for name, value in first.items():
        for model in (cached, again):
            assert torch.equal(value, load_folder(model.folder)[1][name])
    assert not all(torch.equal(value, load_folder(other.folder)[1][name]) for name, value in first.items())


def test_a_cancelled_training_leaves_its_cache_and_nothing_else(folder, tmp_path):
    cancel = Cancel()

    class Stops(Heard):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            if event == "progress" and fields["done"] >= 2:
                cancel.set()

    with pytest.raises(Cancelled):
        train_on_labels(job(folder, tmp_path / "model", cache=tmp_path / "cache"), Stops(), cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".safetensors"}
    whole = train_on_labels(job(folder, tmp_path / "whole")).computed
    assert 0 < train_on_labels(job(folder, tmp_path / "model", cache=tmp_path / "cache")).computed < whole
    with pytest.raises(Cancelled):
        train_on_labels(job(folder, tmp_path / "other"), cancel=cancel)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "cache",
        "model",
        "model.confusion.png",
        "whole",
        "whole.confusion.png",
    ]


def test_a_model_is_replaced_whole_and_only_where_that_is_asked_for(folder, trained, tmp_path, monkeypatch):
    shutil.copytree(trained[0].folder, tmp_path / "model")
    before = (tmp_path / "model" / "model.json").read_bytes()
    with pytest.raises(RequestError, match="there is a model already"):
        train_on_labels(job(folder, tmp_path / "model"))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(RequestError, match="something is there that is not a model"):
        train_on_labels(job(folder, tmp_path / "notes", overwrite=True))

    again = job(folder, tmp_path / "model", overwrite=True, seed=3)
    with monkeypatch.context() as patched:
        patched.setattr("seamline.training.satdifuser.export.write_folder", _fails)
        with pytest.raises(RuntimeError):
            train_on_labels(again)
    assert (tmp_path / "model" / "model.json").read_bytes() == before
    train_on_labels(again)
    assert (tmp_path / "model" / "model.json").read_bytes() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "model.confusion.png", "notes"]


def _fails(path, *rest, **more):
    path.mkdir()
    raise RuntimeError("the disk is gone")


@pytest.mark.parametrize("fuser", ["local", "experts"])
def test_other_fusers_train_too(folder, tmp_path, fuser):
    settings = {"fuser": fuser, "balance": fuser == "experts"}
    quick = FitSettings(steps=4, batch=2, cut=64)
    found = train_on_labels(job(folder, tmp_path / "m", design=settings, fit=quick, copies=1))
    assert load_folder(found.folder)[0].card.architecture.config["fuser"]["kind"] == fuser


def test_patches_are_told_apart_and_mapped(folder, tmp_path):
    found = train_on_labels(job(folder, tmp_path / "m", "classify", patch=32))
    assert found.scores.accuracy > 0.9
    words = ["classify", folder / "scene.tif", tmp_path / "map.tif", "--model", found.folder]
    result = CliRunner().invoke(cli, list(map(str, words)))
    assert result.exit_code == 0, result.output
    with rasterio.open(tmp_path / "map.tif") as file:
        classes = file.read(1)
    assert classes.shape == (SIDE // 32, SIDE // 32)
    assert (classes == 1 - two_kinds(SIDE, SIDE)[1][16::32, 16::32]).mean() > 0.9


def test_chips_of_several_classes(folder, tmp_path):
    chips = tmp_path / "chips"
    chips.mkdir()
    rows = ["file,class"]
    for i in range(24):
        values = np.full((3, 32, 32), 300 + 500 * (i % 2), np.uint16)
        values[:, :, 16:] += np.uint16(200 * (i % 3 == 0))
        write_image(chips / f"{i}.tif", values)
        rows.append(f"{i}.tif,{('dark', 'bright')[i % 2]}{'|edge' if i % 3 == 0 else ''}")
    (chips / "t.csv").write_text("\n".join(rows))
    labels = LabelRequest(str(chips / "t.csv"))
    found = train_on_labels(job(folder, tmp_path / "m", "classify", images=[str(chips)], labels=labels, patch=32))
    assert 0 < found.scores.micro_f1 <= 1
    assert found.picture is None
    (row,) = load_folder(found.folder)[0].card.quality
    assert {"micro_F1", "F1 of edge"} <= set(row.values)


def test_bad_requests_are_refused_before_anything_is_computed(folder, tmp_path, monkeypatch):
    def never(*args, **more):
        raise AssertionError("it was begun")

    monkeypatch.setattr(training, "gather", never)
    base = job(folder, tmp_path / "m")
    for options, match in (
        ({"minutes": 0.0}, "0 minutes are no time"),
        ({"minutes": float("nan")}, "nan minutes are no time"),
        ({"hold_out": 1.0}, "1 is no share"),
        ({"patch": 32}, "segment tells every pixel apart"),
    ):
        with pytest.raises(RequestError, match=match):
            replace(base, **options)
    for other, match in (
        (job(folder, tmp_path / "m", "classify", patch=20), r"a patch of 20 px does not fit the backbone.*give 16"),
        (job(folder, tmp_path / "m", labels=LabelRequest(str(folder / "labels.geojson"), "sort")), "no column sort"),
        (job(folder, tmp_path / "m", labels=LabelRequest(str(folder / "labels.geojson"))), "--rest NAME"),
        (job(folder, tmp_path / "m", device="cuda:77"), "device|CUDA"),
        (replace(base, design=Design(backbone="no-such-model")), "no-such-model"),
        (replace(base, design=Design(backbone="bicubic")), "gives no features"),
        (job(folder, tmp_path / "m", images=[str(folder / "gone.tif")]), r"gone\.tif"),
    ):
        with pytest.raises(RequestError, match=match):
            train_on_labels(other)
    assert not list(tmp_path.iterdir())


def words(folder, out, *more):
    given = ["--image", folder / "scene.tif", "--labels", folder / "labels.geojson", "--class-field", "kind"]
    given += ["--backbone", folder / "backbone", "--out", out, *more]
    return list(map(str, given))


@pytest.fixture
def ask(capfd):
    """A function that runs ``train`` and gives its exit code, standard output and standard error."""

    def run(*words):
        capfd.readouterr()
        result = CliRunner().invoke(cli, ["train", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, capfd.readouterr().out + result.stdout, result.stderr

    return run


def test_the_command_trains_and_says_how_good_it_is(folder, tmp_path, ask, monkeypatch):
    quick = FitSettings(steps=8, cut=64, batch=2)
    fit = heads.fit
    monkeypatch.setattr(heads, "fit", lambda *given, **more: fit(*given[:5], quick, **more))
    code, out, err = ask("--task", "segment", *words(folder, tmp_path / "m"), "--minutes", "5", "--seed", "2", "--json")
    assert code == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    # In eight steps a class may not be learnt yet, which is a warning.
    assert {event["event"] for event in events} - {"warning"} == {"start", "progress", "done"}
    done = events[-1]
    assert done["outputs"] == [str(tmp_path / "m"), str(tmp_path / "m.confusion.png")]
    assert set(done["metrics"]["classes"]) == {"bright", "dark"}
    assert 0 <= done["metrics"]["mIoU"] <= 1

    code, out, err = ask("--task", "segment", *words(folder, tmp_path / "n"), "--hold-out", "0")
    assert code == 0, err
    assert str(tmp_path / "n") in out
    assert "confusion" not in out


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ((), "there is nothing to train"),
        (("r.yaml", "--task", "segment"), "--task belongs to a training on labels"),
        (("r.yaml", "--image", "a.tif"), "--image belongs to a training on labels"),
        (("--task", "segment", "--image", "a.tif"), "--out: the model has no place to go"),
        (("--task", "segment", "--out", "m", "--set", "a=b"), "there is no recipe to override"),
        (("--task", "segment", "--out", "m"), "--image: no image is named"),
        (("--task", "segment", "--out", "m", "--image", "a.tif"), "--labels: there are no labels"),
        (("--task", "segment", "--out", "m", "--image", "a.tif", "--rest", "x"), "--rest: there are no labels"),
        (("--task", "segment", "--out", "m", "--image", "a.tif", "--labels", "l.gpkg"), r"a\.tif: the file does not"),
    ],
)
def test_the_command_refuses_with_one_sentence(options, match, ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = ask(*options)
    assert code == 2
    assert not out
    assert len(err.splitlines()) == 1
    assert re.search(match, err)
    assert not list(tmp_path.iterdir())
