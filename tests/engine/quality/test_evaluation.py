"""Evaluations of files: windows and masks by their georeference, strip by strip, the same as in memory."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin

from seamline.engine.errors import Cancelled, LeftOutWarning, RequestError
from seamline.engine.events import Cancel
from seamline.engine.ground.grids import Window
from seamline.engine.inputs.describe import describe
from seamline.engine.optics.degrade import Rows, coarse_shape, degrade_ms, degrade_ms_rows, degrade_pan
from seamline.engine.quality import protocol as protocol_module
from seamline.engine.quality.detail import detail_scores, luma_scores
from seamline.engine.quality.evaluation import evaluate
from seamline.engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from seamline.engine.quality.full import FullScene, full_scores
from seamline.engine.quality.pairing import pair
from seamline.engine.quality.protocol import Protocol, evaluate_model, write_reduced_pair
from seamline.engine.quality.rasters import RasterRows
from seamline.engine.quality.reduced import reduced_scores
from seamline.engine.quality.validity import under_cells, whole_cells
from seamline.engine.request import Request
from seamline.models import registry

SCENES = {"landsat8_istanbul": (2, 16), "spacenet6_wv2_1": (4, 11)}
FINE, COARSE = from_origin(500000, 5000000, 0.5, 0.5), from_origin(500000, 5000000, 2, 2)
FULL_NAMES = {"Dl_K": "D_lambda", "Dl_QNR": "D_lambda_QNR", "Dl_area": "D_lambda_area"}
UTM = "EPSG:32633"


class Heard:
    """A listener that remembers."""

    def __init__(self):
        self.events = []

    def emit(self, event, **fields):
        self.events.append((event, fields))

    def kinds(self):
        return [fields["kind"] for event, fields in self.events if event == "warning"]


def score(request, **more):
    return evaluate(plan_evaluation(request), **more).metrics


@pytest.mark.parametrize("scene", SCENES)
def test_every_value_of_the_toolbox_is_reproduced_from_the_files(data, scene):
    ratio, bits = SCENES[scene]
    folder = data / "quality" / scene
    expected = json.loads((data / "quality" / "expected.json").read_text())[scene]
    assert len(expected) == 10
    for name, values in expected.items():
        fused = str(folder / name)
        if name.startswith("rr"):
            reference = str(folder / "rr_ref.tif")
            request = EvaluationRequest(fused, reference=reference, ratio=ratio, bits=bits, rim="toolbox")
        else:
            pan, ms = str(folder / "fr_pan.tif"), str(folder / "fr_ms.tif")
            request = EvaluationRequest(fused, pan=pan, ms=ms, phase="dlpan", sensor="none")
        found = score(request)
        for key, value in values.items():
            assert found[FULL_NAMES.get(key, key)] == pytest.approx(value, abs=1e-6), (name, key)


def images(bands=3, rows=300, columns=140, ratio=4, seed=0):
    """(fused, reference, PAN, MS): uint16, textured."""
    rng = np.random.default_rng(seed)
    walk = rng.standard_normal((1, rows, columns)).cumsum(axis=1).cumsum(axis=2)
    pan = 300 + 1000 * (walk - walk.min()) / np.ptp(walk) + rng.normal(0, 20, walk.shape)
    reference = pan * np.linspace(0.6, 1.1, bands)[:, None, None] + rng.normal(0, 15, (bands, rows, columns))
    fused = reference + rng.normal(0, 25, reference.shape)
    ms = degrade_ms(reference, (0.3,) * bands, ratio)
    return tuple(np.rint(image).astype(np.uint16) for image in (fused, reference, pan, ms))


def test_files_score_as_arrays_do_in_every_kind_of_mask(write_raster):
    fused, reference, _, _ = images()
    bad = np.zeros(fused.shape[1:], bool)
    bad[40:47, 100:112] = True
    other = np.zeros_like(bad)
    other[200:203, 5:9] = True
    valid = ~(bad | other)
    junk = np.where(bad, np.uint16(60000), fused)
    masked = write_raster("masked.tif", junk, transform=FINE, mask=~bad)
    nodata = write_raster("nodata.tif", np.where(bad, 0, fused).astype(np.uint16), transform=FINE, nodata=0)
    nans = write_raster("nan.tif", np.where(bad, np.nan, fused).astype(np.float32), transform=FINE)
    infinite = write_raster("inf.tif", np.where(bad, np.inf, fused).astype(np.float32), transform=FINE)
    against = write_raster("ref.tif", np.where(other, 7, reference).astype(np.uint16), transform=FINE, nodata=7)
    f, r = fused.astype(float), reference.astype(float)
    expected = reduced_scores(f, r, ratio=4, bits=12, valid=valid).as_dict()
    expected |= detail_scores(f, r, peak=4095, valid=valid).as_dict()
    luma = luma_scores(f, r, peak=4095, valid=valid)
    expected |= {"Y_PSNR": luma.psnr, "Y_SSIM": luma.ssim}
    for path in (masked, nodata, nans, infinite):
        request = EvaluationRequest(str(path), reference=str(against), ratio=4, bits=12)
        result = evaluate(plan_evaluation(request))
        assert result.metrics.pop("lattice") < 2.0
        assert result.metrics == pytest.approx(expected, rel=1e-9), path.name
        assert result.pixels == valid.sum()
    plain = reduced_scores(f, r, ratio=4, bits=12).as_dict()
    assert plain["SAM"] != pytest.approx(expected["SAM"], rel=1e-6)


@pytest.mark.parametrize("phase", ["area", "dlpan"])
def test_full_resolution_from_files_is_that_of_arrays(write_raster, phase):
    fused, _, pan, ms = images(rows=336)
    hole = np.ones(ms.shape[1:], bool)
    hole[2, 3] = False
    paths = [
        write_raster("fused.tif", fused, transform=FINE),
        # More PAN than was fused, in front and behind.
        write_raster("pan.tif", np.pad(pan, ((0, 0), (5, 3), (2, 9))), transform=FINE * Affine.translation(-2, -5)),
        write_raster("ms.tif", np.where(hole, ms, 0), transform=COARSE, nodata=0),
    ]
    request = EvaluationRequest(str(paths[0]), pan=str(paths[1]), ms=str(paths[2]), phase=phase, sensor="none")
    valid = np.kron(hole, np.ones((4, 4))).astype(bool)
    expected = full_scores(fused, pan, ms, gains=(0.3,) * 3, valid=valid, phase=phase)
    found = score(request)
    artefacts = {name: found.pop(name) for name in ("bias", "undershoot", "overshoot", "PAN_detail", "lattice")}
    assert artefacts["bias"] < 0.005 < artefacts["PAN_detail"]
    looked_back = {name: found.pop(name) for name in ("consistency_area", "consistency_mtf")}
    assert found == pytest.approx(expected.as_dict(), abs=1e-7)
    assert all(0.0 < value < 0.1 for value in looked_back.values())
    assert expected != full_scores(fused, pan, ms, gains=(0.3,) * 3, phase=phase)


def test_a_sensor_decides_the_filter(write_raster):
    fused, _, pan, ms = images(bands=4, rows=128)
    named = {"names": ("blue", "green", "red", "nir1")}
    request = EvaluationRequest(
        str(write_raster("fused.tif", fused, transform=FINE)),
        pan=str(write_raster("pan.tif", pan, transform=FINE)),
        ms=str(write_raster("ms.tif", ms, transform=COARSE, **named)),
        sensor="QB",
    )
    with pytest.raises(RequestError, match="no sensor"):
        plan_evaluation(replace(request, sensor="camera"))
    plan = plan_evaluation(replace(request, sensor="WV3"))
    assert plan.inputs.gains == (0.355, 0.36, 0.365, 0.335)
    assert score(request)["D_lambda"] != score(replace(request, sensor="none"))["D_lambda"]


def shifted_scene(offset, ratio=4):
    """A fused image of 160 x 160 px and the MS that it gives, whose corner lies ``offset`` px inside."""
    fused = images(bands=2, rows=160, columns=160)[1].astype(float)
    rows, _ = coarse_shape((160, 160), ratio, (offset, offset))
    ms = degrade_ms_rows(Rows.of(fused), (0.3, 0.3), ratio, 0, rows, offset=(offset, offset))
    return fused, ms


def test_half_a_pixel_between_the_grids_is_taken_into_account(write_raster):
    fused, ms = shifted_scene(0.5)
    paths = {
        "fused": write_raster("f.tif", fused.astype(np.float32), transform=FINE),
        "pan": write_raster("p.tif", fused[:1].astype(np.float32), transform=FINE),
    }

    def at(shift):
        grid = FINE * Affine.translation(shift, shift) * Affine.scale(4)
        path = write_raster(f"ms{shift}.tif", ms.astype(np.float32), transform=grid)
        return EvaluationRequest(str(paths["fused"]), pan=str(paths["pan"]), ms=str(path), sensor="none")

    plan = plan_evaluation(at(0.5)).inputs
    assert (plan.pairing.offset, plan.pairing.ratio) == ((0.5, 0.5), 4.0)
    true, ignored = score(at(0.5)), score(at(0.0))
    assert true["D_lambda_area"] == pytest.approx(0.0, abs=1e-4)
    assert ignored["D_lambda_area"] > 1e-3
    assert true["D_lambda"] < ignored["D_lambda"]
    with pytest.raises(RequestError, match="no phase of the toolbox; pass --phase area"):
        score(replace(at(0.5), phase="dlpan"))


def box(width, height, *, scale=1.0, x=0.0, y=0.0, crs=UTM):
    """A grid of ``scale`` px whose corner lies at (x, y) px of the fine one."""
    return GeoBox((height, width), FINE * Affine.translation(x, y) * Affine.scale(scale), crs)


def paired(fine, coarse):
    return pair(fine, coarse, fine_name="PAN", coarse_name="MS")


def test_whole_cells_are_paired():
    aligned = paired(box(20, 12), box(5, 3, scale=4))
    assert (aligned.ratio, aligned.offset) == (4.0, (0.0, 0.0))
    assert (aligned.fine, aligned.coarse) == (Window(0, 0, 12, 20), Window(0, 0, 3, 5))
    # MS begins before and ends behind; half a pixel of PAN is left over at either end.
    around = paired(box(20, 12), box(9, 9, scale=4, x=-5.5, y=-3.5))
    assert around.coarse == Window(1, 2, 2, 4)
    assert around.fine == Window(0, 2, 9, 17)
    assert around.offset == (0.5, 0.5)
    drifting = paired(box(600, 600), box(150, 150, scale=4.000245624808106))
    assert (drifting.ratio, drifting.coarse) == (4.0, Window(0, 0, 150, 150))
    fractional = paired(box(100, 100), box(40, 40, scale=2.5, x=1))
    assert (fractional.ratio, fractional.coarse.width, fractional.fine.column) == (2.5, 39, 1)


def test_grids_that_do_not_pair_are_refused():
    fine = box(40, 40)
    cases = [
        (box(10, 10, scale=4, crs="EPSG:32632"), "CRS"),
        (box(10, 10, scale=0.5), "swapped"),
        (box(10, 10, scale=4, x=400), "covers no whole pixel"),
        (box(10, 10, scale=50), "covers no whole pixel"),
        (GeoBox((10, 10), FINE * Affine.rotation(20) * Affine.scale(4), UTM), "turned against"),
        (GeoBox((10, 10), FINE * Affine.scale(4, 3), UTM), "4 x 3 px"),
    ]
    for coarse, sentence in cases:
        with pytest.raises(RequestError, match=sentence):
            paired(fine, coarse)


def test_a_mask_of_cells_lies_on_every_pixel_that_they_touch():
    cells = np.ones((1, 4, 4), bool)
    cells[0, 1, 2] = False
    fine = under_cells(Rows.of(cells), 2.0, (0.5, 0.5), (9, 9)).read(0, 9)[0]
    assert np.argwhere(~fine).min(axis=0).tolist() == [2, 4]
    assert np.argwhere(~fine).max(axis=0).tolist() == [4, 6]
    back = whole_cells(Rows.of(fine[None]), 2.0, 0, 4, 4, (0.5, 0.5))[0]
    assert not back[1, 2]
    assert back[3].all()
    assert under_cells(None, 2.0, (0.0, 0.0), (9, 9)) is None


def test_overlapping_strips_read_every_row_once(write_raster, monkeypatch):
    fused = images(rows=700)[0]
    path = write_raster("f.tif", fused, transform=FINE, nodata=0)
    with RasterRows(describe("fused", str(path)), Window(3, 5, 690, 100)) as raster:
        asked = []
        strip = raster._reader.strip
        monkeypatch.setattr(raster._reader, "strip", lambda window: (asked.append(window), strip(window))[1])
        for first in range(0, 690, 64):
            low, high = max(first - 20, 0), min(first + 84, 690)
            np.testing.assert_array_equal(raster.values.read(low, high), fused[:, 3 + low : 3 + high, 5:105])
            assert raster.valid.read(low, high).shape == (1, high - low, 100)
    assert sum(window.height for window in asked) == 690
    assert [window.row for window in asked] == [3, 128, 256, 384, 512, 640]


def test_what_cannot_be_measured_is_left_out_and_said(write_raster):
    fused, reference, _, _ = images(rows=96, columns=96)
    paths = [
        str(write_raster(name, image.astype(np.float32), transform=FINE))
        for name, image in (("f.tif", fused), ("r.tif", reference))
    ]
    with pytest.warns(LeftOutWarning) as heard:
        found = score(EvaluationRequest(paths[0], reference=paths[1]))
    assert found.keys() == {"Q2n", "SAM", "SCC", "gradient_error", "spectrum_error"}
    said = [str(w.message) for w in heard if w.category is LeftOutWarning]
    assert [["--bits" in one, "--ratio" in one] for one in said] == [[True, False], [False, True]]


def test_tiny_images_have_what_they_can_have(write_raster):
    fused, reference, _, _ = images(rows=9, columns=9)
    paths = [str(write_raster(n, i, transform=FINE)) for n, i in (("f.tif", fused), ("r.tif", reference))]
    heard = Heard()
    found = score(EvaluationRequest(paths[0], reference=paths[1], ratio=4), listener=heard)
    assert found.keys() == {"Q2n", "SAM", "ERGAS", "SCC", "PSNR"}
    assert heard.kinds() == ["LeftOutWarning"]


def test_equal_images_have_an_infinite_psnr_that_json_can_hold(write_raster):
    fused = images(rows=96, columns=96)[0]
    path = str(write_raster("f.tif", fused, transform=FINE))
    heard = Heard()
    result = evaluate(plan_evaluation(EvaluationRequest(path, reference=path, ratio=4)), listener=heard)
    assert (result.metrics["PSNR"], result.plain()["PSNR"]) == (math.inf, None)
    assert (result.metrics["ERGAS"], result.plain()["ERGAS"]) == (0.0, 0.0)
    assert heard.kinds() == ["FlatImageWarning"]
    json.dumps(result.plain(), allow_nan=False)


def test_cancel_works_between_strips(write_raster):
    fused, reference, _, _ = images(rows=400)
    paths = [str(write_raster(n, i, transform=FINE)) for n, i in (("f.tif", fused), ("r.tif", reference))]
    cancel, heard = Cancel(), Heard()

    class Impatient(Heard):
        def emit(self, event, **fields):
            super().emit(event, **fields)
            if event == "progress" and fields["done"] == 2:
                cancel.set()

    heard = Impatient()
    with pytest.raises(Cancelled):
        score(EvaluationRequest(paths[0], reference=paths[1], ratio=4), listener=heard, cancel=cancel)
    assert [fields["done"] for event, fields in heard.events if event == "progress"] == [1, 2]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("phase", "name"), [("dlpan", "rr_ms.tif"), ("area", "rr_ms_area.tif")])
def test_the_protocol_writes_the_reduced_pair_of_the_toolbox(data, tmp_path, monkeypatch, scene, phase, name):
    """By the georeference, as the toolbox has it; in phase area PAN is else laid where MS was measured to lie."""
    monkeypatch.setattr(protocol_module, "doubt", lambda *_: "is not to be believed")
    folder = data / "quality" / scene
    protocol = Protocol(str(folder / "fr_ms.tif"), str(folder / "fr_pan.tif"), phase=phase)
    made = write_reduced_pair(protocol, tmp_path)
    assert made.ratio == SCENES[scene][0]
    for ours, theirs in ((made.ms, name), (made.pan, "rr_pan.tif")):
        with rasterio.open(ours) as a, rasterio.open(folder / theirs) as b:
            assert (a.shape, a.crs) == (b.shape, b.crs)
            assert a.transform.almost_equals(b.transform, 1e-9)
            np.testing.assert_allclose(a.read(), b.read(), rtol=1e-5)


def real_pair(write_raster, shift, *, claimed=None, size=320):
    """Paths of MS and PAN seen by two instruments whose grids lie ``shift`` PAN px apart; ``claimed`` by the files."""
    _, ground, _, _ = images(bands=3, rows=size + 40, columns=size + 40, seed=4)
    ground = ground.astype(float)
    pan = degrade_pan(ground.mean(axis=0, keepdims=True), 2.0)
    begin = 8 + round(2 * shift)
    ms = degrade_ms(ground[:, begin : begin + size, begin : begin + size], (0.3,) * 3, 8.0)
    at = 4 + (shift if claimed is None else claimed)
    coarse = FINE * Affine.translation(at, at) * Affine.scale(4)
    return (
        str(write_raster(f"ms{at}.tif", np.rint(ms).astype(np.uint16), transform=coarse)),
        str(write_raster(f"pan{at}.tif", np.rint(pan).astype(np.uint16), transform=FINE)),
    )


def by_protocol(ms, pan, **more):
    request = Request(inputs={}, out="", tile=256, threads=1)
    source = registry.resolve("gsa", "pansharpen")
    return evaluate_model(Protocol(ms, pan, rim=2, **more), source, request).metrics


def test_the_protocol_knows_where_the_grids_lie(write_raster):
    """By what was measured; in the phase of the toolbox by what the files claim."""
    pairs = real_pair(write_raster, 0.5), real_pair(write_raster, 0.5, claimed=0.0)
    true, ignored = (by_protocol(*pair) for pair in pairs)
    assert {"Q2n", "SAM", "ERGAS", "SCC", "PSNR"} <= true.keys()
    assert true["ERGAS"] == pytest.approx(ignored["ERGAS"], rel=0.05)
    true, ignored = (by_protocol(*pair, phase="dlpan", sensor="none") for pair in pairs)
    assert true["SCC"] > ignored["SCC"]


def test_the_protocol_masks_what_its_filters_cannot_see(write_raster, tmp_path):
    ms = np.full((1, 100, 100), 500, np.uint16)
    ms[0, 30:32, 60:63] = 0
    paths = [
        str(write_raster("coarse.tif", ms, transform=COARSE, nodata=0)),
        str(write_raster("fine.tif", np.full((1, 400, 400), 500, np.uint16), transform=FINE, nodata=0)),
    ]
    made = write_reduced_pair(Protocol(*paths), tmp_path)
    with rasterio.open(made.ms) as file:
        hidden = np.isnan(file.read()[0])
    assert hidden.any()
    assert not hidden.all()
    # Cells of 4 px; 36 px of reach on either side of rows 30, 31 and columns 60 to 62.
    assert np.argwhere(hidden).min(axis=0).tolist() == [0, 24 // 4]
    assert np.argwhere(hidden).max(axis=0).tolist() == [67 // 4, 98 // 4]


def test_an_offset_needs_phase_area():
    fused, ms = shifted_scene(0.5)
    with pytest.raises(RequestError, match="no phase of the toolbox"):
        FullScene(Rows.of(fused), Rows.of(fused[:1]), Rows.of(ms), (0.3, 0.3), 4.0, None, "dlpan", (0.5, 0.5))


def test_constant_images_have_defined_values(write_raster):
    flat = np.full((3, 64, 64), 500, np.uint16)
    textured = images(rows=64, columns=64)[1]
    paths = [str(write_raster(n, i, transform=FINE)) for n, i in (("f.tif", flat), ("r.tif", textured))]
    for fused, reference in (paths, paths[::-1], paths[:1] * 2):
        heard = Heard()
        found = score(EvaluationRequest(fused, reference=reference, ratio=4), listener=heard)
        assert "FlatImageWarning" in heard.kinds()
        assert 0.0 <= found["Q2n"] <= 1.0
        assert np.isfinite(found["SAM"])
        assert not any(np.isnan(value) for value in found.values())
