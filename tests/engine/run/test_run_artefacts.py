"""Every run says what artefacts its output shows, on blocks that belong to the scene."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from seamline.engine.optics.imaging import Sharpening, SimulatedInstrument, delivered
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.request import Request
from seamline.engine.run import Shard, merge, run
from seamline.models import registry
from seamline.models.classical.interpolate import Bicubic

NAMES = {"bias", "undershoot", "overshoot", "PAN_detail", "lattice"}


@pytest.fixture
def pair(write_raster):
    """Paths of MS and PAN, as an instrument delivers them."""
    rng, side = np.random.default_rng(0), 384
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side), indexing="ij")
    shape = 1.0 / (np.hypot(down, across) + 0.01)
    planes = np.fft.ifft2(np.fft.fft2(rng.standard_normal((4, side, side))) * shape).real
    planes = planes / planes.std(axis=(1, 2), keepdims=True)
    truth = (0.4 + 0.07 * (planes[:1] + 0.3 * planes[1:])).clip(0.02, None).astype(np.float32)
    none = Sharpening()
    instrument = SimulatedInstrument(4.0, (0.4,) * 3, none, 1.0, none, ((0.3, -0.4),) * 3, 60.0, 60.0, 0.0, 0.0)
    pan, ms = delivered(truth, truth.mean(axis=0, keepdims=True), instrument, rng)
    return {
        name: str(
            write_raster(
                f"{name}.tif", np.rint(5000 * image).astype(np.uint16), transform=from_origin(5e5, 5e6, size, size)
            )
        )
        for name, image, size in (("ms", ms, 4), ("pan", pan, 1))
    }


class Spoilt:
    """GSA with rings and a checkerboard."""

    def __init__(self, source):
        self.source, self.spec, self.identity = source, source.spec, "spoilt"

    def load(self, runtime):
        model = self.source.load(runtime)
        predict = model.predict

        def spoil(batch, where):
            fused = predict(batch, where)
            fused[..., 8::16, 8::16] += 3000
            fused[..., ::4, ::4] += 200
            return fused

        model.predict = spoil
        return model


def test_a_run_tells_what_an_evaluation_does(pair, tmp_path):
    out = tmp_path / "out.tif"
    found = run(Request(inputs=pair, out=str(out)), registry.resolve("gsa", "pansharpen")).facts["metrics"]["artefacts"]
    assert found.keys() == NAMES
    request = EvaluationRequest(str(out), pan=pair["pan"], ms=pair["ms"])
    whole = evaluate(plan_evaluation(request)).metrics
    for name in NAMES - {"lattice"}:
        assert found[name] == pytest.approx(whole[name], rel=0.3, abs=0.01), name
    assert found["lattice"] < 1.5


def test_what_spoils_an_image_is_told(pair, tmp_path):
    source = registry.resolve("gsa", "pansharpen")
    clean, spoilt = (
        run(Request(inputs=pair, out=str(tmp_path / f"{k}.tif")), each).facts["metrics"]["artefacts"]
        for k, each in enumerate((source, Spoilt(source)))
    )
    assert spoilt["overshoot"] > clean["overshoot"] + 0.05
    assert spoilt["lattice"] > 2.0 > clean["lattice"]
    assert spoilt["PAN_detail"] < clean["PAN_detail"] - 0.1


def test_a_part_of_a_scene_and_masked_blocks_say_what_they_can(pair, tmp_path):
    source, out = registry.resolve("gsa", "pansharpen"), str(tmp_path / "out.tif")
    part = run(Request(inputs=pair, out=out, window=(0, 0, 32, 32)), source).facts["metrics"]["artefacts"]
    assert part == {}
    with rasterio.open(pair["ms"], "r+") as file:
        values = file.read()
        values[:, ::10, ::10] = 0
        file.write(values)
        file.nodata = 0
    masked = run(Request(inputs=pair, out=out, overwrite=True), source).facts["metrics"]["artefacts"]
    assert masked == {}


def test_of_a_refined_image_the_lattice_is_told(write_raster, tmp_path):
    image = np.random.default_rng(1).integers(200, 900, (3, 96, 96)).astype(np.uint16)
    inputs = {"image": str(write_raster("image.tif", image))}
    request = Request(inputs=inputs, out=str(tmp_path / "out.tif"), tile=64)
    found = run(request, registry.resolve("bicubic", "superres", scale=4)).facts["metrics"]["artefacts"]
    assert found.keys() == {"lattice"}
    plain = run(
        Request(inputs=inputs, out=str(tmp_path / "same.tif")), registry.resolve("identity", "superres", scale=1)
    )
    assert plain.facts["metrics"]["artefacts"] == {}


def test_an_image_without_georeference_is_told_once_and_by_us_alone(write_raster, tmp_path):
    values = np.random.default_rng(0).integers(1, 999, (1, 70, 80)).astype(np.uint16)
    path = write_raster("in.tif", values, transform=Affine.identity(), crs=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        facts = run(Request(inputs={"image": str(path)}, out=str(tmp_path / "o.tif"), threads=1), Bicubic(2)).facts
    assert "lattice" in facts["metrics"]["artefacts"]
    assert [each["kind"] for each in facts["warnings"]] == ["GeoreferenceWarning"]


def test_a_merge_needs_the_inputs_of_a_pair_no_more(pair, tmp_path):
    out = tmp_path / "out.tif"
    for shard in (Shard(1, 2), Shard(2, 2)):
        run(Request(inputs=pair, out=str(out), tile=128), registry.resolve("gsa", "pansharpen"), shard=shard)
    for path in pair.values():
        Path(path).unlink()
    assert merge(out).facts["metrics"]["artefacts"] == {}
    assert out.exists()
