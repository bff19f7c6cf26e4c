"""One thing at a time, followed from any thread, cancelled by its kind, and never lost with whoever follows it."""

from __future__ import annotations

import threading

import pytest

from seamline.app.work import Worker
from seamline.engine.errors import RequestError


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.close()


@pytest.fixture
def gate():
    """What a piece of work waits for."""
    made = threading.Event()
    yield made
    made.set()


def waiting(gate):
    def work(listener, cancel):
        listener.emit("start", unit="strips")
        listener.emit("progress", done=1, total=3, eta_s=2.0)
        listener.emit("warning", kind="X", what="look out")
        gate.wait()
        cancel.check()
        return "made"

    return work


def test_its_end_is_seen_by_all_who_follow_and_by_who_comes_later(worker, gate):
    worker.start("run", "the run", waiting(gate))
    first, second = worker.follow("run"), worker.follow("run")
    assert next(first).is_working
    assert next(second).is_working
    first.close()
    gate.set()
    *_, last = second
    assert (last.stage, last.result, last.warnings, last.total, last.unit) == (
        "done",
        "made",
        ("look out",),
        3,
        "strips",
    )
    assert [state.result for state in worker.follow("run")] == ["made"]
    assert worker.state("preview").stage == "idle"


def test_a_second_piece_waits_for_the_first(worker, gate):
    worker.start("run", "the run of a.tif", waiting(gate))
    with pytest.raises(RequestError, match=r"the run of a\.tif is not finished"):
        worker.start("preview", "the preview", waiting(gate))
    gate.set()
    list(worker.follow("run"))
    worker.start("preview", "the preview", lambda listener, cancel: 1)
    assert [state.stage for state in worker.follow("preview")][-1] == "done"


def test_cancelling_another_kind_stops_nothing(worker, gate):
    worker.start("run", "the run", waiting(gate))
    worker.cancel("preview")
    gate.set()
    assert list(worker.follow("run"))[-1].stage == "done"


def test_a_cancelled_and_a_failed_piece_say_so(worker, gate):
    worker.start("run", "the run", waiting(gate))
    worker.cancel("run")
    gate.set()
    assert list(worker.follow("run"))[-1].stage == "cancelled"

    def refused(listener, cancel):
        raise RequestError("it is wrong", where="here", fix="mend it")

    worker.start("run", "the run", refused)
    last = list(worker.follow("run"))[-1]
    assert (last.stage, last.sentence) == ("failed", "here: it is wrong; mend it")


def test_a_defect_is_told_and_leaves_the_worker_usable(worker, capfd):
    worker.start("run", "the run", lambda listener, cancel: 1 // 0)
    last = list(worker.follow("run"))[-1]
    assert last.stage == "failed"
    assert "ZeroDivisionError" in last.sentence
    assert "Traceback" in capfd.readouterr().err
    worker.start("run", "the run", lambda listener, cancel: 2)
    assert list(worker.follow("run"))[-1].result == 2
