"""Standard deviations beside the image: exact values, one result whatever the way, an image that does not notice."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from seamline.cli.group import cli
from seamline.engine.contract import IMAGE, UNCERTAINTY, InputSpec
from seamline.engine.errors import Cancelled, RequestError, RunError
from seamline.engine.events import Cancel
from seamline.engine.output.workspace import Workspace
from seamline.engine.pixels.blending import ramp_weights
from seamline.engine.pixels.prediction import Caller
from seamline.engine.plan.resources import estimate
from seamline.engine.request import Request
from seamline.engine.run import Processes, Shard, merge, plan_run, run
from seamline.engine.run.pace import with_pace
from seamline.engine.testing import GroundNoise, PassThrough, assert_is_crop, assert_same_pixels
from seamline.models import registry
from seamline.tests.engine.killing import kill_at_random
from seamline.tests.engine.stored import write_scaled

HEIGHT, WIDTH = 300, 210


@dataclass(frozen=True, slots=True)
class Unsure(GroundNoise):
    """Its deviations depend on the seed, the place, the tile's rim and the image."""

    identity: str = "unsure@1"

    @property
    def spec(self):
        return replace(GroundNoise.spec.fget(self), name="unsure", outputs=(IMAGE, UNCERTAINTY))

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = GroundNoise.predict(self, batch, where)
        return {"image": image, "uncertainty": (image - batch["image"]).abs() + image / 100}


@dataclass(frozen=True, slots=True)
class Quarter(PassThrough):
    """Repeats the image, and is uncertain by a quarter of it."""

    unit: bool = False

    @property
    def spec(self):
        spec = PassThrough.spec.fget(self)
        inputs = (InputSpec(name="image", range="unit"),) if self.unit else spec.inputs
        return replace(spec, inputs=inputs, outputs=(IMAGE, UNCERTAINTY), needs_statistics=self.unit)

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = self.image(batch, where)
        if "uncertainty" not in where.wanted:
            return image
        return {"image": image, "uncertainty": self.deviation(image, where)}

    def image(self, batch, where):
        return PassThrough.predict(self, batch, where)

    def deviation(self, image, where):
        return torch.full_like(image, 0.5) if self.unit else image / 4


