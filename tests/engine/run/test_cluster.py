"""A cluster gives the pixels of one process, whoever goes meanwhile, and says what is wrong with it in a sentence."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seamline
from seamline.engine.errors import Cancelled, RequestError, RunError
from seamline.engine.events import Cancel
from seamline.engine.inputs.fingerprint import Stamp
from seamline.engine.request import OpenPolicy, Request
from seamline.engine.run import Cluster, run
from seamline.engine.run.cluster import parts_of
from seamline.engine.run.cluster_connection import Waiting
from seamline.engine.run.cluster_worker import Needs, survey
from seamline.engine.testing import GroundNoise, assert_same_pixels

distributed = pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

TOYS = Path(__file__).resolve().parents[2] / "toys"
QUICK = Waiting(connect=20, again=40, grace=5, look=0.2)


class Heard:
    """A listener that does something at each event, and keeps all."""

    def __init__(self, act=lambda heard, event, fields: None):
        self.events, self._act = [], act

    def emit(self, event, **fields):
        self.events.append((event, fields))
        self._act(self, event, fields)

    def of(self, kind):
        return [fields for event, fields in self.events if event == kind]


class Machines:
    """A scheduler and workers, each a process that can be ended and started again."""

    def __init__(self, folder: Path, count: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(Path(seamline.__file__).resolve().parents[1]), str(folder)]),
            "MORTAL": str(folder),
            "OMP_NUM_THREADS": "1",
        }
        self.folder, self.count = folder, count
        self.start()

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def _spawn(self, *command):
        with (self.folder / "machines.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *command], env=self._environment, stdout=log, stderr=log, cwd=self.folder
            )

    def _worker(self, number):
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--name", str(number))
        return self._spawn("distributed.cli.dask_worker", self.address, *options)

    def start(self):
        scheduler = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard")
        self.scheduler = self._spawn("distributed.cli.dask_scheduler", *scheduler)
        self.workers = [self._worker(number) for number in range(self.count)]

    def revive(self):
        """Start again those workers that have ended; how many there were."""
        ended = [number for number, worker in enumerate(self.workers) if worker.poll() is not None]
        for number in ended:
            self.workers[number] = self._worker(number)
        return len(ended)

    def end(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
        for process in (*self.workers, self.scheduler):
            process.wait()


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 12])
@pytest.mark.parametrize("rows", [1, 6, 44, 82, 121, 349, 503, 5000])
def test_workers_of_one_speed_end_together_and_compute_few_rows_twice(rows, workers):
    """Handed out as they come back: the last to end has few rows more than the first, and parts are not many."""
    busy, left, parts = [0] * workers, rows, 0
    while left:
        at = min(busy)
        idle = [number for number, until in enumerate(busy) if until == at]
        count = min(parts_of(left, idle=len(idle), workers=workers), left)
        # As even as can be, the longer ones first.
        sizes = [left // count + (number < left % count) for number in range(count)]
        for number, size in zip(idle, sizes, strict=False):
            busy[number] += size
            left -= size
            parts += 1
    assert max(busy) <= -(-rows // workers) * 1.15
    assert parts - workers <= rows / 20


@pytest.fixture
def machines(tmp_path, monkeypatch):
    folder = tmp_path / "machines"
    folder.mkdir()
    shutil.copy(TOYS / "mortal.py", folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("MORTAL", str(folder))
    made = []

    def make(count):
        made.append(Machines(folder, count))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def scene(write_raster):
    values = np.random.default_rng(4).integers(100, 3000, (2, 1600, 90)).astype(np.uint16)
    return write_raster("in.tif", values)


def asked(scene, out, **options):
    return Request(inputs={"image": str(scene)}, out=str(out), threads=1, tile=48, overlap=8, **options)


def test_workers_are_killed_and_the_scheduler_is_started_again(scene, tmp_path, machines):
    """Two workers die at their work and a third of the way the scheduler goes with all that it knows."""
    cluster = machines(3)
    from mortal import Mortal

    done = {"killed": 0, "restarted": False}

    def disturb(heard, event, fields):
        if event != "progress":
            return
        cluster.revive()
        if fields["done"] > 12 * (done["killed"] + 1) and done["killed"] < 2:
            done["killed"] += 1
            (cluster.folder / f"kill-{done['killed']}").touch()
        elif fields["done"] > 60 and not done["restarted"]:
            done["restarted"] = True
            cluster.end()
            cluster.start()

    heard = Heard(disturb)
    found = run(
        asked(scene, tmp_path / "there.tif"),
        Mortal(),
        executor=Cluster(cluster.address, waiting=QUICK),
        listener=heard,
    )
    assert done == {"killed": 2, "restarted": True}
    assert not list(cluster.folder.glob("kill-*"))
    run(asked(scene, tmp_path / "here.tif"), GroundNoise())
    assert_same_pixels(tmp_path / "here.tif", tmp_path / "there.tif")
    bands = heard.of("start")[0]["bands"]
    assert found.facts["outputs"]
    assert bands > 10
    assert not (tmp_path / "there.tif.seamline").exists()


def test_a_worker_that_always_dies_ends_the_run_which_can_be_gone_on_with(scene, tmp_path, machines):
    cluster = machines(1)
    from mortal import Mortal

    def deadly(heard, event, fields):
        if event == "progress" and fields["done"] > 12:
            (cluster.folder / "kill-1").touch()
        cluster.revive()

    class Reviving(Cancel):
        """Is looked at at every turn of the run, when no worker says anything too."""

        def check(self):
            if cluster.revive():
                (cluster.folder / "kill-1").touch()

    with pytest.raises(RunError, match=r"3 workers were lost over row band \d+; .*--resume"):
        run(
            asked(scene, tmp_path / "o.tif"),
            Mortal(),
            executor=Cluster(cluster.address, waiting=QUICK),
            listener=Heard(deadly),
            cancel=Reviving(),
        )
    run(asked(scene, tmp_path / "o.tif", resume=True), Mortal.__base__())


def test_on_this_machine_with_the_pixels_of_one_process(scene, tmp_path):
    heard = Heard()
    run(asked(scene, tmp_path / "there.tif"), GroundNoise(), executor=Cluster("local", 2), listener=heard)
    run(asked(scene, tmp_path / "here.tif"), GroundNoise())
    assert_same_pixels(tmp_path / "here.tif", tmp_path / "there.tif")
    assert heard.of("progress")[-1]["done"] == heard.of("progress")[-1]["total"]


def test_a_client_of_the_callers_stays_open_and_a_cancelled_run_goes_on(scene, tmp_path):
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", memory_limit=0) as cluster,
        distributed.Client(cluster) as client,
    ):
        cancel = Cancel()
        stopping = Heard(lambda heard, event, fields: event == "progress" and fields["done"] > 6 and cancel.set())
        with pytest.raises(Cancelled):
            run(
                asked(scene, tmp_path / "o.tif"),
                GroundNoise(),
                executor=Cluster(client=client),
                listener=stopping,
                cancel=cancel,
            )
        heard = Heard()
        run(
            asked(scene, tmp_path / "o.tif", resume=True),
            GroundNoise(),
            executor=Cluster(client=client),
            listener=heard,
        )
        assert client.submit(abs, -1).result() == 1
    assert heard.of("start")[0]["bands"] < stopping.of("start")[0]["bands"]
    run(asked(scene, tmp_path / "here.tif"), GroundNoise())
    assert_same_pixels(tmp_path / "here.tif", tmp_path / "o.tif")


def test_no_scheduler_no_address_no_workers(scene, tmp_path):
    quick = replace(QUICK, connect=0.5, again=0.5)
    with pytest.raises(RequestError, match="no scheduler that answers"):
        run(asked(scene, tmp_path / "o.tif"), GroundNoise(), executor=Cluster("tcp://127.0.0.1:9", waiting=quick))
    for address in ("nonsense://x:1", "10.0.0.1:8786", "tcp://10.0.0.1", "", 8786):
        with pytest.raises(RequestError, match="no address of a scheduler"):
            Cluster(address)
    empty = distributed.LocalCluster(n_workers=0, dashboard_address=":0")
    with empty, pytest.raises(RequestError, match="the cluster has no worker"):
        run(asked(scene, tmp_path / "o.tif"), GroundNoise(), executor=Cluster(empty.scheduler_address, waiting=quick))
    assert not (tmp_path / "o.tif").exists()
    with pytest.raises(RequestError, match="0 workers cannot work"):
        Cluster("local", 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"versions": {"seamline": "0.0.9"}}, f"has seamline {seamline.__version__}, where 0.0.9 is wanted"),
        ({"versions": {"torch": "1.0"}}, "has torch .*, where 1.0 is wanted"),
        ({"folder": Path("/nowhere/o.tif.seamline")}, "cannot write into /nowhere/o.tif.seamline"),
        ({"stamps": (Stamp("/nowhere/in.tif", 12, 34),)}, "does not see /nowhere/in.tif as it is here"),
        ({"device": "cuda:99"}, "has no cuda:99"),
        ({}, None),
    ],
)
def test_what_a_worker_may_lack(tmp_path, change, said):
    answer = survey(
        replace(Needs(folder=tmp_path, stamps=(), versions={}, device="cpu", policy=OpenPolicy()), **change)
    )
    if said is None:
        assert answer.lacks is None
        assert (tmp_path / answer.probe).read_text() == answer.probe
    else:
        assert re.match(said, answer.lacks)


def test_a_worker_with_storage_of_its_own_is_refused(scene, tmp_path, monkeypatch):
    """Its folder has the same path, and is another one: what it writes is not seen here."""
    from seamline.engine.run import cluster_worker

    monkeypatch.setattr(cluster_worker, "survey", lambda needs: cluster_worker.Answer("probe-elsewhere", None))
    here = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0")
    with here, distributed.Client(here) as client, pytest.raises(RequestError, match=r"writes into another .*seamline"):
        run(asked(scene, tmp_path / "o.tif"), GroundNoise(), executor=Cluster(client=client))
    assert not (tmp_path / "o.tif").exists()
