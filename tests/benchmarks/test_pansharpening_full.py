"""Benchmarks at full resolution: what is beyond a bound, or behind a rival, is called missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from seamline.benchmarks.pansharpening import coverage, draws, full

GOOD = {
    "undershoot": 0.01,
    "overshoot": 0.02,
    "PAN_detail": 0.9,
    "lattice": 1.0,
    "bias": 0.001,
    "clipped": 0.0,
    "HQNR": 0.9,
    "seam": 1.0,
}


def rows(calm: bool = True, gsa=None, glp=None, **own: float) -> dict[str, full.Fused]:
    return {
        "gsa": full.Fused(Path("a"), GOOD | (gsa or {})),
        "mtf-glp-fs": full.Fused(Path("b"), GOOD | (glp or {})),
        full.SUBJECT: full.Fused(Path("c"), GOOD | own, calm),
    }


def missed(found: dict[str, full.Fused]) -> list[str]:
    return [what for what, _, _, good in full.claims(found) if not good]


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (rows(), []),
        (rows(undershoot=0.051), ["undershoot"]),
        (rows(undershoot=0.06, gsa={"undershoot": 0.05}), []),
        (rows(overshoot=0.07, gsa={"overshoot": 0.05}), ["overshoot"]),
        (rows(lattice=1.21), ["lattice"]),
        (rows(bias=0.006), ["bias"]),
        (rows(bias=0.006, glp={"bias": 0.02, "clipped": 0.01}), []),
        (rows(clipped=0.002, glp={"clipped": 0.001}), ["clipped"]),
        (rows(PAN_detail=0.87), ["PAN_detail"]),
        (rows(HQNR=0.89), ["HQNR"]),
        (rows(calm=False), ["seam"]),
    ],
)
def test_what_is_beyond_its_bound_is_missed(found, what):
    assert missed(found) == what
    lines = list(full.lines_of({"a pair": found}))
    assert sum(line.endswith("MISSED") for line in lines) == len(what)
    assert f"| {full.SUBJECT} |" in "\n".join(lines)


def drawn(method: str, *ergas: float) -> list[draws.Drawn]:
    scores = {"Q2n": 0.9, "SAM": 2.0, "gradient_error": 0.3, "lattice": 1.0}
    return [
        draws.Drawn("set", seed, method, scores | {"ERGAS": value, "SAM": value, "Q2n": 1 - value / 10})
        for seed, value in enumerate(ergas)
    ]


def test_draws_are_won_by_the_best_of_all():
    rival = drawn("gsa", *(2.0,) * 5)
    held = drawn(full.SUBJECT, 1.0, 1.0, 1.0, 1.0, 2.5)
    lost = drawn(full.SUBJECT, 1.0, 1.0, 1.0, 2.5, 2.5)
    assert not [line for line in draws.verdicts(rival + held) if line.endswith("MISSED")]
    (line,) = [line for line in draws.verdicts(rival + lost) if line.endswith("MISSED")]
    assert "60% of the draws" in line
    behind = list(draws.verdicts(rival + drawn(full.SUBJECT, *(2.1,) * 5)))
    assert sum(line.endswith("MISSED") for line in behind) == 4
    assert "5 instruments on each of 1 images" in next(draws.lines_of(rival + held))


@pytest.mark.parametrize(("shares", "good"), [((0.62, 0.66), True), ((0.5, 0.74), False), ((0.75, 0.73), False)])
def test_coverage_is_judged_by_its_mean_over_images(shares, good):
    lines = list(coverage.lines_of({f"image {k}": [share, share] for k, share in enumerate(shares)}))
    assert lines[-1].endswith("held" if good else "MISSED")
    assert f"{sum(shares) / 2:.1%}" in lines[-1]
