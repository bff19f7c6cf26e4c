"""What the log says before and during a run."""

import json

import processing
import pytest


def test_the_run_itself_says_before_its_first_tile_what_it_will_need(fake_engine, feedback, scene, tmp_path):
    fake_engine("")
    processing.run("seamline:pansharpen", {**scene, "OUTPUT": str(tmp_path / "out.tif")}, feedback=feedback)
    first = [line for line in feedback.lines if line.startswith(("seamline ", "Estimate", "Plan", "HQNR"))]
    assert first[1:] == [
        "Estimate: 3.0 GiB of memory, an output of up to 100 MiB, 200 MiB of disk while it runs",
        "Plan: 256 x 128 px, 4 bands, 4 tiles of 512 px, model m@1, on cpu",
        "HQNR: 0.9",
    ]
    # One process, and the one line that says what it was asked for, as one would type it.
    assert first[0].startswith("seamline pansharpen ")
    assert not any("--dry-run" in line or "fake_engine.py" in line for line in feedback.lines)


def test_a_report_adds_no_command_to_the_log(fake_engine, feedback, scene, tmp_path):
    fake_engine("")
    places = {"OUTPUT": str(tmp_path / "out.tif"), "REPORT": str(tmp_path / "r.html")}
    processing.run("seamline:pansharpen", {**scene, **places}, feedback=feedback)
    assert [line.split(" ")[1] for line in feedback.lines if line.startswith("seamline ")] == ["pansharpen"]


@pytest.mark.parametrize("plan", [{}, {"estimate": None, "output": {"size": 3}}, {"estimate": {"seconds": "soon"}}])
def test_an_estimate_that_lacks_something_is_no_reason_to_fail(plan):
    from seamline.qgis_plugin.reporting import estimate_lines

    assert estimate_lines(plan) == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (100, "2 min"), (3600, "60 min"), (7500, "2 h 5 min")],
)
def test_a_duration_is_short(seconds, words):
    from seamline.qgis_plugin.reporting import duration

    assert duration(seconds) == words


class Log:
    """Remembers progress."""

    def __init__(self):
        self.steps, self.texts, self.lines = [], [], []
        self.setProgress, self.setProgressText, self.pushInfo = self.steps.append, self.texts.append, self.lines.append


def test_the_bar_moves_with_each_tile_and_the_log_does_not_flood():
    from seamline.qgis_plugin.reporting import Reporter

    log = Log()
    reporter = Reporter(log)
    for done in range(1, 1001):
        reporter.event({"event": "progress", "done": done, "total": 1000, "eta_s": 1000 - done})
    assert len(log.steps) == 1000
    assert log.texts[0] == "Tile 1 of 1000, about 17 min left"
    assert log.texts[-1] == "Tile 1000 of 1000"
    assert len(log.texts) <= 3


def test_a_step_that_follows_the_run_leaves_the_bar_alone():
    from seamline.qgis_plugin.reporting import Reporter

    log = Log()
    reporter = Reporter(log, quiet=True)
    reporter.event({"event": "progress", "done": 1, "total": 2})
    reporter.event({"event": "done", "report": "x", "metrics": {"a": 1}})
    assert (log.steps, log.lines) == ([], [])


def test_steps_are_not_called_tiles():
    from seamline.qgis_plugin.reporting import Reporter

    log = Log()
    reporter = Reporter(log)
    reporter.event({"event": "start", "unit": "steps"})
    reporter.event({"event": "progress", "done": 1, "total": 2, "eta_s": 5})
    assert log.texts == ["Step 1 of 2, about 5 s left"]


def test_a_page_of_metrics_is_escaped_and_complete():
    from seamline.qgis_plugin.metrics_page import metrics_page

    metrics = {"Q2n": 0.91234567, "PSNR": None, "<b>": 3.0}
    about = {"Q2n": {"best": 1.0, "unit": "", "against": "reference"}, "PSNR": {"best": None, "unit": "dB"}}
    page = metrics_page(metrics, about, {"Fused raster": "/a<b>.tif"})
    assert "0.9123" in page
    assert page.count("∞") == 2
    assert "<b>" not in page
    assert "/a&lt;b&gt;.tif" in page
    assert json.dumps(page)
    bare = metrics_page({"mIoU": 0.5, "macro_F1": None, "classes": {"a": {"IoU": None, "px": 7}}}, {}, {})
    assert bare.count("<tr><th>") == 2
    assert "<td>macro_F1</td><td class=number></td></tr>" in bare
    assert "<td>a</td><td class=number></td><td class=number>7</td></tr>" in bare


def test_a_run_is_measured_in_sentences_and_an_evaluation_by_names():
    from seamline.qgis_plugin.reporting import metric_lines

    run = {
        "seam_score": 1.2345,
        "seam_control_band": [0.9, 1.5],
        "seam_score_plain": 1.0,
        "overlap_variance_ratio": 1.0,
        "consistency": [0.0012, None, 0.004],
        "consistency_sight": "mtf",
    }
    assert metric_lines(run) == [
        "Seam score: 1.23; lines elsewhere in the image have 0.90 to 1.50",
        "Consistency: seen as the input sees, the output is within 0.4 % of it, band by band 0.12, 0.4",
    ]
    assert metric_lines({"HQNR": 0.91234, "PSNR": None}) == ["HQNR: 0.9123"]
    assert metric_lines(None) == []
