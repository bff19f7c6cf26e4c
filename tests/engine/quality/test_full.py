"""Full-resolution indices: the toolbox's own values, strips that add up, masks that hide."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import rasterio

from seamline.engine.errors import FlatImageWarning, RequestError
from seamline.engine.optics.degrade import FILTER_HALO, Rows, coarse_shape, degrade_ms, degrade_pan, expand
from seamline.engine.quality.full import (
    FullScene,
    area_sums,
    full_scores,
    full_sums,
    none_yet,
    seen_rows,
    strips,
    universal_q,
)

SCENES = {"landsat8_istanbul": 2, "spacenet6_wv2_1": 4}
NAMES = {
    "Dl_K": "D_lambda",
    "D_s": "D_s",
    "HQNR": "HQNR",
    "Dl_QNR": "D_lambda_QNR",
    "QNR": "QNR",
    "Dl_area": "D_lambda_area",
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("method", ["exp", "gsa", "mtf-glp-fs"])
def test_values_of_the_toolbox_are_reproduced(data, scene, method):
    def read(name):
        with rasterio.open(data / "quality" / scene / name) as dataset:
            return dataset.read()

    fused = read(f"fr_fused_{method}.tif")
    scores = full_scores(fused, read("fr_pan.tif"), read("fr_ms.tif"), gains=(0.30,) * len(fused)).as_dict()
    expected = json.loads((data / "quality" / "expected.json").read_text())[scene][f"fr_fused_{method}.tif"]
    assert {NAMES[key] for key in expected} == scores.keys()
    for key, value in expected.items():
        assert scores[NAMES[key]] == pytest.approx(value, abs=6e-7), key


def scene_of(ratio=2, bands=3, rows=320, columns=128, seed=0):
    """(fused, PAN, MS), textured at all scales."""
    rng = np.random.default_rng(seed)
    pan = 500 + 100 * rng.standard_normal((1, rows, columns)).cumsum(axis=1).cumsum(axis=2) / np.sqrt(rows)
    pan = 200 + 1000 * (pan - pan.min()) / np.ptp(pan) + rng.normal(0, 20, pan.shape)
    fused = pan * rng.uniform(0.5, 1.2, (bands, 1, 1)) + rng.normal(0, 15, (bands, rows, columns))
    return fused, pan, degrade_ms(fused, (0.3,) * bands, ratio)


def build(fused, pan, ms, ratio, valid=None):
    mask = None if valid is None else Rows.of(valid[None])
    phase = "dlpan" if ratio in (2, 4) else "area"
    return FullScene(Rows.of(fused), Rows.of(pan), Rows.of(ms), (0.3,) * len(fused), ratio, mask, phase)


def total_of(scene, strip):
    total = none_yet(scene)
    for start, stop in strips(scene.fused.shape[1], strip):
        total += full_sums(scene, start, stop)
    for start, stop in strips(coarse_shape(scene.fused.shape[1:], scene.ratio)[0], strip):
        total += area_sums(scene, start, stop, seen_rows(scene, start, stop))
    return total


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("ratio", "rows", "columns"), [(2, 344, 136), (4, 300, 200), (3, 330, 129), (2.5, 300, 120)])
def test_strips_of_any_height_add_up_to_the_whole(ratio, rows, columns, masked):
    fused, pan, ms = scene_of(ratio, rows=rows, columns=columns)
    valid = np.ones((rows, columns), bool)
    valid[:4, :4] = False
    scene = build(fused, pan, ms, ratio, valid if masked else None)
    whole = full_sums(scene, 0, rows) + area_sums(scene, 0, ms.shape[1], seen_rows(scene, 0, ms.shape[1]))
    assert whole.blocks > 0
    for strip in (32, 96):
        total = total_of(scene, strip)
        assert (total.blocks, total.area_blocks) == (whole.blocks, whole.area_blocks)
        assert total.scores().as_dict() == pytest.approx(whole.scores().as_dict(), abs=1e-7)
    if not masked:
        phase = "dlpan" if ratio in (2, 4) else "area"
        assert full_scores(fused, pan, ms, gains=(0.3,) * 3, ratio=ratio, phase=phase).as_dict() == pytest.approx(
            whole.scores().as_dict(), abs=1e-7
        )


def test_exp_itself_has_no_distortion_between_bands():
    _, pan, ms = scene_of()
    scores = full_scores(expand(ms, 2), pan, ms, gains=(0.3,) * 3)
    assert (scores.d_lambda_qnr, scores.qnr) == (0.0, 1.0 - scores.d_s)
    assert scores.hqnr == (1.0 - scores.d_lambda) * (1.0 - scores.d_s)


def test_the_scene_that_ms_was_made_of_is_perfect_at_true_centres():
    fused, pan, ms = scene_of()
    scores = full_scores(fused, pan, ms, gains=(0.3,) * 3)
    assert scores.d_lambda_area == pytest.approx(0.0, abs=1e-9)
    assert full_scores(fused[:, ::-1], pan, ms, gains=(0.3,) * 3).d_lambda_area > 0.1


def test_fewer_rows_are_read_than_the_stated_halo():
    fused, pan, ms = scene_of(4, rows=640)
    seen = {}

    def watched(name, image):
        def read(first, stop):
            seen.setdefault(name, []).append((first, stop))
            return image[:, first:stop]

        return Rows(image.shape, read)

    scene = FullScene(watched("fused", fused), watched("pan", pan), watched("ms", ms), (0.3,) * 3, 4)
    full_sums(scene, 320, 352)
    reach = {name: (min(a for a, _ in spans), max(b for _, b in spans)) for name, spans in seen.items()}
    assert reach["fused"] == (320 - FILTER_HALO, 352 + FILTER_HALO)
    assert reach["ms"] == (80 - 12, 88 + 12)
    assert reach["pan"][0] >= 320 - 15 * 4
    assert reach["pan"][1] <= 352 + 15 * 4


@pytest.mark.parametrize("ratio", [2, 4, 3])
def test_what_is_masked_never_matters(ratio):
    rows, columns = 384, 288
    fused, pan, ms = scene_of(ratio, rows=rows, columns=columns)
    valid = np.ones((rows, columns), bool)
    valid[:24, :36] = False
    valid[240:252, 120:132] = False
    cells = ~valid.reshape(rows // ratio, ratio, columns // ratio, ratio).any(axis=(1, 3))
    phase = "dlpan" if ratio in (2, 4) else "area"
    first = full_scores(fused, pan, ms, gains=(0.3,) * 3, valid=valid, phase=phase)
    for junk in (np.nan, 60000.0, -1e30):
        f, p, m = fused.copy(), pan.copy(), ms.copy()
        f[:, ~valid], p[:, ~valid], m[:, cells] = junk, junk, junk
        assert full_scores(f, p, m, gains=(0.3,) * 3, valid=valid, phase=phase) == first
    assert build(fused, pan, ms, ratio).reach >= FILTER_HALO


@pytest.mark.parametrize("ratio", [2, 4, 3])
def test_no_counted_block_reads_a_masked_pixel(ratio, monkeypatch):
    # With nothing hidden, what lies under the mask would show if a counted block read it.
    monkeypatch.setattr(FullScene, "without_masked", lambda scene: scene)
    rows, columns = 384, 288
    fused, pan, ms = scene_of(ratio, rows=rows, columns=columns)
    valid = np.ones((rows, columns), bool)
    cell = 132 // ratio
    valid[cell * ratio : (cell + 1) * ratio, cell * ratio : (cell + 1) * ratio] = False
    first = total_of(build(fused, pan, ms, ratio, valid), 384)
    assert min(first.blocks, first.area_blocks) > 0
    f, p, m = fused.copy(), pan.copy(), ms.copy()
    f[:, ~valid], p[:, ~valid], m[:, cell, cell] = 6e4, 6e4, 6e4
    assert total_of(build(f, p, m, ratio, valid), 384).scores() == first.scores()


def test_blocks_away_from_a_mask_score_as_without_it():
    fused, pan, ms = scene_of(2, rows=256, columns=256)
    valid = np.ones((256, 256), bool)
    valid[128:160, 128:160] = False
    scene, masked = build(fused, pan, ms, 2), build(fused, pan, ms, 2, valid)
    # The mask spoils its own block and the eight around it, and no other.
    assert full_sums(masked, 0, 256).blocks == 64 - 9
    far, plain = full_sums(masked, 0, 96), full_sums(scene, 0, 96)
    np.testing.assert_allclose([far.q, *far.high, *far.low], [plain.q, *plain.high, *plain.low], rtol=1e-9)


def test_one_band_and_one_block():
    fused, pan, ms = scene_of(bands=1, rows=40, columns=36)
    scores = full_scores(fused, pan, ms, gains=(0.3,))
    assert scores.d_lambda_qnr == 0.0
    assert all(np.isfinite(v) for v in scores.as_dict().values())


def test_constant_images_have_a_value_and_a_warning():
    flat = np.full((2, 64, 64), 0.1)
    with pytest.warns(FlatImageWarning, match="4 of 4 blocks"):
        scores = full_scores(flat * 5000, flat[:1] * 5000, flat[:, :32, :32] * 5000, gains=(0.3, 0.3))
    assert scores.d_s == pytest.approx(0.0, abs=1e-6)
    assert all(np.isfinite(v) for v in scores.as_dict().values())


def test_q_of_degenerate_blocks():
    rng = np.random.default_rng(2)
    x, flat, zero = rng.normal(5, 1, 1024), np.full(1024, 0.1), np.zeros(1024)
    assert universal_q(x, x) == pytest.approx(1.0)
    assert universal_q(flat, flat) == 1.0
    assert universal_q(flat, 2 * flat) == pytest.approx(2 * 2 / 5)
    assert universal_q(zero, zero) == 1.0
    assert universal_q(zero, flat) == 0.0
    assert universal_q(x, flat) == pytest.approx(0.0)
    waves = np.tile([1.0, -1.0], 512)  # of mean zero exactly
    assert universal_q(waves, -waves) == pytest.approx(-1.0)
    y = rng.normal(3, 2, 1024)
    c = np.cov(x, y)
    expected = 4 * c[0, 1] * x.mean() * y.mean() / (c[0, 0] + c[1, 1]) / (x.mean() ** 2 + y.mean() ** 2)
    assert universal_q(x, y) == pytest.approx(expected)


def test_wholly_masked_is_refused():
    fused, pan, ms = scene_of()
    with pytest.raises(RequestError, match="far enough from masked pixels"):
        full_scores(fused, pan, ms, gains=(0.3,) * 3, valid=np.zeros(fused.shape[1:], bool))


def test_shapes_must_fit():
    fused, pan, ms = scene_of()
    gains = (0.3,) * 3
    wrong = [
        ((fused, pan[:, :-1], ms, gains), "does not fit the fused image"),
        ((fused, np.repeat(pan, 2, axis=0), ms, gains), "does not fit the fused image"),
        ((fused, pan, ms[:2], gains), "has 3 bands and MS has 2"),
        ((fused, pan, ms, gains[:2]), "2 MTF gains"),
        ((fused, pan, ms[:, :, :-1], gains), "is not the fused image"),
        ((fused[0], pan, ms, gains), "bands, rows, columns"),
    ]
    for (f, p, m, g), sentence in wrong:
        with pytest.raises(RequestError, match=sentence):
            full_scores(f, p, m, gains=g)
    with pytest.raises(RequestError, match="the mask"):
        full_scores(fused, pan, ms, gains=gains, valid=np.ones((3, 3), bool))
    with pytest.raises(RequestError, match="does not degrade"):
        full_scores(fused, pan, fused, gains=gains)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_values_that_are_not_finite_are_refused(which):
    images = scene_of(rows=64, columns=64)
    images[which][0, 3, 3] = np.inf
    with pytest.raises(RequestError, match="not finite"):
        full_scores(*images, gains=(0.3,) * 3)


def test_low_pass_pan_comes_from_the_degraded_one():
    fused, pan, ms = scene_of(2, rows=64, columns=64)
    scene = build(fused, pan, ms, 2)
    low = expand(degrade_pan(pan, 2), 2)
    exp = expand(ms, 2)

    def blocks(x):
        return x.reshape(2, 32, 2, 32).transpose(0, 2, 1, 3).reshape(4, -1)

    expected = [universal_q(blocks(band), blocks(low[0])).sum() for band in exp]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(full_sums(scene, 0, 64).low, expected, rtol=1e-9)
