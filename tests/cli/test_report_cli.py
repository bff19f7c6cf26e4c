"""``seamline report``: one page that needs nothing but itself, of any finished run and of no other."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.report import views as report_views
from seamline.report.page import render
from seamline.report.views import shown_bands, views
from seamline.tests.engine.inputs.hostile import Listener, mask_vrt


def seamline(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def run(small_pair, tmp_path):
    """A finished run."""
    out = tmp_path / "fused.tif"
    answer = seamline("pansharpen", *small_pair, out, "--model", "brovey", "--device", "cpu")
    assert answer.exit_code == 0, answer.output
    return out


class Page(HTMLParser):
    """Collects what a page refers to, and its text."""

    def __init__(self, text):
        super().__init__()
        self.links, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action", "data")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def test_the_page_is_self_contained_and_says_what_was_made(run):
    answer = seamline("report", run)
    assert answer.exit_code == 0, answer.output
    path = run.with_name("fused.report.html")
    assert answer.output.strip() == str(path)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert len(page.links) == 4, "before and after, of the whole and of a detail"
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert not re.search(r"https?:|url\(|@import", path.read_text(encoding="utf-8"))
    for words in ("fused.tif", "brovey 2.", "brovey@2", "GPL-2.0-or-later", "Consistency", "blue", "Time", "Identity"):
        assert words in page.text
    facts = json.loads(run.with_name("fused.report.json").read_text())
    assert facts["identity"] in page.text


@pytest.mark.parametrize(("score", "words"), [(1.02, "no seam shows"), (1.9, "look at the tile boundaries")])
def test_a_seam_score_comes_with_its_verdict(score, words):
    facts = {
        "model": "m@1",
        "outputs": ["o.tif"],
        "metrics": {"seam_score": score, "seam_control_band": [0.8, 1.3], "consistency": [None, 0.01]},
    }
    text = Page(render(facts, ())).text
    assert f"{score:.3f}" in text
    assert words in text
    assert "1.00 %" in text


def test_names_cannot_break_out_of_the_text(run):
    report = run.with_name("fused.report.json")
    facts = json.loads(report.read_text())
    evil = "<script>alert('x')</script>{body}"
    facts |= {"model": evil, "inputs": {evil: evil}, "note": evil}
    facts["main_bands"][0]["name"] = evil
    report.write_text(json.dumps(facts))
    assert seamline("report", run).exit_code == 0
    text = run.with_name("fused.report.html").read_text(encoding="utf-8")
    assert text.count("<script") == 1
    assert "{body}" in Page(text).text, "a placeholder in a name was filled in"


def test_a_page_can_be_put_elsewhere_and_named_by_its_report(run, tmp_path):
    page = tmp_path / "page.html"
    answer = seamline("report", run.with_name("fused.report.json"), page, "--json")
    assert answer.exit_code == 0, answer.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_run_is_found_from_another_folder(small_pair, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    names = [f"../{path.name}" for path in small_pair]
    assert seamline("pansharpen", *names, "o.tif", "--model", "brovey", "--device", "cpu").exit_code == 0
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert seamline("report", "../work/o.tif").exit_code == 0
    page = Page((tmp_path / "work" / "o.report.html").read_text(encoding="utf-8"))
    assert len(page.links) == 4
    (tmp_path / "moved").mkdir()
    for path in (tmp_path / "work").glob("o.*"):
        path.rename(tmp_path / "moved" / path.name)
    assert seamline("report", tmp_path / "moved" / "o.tif").exit_code == 0
    assert len(Page((tmp_path / "moved" / "o.report.html").read_text(encoding="utf-8")).links) == 4


def test_without_its_rasters_the_page_still_tells(run, small_pair):
    small_pair[0].unlink()
    assert seamline("report", run).exit_code == 0
    assert "type=range" not in run.with_name("fused.report.html").read_text(encoding="utf-8")
    run.unlink()
    assert seamline("report", run).exit_code == 0
    assert "<img" not in run.with_name("fused.report.html").read_text(encoding="utf-8")


def test_a_report_that_names_a_network_fetches_nothing(run, small_pair, tmp_path):
    report = run.with_name("fused.report.json")
    facts = json.loads(report.read_text())
    with Listener(tmp_path) as listener:
        for place in (f"/vsicurl/http://{listener.address}/a.tif", f"http://{listener.address}/a.tif"):
            for band in facts["main_bands"]:
                band["path"] = place
            assert [view.before for view in views(facts)] == [None, None]
            assert views(facts | {"outputs": [place]}) == []
        (small_pair[0].parent / "ms.tif.msk").write_text(mask_vrt(f"/vsicurl/http://{listener.address}/m.tif"))
        assert [view.before for view in views(json.loads(report.read_text()))] == [None, None]
        assert listener.heard == []


def test_what_is_no_finished_run_is_refused(tmp_path):
    refused = seamline("report", tmp_path / "nothing.tif")
    assert (refused.exit_code, "there is no report of it" in refused.output) == (2, True)
    (tmp_path / "o.tif.seamline").mkdir()
    refused = seamline("report", tmp_path / "o.tif")
    assert (refused.exit_code, "this run is not finished" in refused.output) == (2, True)
    odd = '{"model": "a", "metrics": {}, "outputs": %s}'
    for content in (
        "[1]",
        "[" * 10**5,
        odd % "3",
        odd % "[]",
        odd % "[3]",
        '{"model": 1, "metrics": 2, "outputs": ["a"]}',
    ):
        (tmp_path / "x.report.json").write_text(content)
        refused = seamline("report", tmp_path / "x.tif")
        assert (refused.exit_code, "no report of a run" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("blue", "green", "red", "nir"), [3, 2, 1]),
        (("Red", "Green", "Blue"), [1, 2, 3]),
        (("B04", "B03", "B02", "B08"), [1, 2, 3]),
        (("", "", ""), [1, 2, 3]),
        (("", "", "", ""), [3, 2, 1]),
        (("", ""), [1]),
        (("pan",), [1]),
    ],
)
def test_the_colours_are_the_bands_that_say_so(names, shown):
    assert shown_bands(names) == shown


def test_both_sides_of_the_swipe_show_one_ground_in_one_stretch(write_raster, tmp_path):
    rng = np.random.default_rng(3)
    scene = write_raster("in.tif", rng.integers(10, 900, (3, 40, 50), dtype=np.uint16), names=("red", "green", "blue"))
    out = tmp_path / "copy.tif"
    assert seamline("superres", scene, out, "--model", "identity").exit_code == 0
    facts = json.loads(out.with_name("copy.report.json").read_text())
    whole, detail = views(facts)
    for view in (whole, detail):
        assert view.before.size == view.after.size == (900, view.after.height)
        assert np.abs(np.asarray(view.before, int) - np.asarray(view.after, int)).max() == 0


def test_a_wide_scene_is_read_small(write_raster, tmp_path, monkeypatch):
    scene = write_raster("in.tif", np.full((1, 30, 3000), 7, np.uint8))
    out = tmp_path / "copy.tif"
    assert seamline("superres", scene, out, "--model", "identity").exit_code == 0
    widths = []
    real = report_views._picture
    monkeypatch.setattr(
        report_views, "_picture", lambda image, *rest: widths.append(image.shape[2]) or real(image, *rest)
    )
    views(json.loads(out.with_name("copy.report.json").read_text()))
    assert widths == [900, 900, 225, 225]
