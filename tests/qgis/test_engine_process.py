"""A run ends in one of three ways: done, cancelled, or one plain sentence; and it leaves no process behind."""

import os
import signal
import sys
from pathlib import Path

import pytest
from support import FAKE

from seamline.qgis_plugin.engine_process import PROTOCOL, EngineError, EngineProcess, parse_event


def start(mode, tmp_path, monkeypatch, *, cancel_when=lambda events: False, **options):
    """Run the fake engine to its end.  Returns the outcome, the events and the log."""
    monkeypatch.setenv("FAKE_ENGINE", mode)
    monkeypatch.setenv("FAKE_ENGINE_PID", str(tmp_path / "pid"))
    source = tmp_path / "in.tif"
    source.write_bytes(b"pixels")
    command = [sys.executable, str(FAKE), "superres", str(source), str(tmp_path / "out.tif"), *PROTOCOL]
    events, log = [], []
    done = EngineProcess(command, **options).run(
        on_event=events.append, on_log=log.append, is_cancelled=lambda: cancel_when(events)
    )
    return done, events, log


def is_running(pid_file):
    return Path("/proc", pid_file.read_text()).exists()


def test_a_run_reports_each_tile_and_its_output(tmp_path, monkeypatch):
    done, events, log = start("", tmp_path, monkeypatch)
    assert done["outputs"] == [str(tmp_path / "out.tif")]
    assert [e["done"] for e in events if e["event"] == "progress"] == [1, 2, 3, 4]
    assert log == []
    assert not is_running(tmp_path / "pid")


def test_what_is_not_an_event_goes_to_the_log(tmp_path, monkeypatch):
    done, events, log = start("garbage", tmp_path, monkeypatch)
    assert done is not None
    assert {"{not json", "[1, 2]", '{"no": "event"}'} <= set(log)
    assert any("broken utf-8" in line for line in log)
    assert any(e["event"] == "an event of a later version" for e in events)


def test_a_full_log_pipe_does_not_stop_the_engine(tmp_path, monkeypatch):
    done, _, log = start("noisy", tmp_path, monkeypatch)
    assert done is not None
    assert len(log) == 40_000


def test_a_cancelled_engine_ends_by_itself_amid_its_tiles(tmp_path, monkeypatch):
    def on_second_tile(events):
        return sum(e["event"] == "progress" for e in events) >= 2

    # However busy the machine is, it is not killed.
    done, events, _ = start("slow", tmp_path, monkeypatch, cancel_when=on_second_tile, kill_after_s=300.0)
    assert done is None
    assert sum(e["event"] == "progress" for e in events) < 50
    assert events[-1]["event"] == "cancelled"
    assert not is_running(tmp_path / "pid")


def test_an_engine_that_does_not_listen_is_killed(tmp_path, monkeypatch):
    done, _, _ = start("deaf", tmp_path, monkeypatch, cancel_when=lambda events: bool(events), kill_after_s=0.3)
    assert done is None
    assert not is_running(tmp_path / "pid")


def test_a_worker_that_holds_the_pipes_does_not_hold_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_ARGV", str(tmp_path / "worker"))
    done, _, _ = start("orphan", tmp_path, monkeypatch)
    assert is_running(tmp_path / "worker"), "the run waited for the worker"
    os.kill(int((tmp_path / "worker").read_text()), signal.SIGKILL)
    assert done is not None


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("error", "band 5 is not there; MS; choose bands 1 to 4"),
        ("usage", "the engine refused the request: Error: No such option: --frobnicate"),
        ("traceback", "lacks a package (ModuleNotFoundError: No module named 'a_package_that_is_not_installed')"),
        ("killed", "killed by the system, as happens when memory runs out; after 1 of 4 tiles; choose a smaller tile"),
        ("silent", "the engine ended without naming its output"),
    ],
)
def test_every_failure_is_one_plain_sentence(mode, sentence, tmp_path, monkeypatch):
    with pytest.raises(EngineError) as caught:
        start(mode, tmp_path, monkeypatch)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not is_running(tmp_path / "pid")


def test_a_callback_that_fails_leaves_no_process(tmp_path, monkeypatch):
    def fail(events):
        if events:
            raise RuntimeError("a defect of the caller")
        return False

    with pytest.raises(RuntimeError):
        start("slow", tmp_path, monkeypatch, cancel_when=fail)
    assert not is_running(tmp_path / "pid")


@pytest.mark.parametrize("program", ["/nowhere/python", "/", "a\0b"])
def test_a_program_that_cannot_start_is_named(program):
    with pytest.raises(EngineError) as caught:
        EngineProcess([program]).run(on_event=print, on_log=print, is_cancelled=lambda: False)
    assert "cannot be started" in str(caught.value)
    assert program in str(caught.value)


@pytest.mark.parametrize("line", ["", "null", "3", "[" * 100_000, '{"event": 1}', "{", "NaN"])
def test_no_line_breaks_the_reader(line):
    assert parse_event(line) is None
