"""Row bands prove whose they are: what another run left, or what is not as it was written, is no result."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError, RunError
from seamline.engine.output.locks import lock_file
from seamline.engine.output.row_bands import digest_of
from seamline.engine.output.workspace import FORMAT, Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.engine.serial import digest
from seamline.engine.testing import GroundNoise, assert_same_pixels
from seamline.models.classical.interpolate import Identity


@pytest.fixture
def scene(write_raster):
    rng = np.random.default_rng(2)
    return write_raster("in.tif", rng.integers(100, 4000, (2, 260, 150)).astype(np.uint16))


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, **({"seed": 11} | options))


@pytest.fixture
def whole(scene, tmp_path):
    run(asked(scene, tmp_path / "whole.tif"), GroundNoise())
    return tmp_path / "whole.tif"


def first_shard(scene, out, **options):
    """The workspace and the row bands of a run of which half is done."""
    run(asked(scene, out, **options), GroundNoise(), shard=Shard(1, 2))
    workspace = Workspace.beside(out)
    return workspace, workspace.row_bands(workspace.plan())


def flip_a_bit(path):
    with rasterio.open(path, "r+") as data:
        values = data.read()
        values[0, 3, 5] ^= 1
        data.write(values)


def cut(path):
    path.write_bytes(path.read_bytes()[:-4000])


def swap(path):
    """Another band's file, of the same size."""
    with rasterio.open(path, "r+") as data:
        data.write(data.read()[:, ::-1])


