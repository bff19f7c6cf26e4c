"""Tags of the input are described once: merging needs no input, and tags decide no pixel."""

from __future__ import annotations

import numpy as np
import rasterio

from seamline.engine.inputs.describe import describe
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, plan_run, run
from seamline.engine.testing import PassThrough, assert_same_pixels

TAGS = {"TIFFTAG_DATETIME": "2024:05:01 10:00:00", "CLOUDS": "few", "NOTE": "grün ; = \n 2"}
OWN = {"SEAMLINE_MODEL": "of an earlier run", "STATISTICS_MEAN": "3", "AREA_OR_POINT": "Point"}


def request_for(source, out, **options):
    return Request(inputs={"image": str(source)}, out=str(out), threads=1, tile=64, overlap=16, **options)


def tags(path):
    with rasterio.open(path) as file:
        return file.tags()


def test_shards_are_merged_where_the_inputs_have_moved(write_raster, tmp_path):
    values = np.random.default_rng(0).integers(1, 999, (2, 150, 90)).astype(np.uint16)
    source = write_raster("scene.tif", values, nodata=0, tags=TAGS | OWN)
    run(request_for(source, tmp_path / "whole.tif"), PassThrough())
    out = tmp_path / "o.tif"
    for index in (1, 2):
        run(request_for(source, out), PassThrough(), shard=Shard(index, 2))
    source.unlink()
    merge(out)
    assert_same_pixels(out, tmp_path / "whole.tif")
    assert tags(out) == tags(tmp_path / "whole.tif")
    assert tags(out).items() >= TAGS.items()
    assert tags(out)["SEAMLINE_MODEL"] != OWN["SEAMLINE_MODEL"]
    assert "STATISTICS_MEAN" not in tags(out)
    assert out.read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_tags_stand_in_the_plan_and_make_no_other_run_of_it(write_raster, tmp_path):
    values = np.full((1, 150, 90), 7, np.uint16)
    source = write_raster("scene.tif", values, tags=TAGS | OWN)
    request = request_for(source, tmp_path / "o.tif")
    run(request, PassThrough(), shard=Shard(1, 2))
    workspace = Workspace.beside(tmp_path / "o.tif")
    before = workspace.plan()
    assert before.scene.tags == TAGS
    # Beside the file, so that its content stays.
    aux = tmp_path / "scene.tif.aux.xml"
    aux.write_text('<PAMDataset><Metadata><MDI key="CLOUDS">many</MDI></Metadata></PAMDataset>')
    after, _ = plan_run(request, PassThrough())
    assert after.scene.tags["CLOUDS"] == "many"
    assert after.identity == before.identity
    run(request, PassThrough(), shard=Shard(2, 2))
    merge(tmp_path / "o.tif")
    assert tags(tmp_path / "o.tif")["CLOUDS"] == "few"


def test_tags_are_those_of_the_file_of_the_first_band(write_raster):
    paths = [write_raster(f"{name}.tif", np.full((1, 20, 20), 5, np.uint8), tags={"NAME": name}) for name in ("a", "b")]
    source = ",".join(map(str, paths))
    assert describe("image", source).tags == {"NAME": "a"}
    assert describe("image", source, bands=(2, 1)).tags == {"NAME": "b"}
