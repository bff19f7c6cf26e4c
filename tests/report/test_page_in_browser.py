"""The page in a real browser: it opens alone, moves, zooms to single pixels, and tells spectra; nothing leaves.

With SEAMLINE_SCREENSHOTS naming a folder, the pictures of docs/how-to/report.md are taken anew.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from seamline import api
from seamline.cli.demo_scene import write_scene
from seamline.report.page import write_page
from seamline.tests.browser import browsing


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The demo's scene, fused, and its page with the truth beside it: (output, page)."""
    folder = tmp_path_factory.mktemp("page")
    ms, pan, truth = write_scene(folder, 1024)
    out = folder / "fused.tif"
    api.pansharpen(ms, pan, out=out, model="mtf-glp-fs", tile=256, overlap=64)
    return out, write_page(out, reference=truth)


@pytest.fixture
def opened(made):
    with browsing() as (page, asked):
        open_(page, made[1])
        yield page, asked


def open_(page, path):
    page.goto(path.as_uri())
    page.wait_for_selector("#stage[data-drawn]")


def seen(page):
    """The pictures as they are shown, (rows, columns, 3)."""
    settle(page)
    return np.asarray(Image.open(io.BytesIO(page.locator("#viewer").screenshot())).convert("RGB"), int)


def settle(page):
    """Wait until nothing moves and all tiles are there."""
    page.wait_for_function(
        "() => { const { viewer } = page.viewer, { world } = viewer;"
        " const still = viewer.viewport.getZoom(true) === viewer.viewport.getZoom(false);"
        " return still && world.getItemCount() === 2"
        " && [0, 1].every((i) => world.getItemAt(i).getFullyLoaded()); }"
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def zoom(page, wanted):
    page.click(f"[data-zoom='{wanted}']")
    settle(page)


def drag_line(page, share):
    box, line = page.locator("#stage").bounding_box(), page.locator("#line").bounding_box()
    middle = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + share * box["width"], middle, steps=5)
    page.mouse.up()


def test_it_opens_shows_what_was_measured_and_asks_nobody(opened):
    page, asked = opened
    assert page.locator("h1").inner_text() == "fused.tif"
    titles = page.locator("h2").all_inner_texts()
    assert titles == [
        "Spectra",
        "What was measured",
        "Against the reference",
        "Consistency, band by band",
        "Change of spectra",
        "Where seams and lattices are",
        "The instrument, as measured",
        "Time",
        "How it was made",
    ]
    assert page.locator("#left option").all_inner_texts()[:3] == ["Output", "Input MS", "Input PAN"]
    assert asked == []


def test_the_line_moves_with_the_mouse_and_with_keys(opened):
    page, _ = opened
    page.select_option("#left", label="Difference from input")
    whole = seen(page)
    drag_line(page, 0.9)
    moved = seen(page)
    wide = whole.shape[1]
    changed = np.abs(moved - whole).sum(axis=(0, 2)) > 0
    assert changed[int(0.55 * wide) : int(0.85 * wide)].mean() > 0.2
    assert not changed[: int(0.45 * wide)].any()
    page.focus("#line")
    page.keyboard.press("Home")
    assert page.locator("#line").get_attribute("aria-valuenow") == "0"
    page.keyboard.press("ArrowRight")
    assert page.locator("#line").get_attribute("aria-valuenow") == "2"


def test_pixels_are_shown_as_pixels_at_three_to_one(made, opened):
    page, _ = opened
    zoom(page, 1)
    assert page.locator("#zoom").inner_text() == "1:1"
    page.focus("#line")
    page.keyboard.press("Home")
    zoom(page, 3)
    assert page.locator("#zoom").inner_text() == "3:1"
    shown = seen(page)
    # Inside a pixel of the output nothing changes, so two of three steps along a row are none.
    steps = np.abs(np.diff(shown[50:-50, 60:-60], axis=1)).sum(axis=2).sum(axis=0) > 0
    assert 0.25 < steps.mean() < 0.42


def test_left_and_right_show_one_place_and_the_input_in_its_own_pixels(opened):
    page, _ = opened
    zoom(page, 3)
    page.focus("#line")
    page.keyboard.press("End")
    shown = seen(page)
    steps = np.abs(np.diff(shown[50:-50, 60:-60], axis=1)).sum(axis=2).sum(axis=0) > 0
    assert steps.mean() < 0.15, "pixels of MS are four times as large"
    page.keyboard.press("Home")
    fine = seen(page)
    for image in (shown, fine):
        assert image.std() > 10
    small = [
        np.asarray(Image.fromarray(i.astype(np.uint8)).convert("L").resize((16, 10), 4), int) for i in (shown, fine)
    ]
    assert np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1] > 0.8


