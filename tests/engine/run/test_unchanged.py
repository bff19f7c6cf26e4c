"""A run goes on, and ends, with the inputs that it began with, or says which file has changed."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import RequestError, RunError
from seamline.engine.inputs.fingerprint import _BLOCK_BYTES, _BLOCKS
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.engine.testing import GroundNoise, assert_same_pixels
from seamline.models.classical.interpolate import Identity

LATER_NS = 10**10


def asked(path, out, **options):
    return Request(inputs={"image": str(path)}, out=str(out), threads=1, tile=256, overlap=0, **options)


@pytest.fixture
def large(write_raster):
    """A scene of which a fingerprint leaves most bytes out."""
    path = write_raster("in.tif", np.random.default_rng(0).integers(0, 9999, (3, 900, 1024)).astype(np.uint16))
    assert path.stat().st_size > _BLOCKS * _BLOCK_BYTES
    return path


def edit_between_blocks(path):
    with path.open("r+b") as stream:
        stream.seek(_BLOCK_BYTES + 2000)
        before = stream.read(2)
        stream.seek(_BLOCK_BYTES + 2000)
        stream.write(bytes(255 - each for each in before))
    # Clocks of file systems are coarse.
    os.utime(path, ns=(0, path.stat().st_mtime_ns + LATER_NS))


def test_an_edit_between_the_blocks_of_a_fingerprint_ends_a_resume_with_a_way_out(large, tmp_path):
    out = tmp_path / "o.tif"
    run(asked(large, out), Identity(), shard=Shard(1, 2))
    edit_between_blocks(large)
    with pytest.raises(RequestError, match=r"in\.tif has changed since the unfinished run began") as caught:
        run(asked(large, out, resume=True), Identity())
    assert "pass --overwrite without --resume" in caught.value.fix
    with pytest.raises(RequestError, match="has changed") as caught:
        run(asked(large, out, overwrite=True), Identity(), shard=Shard(2, 2))
    assert f"delete {Workspace.beside(out).folder}" in caught.value.fix
    run(asked(large, out, overwrite=True), Identity())
    assert_same_pixels(out, large)


def test_a_small_file_that_was_only_touched_is_the_same(write_raster, tmp_path):
    path, out = write_raster("in.tif", np.arange(600 * 40, dtype=np.uint16).reshape(1, 600, 40)), tmp_path / "o.tif"
    run(asked(path, out), Identity(), shard=Shard(1, 2))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + LATER_NS))
    run(asked(path, out, resume=True), Identity())
    assert_same_pixels(out, path)


def test_inputs_that_have_moved_are_read_where_they_lie_now(large, tmp_path):
    out = tmp_path / "o.tif"
    run(asked(large, out), Identity(), shard=Shard(1, 2))
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.copyfile(large, tmp_path / "elsewhere" / "in.tif")
    large.unlink()
    run(asked(moved, out, resume=True), Identity())
    assert_same_pixels(out, moved)


class Meddler:
    """A listener that changes a file once a tile is done."""

    def __init__(self, path):
        self.path = path

    def emit(self, event, **_):
        if event == "progress" and self.path is not None:
            edit_between_blocks(self.path)
            self.path = None


@pytest.mark.parametrize("shard", [Shard(), Shard(1, 1), Shard(2, 3)])
def test_an_input_that_changes_midway_gives_no_result(large, tmp_path, shard):
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old output")
    with pytest.raises(RunError, match="it has changed while it was read") as caught:
        run(asked(large, out, overwrite=True), Identity(), shard=shard, listener=Meddler(large))
    assert caught.value.where == str(large)
    assert "--overwrite without --resume" in caught.value.fix
    assert out.read_bytes() == b"the old output"
    assert not list((Workspace.beside(out).folder / "bands").glob("*.json"))
    run(asked(large, out, overwrite=True), Identity())
    assert_same_pixels(out, large)


@pytest.mark.parametrize("options", [{"seed": 9}, {"tile": 512}])
def test_the_way_out_that_a_shard_of_another_run_is_told_works(write_raster, tmp_path, options):
    path, out = write_raster("in.tif", np.arange(600 * 40, dtype=np.uint16).reshape(1, 600, 40)), tmp_path / "o.tif"
    request = Request(inputs={"image": str(path)}, out=str(out), threads=1, tile=256)
    run(request, GroundNoise(), shard=Shard(1, 2))
    other = replace(request, overwrite=True, **options)
    with pytest.raises(RequestError, match="another one") as caught:
        run(other, GroundNoise(), shard=Shard(1, 2))
    assert f"delete {Workspace.beside(out).folder}" in caught.value.fix
    shutil.rmtree(Workspace.beside(out).folder)
    for index in (1, 2):
        run(other, GroundNoise(), shard=Shard(index, 2))
    assert merge(out).out == out
    with rasterio.open(out) as file:
        assert file.shape == (600, 40)
