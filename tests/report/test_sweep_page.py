"""The page of a sweep in a real browser: it opens alone, shows its points, and tells which no other one betters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from seamline.engine.errors import RequestError
from seamline.engine.quality.cost import Cost
from seamline.engine.quality.evaluation import Evaluation
from seamline.engine.quality.sweep import Point
from seamline.report.sweep import Header, write_sweep
from seamline.tests.browser import browsing

FACTS = {"ms": "<ms>.tif", "pan": "pan.tif", "model": "a </script> model", "phase": "area"}
FRONT = (31, 98, 136)
"""The colour of the front, as ``page.css`` has it."""


def point(steps, tile, quality, seconds, memory):
    metrics = {"Q2n": quality, "PSNR": float("inf") if steps == 4 else 40.0 + steps, "lattice": 1.0}
    cost = Cost(seconds * 0.25, seconds * 0.2, 250_000)
    return Point({"steps": steps, "tile": tile}, memory * 2**20, Evaluation(metrics, 9, None), (cost,))


POINTS = [
    point(1, 128, 0.80, 2.0, 900),
    point(1, 256, 0.81, 1.0, 1000),
    point(2, 128, 0.90, 4.0, 900),
    point(2, 256, 0.89, 3.0, 1100),
    point(4, 128, 0.91, 9.0, 800),
]


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "sweep.html"
    write_sweep(path, Header("rr", FACTS, "cpu", 1, len(POINTS)), POINTS)
    return path


@pytest.fixture
def opened(made):
    with browsing() as (page, asked):
        open_(page, made)
        yield page, asked


def open_(page, path):
    page.goto(path.as_uri())
    page.wait_for_selector("#points td")


def on_front(page):
    cells = page.locator("#points tbody th").all_inner_texts()
    return [number for number, text in enumerate(cells) if "front" in text]


def test_it_opens_alone_and_shows_what_was_measured(opened):
    page, asked = opened
    assert page.locator("h1").inner_text() == "a </script> model"
    assert page.locator("#plot canvas").count() == 1
    assert page.locator("#points tbody tr").count() == 5
    assert page.locator("#points tbody tr").nth(2).locator("td").all_inner_texts()[:6] == [
        *("2", "128", "4", "3.2", "900", "0.9"),
    ]
    assert "<ms>.tif" in page.locator("#measures").inner_text()
    assert page.locator("#unfinished").is_hidden()
    assert asked == []


def test_the_front_follows_what_is_chosen(opened):
    page, _ = opened
    assert on_front(page) == [1, 2, 3, 4]
    assert "2 (steps 1, tile 256); 4 (steps 2, tile 256); 3 (steps 2, tile 128)" in page.locator("#told").inner_text()
    page.select_option("#cost", "memory_bytes")
    assert on_front(page) == [4]
    page.select_option("#metric", "PSNR")
    assert on_front(page) == [4]
    assert page.locator("#plot").get_attribute("aria-label").startswith("PSNR, dB against memory by the plan, MiB")
    # What has no best is in the table alone.
    assert page.locator("#metric option").all_inner_texts() == ["Q2n", "PSNR"]


def test_the_points_are_drawn_where_they_lie(opened):
    page, _ = opened
    drawn = np.asarray(Image.open(io.BytesIO(page.locator("#plot").screenshot())).convert("RGB"), int)
    front = (np.abs(drawn - FRONT).max(axis=2) < 12).nonzero()
    assert len(front[0]) > 100
    best, cheap = front[1] > np.quantile(front[1], 0.98), front[1] < np.quantile(front[1], 0.02)
    assert front[0][best].mean() < front[0][cheap].mean() - 50, "the best one costs most and stands highest"


def test_an_unfinished_sweep_says_so(tmp_path):
    path = tmp_path / "sweep.html"
    write_sweep(path, Header("fr", FACTS, "cuda", 1, 5), POINTS[:2])
    write_sweep(path, Header("fr", FACTS, "cuda", 1, 5), POINTS[:3])
    with browsing(locale="de-DE") as (page, _):
        open_(page, path)
        assert page.locator("#unfinished").inner_text() == "The sweep did not end: 3 of 5 runs are done."
        assert page.locator("#cost").input_value() == "wall_s"
        assert page.locator("#points tbody tr").nth(0).locator("td").nth(5).inner_text() == "0,8"


def test_it_fits_a_narrow_window(made):
    with browsing(390, 800) as (page, _):
        open_(page, made)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("[...document.querySelectorAll('select')].every((each) => each.labels.length)")


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(RequestError, match="the page is a folder"):
        write_sweep(tmp_path, Header("rr", FACTS, "cpu", 1, 5), POINTS)