def test_every_layer_can_be_chosen(opened):
    page, _ = opened
    page.focus("#line")
    page.keyboard.press("End")
    pictures = []
    for title in page.locator("#left option").all_inner_texts():
        page.select_option("#left", label=title)
        pictures.append(seen(page))
        assert page.locator("#left-tag").inner_text() == title
    apart = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(apart) > 1, "two layers look the same"


def test_a_click_tells_the_spectra_that_the_files_store_there(made, opened):
    page, _ = opened
    zoom(page, 3)
    box = page.locator("#viewer").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 120, box["y"] + box["height"] / 2 + 60)
    page.wait_for_selector("#spectra-table td")
    note = page.locator("#spectra-note").inner_text()
    column, row = (int(re.search(rf"{axis} (\d+)", note)[1]) for axis in ("column", "row"))
    clicked = page.evaluate("() => { const p = page.viewer.viewer.viewport.getCenter(); return [p.x, p.y]; }")
    away = np.hypot(column + 0.5 - (1024 * clicked[0] + 40), row + 0.5 - (1024 * clicked[1] + 20))
    step = page.evaluate("() => page.facts.samples.step")
    assert step > 1, "the scene is too small for its samples to be some of its pixels"
    assert away <= step / np.sqrt(2) + 0.5
    told = re.search(r"([\d.]+) px, ([\d.]+) m from the click", note)
    if told:
        assert float(told[1]) == pytest.approx(away, abs=0.4)
        assert float(told[2]) == pytest.approx(float(told[1]) / 2, abs=0.1)
    with rasterio.open(made[0]) as file:
        stored = file.read(window=rasterio.windows.Window(column, row, 1, 1))[:, 0, 0]
    cells = page.locator("#spectra-table tbody tr").first.locator("td").all_inner_texts()
    assert [int(cell.replace(",", "")) for cell in cells] == stored.tolist()
    assert page.locator("#spectra-plot canvas").count() == 1
    page.click("#probe")
    page.wait_for_selector("#pin-1")
    assert page.locator("#spectra-table tbody tr").count() == 8


def test_a_map_leads_to_the_place(opened):
    page, _ = opened
    canvas = page.locator(".maps canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    settle(page)
    x, y = page.evaluate("() => { const p = page.viewer.viewer.viewport.getCenter(); return [p.x, p.y]; }")
    assert (x, y) == (pytest.approx(0.25, abs=0.02), pytest.approx(0.75, abs=0.02))
    assert page.locator("#zoom").inner_text() == "1:1"


@pytest.mark.parametrize(("locale", "point"), [("en-GB", "."), ("de-DE", ",")])
def test_numbers_are_written_as_the_reader_does(made, locale, point):
    with browsing(locale=locale) as (page, _):
        open_(page, made[1])
        shown = page.locator(".cards strong").first.inner_text()
        assert point in shown
        page.click("#probe")
        page.wait_for_selector("#spectra-table td")


def test_it_fits_a_narrow_window_and_is_told_to_those_who_do_not_see(made):
    with browsing(390, 800, has_touch=True) as (page, asked):
        open_(page, made[1])
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for named in ("#viewer", "#line", ".maps canvas"):
            assert all(each.get_attribute("aria-label") for each in page.locator(named).all())
        assert page.evaluate("[...document.querySelectorAll('select')].every((each) => each.labels.length)")
        assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(made, scheme):
    with browsing(color_scheme=scheme) as (page, _):
        open_(page, made[1])
        paper = luminance(page, "body", "backgroundColor")
        for named in ("h1", "header p", ".cards p", ".cards .good em, .cards .bad em", "#spectra-note", "caption"):
            ink = luminance(page, named, "color")
            light, dark = max(ink, paper), min(ink, paper)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, named


def luminance(page, selector, what):
    """Of a colour, as WCAG 2 has it."""
    text = page.locator(selector).first.evaluate(f"(each) => getComputedStyle(each).{what}")
    parts = [int(part) / 255 for part in text[4:-1].split(",")]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_pictures_of_the_documentation_are_taken(made, tmp_path):
    with browsing(1280, 1000) as (page, _):
        open_(page, made[1])
        zoom(page, 3)
        page.click("#probe")
        page.wait_for_selector("#spectra-table td")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=tmp_path / "report-swipe.png")
        page.locator("#spectra").screenshot(path=tmp_path / "report-spectra.png")
        page.locator(".maps").screenshot(path=tmp_path / "report-maps.png")
    wanted = os.environ.get("SEAMLINE_SCREENSHOTS")
    for path in tmp_path.glob("*.png"):
        assert path.stat().st_size > 5000
        if wanted:
            shutil.copy(path, Path(wanted))
