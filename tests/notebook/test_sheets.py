"""Plans, reports, models and scores read in notebooks and consoles, whatever files are called."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import rioxarray

import seamline
from seamline import api
from seamline.engine.errors import RequestError
from seamline.engine.quality.metrics import METRICS
from seamline.engine.request import Request
from seamline.engine.run import Outcome
from seamline.models import registry
from seamline.notebook.result import RunResult
from seamline.notebook.scores import Scores
from seamline.notebook.sheet import Sheet, Table
from seamline.tests.browser import browsing

HOSTILE = "<img src=x onerror='window.ran=1'><script>window.ran=1</script>&\"'"


@pytest.fixture
def ran(small_pair, tmp_path):
    """(MS, PAN, result) of a run whose output is called as no file should be."""
    ms, pan = small_pair
    out = tmp_path / "<img src=x onerror='window.ran=1'>.tif"
    request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(out))
    return ms, pan, api.run_request(request, "pansharpen", "gsa")


def hostile_sheet():
    rows = ((HOSTILE, HOSTILE), ("a", "b"))
    tables = tuple(Table(rows, heads, HOSTILE, folded) for heads in ((), (HOSTILE, "x")) for folded in (False, True))
    return Sheet(HOSTILE, HOSTILE, (HOSTILE,), tables)


# Escaping, and leaving the page around alone


def test_all_text_is_escaped():
    html = hostile_sheet().html()
    tags = {tag.lower() for tag in re.findall(r"</?([a-zA-Z]+)", html)}
    assert tags == {"div", "table", "tr", "th", "td", "details", "summary"}
    assert html.count("&lt;script&gt;") == 3 + 4 * 3 + 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_and_nothing_beside_it_changes(ran, scheme):
    _, _, result = ran
    before = "<p id=own>text</p><table id=theirs><tr><td>cell</td></tr></table>"
    look = """() => ['own', 'theirs'].map(id => {
        const s = getComputedStyle(document.getElementById(id));
        return [s.color, s.backgroundColor, s.fontSize, s.textAlign, s.borderCollapse].join()
    }).join()"""
    with browsing(color_scheme=scheme) as (page, asked):
        page.set_content(f"<meta name=color-scheme content='light dark'>{before}")
        alone = page.evaluate(look)
        page.set_content(
            f"<meta name=color-scheme content='light dark'>{before}{hostile_sheet().html()}{result._repr_html_()}"
        )
        assert page.evaluate(look) == alone
        assert page.evaluate("() => window.ran") is None
        assert page.locator("img, script, style, link").count() == 0
        # Text has the colour of the page, light or dark.
        colours = page.evaluate(
            "() => [...new Set([document.body, ...document.querySelectorAll('td, th, div')].map("
            "e => getComputedStyle(e).color))]"
        )
        assert len(colours) == 1
        assert asked == []


# What each says


def test_a_plan_is_that_of_the_run_and_writes_nothing(small_pair, tmp_path):
    ms, pan = small_pair
    before = sorted(tmp_path.iterdir())
    plan = seamline.plan("pansharpen", ms=ms, pan=pan, model="brovey", tile=48, overlap=16, out="fused.tif")
    assert sorted(tmp_path.iterdir()) == before
    request = Request(
        inputs={"ms": str(ms), "pan": str(pan)}, out=str(tmp_path / "fused.tif"), tile=48, overlap=16, device="cpu"
    )
    assert api.run_request(request, "pansharpen", "brovey").facts["identity"] == plan.plan.identity
    text = repr(plan)
    height, width = plan.plan.output.grid.shape
    for said in (
        "Pan-sharpening by brovey",
        str(ms),
        str(pan),
        f"{width} × {height} px",
        "fused.tif",
        "0.5 m, EPSG",
    ):
        assert said in text
    tiles = plan.plan.tiles
    overlap = min(axis.tile - (b - a) for axis in (tiles.rows, tiles.columns) for a, b in pairwise(axis.starts))
    assert f"{plan.needs.tiles} of {tiles.rows.tile} × {tiles.columns.tile} px, overlapping by {overlap} px" in text
    assert overlap >= 16
    assert plan.needs.seconds is not None


def test_a_plan_knows_arrays_by_their_names_and_keeps_warnings(small_pair):
    ms, pan = (rioxarray.open_rasterio(path) for path in small_pair)
    plan = seamline.plan("pansharpen", ms=ms, pan=pan, model="gsa", guidance=2.0)
    text = repr(plan)
    assert "the array ms" in text
    assert "seamline-" not in text
    assert "in memory" in text
    noticed = seamline.plan("superres", image=ms.drop_vars("spatial_ref"), model="bicubic", scale=2)
    assert any("no CRS" in each or "georeference" in each for each in noticed.warnings)
    assert "warning: the array image" in repr(noticed)


def test_a_plan_says_that_it_is_not_of_the_adapted_model(small_pair):
    ms, pan = small_pair
    plan = seamline.plan("pansharpen", ms=ms, pan=pan, model="gsa", adapt=5)
    assert "before it is adapted" in plan.warnings[0]


def test_a_plan_is_refused_as_the_run_is(small_pair):
    ms, pan = small_pair
    for call in (
        lambda: seamline.plan("pansharpen", ms=ms, pan=pan, tile=100),
        lambda: seamline.pansharpen(ms, pan, tile=100),
    ):
        with pytest.raises(RequestError) as refused:
            call()
        assert (refused.value.where, refused.value.fix) == ("tile", "pass tile 96")
    with pytest.raises(TypeError, match=r"plan\(\) has no option 'tyle'"):
        seamline.plan("pansharpen", ms=ms, pan=pan, tyle=3)


def test_a_result_is_an_outcome_and_its_report_is_found_again(ran):
    _, _, result = ran
    assert isinstance(result, Outcome)
    found = seamline.run_report(result.out)
    assert (found.out, found.report) == (result.out, result.report)
    assert repr(found) == repr(result)
    assert repr(result).startswith(f"Pan-sharpening: {result.out.name}\n")
    for said in ("gsa", "checks of the output", "time: ", result.facts["note"]):
        assert said in repr(result)


def test_a_result_shows_its_warnings_and_its_instrument():
    facts = {
        "task": "pansharpen",
        "model": "gsa@1",
        "note": "n",
        "warnings": [{"kind": "InstrumentWarning", "what": "the noise is a guess"}],
        "metrics": {"consistency": [0.01, None], "consistency_sight": "mtf", "artefacts": {"bias": 0.0003}},
        "main_bands": [{"name": "blue"}, {"name": "red"}],
        "instrument": {
            "gain": 0.31, "shift": [-0.001, 0.2], "noise": [1.5, 2.5], "band_shifts": [None, None], "explained": 0.9,
            "cells": 700, "curve": [],
        },
        "seconds": {"infer": 3.0, "total": 4.0},
    }  # fmt: skip
    text = repr(RunResult(api.Path("o.tif"), None, facts))
    assert "warning: the noise is a guess" in text
    assert "+0.00 down, +0.20 right" in text
    assert "blue 1.5, red 2.5" in text
    assert re.search(r"^  blue +1 %$", text, re.MULTILINE)
    assert re.search(r"Change of the mean +0.03 % +✓ .*at most 0.5 %", text.replace("\n", " "))
    assert re.search(r"the network +3 s", text)


def test_a_shard_says_what_is_left(small_pair, tmp_path):
    ms, pan = small_pair
    request = Request(inputs={"ms": str(ms), "pan": str(pan)}, out=str(tmp_path / "o.tif"), tile=48, overlap=16)
    parts = [api.run_request(request, "pansharpen", "brovey", shard=api.Shard(i, 2)) for i in (1, 2)]
    assert "left to other shards" in repr(parts[0])
    assert "merge them" in repr(parts[1])


@pytest.mark.parametrize("name", registry.names())
def test_every_model_says_what_it_is(name):
    sheet = seamline.model_info(name)
    info = registry.info(name)
    text = " ".join(repr(sheet).split())
    assert name in text
    assert info.licence in text
    assert {each.name for each in (*info.spec.inputs, *info.spec.outputs)} <= set(text.split())
    assert sheet._repr_html_().count("<tr") == sheet._repr_html_().count("</tr>")


def test_every_metric_has_a_direction_of_its_own_kind():
    for metric in METRICS.values():
        way = metric.direction
        assert way[0] == ("↓" if metric.at_most is not None or metric.best == 0 else "↑")
        assert metric.at_most is None or f"{metric.at_most:g}" in way


def test_scores_of_arrays_are_those_of_files_and_a_perfect_image_has_the_best(small_pair):
    ms, pan = small_pair
    fused = seamline.pansharpen(ms, pan, model="gsa")
    whole = rioxarray.open_rasterio(ms)
    same = seamline.evaluate(whole, reference=ms, ratio=4, bits=11, perceptual="none")
    assert same["SSIMULACRA2"] == 100.0
    assert same["PSNR"] is None
    assert (same["Q2n"], same["ERGAS"]) == (1.0, 0.0)
    assert re.search(r"PSNR +∞ dB +↑ +reference", repr(same))
    assert repr(same).startswith(f"the array fused against {ms}")
    apart = seamline.evaluate(fused, pan=pan, ms=ms)
    arrays = seamline.evaluate(fused, pan=rioxarray.open_rasterio(pan), ms=whole)
    assert arrays.metrics == apart.metrics
    assert {"HQNR", "D_s"} <= apart.metrics.keys()


def test_scores_of_classes_have_a_row_for_each(write_raster):
    truth = np.repeat([[[0, 1]]], 40, axis=1).repeat(20, axis=2).astype(np.uint8)
    found = truth.copy()
    found[:, :4] = 1
    labels, classes = write_raster("labels.tif", truth), write_raster("map.tif", found)
    scores = seamline.evaluate_classes(classes, labels)
    assert scores["accuracy"] == pytest.approx(1 - (4 * 20) / (40 * 40))
    assert list(scores.classes) == ["0", "1"]
    assert re.search(r"^  1 +0\.\d{4}", repr(scores), re.MULTILINE)


def test_lines_of_consoles_are_bounded_and_no_word_is_lost():
    words = [f"word{i}" for i in range(200)]
    table = Table((("a " * 60, " ".join(words), "b"), ("short", "", "c")), ("one", "two", "three"))
    text = Sheet("t", " ".join(words), (), (table,)).text()
    assert max(map(len, text.splitlines())) <= 112
    assert all(text.split().count(word) == 2 for word in words)


def test_a_metric_that_nobody_knows_is_shown_bare():
    assert re.search(r"^  mine +2\.5$", repr(Scores("t", {"mine": 2.5})), re.MULTILINE)
