"""What was added beyond the input: one result whatever the way, an image that does not notice, true of known images."""

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
from rasterio.transform import from_origin

import seamline
from seamline.benchmarks.shared.scenes import write_scene
from seamline.cli.group import cli
from seamline.engine.contract import IMAGE
from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel
from seamline.engine.output.workspace import Workspace
from seamline.engine.plan.resources import estimate
from seamline.engine.request import Request
from seamline.engine.run import Processes, Shard, merge, plan_run, run
from seamline.engine.testing import PassThrough, assert_is_crop, assert_same_pixels
from seamline.models import registry
from seamline.models.classical.interpolate import Bicubic
from seamline.tests.bounds import assert_same_but_rounding
from seamline.tests.engine.stored import write_scaled

HEIGHT, WIDTH, SCALE = 150, 105, 2
FINE = 4


@dataclass(frozen=True, slots=True)
class Inventive(PassThrough):
    """Adds to each pixel of bicubic interpolation what belongs to its place, and to no coarser pixel."""

    scale: int = SCALE
    identity: str = "inventive@1"

    @property
    def spec(self):
        return replace(Bicubic(self.scale).spec, name="inventive", align=2, outputs=(IMAGE,))

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        image = Bicubic(self.scale).predict(batch, where)
        return image + checks(image) * 30


