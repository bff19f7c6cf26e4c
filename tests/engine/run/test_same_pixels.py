"""One run identity, one result: whatever the processes, shards, interruptions and extents."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from dataclasses import replace
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from seamline.benchmarks.shared.scenes import write_scene
from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.events import Cancel
from seamline.engine.output.workspace import Workspace
from seamline.engine.pixels.finisher import BandFinisher
from seamline.engine.request import Request
from seamline.engine.run import Processes, Shard, merge, processes, run
from seamline.engine.testing import GroundNoise, assert_is_crop, assert_same_pixels
from seamline.models import registry
from seamline.tests.bounds import assert_within_one_dn
from seamline.tests.engine.killing import kill_at_random

HEIGHT, WIDTH = 300, 210


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A textured scene with holes, 2 bands of 300 x 210 px."""
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    rng = np.random.default_rng(1)
    values = rng.normal(0, 60, (2, HEIGHT, WIDTH)).cumsum(axis=1).cumsum(axis=2) / 40 + 1500
    values[:, 90:130, 40:90] = 0
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=2,
        height=HEIGHT,
        width=WIDTH,
        dtype="uint16",
        crs="EPSG:32633",
        nodata=0,
        transform=from_origin(500000, 5000000, 2, 2),
    ) as file:
        file.write(np.clip(values, 0, 60000).astype(np.uint16))
    return path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """(MS, PAN): 4 bands of 90 x 80 px at 2 m, 360 x 320 px at 0.5 m."""
    folder = tmp_path_factory.mktemp("pair")
    rng = np.random.default_rng(2)
    pan = rng.normal(0, 30, (1, 320, 360)).cumsum(axis=1).cumsum(axis=2) / 60 + 900
    pan += 200 * (rng.random((1, 40, 45)).repeat(8, axis=1).repeat(8, axis=2) > 0.7)
    ms = pan.reshape(1, 80, 4, 90, 4).mean(axis=(2, 4)) * np.array([0.6, 0.8, 0.7, 1.4])[:, None, None]
    for name, values, gsd in (("ms", ms, 2.0), ("pan", pan, 0.5)):
        stored = np.clip(values, 1, 60000).astype(np.uint16)
        write_scene(folder / f"{name}.tif", stored, from_origin(5e5, 5e6, gsd, gsd), "EPSG:32633")
    return folder / "ms.tif", folder / "pan.tif"


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out.tif"
    run(request_for(scene, out), GroundNoise())
    return out


@pytest.fixture(scope="module")
def fused(pair, tmp_path_factory):
    out = tmp_path_factory.mktemp("fused") / "out.tif"
    run(pair_request(pair, out), registry.resolve("mtf-glp-fs", "pansharpen"))
    return out


def request_for(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, seed=11, **options)


def pair_request(pair, out, **options):
    inputs = {"ms": str(pair[0]), "pan": str(pair[1])}
    return Request(inputs=inputs, out=str(out), threads=1, tile=256, overlap=100, consistency="area", **options)


def test_three_processes_give_the_pixels_of_one(scene, whole, tmp_path):
    run(request_for(scene, tmp_path / "o.tif"), GroundNoise(), executor=Processes(3))
    assert_same_pixels(tmp_path / "o.tif", whole)


