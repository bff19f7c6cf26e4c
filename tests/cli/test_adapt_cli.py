"""``--adapt`` from the command line: one adapted run however it is cut, its report, and its refusals."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.api import merge_shards, run_request
from seamline.cli.group import cli
from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard
from seamline.engine.testing import assert_is_crop, assert_same_pixels
from seamline.models import registry
from seamline.models.salad_pan.tile import SPEC
from seamline.training.adapt import data as adapt_data
from seamline.training.adapt import fine_tune as adapt_loop

STEPS = 2


class Heard:
    """Keeps the events."""

    def __init__(self):
        self.events = []

    def emit(self, event, **fields):
        self.events.append({"event": event, **fields})

    @property
    def doing(self):
        return [e.get("doing", "inferring") for e in self.events if e["event"] == "start"]


@pytest.fixture(scope="module", autouse=True)
def _any_gain_counts():
    """Two steps on a small scene gain little: a run must be adapted to show that its parts agree."""
    before = adapt_loop.LEAST_GAIN, adapt_data.FEWEST
    adapt_loop.LEAST_GAIN, adapt_data.FEWEST = -1.0, 64
    yield
    adapt_loop.LEAST_GAIN, adapt_data.FEWEST = before


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(MS, PAN): 2 bands of 60 x 26 px at 2 m, 240 x 104 px at 0.5 m: two tile rows of 160 px."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(5)
    pan = 900 + rng.normal(0, 30, (1, 240, 104)).cumsum(axis=1).cumsum(axis=2) / 40
    pan += 200 * (rng.random((1, 60, 26)).repeat(4, axis=1).repeat(4, axis=2) > 0.7)
    ms = pan.reshape(1, 60, 4, 26, 4).mean(axis=(2, 4)) * np.array([0.6, 1.4])[:, None, None]
    for name, values, gsd in (("ms", ms, 2.0), ("pan", pan, 0.5)):
        with rasterio.open(
            folder / f"{name}.tif",
            "w",
            driver="GTiff",
            count=len(values),
            height=values.shape[1],
            width=values.shape[2],
            dtype="uint16",
            crs="EPSG:32633",
            transform=from_origin(5e5, 5e6, gsd, gsd),
        ) as file:
            file.write(np.clip(values, 1, 60000).astype(np.uint16))
    return folder / "ms.tif", folder / "pan.tif"


def adapted_run(pair, out, *, shard=None, heard=None, cancel=None, steps=STEPS, keep=None, **options):
    given = {"threads": 1, "seed": 7, "tile": 176, "overlap": 88} | options
    request = Request(inputs={"ms": str(pair[0]), "pan": str(pair[1])}, out=str(out), **given)
    how = {"shard": shard, "listener": heard, "cancel": cancel}
    return run_request(request, "pansharpen", "salad-pan-tiny", adapt=steps, keep_model=keep, **how)


@pytest.fixture(scope="module")
def whole(pair, tmp_path_factory):
    """(outcome, kept model folder) of a run in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    return adapted_run(pair, folder / "out.tif", keep=folder / "kept"), folder / "kept"


def ask(pair, out, *words):
    return CliRunner().invoke(cli, ["pansharpen", *map(str, pair), str(out), *map(str, words)])


def test_the_report_and_the_card_say_what_was_done(whole):
    outcome, kept = whole
    facts = json.loads(outcome.report.read_text())["adaptation"]
    assert facts["steps"] == facts["kept_step"] == STEPS
    assert facts["loss_before"] != facts["loss_after"]
    assert json.loads(outcome.report.read_text())["model"].startswith(f"salad-pan-tiny-adapted@{SPEC.version}+adapt2.")
    adapted, shipped = registry.info(str(kept)), registry.info("salad-pan-tiny")
    assert "Adapted to one scene (fingerprints: pan " in adapted.training_data
    assert (adapted.licence, adapted.spec.margin) == (shipped.licence, shipped.spec.margin)
    assert not Workspace.beside(outcome.out).folder.exists()


def test_shards_adapt_once_and_give_the_pixels_of_one_run(pair, whole, tmp_path):
    out, heard = tmp_path / "out.tif", [Heard(), Heard()]
    for index in (2, 1):
        adapted_run(pair, out, shard=Shard(index, 2), heard=heard[index - 1])
    assert [h.doing for h in heard] == [["inferring"], ["adapting", "inferring"]]
    facts = json.loads(merge_shards(out).report.read_text())
    assert facts["adaptation"] == whole[0].facts["adaptation"]
    assert_same_pixels(out, whole[0].out)


def test_an_extent_is_a_crop_of_the_whole_adapted_run(pair, whole, tmp_path):
    adapted_run(pair, tmp_path / "out.tif", window=(20, 130, 50, 60))
    assert_is_crop(tmp_path / "out.tif", whole[0].out)


