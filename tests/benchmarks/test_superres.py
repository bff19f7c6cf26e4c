"""The super-resolution benchmarks: a claim that does not hold or was not measured is missed, and pairs lie in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from seamline.benchmarks.superres import attempts, cost, lattices, page, runs, scenes
from seamline.engine.optics.degrade import degrade_ms
from seamline.engine.quality.sensitivity import Sensitivity
from seamline.models import registry


def scores(psnr: float, ssim: float, gradient: float, spectrum: float) -> dict[str, float]:
    return {"PSNR": psnr, "SSIM": ssim, "gradient_error": gradient, "spectrum_error": spectrum}


NAMES = page.Names(4)
GOOD, TWIN, POOR = scores(30.0, 0.9, 0.4, 5.0), scores(30.2, 0.905, 0.5, 10.0), scores(28.0, 0.8, 0.7, 20.0)


def table(own: dict[str, float] = GOOD, twin: dict[str, float] | None = TWIN) -> dict[str, dict[str, dict[str, float]]]:
    rows = {page.CLASSIC: POOR, NAMES.taught: twin, NAMES.subject: own}
    return {name: {"a": row, "b": row} for name, row in rows.items() if row is not None}


def tiled(score: float, high: float = 1.05, plain: float = 1.1) -> list:
    seam = runs.Seam(score, 0.95, high)
    return [runs.Tiled(32, True, seam, runs.Seam(plain, 0.9, 1.2), 0.004), runs.Tiled(128, False, None, None, 0.003)]


def measured() -> page.Measured:
    return page.Measured(
        names=NAMES,
        groups={"sensor-true": table(), "second order": table(), scenes.REAL: table()},
        tiles={"a": tiled(1.01)},
        sensitivity={"a": Sensitivity((0.5, 0.25), None)},
    )


def missed(found: page.Measured) -> list[str]:
    return [line for line in page.verdicts(found) if line.endswith("MISSED")]


def test_where_everything_holds_nothing_is_missed():
    assert missed(measured()) == []
    text = "\n".join(page.section([page.CLASSIC, "/far/away/model"], measured()))
    assert "--models bicubic,model --write docs" in text
    assert "| 30.00 / 0.9000 / **0.4000** / **5.00** |" in text
    assert "| second order: b | 28.00 / 0.8000 / 0.7000 / 20.00 | **30.20** / **0.9050** / 0.5000 / 10.00 |" in text
    assert "| a | 32 px, the default | 1.010 (0.950 to 1.050) | 1.100 (0.900 to 1.200) | 0.0040 |" in text
    assert "| a | 128 px |  |  | 0.0030 |" in text
    assert "- a: moved by half a tile 0.50, 0.25; untiled not measured" in text


def test_the_scene_wide_model_and_the_deviations_stand_on_the_page_where_they_were_measured():
    run, changed = tiled(1.0)[0], Sensitivity((0.01,), (0.02,))
    found = replace(measured(), whole={"a": (run, changed)}, coverage={"sensor-true": {"a": 0.6, "b": 0.8}})
    text = "\n".join(page.section([page.CLASSIC], found))
    assert "| a | 32 px | 1.000 (0.950 to 1.050) | 1.100 (0.900 to 1.200) | 0.01 | 0.02 |" in text
    assert "| sensor-true | 70.0% | 60.0% | 80.0% |" in text
    assert "Deviations" not in "\n".join(page.section([page.CLASSIC], measured()))


def test_a_page_names_the_models_and_the_pairs_of_its_scale():
    text = "\n".join(page.section([page.CLASSIC], measured()))
    assert "0.3 m with those of 0.075 m" in text
    assert "WorldView-2 over Rotterdam" in text
    names = page.Names(2)
    rows = {name: {"a": GOOD} for name in (page.CLASSIC, names.subject, names.taught)}
    found = replace(measured(), names=names, groups={"sensor-true": rows, scenes.REAL: rows})
    text = "\n".join(page.section([page.CLASSIC], found))
    assert "benchmarks.superres --scale 2 --models" in text
    assert "0.3 m with those of 0.15 m" in text
    assert "WorldView-2 over Rotterdam" not in text
    text = "\n".join(page.section([page.CLASSIC], replace(found, groups={"sensor-true": rows})))
    assert "No real pair has this ratio" in text


def test_a_mean_lattice_above_the_bound_is_missed_and_single_scenes_are_counted():
    rows = [
        lattices.Row(2, group, {"truth": [1.0, 1.3], "bicubic": [0.0, 0.1], "slimdiffsr-tiny-x2": own})
        for group, own in (("sensor-true", [0.3, 1.9]), (scenes.REAL, [0.8, 1.7]))
    ]
    text = list(lattices.section(rows))
    assert "| by 2, sensor-true | 1.150 (1.300; 1 of 2) | 0.050 (0.100; 0 of 2) | 1.100 (1.900; 1 of 2) |" in text
    assert text[-2:] == [
        "- slimdiffsr-tiny-x2, sensor-true, mean lattice 1.100, at most 1.2: ok",
        f"- slimdiffsr-tiny-x2, {scenes.REAL}, mean lattice 1.250, at most 1.2: MISSED",
    ]


def test_every_model_is_also_scored_with_the_other_consistency(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(runs, "enlarge", lambda source, *_, **options: asked.append((source.spec.name, options)))
    monkeypatch.setattr(runs, "score", lambda *_: GOOD)
    scene = scenes.Scene("a", tmp_path, tmp_path, 4, 8)
    sources = [registry.resolve(name, "superres") for name in (page.CLASSIC, NAMES.subject)]
    found = runs.scores(sources, [scene], tmp_path)
    assert list(found) == [
        f"{name}{other}" for name in ("bicubic", NAMES.subject) for other in ("", ", consistency area")
    ]
    assert [options.get("consistency") for _, options in asked] == [None, "area", None, "area"]


@pytest.mark.parametrize(
    ("group", "own", "line"),
    [
        ("sensor-true", scores(29.89, 0.9, 0.4, 5.0), "mean PSNR 29.89, at most 0.3 below the taught twin, 30.20"),
        ("sensor-true", scores(30.0, 0.894, 0.4, 5.0), "mean SSIM 0.8940, at most 0.01 below the taught twin, 0.9050"),
        ("sensor-true", scores(30.0, 0.9, 0.6, 5.0), "mean gradient_error 0.6000, better than slimdiffsr-taught-x4"),
        ("sensor-true", scores(30.0, 0.9, 0.4, 10.0), "mean spectrum_error 10.00, better than slimdiffsr-taught-x4"),
    ],
)
def test_one_claim_that_does_not_hold_is_one_that_is_missed(group, own, line):
    (found,) = missed(replace(measured(), groups={group: table(own)}))
    assert found.startswith(f"- {group}, ")
    assert line in found


def test_interpolation_has_to_be_beaten_where_the_degradation_is_realistic():
    worse, twin = scores(27.0, 0.9, 0.4, 5.0), scores(27.0, 0.9, 0.5, 10.0)
    assert missed(replace(measured(), groups={"sensor-true": table(worse, twin)})) == []
    for group in ("second order", scenes.REAL):
        (line,) = missed(replace(measured(), groups={group: table(worse, twin)}))
        assert line == f"- {group}, mean PSNR 27.00 dB, bicubic 28.00 dB: MISSED"


def test_what_was_not_measured_is_missed():
    lines = missed(replace(measured(), groups={"sensor-true": table(twin=None)}))
    assert len(lines) == 4
    assert all("not measured" in line for line in lines)
    (line,) = missed(replace(measured(), tiles={"a": [replace(tiled(1.0)[0], seam=None)]}))
    assert "seam score: not measured" in line


@pytest.mark.parametrize(
    ("runs_", "line"),
    [
        (tiled(1.04), "seam score 1.040, at most 1.02"),
        (tiled(1.01, plain=0.98), "seam score over that of bicubic with the same tiles 1.031, at most 1.02"),
        (tiled(1.01, high=1.0), "seam score 1.010 not above the control band, which ends at 1.000"),
    ],
)
def test_a_seam_score_is_held_to_the_bound_to_interpolation_and_to_the_band(runs_, line):
    assert missed(replace(measured(), tiles={"a": runs_})) == [f"- a, {line}: MISSED"]


@pytest.mark.parametrize("scale", list(page.PAGES))
def test_the_pages_have_a_place_for_every_scale(scale):
    text = (Path(__file__).parents[2] / "docs" / "results" / page.PAGES[scale]).read_text(encoding="utf-8")
    part = page.Names(scale).part
    assert text.index(f"<!-- {part} -->") < text.index(f"<!-- end of {part} -->")


@pytest.mark.parametrize("scale", [2, 4])
def test_the_pages_say_what_the_benchmark_would_write(scale):
    text = (Path(__file__).parents[2] / "docs" / "results" / page.PAGES[scale]).read_text(encoding="utf-8")
    written = "\n".join(page.section([page.CLASSIC], measured()))
    part = written[written.index("On scenes as they were delivered") : written.index("| scene | tile |")]
    assert part in text


NETWORKS = {cost.STUDENT: 4, cost.SMALL: 1, cost.UNET: 100, cost.CODEC: 20}
SECONDS = {
    (name, precision, batch): value
    for precision in cost.PRECISIONS
    for name, values in {
        cost.STUDENT: (4.0, 2.0),
        cost.SMALL: (1.0, 1.0),
        cost.UNET: (10.0,),
        cost.CODEC: (6.0,),
    }.items()
    for batch, value in zip((1, 2), values, strict=False)
}


def test_ratios_are_of_whole_images_and_name_the_best_batch():
    text = "\n".join(cost.page(NETWORKS, SECONDS, cost.Memory(10**9, 32, 10**9, 2000, 60.0), "cpu"))
    assert "| student, published size | bf16 | 4.0 (8.0) | 51.5 (103.0) |" in text
    assert "| student, published size | 4 | fp32 | 4 | 2 |" in text
    assert "| teacher's UNet | 100 | fp32 | 10 |  |" in text
    assert "MISSED" not in text


@pytest.mark.parametrize(
    "found",
    [
        cost.Memory(2 * 10**9 + 1, 32, 10**9, 2000, 1.0),
        cost.Memory(10**9, 32, 2 * 10**9 + 1, 2000, 1.0),
        cost.Memory(10**9, 32, 10**9, 1999, 1.0),
    ],
)
def test_memory_above_its_bound_or_of_too_few_rows_is_missed(found):
    assert ["MISSED" in line for line in cost.verdicts(found)].count(True) == 1


def test_the_teacher_is_as_large_as_stable_diffusion():
    with cost.torch.device("meta"):
        networks = cost.teachers("meta")
    assert networks[cost.UNET].parameters == 865_910_724
    assert networks[cost.CODEC].parameters == 83_653_863


def test_a_degraded_scene_follows_from_its_name_and_keeps_its_brightness():
    truth = np.random.default_rng(1).integers(500, 1500, (2, 64, 64)).astype(np.uint16)
    peaks = np.array([1500, 1400], np.float32)
    for kind in scenes.KINDS.values():
        first, again, other = (scenes.degraded(truth, peaks, kind, name, 4) for name in ("a", "a", "b"))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()
        assert first.shape == (2, 16, 16)
        assert abs(first.mean() / truth.mean() - 1) < 0.05


def test_the_band_of_two_resolutions_lies_where_pan_is(tmp_path):
    pan = np.random.default_rng(2).integers(200, 1800, (1, 160, 160)).astype(np.uint16)
    seen = degrade_ms(np.roll(pan, (2, -1), (1, 2)), (scenes.GAIN,), scenes.PAN_RATIO)
    for name, values, size in (("pan", pan, 1.0), ("ms", np.concatenate([seen, 2 * seen[:, ::-1]]), 4.0)):
        bands, height, width = values.shape
        profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": values.dtype}
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", transform=from_origin(500000, 5000000, size, size), **profile
        ) as file:
            file.write(values)
    coarse, truth = scenes.satellite_pair(tmp_path)
    rim = scenes.PAN_RATIO * scenes.SHIFT
    np.testing.assert_array_equal(truth, np.roll(pan, (2, -1), (1, 2))[:, rim:-rim, rim:-rim])
    assert coarse.shape == (1, 32, 32)
    # All but the rim, where the filter sees what lies outside.
    np.testing.assert_allclose(coarse[:, 6:-6, 6:-6], seen[:, 10:-10, 10:-10], rtol=0.02)


@pytest.mark.parametrize("kernel", list(attempts.KERNELS))
def test_an_image_projected_through_a_kernel_equals_its_input_and_is_the_nearest_that_does(kernel):
    rng = np.random.default_rng(3)
    image, coarse = rng.random((2, 32, 24)), rng.random((2, 8, 6))
    found = attempts.projected(image, coarse, kernel)
    down, across = attempts.seen(8, 4, kernel), attempts.seen(6, 4, kernel)
    np.testing.assert_allclose(down @ found @ across.T, coarse, atol=1e-9)
    # What was added has no part that the kernel does not see.
    added = found - image
    seen = np.linalg.pinv(down) @ down @ added @ (np.linalg.pinv(across) @ across).T
    np.testing.assert_allclose(seen, added, atol=1e-9)
    if kernel == "area":
        np.testing.assert_allclose(found.reshape(2, 8, 4, 6, 4).mean(axis=(2, 4)), coarse, atol=1e-9)


def test_a_share_of_what_the_model_adds_lies_between_interpolation_and_the_model(monkeypatch, tmp_path):
    level = {page.CLASSIC: 10.0, NAMES.subject: 20.0}

    def enlarged(source, coarse, out, **options):
        scenes.write_scene(out, np.full((1, 4, 4), level[source.spec.name], "f4"), from_origin(0, 0, 1, 1), scenes.CRS)

    monkeypatch.setattr(attempts, "enlarge", enlarged)
    monkeypatch.setattr(attempts, "score", lambda scene, out: {"PSNR": float(attempts.read(out).mean())})
    scene = scenes.Scene("a", tmp_path, tmp_path, 4, 8)
    found = dict(attempts.share_rows({scenes.REAL: [scene]}, tmp_path))
    assert {share: rows[scenes.REAL][0]["PSNR"] for share, rows in found.items()} == {
        "0.25": 12.5,
        "0.5": 15.0,
        "0.75": 17.5,
        "1": 20.0,
        "1.25": 22.5,
    }


def test_the_largest_valid_part_is_wholly_valid():
    cells = np.ones((10, 4), bool)
    cells[2, 1] = False
    rows, columns = scenes._largest_valid(cells, 8)
    assert (rows, columns) == (slice(3, 10), slice(0, 4))
