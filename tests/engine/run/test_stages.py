"""Stages after the COGs: what they are given, where their facts go, and what is left where one fails."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import rasterio
from rasterio.features import shapes

from seamline.engine.contract import Category, OutputSpec
from seamline.engine.errors import RunError
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.engine.testing import PassThrough

CLASSES = OutputSpec(
    name="classes",
    planes=2,
    range="native",
    blend="argmax",
    overview="mode",
    categories=(Category("dark", (0, 0, 0)), Category("bright", (255, 255, 255))),
)


class Brightness(PassThrough):
    """Two classes: below and above 1000."""

    @property
    def spec(self):
        return replace(PassThrough.spec.fget(self), task="segment", outputs=(CLASSES,), tile=64)

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        import torch

        bright = (batch["image"][:, :1] > 1000).float()
        return torch.cat([1 - bright, bright], dim=1)


@dataclass(frozen=True, slots=True)
class Polygons:
    """Counts the polygons of a class map."""

    fails: bool = False
    name: str = "polygons"

    def run(self, plan, outputs, context):
        if self.fails:
            raise RunError("no polygons today", where="here", fix="try again")
        with rasterio.open(outputs["classes"]) as data:
            found = list(shapes(data.read(1), transform=data.transform))
        return {"count": len(found), "categories": [category.name for category in plan.output.categories]}


@pytest.fixture
def scene(write_raster):
    values = np.full((1, 100, 90), 500, np.uint16)
    values[0, 20:40, 30:60] = 2000
    return write_raster("in.tif", values)


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, **options)


def test_a_stage_sees_the_outputs_and_its_facts_are_reported(scene, tmp_path):
    found = run(asked(scene, tmp_path / "o.tif"), Brightness(), stages=[Polygons()]).facts
    assert found["stages"] == {"polygons": {"count": 2, "categories": ["dark", "bright"]}}
    assert found["seconds"]["polygons"] >= 0


def test_shards_leave_stages_to_merge(scene, tmp_path):
    out = tmp_path / "o.tif"
    for index in (1, 2):
        run(asked(scene, out), Brightness(), shard=Shard(index, 2), stages=[Polygons(fails=True)])
    assert merge(out, stages=[Polygons()]).facts["stages"]["polygons"]["count"] == 2


def test_where_a_stage_fails_the_outputs_stay_and_the_run_can_go_on(scene, tmp_path):
    out = tmp_path / "o.tif"
    with pytest.raises(RunError, match="no polygons today"):
        run(asked(scene, out), Brightness(), stages=[Polygons(fails=True)])
    assert out.exists()
    assert Workspace.beside(out).exists
    assert run(asked(scene, out, resume=True), Brightness(), stages=[Polygons()]).facts["stages"]
    assert not Workspace.beside(out).folder.exists()