def checks(image):
    """(B, C, h, w), 1 and -1 in turn: no mean over two by two pixels sees it."""
    rows, columns = torch.arange(image.shape[-2])[:, None], torch.arange(image.shape[-1])
    return torch.where((rows + columns) % 2 == 0, 1.0, -1.0).expand_as(image)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Two textured bands with a hole."""
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    rng = np.random.default_rng(1)
    values = rng.normal(0, 60, (2, HEIGHT, WIDTH)).cumsum(axis=1).cumsum(axis=2) / 40 + 1500
    values[:, 45:65, 20:45] = 0
    write_scaled(path, np.clip(values, 0, 60000).astype(np.uint16))
    return path


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "o.tif"
    run(request_for(scene, out), Inventive())
    return out


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(MS, PAN): 3 bands of 90 x 80 px at 2 m, 360 x 320 px at 0.5 m; PAN is a mixture of the bands."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(2)
    fine = rng.normal(0, 30, (3, 320, 360)).cumsum(axis=1).cumsum(axis=2) / 60 + 900
    fine += 200 * (rng.random((3, 40, 45)).repeat(8, axis=1).repeat(8, axis=2) > 0.7)
    pan = np.tensordot([0.5, 0.3, 0.2], fine, 1)[None]
    ms = fine.reshape(3, 80, 4, 90, 4).mean(axis=(2, 4))
    for name, values, gsd in (("ms", ms, 2.0), ("pan", pan, 0.5)):
        write_scene(folder / f"{name}.tif", values.astype(np.float32), from_origin(5e5, 5e6, gsd, gsd), "EPSG:32633")
    return folder / "ms.tif", folder / "pan.tif"


def request_for(scene, out, **options):
    options = {"also": {"support": str(beside(out))}, "threads": 1, "tile": 64, "overlap": 16} | options
    return Request(inputs={"image": str(scene)}, out=str(out), **options)


def pair_request(pair, out, **options):
    options = {"also": {"support": str(beside(out))}, "tile": 256, "overlap": 100, "threads": 1} | options
    return Request(inputs={"ms": str(pair[0]), "pan": str(pair[1])}, out=str(out), **options)


def beside(out):
    return Path(out).with_name("s.tif")


def read(path):
    with rasterio.open(path) as file:
        return file.read()


def assert_same_run(out, whole):
    assert_same_pixels(out, whole)
    assert_same_pixels(beside(out), beside(whole))
    assert not Workspace.beside(out).folder.exists()


def test_it_is_a_cog_on_the_grid_of_the_image(whole):
    with rasterio.open(whole) as image, rasterio.open(beside(whole)) as file:
        assert (file.shape, file.transform, file.crs) == (image.shape, image.transform, image.crs)
        assert set(file.dtypes) == {"float32"}
        assert all(np.isnan(nodata) for nodata in file.nodatavals)
        assert file.descriptions == ("share of the detail that was added", "added to red", "added to band 2")
        assert (file.units[1:], file.units[0] or "") == (image.units, "")
        # A difference of stored values: the factor to reflectance holds for it, the offset does not.
        assert (file.scales, file.offsets) == ((1.0, *image.scales), (0.0, 0.0, 0.0))
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["SEAMLINE_IDENTITY"] == image.tags()["SEAMLINE_IDENTITY"]
        assert "beyond what its input determines" in file.tags()["SEAMLINE_NOTE"]
        masked = image.dataset_mask() == 0
        assert masked.any()
        assert np.array_equal(np.isnan(file.read()), np.broadcast_to(masked, (3, *masked.shape)))


def test_what_no_pixel_of_the_input_sees_is_called_added_as_it_is(scene, whole):
    found = read(beside(whole))[:, 130:, 90:]
    wanted = 30 * checks(torch.zeros(1, 1, *found.shape[1:]))[0, 0].numpy()
    # Away from the hole, and from the rim, beyond which nothing goes on.
    inner = np.s_[:, 16:-16, 16:-16]
    assert np.abs((found[1:] - wanted)[inner]).mean() < 3
    assert found[:1][inner].min() > 0.5


def test_interpolation_of_what_the_instrument_lets_through_adds_next_to_nothing(write_raster, tmp_path):
    """Waves of eight input pixels and longer."""
    at = np.arange(80) + 0.5
    waves = sum(np.sin(2 * np.pi * at / length) * length for length in (8, 11, 17, 30))
    image = 1000 + np.add.outer(waves, waves[:70]) + 0.1 * np.outer(waves, waves[:70])
    scene = write_raster("in.tif", image[None].astype(np.float32))
    facts = run(request_for(scene, tmp_path / "o.tif"), Bicubic(FINE)).facts
    assert max(facts["layers"]["support"]["added"]) < 0.01


@pytest.mark.parametrize("source", [Inventive(), Bicubic(FINE)])
@pytest.mark.parametrize("options", [{}, {"consistency": "area"}, {"consistency": "mtf"}])
def test_the_image_does_not_notice(scene, tmp_path, source, options):
    for folder in ("with", "without"):
        (tmp_path / folder).mkdir()
    a = run(request_for(scene, tmp_path / "with/o.tif", **options), source)
    b = run(request_for(scene, tmp_path / "without/o.tif", also={}, **options), source)
    assert (tmp_path / "with/o.tif").read_bytes() == (tmp_path / "without/o.tif").read_bytes()
    assert (a.facts["counts"], a.facts["identity"]) == (b.facts["counts"], b.facts["identity"])
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == ["o.report.json", "o.tif"]


def test_pan_determines_the_bands_together(pair, tmp_path):
    """Weighted as PAN sees them the bands are PAN, and nothing of that was added."""
    facts = run(pair_request(pair, tmp_path / "o.tif"), registry.resolve("gsa", "pansharpen")).facts
    weights = np.array(facts["layers"]["support"]["seen"]["weights"])
    assert np.allclose(weights / weights.sum(), [0.5, 0.3, 0.2], atol=0.02)
    added = read(tmp_path / "s.tif")[1:]
    assert np.abs(np.tensordot(weights, added, 1)).max() < 0.01 * np.abs(added).max()


def test_a_pair_that_cannot_be_measured_says_so(small_pair, tmp_path):
    request = pair_request(small_pair, tmp_path / "o.tif", tile=64, overlap=16)
    facts = run(request, registry.resolve("brovey", "pansharpen")).facts
    assert any("so the support counts all that PAN adds as added" in each["what"] for each in facts["warnings"])
    assert facts["layers"]["support"]["seen"]["weights"] == []


def test_three_processes_give_the_support_of_one(scene, whole, tmp_path):
    run(request_for(scene, tmp_path / "o.tif"), Inventive(), executor=Processes(3))
    assert_same_run(tmp_path / "o.tif", whole)


def test_shards_and_a_merge_give_the_support_of_one_run(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    for index in (3, 1, 2):
        run(request_for(scene, out), Inventive(), shard=Shard(index, 3))
        assert not beside(out).exists()
    facts = merge(out).facts
    assert_same_run(out, whole)
    assert facts["layers"]["support"]["added"] == pytest.approx(
        json.loads(whole.with_name("o.report.json").read_text())["layers"]["support"]["added"]
    )


@pytest.mark.parametrize("options", [{"tile": 128}, {"tile": 48, "overlap": 8}])
def test_tiles_do_not_show_in_it(write_raster, tmp_path, options):
    """The image is the same whatever the tiles, so its support is."""
    rng = np.random.default_rng(3)
    scene = write_raster("in.tif", rng.integers(300, 900, (2, 100, 130)).astype(np.float32))
    found = []
    for name, own in (("a", {}), ("b", options)):
        run(
            request_for(scene, tmp_path / f"{name}.tif", also={"support": str(tmp_path / f"{name}s.tif")}, **own),
            Inventive(),
        )
        found.append(read(tmp_path / f"{name}s.tif"))
    assert_same_but_rounding(*found)


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_an_extent_gives_a_crop_of_the_support(scene, whole, tmp_path_factory, data):
    column, row = data.draw(st.integers(0, WIDTH - 1)), data.draw(st.integers(0, HEIGHT - 1))
    size = data.draw(st.integers(1, WIDTH - column)), data.draw(st.integers(1, HEIGHT - row))
    out = tmp_path_factory.mktemp("part") / "o.tif"
    run(request_for(scene, out, window=(column, row, *size)), Inventive())
    assert_is_crop(out, whole)
    assert_is_crop(beside(out), beside(whole))


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_a_pansharpened_extent_gives_a_crop_of_the_support(pair, fused, tmp_path_factory, data):
    column, row = data.draw(st.integers(0, 330)), data.draw(st.integers(0, 290))
    out = tmp_path_factory.mktemp("part") / "o.tif"
    run(pair_request(pair, out, window=(column, row, 30, 30), consistency="mtf"), SHARPENS)
    assert_is_crop(beside(out), beside(fused))


SHARPENS = registry.resolve("mtf-glp-fs", "pansharpen")


@pytest.fixture(scope="module")
def fused(pair, tmp_path_factory):
    out = tmp_path_factory.mktemp("fused") / "o.tif"
    run(pair_request(pair, out, consistency="mtf"), SHARPENS)
    return out


def test_values_under_the_mask_never_matter(scene, whole, tmp_path):
    with rasterio.open(scene) as file:
        values, profile = file.read(), file.profile
    other = tmp_path / "other.tif"
    values[values == 0] = 7
    with rasterio.open(other, "w", **profile | {"nodata": 7}) as file:
        file.write(values)
    run(request_for(other, tmp_path / "o.tif"), Inventive())
    assert np.array_equal(read(tmp_path / "s.tif"), read(beside(whole)), equal_nan=True)


def test_cancelled_and_resumed(scene, whole, tmp_path):
    out, cancel = tmp_path / "o.tif", Cancel()

    class Stop:
        def emit(self, event, **fields):
            if event == "progress" and fields["done"] > 0.6 * fields["total"]:
                cancel.set()

    with pytest.raises(Cancelled):
        run(request_for(scene, out), Inventive(), listener=Stop(), cancel=cancel)
    workspace = Workspace.beside(out)
    bands = workspace.plan().row_bands
    assert 0 < len(workspace.row_bands(workspace.plan()).unfinished(bands)) < len(bands)
    run(request_for(scene, out, resume=True), Inventive())
    assert_same_run(out, whole)


@pytest.mark.parametrize("change", [{"also": {}}, {"sensor": "QB"}])
def test_resuming_with_another_support_is_refused(scene, tmp_path, change):
    out = tmp_path / "o.tif"
    run(request_for(scene, out, bands=(1, 2, 1, 2)), Inventive(), shard=Shard(1, 2))
    with pytest.raises(RequestError, match="another one"):
        run(request_for(scene, out, bands=(1, 2, 1, 2), resume=True, **change), Inventive())


def test_a_pair_is_resumed_with_the_weights_that_were_measured(pair, fused, tmp_path):
    out = tmp_path / "o.tif"
    for index in (1, 2):
        run(pair_request(pair, out, consistency="mtf"), SHARPENS, shard=Shard(index, 2))
    merge(out)
    assert_same_run(out, fused)


def test_the_estimate_counts_it(scene, tmp_path):
    plans = [
        plan_run(request_for(scene, tmp_path / "o.tif", also=wanted), Inventive())
        for wanted in ({}, {"support": str(tmp_path / "s.tif")})
    ]
    (plan, one), (other, both) = plans
    pixels = HEIGHT * SCALE * WIDTH * SCALE
    assert both.output_bytes - one.output_bytes == pixels * 3 * 4 * 4 // 3
    assert other.tiles.halo > plan.tiles.halo
    # Level, determined and added of two bands, in float32, over the rows of a tile and both halos.
    rows = other.tiles.rows.tile + 2 * other.tiles.halo
    assert both.memory_bytes - one.memory_bytes >= 3 * 2 * 4 * rows * SCALE * WIDTH * SCALE
    wider = estimate(replace(other, outputs=other.outputs[:1]))
    assert wider.memory_bytes < both.memory_bytes


@pytest.mark.parametrize(
    ("command", "model", "sentence"),
    [
        ("classify", "satdifuser-landcover", "writes no image that its input could determine"),
        ("superres", "identity", "the output is no finer than the input"),
    ],
)
def test_where_nothing_can_be_told_it_is_refused(write_raster, tmp_path, capfd, command, model, sentence):
    image = write_raster("in.tif", np.full((3, 256, 256), 50, np.uint8), names=("red", "green", "blue"))
    words = [command, str(image), str(tmp_path / "o.tif"), "--model", model, "--support", str(tmp_path / "s.tif")]
    assert CliRunner().invoke(cli, [*words, "--device", "cpu", "--json"]).exit_code == 2
    (event,) = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert sentence in event["what"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tif"]


def test_a_turned_pair_is_refused(write_raster, tmp_path):
    from affine import Affine

    turned = Affine.translation(5e5, 5e6) @ Affine.rotation(20) @ Affine.scale(2, -2)
    ms = write_raster("ms.tif", np.full((2, 30, 30), 500, np.uint16), transform=turned)
    pan = write_raster("pan.tif", np.full((1, 90, 90), 500, np.uint16), transform=from_origin(5e5, 5e6, 0.5, 0.5))
    with pytest.raises(RequestError, match="turned against that of the output"):
        run(pair_request((ms, pan), tmp_path / "o.tif", tile=128, overlap=32), registry.resolve("brovey", "pansharpen"))


def test_the_image_is_no_place_for_it(scene, tmp_path):
    with pytest.raises(RequestError, match="this is the output itself"):
        run(request_for(scene, tmp_path / "o.tif", also={"support": str(tmp_path / "o.tif")}), Inventive())
    assert not list(tmp_path.iterdir())


def test_a_pixel_that_was_delivered_fine_is_all_determined(write_raster, tmp_path):
    """Of bands of 10 and 20 m, brought to 10 m, nothing is added to those that were there."""
    rng = np.random.default_rng(4)
    fine = write_raster("fine.tif", rng.integers(500, 900, (1, 80, 80)).astype(np.uint16))
    coarse = write_raster(
        "coarse.tif", rng.integers(500, 900, (1, 40, 40)).astype(np.uint16), transform=from_origin(5e5, 5e6, 4, 4)
    )
    out = tmp_path / "o.tif"
    request = Request(
        inputs={"image": f"{fine},{coarse}"}, out=str(out), also={"support": str(beside(out))}, dtype="float32"
    )
    run(request, Inventive(scale=1))
    share, first, second = read(beside(out))
    assert not first.any()
    assert np.abs(second).max() > 10
    assert share.max() > 0


def test_python_and_the_command_line_write_it(scene, whole, tmp_path):
    result = seamline.superres(
        scene, model="bicubic", scale=SCALE, out=tmp_path / "o.tif", support=tmp_path / "s.tif", tile=64
    )
    words = [
        "superres",
        str(scene),
        str(tmp_path / "c.tif"),
        "--model",
        "bicubic",
        "--scale",
        str(SCALE),
        "--tile",
        "64",
    ]
    assert CliRunner().invoke(cli, [*words, "--support", str(tmp_path / "t.tif")]).exit_code == 0
    assert read(tmp_path / "s.tif").shape == (3, *result.shape[1:])
    assert_same_pixels(tmp_path / "t.tif", tmp_path / "s.tif")