def test_a_run_cancelled_while_tiling_is_resumed_without_adapting_again(pair, whole, tmp_path):
    out, cancel = tmp_path / "out.tif", Cancel()

    class Stop(Heard):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            if event == "progress" and self.doing[-1] == "inferring":
                cancel.set()

    with pytest.raises(Cancelled):
        adapted_run(pair, out, heard=Stop(), cancel=cancel)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif.seamline"]
    with pytest.raises(RequestError, match="adapted otherwise"):
        adapted_run(pair, out, steps=STEPS + 1, resume=True)
    with pytest.raises(RequestError, match="an unfinished run lies here"):
        adapted_run(pair, out)
    heard = Heard()
    adapted_run(pair, out, heard=heard, resume=True)
    assert heard.doing == ["inferring"]
    assert_same_pixels(out, whole[0].out)


def test_cancel_while_adapting_leaves_no_output(pair, tmp_path):
    cancel = Cancel()

    class Stop(Heard):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            cancel.set()

    heard = Stop()
    with pytest.raises(Cancelled):
        adapted_run(pair, tmp_path / "out.tif", heard=heard, cancel=cancel)
    assert heard.doing == ["adapting"]
    assert {path.name for path in tmp_path.iterdir()} <= {"out.tif.seamline"}


def test_a_kept_model_gives_the_same_pixels_without_adapting(pair, whole, tmp_path):
    words = ("--threads", 1, "--seed", 7, "--tile", 176, "--overlap", 88)
    result = ask(pair, tmp_path / "out.tif", "--adapted-model", whole[1], *words)
    assert result.exit_code == 0, result.stderr
    assert_same_pixels(tmp_path / "out.tif", whole[0].out)


def test_a_stale_model_beside_the_output_is_not_taken(pair, whole, tmp_path):
    workspace = Workspace.beside(tmp_path / "out.tif")
    shutil.copytree(whole[1], workspace.model)
    heard = Heard()
    adapted_run(pair, tmp_path / "out.tif", heard=heard)
    assert heard.doing == ["adapting", "inferring"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--adapt", 0), "0 steps adapt nothing"),
        (("--adapt", -3), "-3 steps adapt nothing"),
        (("--adapt", 2, "--model", "gsa"), "gsa cannot be adapted; leave --adapt out"),
        (("--keep-model", "kept"), "there is no adapted model to keep; pass --adapt N too"),
        (("--adapted-model", registry.WEIGHTS / "salad-pan-tiny"), "was not adapted to a scene; pass it with --model"),
        (("--adapted-model", "nowhere", "--adapt", 2), "--adapt was given too"),
        (("--adapted-model", "nowhere"), "there is no model.json here"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_leaves_nothing(pair, tmp_path, words, sentence):
    result = ask(pair, tmp_path / "out.tif", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "sentence"), [("nowhere/out.tif", "the folder does not exist"), ("out.png", "is not a GeoTIFF")]
)
def test_a_wrong_output_is_refused_before_adapting(pair, tmp_path, out, sentence):
    result = ask(pair, tmp_path / out, "--adapt", 2)
    assert (result.exit_code, sentence in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir())


def test_an_adapted_model_is_not_adapted_again(pair, whole, tmp_path):
    result = ask(pair, tmp_path / "out.tif", "--model", whole[1], "--adapt", 2)
    assert (result.exit_code, "adapted already" in result.stderr) == (2, True)


def test_a_dry_run_says_that_its_identity_is_another(pair, tmp_path):
    result = ask(pair, tmp_path / "out.tif", "--adapt", 2, "--dry-run", "--tile", 176, "--overlap", 88)
    assert result.exit_code == 0
    assert "the run will have another identity" in result.stderr
    assert not list(tmp_path.iterdir())


def test_adapt_alone_makes_the_model_that_a_run_would_keep(pair, tmp_path):
    ms, pan = map(str, pair)
    options = ["--device", "cpu", "--json"]
    ran = CliRunner().invoke(cli, ["adapt", ms, pan, str(tmp_path / "alone"), "--steps", str(STEPS), *options])
    assert ran.exit_code == 0, ran.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone"]
    kept = ["--adapt", str(STEPS), "--keep-model", str(tmp_path / "kept")]
    ran = CliRunner().invoke(cli, ["pansharpen", ms, pan, str(tmp_path / "o.tif"), *kept, *options])
    assert ran.exit_code == 0, ran.output
    for name in ("model.json", "model.safetensors"):
        assert (tmp_path / "alone" / name).read_bytes() == (tmp_path / "kept" / name).read_bytes()


def test_adapt_alone_refuses_a_folder_that_exists_and_leaves_it(pair, tmp_path):
    (tmp_path / "taken").mkdir()
    ran = CliRunner().invoke(cli, ["adapt", *map(str, pair), str(tmp_path / "taken"), "--steps", "1"])
    assert (ran.exit_code, "something is there already" in ran.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
