"""The page in a real browser: open, drag, preview, run, cancel, report, evaluation; and nothing leaves the machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from seamline import api
from seamline.app.desk import Desk
from seamline.app.folders import Folders
from seamline.app.serve import bound, serving
from seamline.engine.quality.metrics import METRICS
from seamline.tests.browser import browsing

pytest.importorskip("gradio", reason="gradio is not installed")


@pytest.fixture
def served(tmp_path):
    """(desk, address) of a page on the folder of the test."""
    desk = Desk(Folders.of([tmp_path]))
    with serving(desk, bound("127.0.0.1", 0), ("127.0.0.1",)) as address:
        yield desk, address


@pytest.fixture
def gate(monkeypatch):
    """Holds every run once it has begun, until it is set."""
    made, real = threading.Event(), api.run_request

    def run_request(*arguments, listener, **more):
        class Held:
            def emit(self, event, **fields):
                listener.emit(event, **fields)
                if event == "start":
                    made.wait()

        return real(*arguments, listener=Held(), **more)

    monkeypatch.setattr(api, "run_request", run_request)
    yield made
    made.set()


@contextlib.contextmanager
def at(address):
    """The page, open."""
    with browsing() as (page, asked):
        page.goto(address)
        # What the page knows comes once it is there: its files, and its models.
        page.locator(".note b").first.wait_for()
        yield page
        assert asked == []


def named(page, **files):
    """Type the names of files."""
    for field, name in files.items():
        page.locator(f"#{field} input").fill(name)
        page.locator(f"#{field} input").press("Enter")


def opened(page, model="brovey", **files):
    """Open files and choose a model."""
    named(page, **files)
    page.get_by_role("button", name="Open").click()
    page.locator(".look img").wait_for()
    page.locator("#model input").fill(model)
    page.locator("#model input").press("Enter")
    page.locator(".note b", has_text=model).wait_for()


def window(page):
    return [int(page.get_by_label(name, exact=True).input_value()) for name in ("Column", "Row", "Width", "Height")]


def drag(page, left, top, right, bottom):
    """Drag an extent, as shares of the picture."""
    frame = page.locator(".look").bounding_box()
    x, y = (lambda s: frame["x"] + s * frame["width"]), (lambda s: frame["y"] + s * frame["height"])
    page.mouse.move(x(left), y(top))
    page.mouse.down()
    page.mouse.move(x((left + right) / 2), y(bottom), steps=3)
    page.mouse.move(x(right), y(bottom), steps=3)
    page.mouse.up()


def test_from_a_scene_to_its_report(served, small_pair, tmp_path):
    _, address = served
    with at(address) as page:
        opened(page, main="ms.tif", beside="pan.tif")
        assert window(page) == [0, 0, 96, 80], "the scene is smaller than what is tried first"
        drag(page, 0.25, 0.25, 0.75, 0.5)
        page.wait_for_function("document.querySelector('.extent').style.width.startsWith('5')")
        page.wait_for_function("[...document.querySelectorAll('input[type=number]')].some(each => each.value === '48')")
        column, row, width, height = window(page)
        assert abs(column - 24) <= 1
        assert abs(row - 20) <= 1
        assert abs(width - 48) <= 1
        assert abs(height - 20) <= 1
        page.get_by_role("button", name="Preview").click()
        page.locator("#swipe img").first.wait_for()
        page.locator("#out input, #out textarea").fill("made.tif")
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("#result code").wait_for()
        assert page.locator("#result code").inner_text() == str(tmp_path / "made.tif")
        report = page.frame_locator("iframe.report")
        assert report.locator("h1").inner_text() == "made.tif"
    with rasterio.open(tmp_path / "made.tif") as out:
        assert out.shape == (80, 96)


def test_a_run_outlives_its_browser_and_is_found_again(served, gate, small_pair, tmp_path):
    _, address = served
    with at(address) as page:
        opened(page, main="ms.tif", beside="pan.tif")
        page.locator("#out input, #out textarea").fill("kept.tif")
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("#run-status progress").wait_for()
    with at(address) as page:
        page.locator("#run-status progress").wait_for()
        page.locator(".look img").wait_for()
        assert page.locator("#main input").input_value() == "ms.tif"
        gate.set()
        page.locator("#result code", has_text="kept.tif").wait_for()
    with at(address) as page:
        page.locator("#result code", has_text="kept.tif").wait_for()


def test_a_run_is_cancelled_and_gone_on_with(served, gate, small_pair, tmp_path):
    _, address = served
    with at(address) as page:
        opened(page, main="ms.tif", beside="pan.tif")
        page.locator("#out input, #out textarea").fill("o.tif")
        run = page.get_by_role("button", name="Run", exact=True)
        run.click()
        page.locator("#run-status progress").wait_for()
        page.locator("#run-cancel").click()
        gate.set()
        page.locator("#run-status", has_text="Cancelled").wait_for()
        assert not (tmp_path / "o.tif").exists()
        run.click()
        page.locator("#run-status .problem", has_text="an unfinished run lies here").wait_for()
        page.locator("#existing input").click()
        page.get_by_role("option", name="go on with the unfinished run").click()
        run.click()
        page.locator("#result code").wait_for()
    assert (tmp_path / "o.tif").is_file()


def test_what_is_wrong_is_said_in_the_words_of_the_engine(served, small_pair, tmp_path):
    _, address = served
    (tmp_path / "bad.tif").write_text("<b>no raster</b>")
    with at(address) as page:
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("#run-status .problem", has_text="no scene is open").wait_for()
        for name, words in (("bad.tif", "cannot be opened as a raster"), ("../x.tif", "outside the folders")):
            named(page, main=name, beside="pan.tif")
            page.get_by_role("button", name="Open").click()
            page.locator(".problem", has_text=words).wait_for()


def test_a_model_is_measured(served, measurable_pair):
    _, address = served
    with at(address) as page:
        opened(page, main="ms.tif", beside="pan.tif")
        page.get_by_role("button", name="Evaluate").click()
        page.locator("#metrics td", has_text="Q2n").first.wait_for()
        assert METRICS["Q2n"].meaning in page.locator("#metrics").inner_text()


def test_a_reference_chooses_its_model_and_further_outputs_lie_beside(served, write_raster, tmp_path):
    rng = np.random.default_rng(3)
    fine = np.clip(900 + 60 * rng.standard_normal((3, 128, 128)).cumsum(axis=2) / 2, 50, 4000)
    coarse, names = fine.reshape(3, 32, 4, 32, 4).mean(axis=(2, 4)), ("red", "green", "blue")
    write_raster("now.tif", coarse.astype(np.uint16), names=names)
    finer = from_origin(500000, 5000000, 0.5, 0.5)
    write_raster("then.tif", (0.8 * fine).astype(np.uint16), transform=finer, names=names)
    _, address = served
    with at(address) as page:
        page.get_by_label("Super-resolve").check()
        page.locator("#beside", has_text="Reference").wait_for()
        named(page, main="now.tif", beside="then.tif")
        page.get_by_role("button", name="Open").click()
        page.locator(".look img").wait_for()
        page.locator(".note b", has_text="ds-dit-tiny-x4").wait_for()
        for further in ("trust", "support"):
            page.get_by_label(further, exact=True).check()
        page.locator("#out input, #out textarea").fill("finer.tif")
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("#result code", has_text="finer.tif").wait_for()
        report = page.frame_locator("iframe.report")
        layers = " ".join(report.locator("#left option").all_inner_texts()).lower()
        assert "trust" in layers
        assert "support" in layers
    for name in ("finer.tif", "finer_trust.tif", "finer_support.tif"):
        with rasterio.open(tmp_path / name) as out:
            assert out.shape == (128, 128)


def test_a_map_of_classes_is_previewed_and_run(served, write_raster, tmp_path):
    rng = np.random.default_rng(4)
    image = np.clip(90 + 20 * rng.standard_normal((3, 128, 128)).cumsum(axis=2) / 4, 1, 255)
    metre = from_origin(500000, 5000000, 1, 1)
    write_raster("town.tif", image.astype(np.uint8), transform=metre, names=("red", "green", "blue"))
    _, address = served
    with at(address) as page:
        page.get_by_label("Segment").check()
        page.locator(".note b", has_text="satdifuser-buildings").wait_for()
        assert not page.get_by_label("support", exact=True).is_visible(), "no map of classes has a support"
        named(page, main="town.tif")
        page.get_by_role("button", name="Open").click()
        page.locator(".look img").wait_for()
        page.get_by_role("button", name="Preview").click()
        page.locator("#swipe img").first.wait_for()
        page.locator("#out input, #out textarea").fill("buildings.tif")
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("#result code", has_text="buildings.tif").wait_for()
    with rasterio.open(tmp_path / "buildings.tif") as out:
        assert out.dtypes == ("uint8",)
        assert "told by a model" in out.tags()["SEAMLINE_NOTE"]


def got(address, path, **headers):
    """Status of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_nothing_but_the_page_is_served(served, small_pair, tmp_path):
    _, address = served
    assert got(address, "/") == 200
    assert got(address, "/report") == 404
    for prefix in ("/gradio_api/file=", "/file=", "/"):
        for path in (tmp_path / "ms.tif", "/etc/hostname", "../../../../etc/hostname"):
            assert got(address, f"{prefix}{path}") in (403, 404)
    assert got(address, "/", Host="elsewhere.example") == 400


def test_the_server_asks_no_other_machine(monkeypatch, tmp_path):
    asked, real = [], socket.socket.connect

    def connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(("127.", "::1")):
            asked.append(address)
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    looked_up, look_up = [], socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: looked_up.append(host) or look_up(host, *rest, **more)
    )
    with serving(Desk(Folders.of([tmp_path])), bound("127.0.0.1", 0), ("127.0.0.1",)) as address:
        assert got(address, "/") == 200
    assert asked == []
    assert {str(host) for host in looked_up} <= {"127.0.0.1", "localhost"}
