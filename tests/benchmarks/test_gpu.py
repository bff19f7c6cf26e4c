"""The benchmark on a GPU: what a log says becomes a page, and devices that differ are missed."""

from __future__ import annotations

from pathlib import Path

from seamline.benchmarks.gpu import __main__ as gpu


def test_a_run_that_was_cut_short_still_gives_its_medians(capsys, tmp_path):
    lines = [(1, 9.0), (1, 2.0), (2, 3.0), (1, 4.0), (2, 5.0), (1, 2.5)]
    log = tmp_path / "run.log"
    log.write_text("\n".join(gpu.LINE.format(steps=steps, seconds=seconds) for steps, seconds in lines))
    assert gpu.main(["--log", str(log), "--title", "a card", "--write", str(tmp_path / "page.md")]) == 1
    text = (tmp_path / "page.md").read_text()
    assert text == capsys.readouterr().out.rstrip("\n") + "\n"
    assert "Measured on: a card." in text
    # The first line is not counted.
    assert "| 1 | 3 | 2.500 | 1.00 |" in text
    assert "| 2 | 2 | 4.000 | 1.60 |" in text
    assert "not measured: MISSED" in text


def test_the_page_is_what_the_log_beside_the_benchmark_gives(monkeypatch, tmp_path):
    root = Path(__file__).parents[2]
    page = (root / "docs" / "results" / "gpu.md").read_text(encoding="utf-8")
    monkeypatch.chdir(root)
    title = "NVIDIA H200, 16 cores, torch 2.11.0"
    gpu.main(["--log", "benchmarks/gpu/h200.log", "--title", title, "--write", str(tmp_path / "gpu.md")])
    assert (tmp_path / "gpu.md").read_text(encoding="utf-8") == page


def test_devices_that_differ_are_missed():
    assert gpu.verdict(gpu.Fused(64, {1: [1.0]}, 0.9999)).endswith("ok")
    assert gpu.verdict(gpu.Fused(64, {1: [1.0]}, 0.9998)).endswith("MISSED")