def textured(holes=True):
    """(2, 300, 210), uint16, a rectangle of zeros."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 60, (2, HEIGHT, WIDTH)).cumsum(axis=1).cumsum(axis=2) / 40 + 1500
    if holes:
        values[:, 90:130, 40:90] = 0
    return np.clip(values, 0, 60000).astype(np.uint16)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    write_scaled(path, textured())
    return path


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "o.tif"
    run(request_for(scene, out), Unsure())
    return out


def request_for(scene, out, **options):
    options = {"also": {"uncertainty": str(beside(out))}, "threads": 1, "seed": 11} | options
    return Request(inputs={"image": str(scene)}, out=str(out), **options)


def beside(out):
    return Path(out).with_name("u.tif")


def assert_same_run(out, whole):
    assert_same_pixels(out, whole)
    assert_same_pixels(beside(out), beside(whole))
    assert not Workspace.beside(out).folder.exists()


def read(path):
    with rasterio.open(path) as file:
        return file.read()


def test_a_known_deviation_comes_out_exactly(scene, tmp_path):
    outcome = run(request_for(scene, tmp_path / "o.tif"), Quarter(scale=2))
    image, deviation = read(tmp_path / "o.tif"), read(tmp_path / "u.tif")
    assert np.array_equal(image, textured().repeat(2, axis=1).repeat(2, axis=2))
    assert np.array_equal(deviation, np.where(image == 0, np.nan, image.astype(np.float32) / 4), equal_nan=True)
    assert np.isnan(deviation).any()
    assert json.loads(outcome.report.read_text())["outputs"] == [str(tmp_path / "o.tif"), str(tmp_path / "u.tif")]
    assert outcome.facts["layers"]["uncertainty"]["bytes"] == (tmp_path / "u.tif").stat().st_size


def test_the_deviations_are_a_cog_on_the_grid_of_the_image(scene, whole):
    with rasterio.open(whole) as image, rasterio.open(beside(whole)) as file:
        assert (file.shape, file.transform, file.crs) == (image.shape, image.transform, image.crs)
        assert file.dtypes == ("float32", "float32")
        assert all(np.isnan(nodata) for nodata in file.nodatavals)
        assert file.descriptions == ("standard deviation of red", "standard deviation of band 2")
        assert file.units == image.units
        # A difference of stored values: the factor to reflectance holds for it, the offset does not.
        assert (file.scales, file.offsets) == (image.scales, (0.0, 0.0))
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["SEAMLINE_IDENTITY"] == image.tags()["SEAMLINE_IDENTITY"]
        assert "Standard deviation" in file.tags()["SEAMLINE_NOTE"]
        assert "Standard deviation" not in image.tags()["SEAMLINE_NOTE"]


def test_the_unit_range_is_taken_back_by_the_levels_of_the_image(scene, tmp_path):
    request = request_for(scene, tmp_path / "o.tif")
    levels = plan_run(request, Quarter(unit=True))[0].levels["image"]
    assert len(set(levels)) == 2
    run(request, Quarter(unit=True))
    image, deviation = read(tmp_path / "o.tif"), read(tmp_path / "u.tif")
    for band, level in enumerate(levels):
        assert set(deviation[band][image[band] != 0]) == {np.float32(level) * np.float32(0.5)}


def test_deviations_are_blended_by_the_weights_of_the_image(write_raster, tmp_path):
    """Each tile says its own number: between two, their weighted mean, never less than that of independent errors."""

    class ByTile(Quarter):
        def deviation(self, image, where):
            numbers = torch.tensor([float(column % 1000) for _, column in where.origins]) + 1
            return numbers[:, None, None, None].expand_as(image)

    path = write_raster("wide.tif", np.full((1, 40, 200), 700, np.uint16))
    request = request_for(path, tmp_path / "o.tif")
    plan, _ = plan_run(request, ByTile())
    run(request, ByTile())
    axis, mean, squares = plan.tiles.columns, np.zeros(200), np.zeros(200)
    assert axis.count > 2
    for i, start in enumerate(axis.starts):
        weights = np.ones(axis.down(i) - axis.up(i))
        if i:
            weights[: axis.ramp] = ramp_weights(axis.ramp)
        if i + 1 < axis.count:
            weights[-axis.ramp :] = 1 - ramp_weights(axis.ramp)
        number = (plan.lattice[1] + start) % 1000 + 1
        mean[axis.up(i) : axis.down(i)] += weights * number
        squares[axis.up(i) : axis.down(i)] += (weights * number) ** 2
    found = read(tmp_path / "u.tif")[0]
    assert np.allclose(found, mean, rtol=1e-5, atol=0)
    assert (found >= np.sqrt(squares) * (1 - 1e-5)).all()


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"consistency": "area"}])
def test_the_image_does_not_notice(scene, tmp_path, options):
    source = Quarter(scale=2) if options.get("consistency") else Unsure()
    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    a = run(request_for(scene, tmp_path / "with/o.tif", **options), source)
    b = run(request_for(scene, tmp_path / "without/o.tif", also={}, **options), source)
    assert (tmp_path / "with/o.tif").read_bytes() == (tmp_path / "without/o.tif").read_bytes()
    assert (a.facts["counts"], a.facts["metrics"]) == (b.facts["counts"], b.facts["metrics"])
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == ["o.report.json", "o.tif"]


def test_deviations_that_overflow_are_repeated_without_the_image(scene, tmp_path):
    class Overflowing(Quarter):
        def image(self, batch, where):
            return batch["image"] + torch.is_autocast_enabled("cpu")

        def deviation(self, image, where):
            return torch.full_like(image, torch.inf if torch.is_autocast_enabled("cpu") else 3)

    run(request_for(scene, tmp_path / "o.tif", precision="bf16"), Overflowing())
    image = read(tmp_path / "o.tif")
    assert np.array_equal(image, np.where(textured() == 0, 0, textured() + 1))
    assert set(read(tmp_path / "u.tif")[image != 0]) == {3}


def test_consistency_corrects_the_image_alone(scene, tmp_path):
    class Biased(Quarter):
        def image(self, batch, where):
            return PassThrough.predict(self, batch, where) + 40

        def deviation(self, image, where):
            return torch.full_like(image, 7)

    run(request_for(scene, tmp_path / "o.tif", consistency="area"), Biased(scale=2))
    image, deviation = read(tmp_path / "o.tif"), read(tmp_path / "u.tif")
    inner = image[:, 150:400, 250:].astype(float)
    assert abs((inner - textured().repeat(2, axis=1).repeat(2, axis=2)[:, 150:400, 250:]).mean()) < 1
    assert set(deviation[image != 0]) == {7}


@pytest.mark.parametrize("kind", ["mask", "alpha"])
def test_deviations_are_nan_where_the_image_is_masked(write_raster, tmp_path, kind):
    valid = np.random.default_rng(3).random((70, 90)) > 0.3
    values = textured(holes=False)[:, :70, :90]
    if kind == "mask":
        path = write_raster("in.tif", values, mask=valid)
    else:
        path = write_raster(
            "in.tif", np.concatenate([values, valid[None] * np.uint16(65535)]), photometric="minisblack"
        )
        with rasterio.open(path, "r+") as file:
            colours = rasterio.enums.ColorInterp
            file.colorinterp = (colours.gray, colours.undefined, colours.alpha)
    run(request_for(path, tmp_path / "o.tif"), Quarter())
    assert np.array_equal(
        read(tmp_path / "u.tif"), np.where(valid, values.astype(np.float32) / 4, np.nan), equal_nan=True
    )


def test_a_pixel_that_lacks_a_band_is_masked_in_both_files(write_raster, tmp_path):
    values = textured(holes=False)[:, :70, :90].astype(np.float32)
    values[0, 20:30, 40:50] = np.nan
    path = write_raster("in.tif", values, nodata=np.nan)
    run(request_for(path, tmp_path / "o.tif", dtype="uint16"), Quarter())
    with rasterio.open(tmp_path / "o.tif") as file:
        masked = file.dataset_mask() == 0
    assert masked.sum() == 100
    assert np.array_equal(np.isnan(read(tmp_path / "u.tif")), np.stack([masked, masked]))


def test_three_processes_give_the_deviations_of_one(scene, whole, tmp_path):
    run(request_for(scene, tmp_path / "o.tif"), Unsure(), executor=Processes(3))
    assert_same_run(tmp_path / "o.tif", whole)


def test_shards_and_a_merge_give_the_deviations_of_one_run(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    for index in (3, 1, 2):
        run(request_for(scene, out), Unsure(), shard=Shard(index, 3))
        assert not beside(out).exists()
    merge(out)
    assert_same_run(out, whole)


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_an_extent_gives_a_crop_of_the_deviations(scene, whole, tmp_path_factory, data):
    column, row = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    size = data.draw(st.integers(1, WIDTH - column)), data.draw(st.integers(1, HEIGHT - row))
    out = tmp_path_factory.mktemp("part") / "o.tif"
    run(request_for(scene, out, window=(column, row, *size)), Unsure())
    assert_is_crop(out, whole)
    assert_is_crop(beside(out), beside(whole))


def test_cancelled_and_resumed(scene, whole, tmp_path):
    out, cancel = tmp_path / "o.tif", Cancel()

    class Stop:
        def emit(self, event, **fields):
            if event == "progress" and fields["done"] > 0.6 * fields["total"]:
                cancel.set()

    with pytest.raises(Cancelled):
        run(request_for(scene, out), Unsure(), listener=Stop(), cancel=cancel)
    workspace = Workspace.beside(out)
    plan = workspace.plan()
    row_bands, bands = workspace.row_bands(plan), plan.row_bands
    done = [band for band in bands if band not in row_bands.unfinished(bands)]
    assert 0 < len(done) < len(bands)
    assert not out.exists()
    assert not beside(out).exists()
    # A row band is finished when both of its files are there.
    row_bands.path("uncertainty", done[0]).unlink()
    assert done[0] in row_bands.unfinished(bands)
    run(request_for(scene, out, resume=True), Unsure())
    assert_same_run(out, whole)


def test_killed_at_random_and_resumed(scene, whole, tmp_path):
    out, script = tmp_path / "o.tif", tmp_path / "telling.py"
    script.write_text(TELLING.format(tests=str(Path(__file__).parent), scene=str(scene), out=str(out)))
    kill_at_random(script, out, np.random.default_rng(5))
    assert_same_pixels(out, whole)
    assert_same_pixels(beside(out), beside(whole))


TELLING = """
import sys
sys.path.insert(0, {tests!r})
from test_uncertainty import Unsure, request_for
from seamline.engine.run import run

