"""What lies on the disk is what was written: holes are found before anything is put in place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from seamline.engine.errors import RunError
from seamline.engine.output import finish
from seamline.engine.output.pyramid import Pyramid
from seamline.engine.output.workspace import Workspace
from seamline.engine.request import Request
from seamline.engine.run import run
from seamline.engine.testing import assert_same_pixels
from seamline.models.classical.interpolate import Identity


@pytest.fixture
def scene(write_raster):
    values = np.random.default_rng(1).integers(1, 60000, (2, 1300, 700)).astype(np.uint16)
    mask = np.ones((1300, 700), bool)
    mask[:300, :200] = False
    return write_raster("in.tif", values, mask=mask)


@pytest.fixture
def whole(scene, tmp_path):
    run(asked(scene, tmp_path / "whole.tif"), Identity())
    return tmp_path / "whole.tif"


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, compress="none", overwrite=True, **options)


def hole(path: Path, level: int | None) -> None:
    """Zeros in place of a block, as a write that was lost leaves them."""
    plain = {} if level is None else {"OVERVIEW_LEVEL": level}
    with rasterio.open(path, **plain) as file:
        # Pixel by pixel, uncompressed: a part of a row is found by its bytes.
        row = np.moveaxis(file.read()[:, file.height // 2, :90], 0, -1)
    content = bytearray(path.read_bytes())
    needle = np.ascontiguousarray(row).tobytes()
    at = bytes(content).find(needle)
    assert at > 0
    content[at : at + len(needle)] = bytes(len(needle))
    path.write_bytes(content)


@pytest.mark.parametrize("level", [None, 0, 1])
def test_a_hole_in_the_output_or_its_overviews_is_found(scene, whole, tmp_path, monkeypatch, level):
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old output")
    copied = finish._copy

    def copy(vrt, part, output):
        copied(vrt, part, output)
        hole(part, level)

    with monkeypatch.context() as patch:
        patch.setattr(finish, "_copy", copy)
        with pytest.raises(RunError, match="do not hold what was written") as caught:
            run(asked(scene, out), Identity())
    assert "--resume" in caught.value.fix
    assert out.read_bytes() == b"the old output"
    assert not (tmp_path / "o.report.json").exists()
    run(asked(scene, out, resume=True), Identity())
    assert_same_pixels(out, whole)


def test_a_hole_in_an_overview_is_found_before_it_is_copied(tmp_path, monkeypatch):
    rows = np.random.default_rng(0).integers(1, 99, (1, 1200, 1100)).astype(np.uint8)
    pyramid = Pyramid(tmp_path, (1200, 1100), 1, "uint8", None, plane_mask=False)
    pyramid.push(rows)
    closed = rasterio.io.DatasetWriter.close

    def close(file):
        closed(file)
        if file.name.endswith("overview-1.tif"):
            with rasterio.open(file.name, "r+") as again:
                monkeypatch.undo()
                again.write(np.zeros((1, 9, 9), np.uint8), window=rasterio.windows.Window(0, 0, 9, 9))

    monkeypatch.setattr(rasterio.io.DatasetWriter, "close", close)
    with pytest.raises(OSError, match="overview 1 does not hold"):
        pyramid.finish()


def test_a_hole_in_a_row_band_is_found_and_computed_again(scene, whole, tmp_path, monkeypatch):
    out = tmp_path / "o.tif"
    written = finish.RowBands.write

    def write(bands, band, outputs, facts):
        written(bands, band, outputs, facts)
        if band == 1:
            with rasterio.open(bands.path("image", band), "r+") as file:
                file.write(np.zeros((1, 20, 20), np.uint16), [1], window=rasterio.windows.Window(400, 9, 20, 20))

    with monkeypatch.context() as patch:
        patch.setattr(finish.RowBands, "write", write)
        with pytest.raises(RunError, match="row band 1 is not what was written") as caught:
            run(asked(scene, out, tile=256, overlap=0), Identity())
    assert "--resume" in caught.value.fix
    assert not out.exists()
    run(asked(scene, out, tile=256, overlap=0, resume=True), Identity())
    assert_same_pixels(out, whole)


def test_a_report_that_cannot_be_written_leaves_the_old_output(scene, tmp_path, monkeypatch):
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old output")
    written = "seamline.engine.run.lifecycle.write_json"

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(written, full)
        with pytest.raises(RunError, match=r"the report cannot be written \(No space left"):
            run(asked(scene, out), Identity())
    assert out.read_bytes() == b"the old output"
    assert run(asked(scene, out, resume=True), Identity(), about={"licence": "CC0-1.0"}).out == out
    facts = json.loads((tmp_path / "o.report.json").read_text())
    assert facts["licence"] == "CC0-1.0"
    assert facts["layers"]["image"]["path"] == str(out)
    assert not Workspace.beside(out).folder.exists()


def test_zeros_of_either_sign_are_one_value(write_raster, tmp_path):
    values = np.full((1, 600, 600), -0.0, np.float32)
    values[:, 550:] = np.nan
    out = tmp_path / "o.tif"
    run(asked(write_raster("in.tif", values), out), Identity())
    with rasterio.open(out) as file:
        np.testing.assert_array_equal(file.read(), values)