def test_four_shards_and_a_merge_give_the_pixels_of_one_run(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    for index in (3, 1, 4, 2):
        outcome = run(request_for(scene, out), GroundNoise(), shard=Shard(index, 4))
        assert outcome.out is None
        assert not out.exists()
    merge(out)
    assert_same_pixels(out, whole)
    assert not Workspace.beside(out).exists


def test_a_merge_of_missing_shards_is_refused(scene, tmp_path):
    out = tmp_path / "o.tif"
    run(request_for(scene, out), GroundNoise(), shard=Shard(1, 3))
    with pytest.raises(RequestError, match="not finished"):
        merge(out)


def test_pansharpening_with_consistency_is_the_same_in_shards(pair, fused, tmp_path):
    out = tmp_path / "o.tif"
    source = registry.resolve("mtf-glp-fs", "pansharpen")
    for index in (1, 2):
        run(pair_request(pair, out), source, shard=Shard(index, 2))
    merge(out)
    assert_same_pixels(out, fused)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_an_extent_gives_a_crop_of_the_full_run(scene, whole, tmp_path_factory, data):
    column = data.draw(st.integers(0, WIDTH - 1))
    row = data.draw(st.integers(0, HEIGHT - 1))
    width = data.draw(st.integers(1, WIDTH - column))
    height = data.draw(st.integers(1, HEIGHT - row))
    out = tmp_path_factory.mktemp("part") / "o.tif"
    run(request_for(scene, out, window=(column, row, width, height)), GroundNoise())
    with rasterio.open(out) as part:
        assert part.shape == (height, width)
    assert_is_crop(out, whole)


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_a_pansharpened_extent_gives_a_crop_of_the_full_run(pair, fused, tmp_path_factory, data):
    xmin = 500000 + data.draw(st.floats(0, 170))
    ymin = 4999840 + data.draw(st.floats(0, 150))
    xmax, ymax = xmin + data.draw(st.floats(1, 180)), ymin + data.draw(st.floats(1, 160))
    out = tmp_path_factory.mktemp("part") / "o.tif"
    run(pair_request(pair, out, extent=(xmin, ymin, xmax, ymax)), registry.resolve("mtf-glp-fs", "pansharpen"))
    assert_is_crop(out, fused)


def test_an_extent_in_shards_by_processes_is_still_a_crop(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    run(request_for(scene, out, window=(30, 50, 150, 220)), GroundNoise(), executor=Processes(2))
    assert_is_crop(out, whole)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_and_resumed(scene, whole, tmp_path, seed):
    out, script = tmp_path / "o.tif", tmp_path / "telling.py"
    script.write_text(TELLING.format(scene=str(scene), out=str(out)))
    kill_at_random(script, out, np.random.default_rng(seed))
    assert_same_pixels(out, whole)


TELLING = """
from seamline.engine import testing
from seamline.engine.plan import Request
from seamline.engine.run import run

class Listener:
    def emit(self, event, **fields):
        print(event, flush=True)

if __name__ == "__main__":
    request = Request(inputs={{"image": {scene!r}}}, out={out!r}, threads=1, seed=11, resume=True)
    run(request, testing.GroundNoise(), listener=Listener())
"""


def test_cancel_keeps_finished_bands_and_resume_goes_on(scene, whole, tmp_path):
    out, cancel = tmp_path / "o.tif", Cancel()

    class Stop:
        def emit(self, event, **fields):
            if event == "progress" and fields["done"] > 0.6 * fields["total"]:
                cancel.set()

    with pytest.raises(Cancelled):
        run(request_for(scene, out), GroundNoise(), listener=Stop(), cancel=cancel)
    workspace = Workspace.beside(out)
    plan = workspace.plan()
    bands = plan.row_bands
    left = workspace.row_bands(plan).unfinished(bands)
    assert 0 < len(left) < len(bands)
    assert not out.exists()
    run(request_for(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


def test_processes_have_nothing_left_to_compute_where_a_run_ended_after_its_last_band(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    for part in (1, 2):
        run(request_for(scene, out), GroundNoise(), shard=Shard(part, 2))
    run(request_for(scene, out, resume=True), GroundNoise(), executor=Processes(2))
    assert_same_pixels(out, whole)


def test_cancel_leaves_files_open_to_the_thread_that_reads_them(scene, tmp_path, monkeypatch):
    """A file that is closed while another thread reads it ends the process."""
    cancel, threads = Cancel(), {"finish": set(), "close": set()}

    def noted(name, act):
        def call(self, *rest):
            threads[name].add(threading.get_ident())
            cancel.set()
            return act(self, *rest)

        return call

    for name in threads:
        monkeypatch.setattr(BandFinisher, name, noted(name, getattr(BandFinisher, name)))
    with pytest.raises(Cancelled):
        run(request_for(scene, tmp_path / "o.tif"), GroundNoise(), cancel=cancel)
    assert threads["close"] == threads["finish"] != set()


def test_cancel_stops_worker_processes_amid_a_batch(scene, tmp_path, monkeypatch):
    """Only the cancel ends this run: after one batch each, both workers wait for it, and neither has to be killed."""
    killed, kill = [], SpawnProcess.kill
    monkeypatch.setattr(SpawnProcess, "kill", lambda process: killed.append(process) or kill(process))
    monkeypatch.setattr(processes, "_GRACE_S", 300.0)  # however busy the machine is
    cancel, done = Cancel(), []

    class Stop:
        def emit(self, event, **fields):
            if event == "progress":
                done.append(fields["done"])
                cancel.set()

    model = StopsAfterOneBatch()
    with pytest.raises(Cancelled):
        run(request_for(scene, tmp_path / "o.tif"), model, executor=Processes(2), listener=Stop(), cancel=cancel)
    assert 0 < done[-1] <= 2 * model.batch
    assert not killed
    assert not multiprocessing.active_children()
    assert not (tmp_path / "o.tif").exists()


class StopsAfterOneBatch(GroundNoise):
    """Predicts one batch in a process; in the next it waits, and asks as a model does between its steps."""

    begun = False

    def predict(self, batch, where):
        while StopsAfterOneBatch.begun:
            where.checkpoint()
            time.sleep(0.01)
        StopsAfterOneBatch.begun = True
        return super().predict(batch, where)


def test_resume_under_another_identity_is_refused(scene, tmp_path):
    out = tmp_path / "o.tif"
    run(request_for(scene, out), GroundNoise(), shard=Shard(1, 2))
    for change in ({"seed": 12}, {"tile": 128}, {"batch": 1}, {"threads": 2}):
        with pytest.raises(RequestError, match="another one"):
            run(replace(request_for(scene, out, resume=True), **change), GroundNoise())


def test_batches_of_one_and_four_agree_within_a_count(scene, tmp_path):
    for batch in (1, 4):
        run(request_for(scene, tmp_path / f"{batch}.tif", batch=batch), GroundNoise())
    with rasterio.open(tmp_path / "1.tif") as a, rasterio.open(tmp_path / "4.tif") as b:
        assert_within_one_dn(b.read(), a.read(), dn=1)


def test_crops_as_files_of_their_own_draw_the_same_noise(scene, whole, tmp_path):
    """World-anchored: a file that is cut out at a multiple of the latent cell gets the same noise."""
    with rasterio.open(scene) as file:
        part = file.read(window=rasterio.windows.Window(64, 64, 128, 128))
        transform = file.window_transform(rasterio.windows.Window(64, 64, 128, 128))
        profile = file.profile | {"height": 128, "width": 128, "transform": transform}
    crop = tmp_path / "crop.tif"
    with rasterio.open(crop, "w", **profile) as file:
        file.write(part)
    run(request_for(crop, tmp_path / "o.tif"), GroundNoise())
    with rasterio.open(whole) as a, rasterio.open(tmp_path / "o.tif") as b:
        ours, full = b.read(), a.read()[:, 64:192, 64:192]
    # Away from the crop's rim, and from the hole, whose filling looks at the whole tile.
    inner = (slice(None), slice(8, -8), slice(40, -8))
    assert np.array_equal(ours[inner], full[inner])


def test_the_command_line_and_python_give_the_same_pixels(pair, tmp_path):
    import seamline

    ms, pan = pair
    a, b = tmp_path / "cli.tif", tmp_path / "python.tif"
    command = [
        sys.executable,
        "-m",
        "seamline",
        "pansharpen",
        str(ms),
        str(pan),
        str(a),
        "--model",
        "gsa",
        "--tile",
        "128",
    ]
    subprocess.run(command, check=True, cwd=tmp_path)
    result = seamline.pansharpen(ms, pan, model="gsa", tile=128, out=b)
    assert_same_pixels(a, b)
    with rasterio.open(a) as file:
        assert np.array_equal(result.values, file.read())
    assert result.rio.crs.to_epsg() == 32633


def test_python_takes_arrays_as_it_takes_files(pair, tmp_path):
    import rioxarray

    import seamline

    ms, pan = pair
    from_files = seamline.pansharpen(ms, pan, model="gsa", tile=128)
    arrays = (rioxarray.open_rasterio(path).load() for path in (ms, pan))
    from_arrays = seamline.pansharpen(*arrays, model="gsa", tile=128)
    assert np.array_equal(from_files.values, from_arrays.values)
    assert from_arrays.rio.transform() == from_files.rio.transform()


def test_paths_are_no_part_of_the_identity(scene, tmp_path):
    copy = tmp_path / "elsewhere.tif"
    copy.write_bytes(Path(scene).read_bytes())
    outcomes = [run(request_for(path, tmp_path / f"{i}.tif"), GroundNoise()) for i, path in enumerate((scene, copy))]
    assert outcomes[0].facts["identity"] == outcomes[1].facts["identity"]


@pytest.fixture(scope="module")
def diffused(pair, tmp_path_factory):
    out = tmp_path_factory.mktemp("diffused") / "out.tif"
    run(diffusion_request(pair, out), registry.resolve("salad-pan-tiny", "pansharpen"))
    return out


def diffusion_request(pair, out, **options):
    return Request(
        inputs={"ms": str(pair[0]), "pan": str(pair[1])}, out=str(out), threads=1, seed=7, consistency="mtf", **options
    )


def test_the_diffusion_model_is_the_same_in_processes(pair, diffused, tmp_path):
    source = registry.resolve("salad-pan-tiny", "pansharpen")
    run(diffusion_request(pair, tmp_path / "o.tif"), source, executor=Processes(3))
    assert_same_pixels(tmp_path / "o.tif", diffused)


def test_the_diffusion_model_gives_a_crop_for_an_extent(pair, diffused, tmp_path):
    source = registry.resolve("salad-pan-tiny", "pansharpen")
    run(diffusion_request(pair, tmp_path / "o.tif", window=(5, 9, 60, 40)), source)
    assert_is_crop(tmp_path / "o.tif", diffused)


def test_the_diffusion_model_agrees_across_batch_sizes(pair, diffused, tmp_path):
    source = registry.resolve("salad-pan-tiny", "pansharpen")
    run(diffusion_request(pair, tmp_path / "o.tif", batch=4), source)
    with rasterio.open(diffused) as a, rasterio.open(tmp_path / "o.tif") as b:
        assert_within_one_dn(b.read(), a.read(), dn=1)


def test_another_seed_gives_other_pixels(pair, diffused, tmp_path):
    source = registry.resolve("salad-pan-tiny", "pansharpen")
    run(replace(diffusion_request(pair, tmp_path / "o.tif"), seed=8), source)
    with rasterio.open(diffused) as a, rasterio.open(tmp_path / "o.tif") as b:
        assert not np.array_equal(a.read(), b.read())
