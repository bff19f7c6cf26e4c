"""Executors give the same pixels, load a model once a process, and share the GPUs out."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seamline.engine.contract import InputSpec
from seamline.engine.errors import ModelError, RequestError
from seamline.engine.ground.tiles import TileGrid, even_axis
from seamline.engine.request import Request
from seamline.engine.run import InProcess, Processes, run
from seamline.engine.run.device import devices_for
from seamline.engine.run.job import Job
from seamline.engine.run.loaded import LoadedOnce
from seamline.engine.testing import GroundNoise, PassThrough, assert_same_pixels
from seamline.models import registry

LOADS: list[str] = []


@dataclass(frozen=True, slots=True)
class Heavy(GroundNoise):
    """Counts how often it is loaded in this process; wants the scene's statistics too."""

    @property
    def spec(self):
        unit = (InputSpec(name="image", range="unit"),)
        return replace(GroundNoise.spec.fget(self), inputs=unit, needs_statistics=True)

    def load(self, runtime):
        LOADS.append(runtime.device)
        return self


@pytest.fixture
def scene(write_raster):
    values = np.random.default_rng(4).integers(100, 3000, (2, 200, 150)).astype(np.uint16)
    return write_raster("in.tif", values)


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, **options)


def test_a_model_that_was_measured_with_is_not_loaded_again(scene, tmp_path):
    LOADS.clear()
    run(asked(scene, tmp_path / "o.tif"), Heavy())
    assert LOADS == ["cpu"]


def test_runs_in_turn_share_a_model_until_another_is_asked_for(scene, tmp_path, write_raster):
    LOADS.clear()
    values = np.random.default_rng(9).integers(5, 60, (2, 90, 70)).astype(np.uint16)
    scenes = {"a": scene, "b": write_raster("other.tif", values)}
    loaded = LoadedOnce()
    for name, path in scenes.items():
        run(asked(path, tmp_path / f"{name}.tif"), Heavy(), loaded=loaded)
    assert LOADS == ["cpu"]
    run(asked(scene, tmp_path / "half.tif", precision="bf16"), Heavy(), loaded=loaded)
    run(asked(scene, tmp_path / "again.tif"), Heavy(), loaded=loaded)
    assert LOADS == ["cpu"] * 3
    for name, path in scenes.items():
        run(asked(path, tmp_path / f"alone_{name}.tif"), Heavy())
        assert_same_pixels(tmp_path / f"{name}.tif", tmp_path / f"alone_{name}.tif")


def test_every_executor_gives_the_same_pixels(scene, tmp_path):
    run(asked(scene, tmp_path / "here.tif"), GroundNoise(), executor=InProcess(GroundNoise))
    run(asked(scene, tmp_path / "there.tif"), GroundNoise(), executor=Processes(2))
    assert_same_pixels(tmp_path / "here.tif", tmp_path / "there.tif")


def test_an_executor_of_ones_own(scene, tmp_path):
    """Anything that sees to every row band of a job will do: this one takes them one at a time, last first."""

    class Backwards:
        def run(self, job, context):
            for part in reversed(job.split(len(job.numbers))):
                InProcess(part.load).run(part, context)

    run(asked(scene, tmp_path / "a.tif"), GroundNoise())
    run(asked(scene, tmp_path / "b.tif"), GroundNoise(), executor=Backwards())
    assert_same_pixels(tmp_path / "a.tif", tmp_path / "b.tif")


def test_a_job_is_split_into_no_more_parts_than_it_has_row_bands():
    axis = even_axis(400, tile=64, overlap=8, align=8, margin=0)
    job = Job(SimpleNamespace(tiles=TileGrid(axis, axis)), None, None, (2, 3, 5), "cpu")
    assert [part.numbers for part in job.split(2)] == [(2, 3), (5,)]
    assert [part.numbers for part in job.split(10**20)] == [(2,), (3,), (5,)]
    assert replace(job, numbers=()).split(3) == []


def test_no_workers_are_refused():
    with pytest.raises(RequestError, match="0 workers cannot work"):
        Processes(0)


@pytest.mark.parametrize(
    ("device", "gpus", "expected"),
    [
        ("cuda", 2, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda", 1, ["cuda"] * 3),
        ("cuda:1", 2, ["cuda:1"] * 3),
        ("cpu", 2, ["cpu"] * 3),
    ],
)
def test_each_worker_gets_a_gpu_of_its_own(monkeypatch, device, gpus, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert devices_for(device, 3) == expected


def test_planes_in_the_range_of_bands_that_there_are_not(scene, tmp_path):
    class Three(PassThrough):
        @property
        def spec(self):
            spec = PassThrough.spec.fget(self)
            return replace(spec, outputs=(replace(spec.outputs[0], planes=3),), needs_statistics=True)

    with pytest.raises(ModelError, match=r"3 plane\(s\) of image in the range of 2 band\(s\)"):
        run(asked(scene, tmp_path / "o.tif"), Three())


def test_the_executor_of_the_documentation(scene, tmp_path, monkeypatch):
    page = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "shards.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(scene, "lr.tif")
    exec(compile(code, str(page), "exec"), {})
    run(asked("lr.tif", tmp_path / "here.tif"), registry.resolve("bicubic", "superres"))
    assert_same_pixels("hr.tif", "here.tif")