class Listener:
    def emit(self, event, **fields):
        print(event, flush=True)

if __name__ == "__main__":
    run(request_for({scene!r}, {out!r}, resume=True), Unsure(), listener=Listener())
"""


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def test_killed_between_the_two_renames_and_resumed(scene, whole, tmp_path, monkeypatch):
    out, rename = tmp_path / "o.tif", Path.replace

    def die(self, target):
        if Path(target) == out:
            raise Killed
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", die)
        with pytest.raises(Killed):
            run(request_for(scene, out), Unsure())
    # The image comes last: where it lies, everything does.
    assert_same_pixels(beside(out), beside(whole))
    assert not out.exists()
    run(request_for(scene, out, resume=True), Unsure())
    assert_same_run(out, whole)


@pytest.mark.parametrize("name", [None, "other.tif"])
def test_resuming_with_other_deviations_is_refused(scene, tmp_path, name):
    out = tmp_path / "o.tif"
    run(request_for(scene, out), Unsure(), shard=Shard(1, 2))
    also = {} if name is None else {"uncertainty": str(tmp_path / name)}
    with pytest.raises(RequestError, match=r"another one \(it differs in outputs\)"):
        run(request_for(scene, out, resume=True, also=also), Unsure())


def test_deviations_cannot_be_asked_for_later(scene, tmp_path):
    out = tmp_path / "o.tif"
    run(request_for(scene, out, also={}), Unsure(), shard=Shard(1, 2))
    with pytest.raises(RequestError, match="differs in outputs"):
        run(request_for(scene, out), Unsure(), shard=Shard(2, 2))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda image: image[:, :, 1:], "returned uncertainty of"),
        (lambda image: image[:, :1], "returned uncertainty of"),
        (lambda image: torch.full_like(image, torch.nan), "not finite"),
    ],
)
def test_what_a_model_does_wrong_stops_the_run(scene, tmp_path, fault, sentence):
    class Faulty(Quarter):
        def deviation(self, image, where):
            return fault(image)

    with pytest.raises(RunError, match=sentence):
        run(request_for(scene, tmp_path / "o.tif"), Faulty())
    assert not list(tmp_path.glob("*.tif"))


def test_a_model_that_promises_and_cannot(scene, tmp_path):
    class Boastful(PassThrough):
        @property
        def spec(self):
            return replace(PassThrough.spec.fget(self), outputs=(IMAGE, UNCERTAINTY))

    with pytest.raises(RunError, match="gives no uncertainty"):
        run(request_for(scene, tmp_path / "o.tif"), Boastful())


def test_the_estimate_counts_both(scene, tmp_path):
    plans = [
        plan_run(request_for(scene, tmp_path / "o.tif", also=wanted), Quarter(scale=2))
        for wanted in ({}, {"uncertainty": str(tmp_path / "u.tif")})
    ]
    (plan, one), (_, both) = plans
    pixels = 2 * HEIGHT * 2 * WIDTH * 2
    assert (one.output_bytes, both.output_bytes) == (pixels * 2 * 4 // 3, pixels * 6 * 4 // 3)
    assert (one.disk_bytes, both.disk_bytes) == (pixels * 2 * 8 // 3, pixels * 6 * 8 // 3)
    # At least a strip that is open and one that is being written, in float32.
    assert both.memory_bytes - one.memory_bytes >= 2 * 4 * 2 * (2 * plan.tiles.rows.tile * 2 * WIDTH)
    # Each tile of a batch holds two bands in and two out, or two in and four out, and these are twice as fine; each
    # twice, as patches and as what the model is given, and as what it gives and what is blended.
    grown = [estimate(replace(p, batch=p.batch + 1)).memory_bytes - e.memory_bytes for p, e in plans]
    assert grown == [2 * 4 * plan.tiles.rows.tile**2 * (2 + bands * 4) for bands in (2, 4)]


def test_the_pace_is_that_of_image_and_deviations(scene, tmp_path):
    calls = []

    class Counting(Quarter):
        def deviation(self, image, where):
            calls.append(1)
            return Quarter.deviation(self, image, where)

    plan, needs = plan_run(request_for(scene, tmp_path / "o.tif"), Counting())
    with_pace(plan, Counting().spec, Counting(), needs)
    assert len(calls) == 2


def test_the_image_alone_is_predicted_where_no_deviations_are_wanted(scene, tmp_path):
    class Costly(Quarter):
        def deviation(self, image, where):
            raise AssertionError("nobody asked")

    run(request_for(scene, tmp_path / "o.tif", also={}), Costly())
    assert np.array_equal(read(tmp_path / "o.tif"), textured())


def test_outputs_are_laid_one_below_the_other(scene, tmp_path):
    """Two outputs are C planes of the image and C of its deviations, in this order."""
    plan, _ = plan_run(request_for(scene, tmp_path / "o.tif"), Quarter())
    side = plan.tiles.rows.tile
    image = torch.full((1, 2, side, plan.tiles.columns.tile), 8.0)
    both = Caller(plan, "quarter")(lambda: {"uncertainty": image / 4, "image": image}, 1, "fp32")
    assert both.shape[1] == 4
    assert both[0, :, 0, 0].tolist() == [8, 8, 2, 2]


@pytest.fixture
def command(scene, tmp_path, monkeypatch, capfd):
    """A function that runs the command line with the toy model, and gives exit code, events and sentence."""
    resolve, info = registry.resolve, registry.info
    monkeypatch.setattr(
        registry, "resolve", lambda name, *rest, **more: Unsure() if name == "unsure" else resolve(name, *rest, **more)
    )
    monkeypatch.setattr(registry, "info", lambda name: info("identity" if name == "unsure" else name))

    def ask(deviations, *words, model="unsure"):
        capfd.readouterr()
        options = ["--model", model, "--threads", "1", "--seed", "11", "--device", "cpu", "--json"]
        result = CliRunner().invoke(
            cli, ["superres", str(scene), str(tmp_path / "o.tif"), *options, "--uncertainty", str(deviations), *words]
        )
        return result.exit_code, [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return ask


def test_the_command_line_writes_and_lists_both(command, whole, tmp_path):
    code, events = command(tmp_path / "u.tif")
    assert code == 0
    assert events[-1]["event"] == "done"
    assert events[-1]["outputs"] == [str(tmp_path / "o.tif"), str(tmp_path / "u.tif")]
    assert_same_run(tmp_path / "o.tif", whole)


def test_a_dry_run_shows_it(command, tmp_path):
    code, events = command(tmp_path / "u.tif", "--dry-run")
    assert code == 0
    assert events[-1]["plan"]["outputs"] == {"image": None, "uncertainty": "u.tif"}
    assert not list(tmp_path.glob("*.tif"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("o.tif", "this is the output itself"),
        ("O.TIF", "this is the output itself"),
        ("old.tif", "the output exists"),
        ("no/u.tif", "the folder does not exist"),
        ("sub/u.tif", "does not lie in the folder of the first one"),
        ("u.png", "is not a GeoTIFF"),
        ("sub", "is a folder"),
    ],
)
def test_places_that_are_refused(command, tmp_path, name, sentence):
    (tmp_path / "sub").mkdir()
    (tmp_path / "old.tif").write_bytes(b"an older file")
    code, events = command(tmp_path / name)
    assert code == 2
    assert [event["event"] for event in events] == ["error"]
    assert sentence in events[0]["what"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.tif", "sub"]
    assert (tmp_path / "old.tif").read_bytes() == b"an older file"


def test_an_older_file_is_replaced_on_request(command, whole, tmp_path):
    beside(tmp_path / "o.tif").write_bytes(b"an older file")
    assert command(tmp_path / "u.tif", "--overwrite")[0] == 0
    assert_same_run(tmp_path / "o.tif", whole)


def test_the_input_is_no_place_for_deviations(scene, tmp_path):
    with pytest.raises(RequestError, match="one of the inputs"):
        run(
            request_for(scene, scene.parent / "o.tif", also={"uncertainty": str(scene)}, overwrite=True),
            Unsure(),
        )


def test_a_model_that_cannot_tell_is_refused(command, tmp_path):
    code, events = command(tmp_path / "u.tif", model="bicubic")
    assert code == 2
    assert "bicubic cannot say how uncertain its pixels are" in events[0]["what"]
    assert not list(tmp_path.iterdir())


def test_python_needs_an_output_to_put_them_beside(scene, tmp_path):
    import seamline

    with pytest.raises(RequestError, match="no output to lie beside"):
        seamline.superres(scene, uncertainty=str(tmp_path / "u.tif"))