@pytest.mark.parametrize("damage", [flip_a_bit, cut, swap])
def test_a_damaged_band_is_computed_again(scene, whole, tmp_path, damage):
    out = tmp_path / "o.tif"
    _, row_bands = first_shard(scene, out)
    damage(row_bands.path("image", 0))
    run(asked(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


@pytest.mark.parametrize("damage", [flip_a_bit, swap])
def test_merge_takes_no_damaged_band(scene, tmp_path, damage):
    out = tmp_path / "o.tif"
    _, row_bands = first_shard(scene, out)
    run(asked(scene, out), GroundNoise(), shard=Shard(2, 2))
    damage(row_bands.path("image", 0))
    with pytest.raises(RunError, match="not what was written"):
        merge(out)
    assert not out.exists()
    run(asked(scene, out), GroundNoise(), shard=Shard(1, 2))
    assert merge(out).out == out


@pytest.mark.parametrize(
    "content", ["{}", "[]", "null", "[" * 100_000, '{"identity": 1}', '{"bytes": [], "sha256": {}}']
)
def test_an_odd_receipt_is_none(scene, whole, tmp_path, content):
    out = tmp_path / "o.tif"
    workspace, row_bands = first_shard(scene, out)
    (workspace.folder / "bands" / "000000.json").write_text(content)
    assert row_bands.receipt(0) is None
    run(asked(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


def test_a_receipt_whose_facts_were_altered_is_none(scene, whole, tmp_path):
    out = tmp_path / "o.tif"
    workspace, row_bands = first_shard(scene, out)
    path = workspace.folder / "bands" / "000000.json"
    saved = json.loads(path.read_text())
    for fact in saved["receipt"]:
        path.write_text(json.dumps(saved | {"receipt": saved["receipt"] | {fact: "x"}}))
        assert row_bands.receipt(0) is None
    run(asked(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


def test_bands_of_another_seed_are_not_taken(scene, whole, tmp_path):
    """A kill amid the removal of an old run cannot leave its bands to the next: they name their run."""
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out, seed=7)
    kept = {path.name: path.read_bytes() for path in (workspace.folder / "bands").iterdir()}
    workspace.clear()
    run(asked(scene, out), GroundNoise(), shard=Shard(2, 2))
    for name, content in kept.items():
        (workspace.folder / "bands" / name).write_bytes(content)
    run(asked(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


def test_bands_without_a_plan_are_no_folder_of_a_run(scene, tmp_path):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out, seed=7)
    (workspace.folder / "plan.json").unlink()
    for how in ({"shard": Shard(1, 2)}, {}):
        with pytest.raises(RequestError, match="no folder of a run"):
            run(asked(scene, out, overwrite=True), GroundNoise(), **how)
    assert (workspace.folder / "bands" / "000000.tif").exists()


def test_two_shards_with_two_seeds_are_refused(scene, tmp_path):
    out = tmp_path / "o.tif"
    first_shard(scene, out)
    with pytest.raises(RequestError, match="another one"):
        run(asked(scene, out, seed=12), GroundNoise(), shard=Shard(2, 2))


def test_a_plan_that_a_sibling_saved_a_moment_ago_counts(scene, tmp_path):
    workspace, _ = first_shard(scene, tmp_path / "o.tif")
    other, _ = first_shard(scene, tmp_path / "other.tif", seed=12)
    workspace.create(workspace.plan())
    with pytest.raises(RequestError, match="another run has just begun"):
        workspace.create(other.plan())


@pytest.mark.parametrize("key", ["seed", "levels", "statistics", "threads"])
def test_an_altered_plan_is_refused(scene, tmp_path, key):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out)
    saved = json.loads((workspace.folder / "plan.json").read_text())
    saved["plan"][key] = {"seed": 5, "levels": {"image": [1.0, 1.0]}, "statistics": [1.0], "threads": 3}[key]
    (workspace.folder / "plan.json").write_text(json.dumps(saved))
    for act in (lambda: merge(out), lambda: run(asked(scene, out, resume=True), GroundNoise())):
        with pytest.raises(RequestError, match="damaged"):
            act()


def test_a_plan_of_a_crs_that_is_none_is_damaged(scene, tmp_path):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out)
    path = workspace.folder / "plan.json"
    text = path.read_text()
    saved = json.loads(text)
    crs = saved["plan"]["base"]["crs"]
    plan = json.loads(json.dumps(saved["plan"]).replace(json.dumps(crs), json.dumps("EPSG:0")))
    path.write_text(json.dumps(saved | {"plan": plan, "sha256": digest(plan)}))
    with pytest.raises(RequestError, match="damaged"):
        run(asked(scene, out, resume=True), GroundNoise())


@pytest.mark.parametrize(
    "content",
    ['{"plan": []}', "[" * 100_000, "[]", "3", '{"format": 2, "plan": {}, "sha256": "", "identity": ""}', "\0"],
)
def test_an_odd_plan_is_one_sentence(scene, tmp_path, content):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out)
    (workspace.folder / "plan.json").write_text(content)
    with pytest.raises(RequestError):
        run(asked(scene, out, resume=True), GroundNoise())
    run(asked(scene, out, overwrite=True), Identity())
    assert out.exists()


def test_a_run_of_an_older_version_is_refused_with_the_way_out(scene, tmp_path):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out)
    saved = json.loads((workspace.folder / "plan.json").read_text())
    del saved["format"]
    (workspace.folder / "plan.json").write_text(json.dumps(saved))
    with pytest.raises(RequestError, match="another version") as caught:
        run(asked(scene, out, resume=True), GroundNoise())
    assert "start anew" in caught.value.fix
    assert FORMAT > 1
    run(asked(scene, out, overwrite=True), GroundNoise())
    assert not workspace.folder.exists()


def test_what_cannot_be_deleted_stops_the_run(scene, tmp_path, monkeypatch):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out, seed=7)

    def refuse(path, *rest, **more):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", refuse)
        with pytest.raises(RunError, match="cannot be deleted"):
            run(asked(scene, out, overwrite=True), GroundNoise())
    # The plan went last, so the folder still says whose bands these are.
    assert workspace.plan().seed == 7
    assert not out.exists()


def test_a_folder_of_that_name_that_no_run_made_is_not_touched(scene, tmp_path):
    out = tmp_path / "o.tif"
    folder = Workspace.beside(out).folder
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(RequestError, match=r"holds holiday\.jpg"):
            run(asked(scene, out, overwrite=overwrite), GroundNoise())
    assert [entry.name for entry in folder.iterdir()] == ["holiday.jpg"]


def test_a_refused_request_leaves_no_folder(scene, tmp_path):
    out = tmp_path / "o.tif"
    with pytest.raises(RequestError):
        run(asked(scene, out, tile=63), GroundNoise())
    assert not Workspace.beside(out).folder.exists()


def test_one_run_at_a_time(scene, tmp_path):
    out = tmp_path / "o.tif"
    workspace, _ = first_shard(scene, out)
    with workspace.held(shared=False):
        for act in (
            lambda: run(asked(scene, out, overwrite=True), GroundNoise()),
            lambda: run(asked(scene, out), GroundNoise(), shard=Shard(2, 2)),
            lambda: merge(out),
        ):
            with pytest.raises(RequestError, match="another run works on this output"):
                act()
    with workspace.held(shared=True):
        run(asked(scene, out), GroundNoise(), shard=Shard(2, 2))
        with pytest.raises(RequestError, match="another run works on this output"):
            merge(out)
    merge(out)


def test_a_lock_dies_with_its_process(tmp_path):
    path = tmp_path / "lock"
    script = (
        "import sys, fcntl; f = open(sys.argv[1], 'a+b'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True);"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert lock_file(path, shared=True) is None
        process.kill()
        process.wait()
    held = lock_file(path, shared=False)
    assert held is not None
    held.close()


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_lock_that_is_none_is_named_and_the_run_goes_on_without_it(scene, whole, tmp_path, kind):
    out = tmp_path / "o.tif"
    run(asked(scene, out), GroundNoise(), shard=Shard(1, 2))
    lock = tmp_path / "o.tif.seamline" / "lock"
    lock.unlink()
    make = {"folder": Path.mkdir, "link": lambda path: path.symlink_to(tmp_path / "elsewhere"), "pipe": os.mkfifo}
    make[kind](lock)
    for options in ({"resume": True}, {"overwrite": True}, {}):
        with pytest.raises(RequestError, match="no lock of a run") as caught:
            run(asked(scene, out, **options), GroundNoise())
        assert str(lock) in str(caught.value)
    assert not (tmp_path / "elsewhere").exists()
    lock.rename(tmp_path / "moved")
    run(asked(scene, out, resume=True), GroundNoise())
    assert_same_pixels(out, whole)


def test_killed_between_the_rename_and_the_end(scene, whole, tmp_path, monkeypatch):
    """The output is in place, its folder is not gone: the same command with --resume is done."""
    out = tmp_path / "o.tif"

    def killed(*rest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seamline.engine.run.lifecycle.vector_stages", killed)
        with pytest.raises(KeyboardInterrupt):
            run(asked(scene, out), GroundNoise())
    assert out.exists()
    assert run(asked(scene, out, resume=True), GroundNoise()).out == out
    assert_same_pixels(out, whole)
    assert not Workspace.beside(out).folder.exists()


def test_the_digest_is_that_of_all_rows_in_order():
    planes = np.arange(2 * 1500 * 3, dtype=np.uint16).reshape(2, 1500, 3)
    assert digest_of(planes) == digest_of(planes.copy())
    for change in ((0, 0, 0), (1, 1499, 2), (0, 1024, 1)):
        other = planes.copy()
        other[change] ^= 1
        assert digest_of(other) != digest_of(planes)
    assert digest_of(planes[:, ::-1]) != digest_of(planes)


def test_a_folder_that_is_taken_away_while_a_run_works_is_told_in_a_sentence(scene, tmp_path, whole):
    out = tmp_path / "out.tif"
    folder = Workspace.beside(out).folder

    class Thief(GroundNoise):
        def load(self, runtime):
            model = super().load(runtime)
            if (folder / "plan.json").exists():
                shutil.rmtree(folder)
            return model

    first_shard(scene, out)
    with pytest.raises(RunError, match=r"row band \d+ cannot be written"):
        run(asked(scene, out, resume=True), Thief())
    run(asked(scene, out), GroundNoise())
    assert_same_pixels(out, whole)
