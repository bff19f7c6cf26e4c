"""``seamline batch``: right outputs beside clear failures, no work twice, one model for all; lists that are none."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

import seamline
from seamline import api
from seamline.batches.job_list import read_job_list
from seamline.batches.status import StatusFolder
from seamline.cli.group import cli
from seamline.cli.rows import jobs_of
from seamline.engine.errors import RunError
from seamline.engine.output.workspace import Workspace
from seamline.models.registry import FolderSource

LEARNED = "slimdiffsr-tiny-x2"


def write(path, pixels, size=2.0, east=500000):
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=from_origin(east, 5e6, size, size), **profile) as file:
        file.write(pixels)
    return str(path)


def image(seed, height=24, width=20, bands=3):
    return (300 + 900 * np.random.default_rng(seed).random((bands, height, width))).astype(np.uint16)


def pixels(path):
    with rasterio.open(path) as file:
        return file.read()


def run(*arguments):
    return CliRunner().invoke(cli, ["batch", *map(str, arguments)])


def events(capfd):
    """Those that were written since the last call: past Python, on the descriptor itself."""
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def as_table(path, rows, delimiter=","):
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def states(folder):
    found = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    return {Path(each["output"]).name: each for each in found}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with a folder ``in`` of three images and a folder ``out``."""
    monkeypatch.chdir(tmp_path)
    for name in ("in", "out"):
        Path(name).mkdir()
    for number in range(3):
        write(f"in/{number}.tif", image(number))
    return tmp_path


def three(**more):
    return [
        {"task": "superres", "lr": f"in/{n}.tif", "out": f"out/{n}.tif", "model": "bicubic", "scale": 2, **more}
        for n in range(3)
    ]


@pytest.mark.filterwarnings("ignore::seamline.engine.errors.InstrumentWarning")
def test_of_fifty_scenes_five_fail_clearly_and_the_others_are_those_of_single_runs(here, monkeypatch):
    rows = []
    for number in range(45):
        path = write(f"in/good{number}.tif", image(number, 16 + number % 5, 20))
        row = {"task": "superres", "lr": path, "out": f"out/good{number}.tif", "model": "bicubic", "scale": 3}
        if number % 9 == 4:
            pan = write(f"in/pan{number}.tif", image(99, 64 + number % 5 * 4, 80, 1), 0.5)
            row = {"task": "pansharpen", "ms": path, "pan": pan, "out": row["out"], "model": "gsa"}
        rows.append(row)
    Path("in/torn.tif").write_bytes(Path("in/good0.tif").read_bytes()[:900])
    Path("out/old.tif").write_bytes(b"of somebody else")
    far = write("in/far.tif", image(0, 96, 80, 1), 0.5, 900000)
    broken = {
        "missing": {"task": "superres", "lr": "in/nowhere.tif", "model": "bicubic"},
        "torn": {"task": "superres", "lr": "in/torn.tif", "model": "bicubic"},
        "apart": {"task": "pansharpen", "ms": "in/good0.tif", "pan": far, "model": "gsa"},
        "old": {"task": "superres", "lr": "in/good1.tif", "model": "bicubic"},
        "defect": {"task": "superres", "lr": "in/good2.tif", "model": "bicubic"},
    }
    for place, (name, row) in zip((0, 11, 22, 33, 44), broken.items(), strict=True):
        rows.insert(place, {**row, "out": f"out/{name}.tif"})
    really = api.run_request

    def run_request(request, *rest, **more):
        if request.out == "out/defect.tif":
            raise ZeroDivisionError("of a kind that nobody foresaw")
        return really(request, *rest, **more)

    monkeypatch.setattr(api, "run_request", run_request)
    done = run(as_table(here / "jobs.csv", rows), "--threads", 1)
    assert done.exit_code == 1
    assert "jobs.csv.status: 5 of 50 jobs failed" in done.stderr
    assert "45 done, 5 failed" in done.stdout
    found = states("jobs.csv.status")
    assert sorted(name for name, each in found.items() if each["state"] == "done") == sorted(
        f"good{number}.tif" for number in range(45)
    )
    said = {name: found[f"{name}.tif"]["error"] for name in broken}
    assert (said["missing"]["what"], said["missing"]["where"]) == ("the file does not exist", "in/nowhere.tif")
    assert said["torn"]["where"] == "in/torn.tif"
    assert "does not overlap" in said["apart"]["what"]
    assert (said["old"]["what"], Path("out/old.tif").read_bytes()) == ("the output exists", b"of somebody else")
    assert said["defect"]["what"] == "unexpected ZeroDivisionError: of a kind that nobody foresaw"
    assert "in run_request" in said["defect"]["trace"]
    assert all(each["fix"] for each in said.values())
    for number in (0, 13, 44):
        single = api.superres if number != 13 else api.pansharpen
        given = (f"in/good{number}.tif",) if number != 13 else (f"in/good{number}.tif", f"in/pan{number}.tif")
        more = {"model": "bicubic", "scale": 3} if number != 13 else {"model": "gsa"}
        single(*given, out="single.tif", threads=1, overwrite=True, **more)
        assert np.array_equal(pixels(f"out/good{number}.tif"), pixels("single.tif"))


def test_a_learned_model_is_loaded_once_and_knows_nothing_of_the_scene_before(here, monkeypatch):
    loads, really = [], FolderSource.load
    monkeypatch.setattr(FolderSource, "load", lambda self, runtime: loads.append(runtime) or really(self, runtime))
    rows = [{**row, "model": LEARNED} for row in three()]
    rows[2]["scale"] = None
    rows.insert(1, {**rows[0], "lr": "in/nowhere.tif", "out": "out/no.tif"})
    Path("jobs.json").write_text(json.dumps(rows))
    assert run("jobs.json", "--threads", 1).exit_code == 1
    assert len(loads) == 1
    for number in range(3):
        api.superres(f"in/{number}.tif", model=LEARNED, threads=1, out=f"single{number}.tif")
        assert np.array_equal(pixels(f"out/{number}.tif"), pixels(f"single{number}.tif"))


def test_a_batch_that_was_killed_goes_on_in_the_middle_of_its_scene(here, capfd):
    write("in/1.tif", image(1, 640, 20))
    as_table(here / "jobs.csv", three(tile=64))
    killed = (
        "import os, signal, seamline\n"
        "class Kill:\n"
        "    def emit(self, event, **fields):\n"
        "        if event == 'progress' and fields['job'] == 2 and 2 * fields['done'] > fields['total']:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "seamline.batch('jobs.csv', listener=Kill())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(seamline.__file__).parents[1])}
    died = subprocess.run([sys.executable, "-c", killed], check=False, env=environment)
    assert died.returncode == -signal.SIGKILL
    assert {name: each["state"] for name, each in states("jobs.csv.status").items()} == {
        "0.tif": "done",
        "1.tif": "running",
    }
    before = Path("out/0.tif").stat()
    done = run("jobs.csv", "--json")
    assert done.exit_code == 0, done.output
    told = events(capfd)
    assert [(e["job"], e["state"]) for e in told if e["event"] == "job" and e["state"] != "running"] == [
        (1, "skipped"),
        (2, "done"),
        (3, "done"),
    ]
    (begun,) = [e for e in told if e["event"] == "start" and e.get("job") == 2]
    assert 0 < begun["bands"] < begun["plan"]["row_bands"]
    after = Path("out/0.tif").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert states("jobs.csv.status")["1.tif"]["attempts"] == 2
    api.superres("in/1.tif", model="bicubic", scale=2, tile=64, out="single.tif")
    assert np.array_equal(pixels("out/1.tif"), pixels("single.tif"))


def test_what_is_done_is_done_again_only_where_something_changed(here):
    as_table(here / "jobs.csv", three())
    assert run("jobs.csv").exit_code == 0

    def kept():
        return [Path(f"out/{n}.tif").stat().st_ino for n in range(3)]

    first = kept()
    # Rows in another order, in another format, and inputs elsewhere.
    shutil.copy("in/0.tif", "in/moved.tif")
    rows = three()[::-1]
    rows[2]["lr"] = "in/moved.tif"
    Path("jobs.json").write_text(json.dumps(rows))
    done = run("jobs.json", "--status", "jobs.csv.status", "--json", "--overwrite", "--memory", "4G")
    assert done.exit_code == 0
    assert kept() == first
    # An option of one row, the content of another's input.
    rows = three()
    rows[0]["nodata"] = 7
    write("in/1.tif", image(50))
    as_table(here / "jobs.csv", rows)
    refused = run("jobs.csv")
    assert refused.exit_code == 1
    assert {name: (each["error"] or {}).get("what") for name, each in states("jobs.csv.status").items()} == {
        "0.tif": "the output exists",
        "1.tif": "the output exists",
        "2.tif": None,
    }
    assert kept() == first
    assert run("jobs.csv", "--overwrite").exit_code == 0
    again = kept()
    assert (again[0] != first[0], again[1] != first[1], again[2] == first[2]) == (True, True, True)
    # An output that has gone, and one that another run has put there.
    Path("out/0.tif").unlink()
    api.superres("in/2.tif", model="bicubic", scale=2, seed=5, out="out/1.tif", overwrite=True)
    assert run("jobs.csv", "--overwrite").exit_code == 0
    assert np.array_equal(pixels("out/1.tif"), pixels(api_single(1)))
    assert Path("out/0.tif").exists()


def api_single(number):
    api.superres(f"in/{number}.tif", model="bicubic", scale=2, out="single.tif", overwrite=True)
    return "single.tif"


def test_who_was_killed_after_the_last_rename_has_finished(here, capfd):
    as_table(here / "jobs.csv", three())
    assert run("jobs.csv").exit_code == 0
    for path in Path("jobs.csv.status").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "state": "running", "ended": None}))
    done = run("jobs.csv", "--json")
    assert done.exit_code == 0
    assert {e["state"] for e in events(capfd) if e["event"] == "job"} == {"skipped"}
    assert {each["state"] for each in states("jobs.csv.status").values()} == {"done"}


def test_an_unfinished_run_of_other_options_is_begun_anew(here, monkeypatch):
    write("in/0.tif", image(1, 640, 20))
    as_table(here / "jobs.csv", three(tile=64)[:1])
    stop_at_half(monkeypatch)
    assert run("jobs.csv").exit_code == 130
    assert Workspace.beside(Path("out/0.tif")).exists
    monkeypatch.undo()
    monkeypatch.chdir(here)
    as_table(here / "jobs.csv", three(tile=128)[:1])
    assert run("jobs.csv").exit_code == 0
    assert pixels("out/0.tif").shape == (3, 1280, 40)


def test_an_unfinished_run_that_no_batch_began_stays(here, monkeypatch):
    write("in/0.tif", image(1, 640, 20))
    stop_at_half(monkeypatch)
    single = ["superres", "in/0.tif", "out/0.tif", "--model", "bicubic", "--scale", "2", "--tile", "64"]
    assert CliRunner().invoke(cli, single).exit_code == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    workspace = Workspace.beside(Path("out/0.tif"))
    begun = workspace.plan().identity
    for tile in (128, 192):
        as_table(here / "jobs.csv", three(tile=tile)[:1])
        assert run("jobs.csv").exit_code == 1
        assert "the unfinished run is another one" in states("jobs.csv.status")["0.tif"]["error"]["what"]
        assert workspace.plan().identity == begun
    assert run("jobs.csv", "--overwrite").exit_code == 0


def test_an_input_that_is_out_of_reach_for_a_while_costs_no_finished_row_band(here, monkeypatch, capfd):
    write("in/0.tif", image(1, 640, 20))
    as_table(here / "jobs.csv", three(tile=64)[:1])
    stop_at_half(monkeypatch)
    assert run("jobs.csv").exit_code == 130
    monkeypatch.undo()
    monkeypatch.chdir(here)
    Path("in").rename("away")
    assert run("jobs.csv").exit_code == 1
    Path("away").rename("in")
    events(capfd)
    assert run("jobs.csv", "--json").exit_code == 0
    begun = next(e for e in events(capfd) if e["event"] == "start" and "plan" in e)
    assert 0 < begun["bands"] < begun["plan"]["row_bands"]


def test_a_state_that_cannot_be_read_counts_as_none(here):
    as_table(here / "jobs.csv", three())
    assert run("jobs.csv").exit_code == 0
    paths = sorted(Path("jobs.csv.status").glob("*.json"))
    strange = json.dumps({**json.loads(paths[2].read_text()), "attempts": "many"})
    for path, content in zip(paths, ("{", '{"format": 1, "state": 7}', strange), strict=True):
        path.write_text(content)
    assert run("jobs.csv").exit_code == 1
    assert {each["error"]["what"] for each in states("jobs.csv.status").values()} == {"the output exists"}


def stop_at_half(monkeypatch):
    """Ctrl-C in the middle of the first scene."""
    really = api.run_request

    class Stop:
        def __init__(self, listener):
            self.listener = listener

        def emit(self, event, **fields):
            if event == "progress" and 2 * fields["done"] > fields["total"]:
                os.kill(os.getpid(), signal.SIGINT)
            self.listener.emit(event, **fields)

    def run_request(*given, listener, **more):
        return really(*given, listener=Stop(listener), **more)

    monkeypatch.setattr(api, "run_request", run_request)


def test_a_cancelled_batch_stops_whole_and_says_where(here, monkeypatch):
    write("in/1.tif", image(1, 640, 20))
    as_table(here / "jobs.csv", three(tile=64))
    assert run("jobs.csv", "--task", "superres").exit_code == 0
    for name in ("1", "2"):
        Path(f"out/{name}.tif").unlink()
    stop_at_half(monkeypatch)
    done = run("jobs.csv")
    assert done.exit_code == 130
    assert "start the batch again to go on" in done.stderr
    assert "1 skipped, 1 cancelled, 1 not begun" in done.stdout
    assert states("jobs.csv.status")["1.tif"]["state"] == "cancelled"
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert run("jobs.csv").exit_code == 0


@pytest.mark.parametrize(
    ("error", "order"),
    [
        (RunError("the disk was full for a while"), [0, 1, 2, 0]),
        (MemoryError(), [0, 1, 2, 0]),
        (seamline.engine.errors.RequestError("it never was an image"), [0, 1, 2]),
        (ValueError("a defect"), [0, 1, 2]),
    ],
)
def test_faults_that_can_pass_are_tried_again_after_the_others(here, monkeypatch, error, order):
    tried, really = [], api.run_request

    def run_request(request, *rest, **more):
        tried.append(int(Path(request.out).stem))
        if len(tried) == 1:
            raise error
        return really(request, *rest, **more)

    monkeypatch.setattr(api, "run_request", run_request)
    as_table(here / "jobs.csv", three())
    done = run("jobs.csv")
    assert tried == order
    assert done.exit_code == (0 if len(order) == 4 else 1)
    assert Path("out/0.tif").exists() == (len(order) == 4)


def test_no_retries_are_none(here, monkeypatch):
    def run_request(*_, **__):
        raise RunError("the disk is full")

    monkeypatch.setattr(api, "run_request", run_request)
    as_table(here / "jobs.csv", three()[:1])
    assert run("jobs.csv", "--retries", 0).exit_code == 1
    assert states("jobs.csv.status")["0.tif"]["attempts"] == 1


def test_two_batches_do_not_share_a_folder_of_states(here):
    as_table(here / "jobs.csv", three())
    with StatusFolder(here / "jobs.csv.status").held():
        refused = run("jobs.csv")
    assert refused.exit_code == 2
    assert "another batch works with this folder of states" in refused.stderr
    assert run("jobs.csv").exit_code == 0


def test_defaults_of_the_list_give_way_to_the_command_line_and_both_to_rows(here):
    Path("jobs.yaml").write_text(
        "defaults: {task: superres, model: bicubic, scale: 3, consistency: off, compress: lzw, window: [0, 0, 10, 8]}\n"
        "jobs:\n"
        "- {lr: in/0.tif, out: out/0.tif}\n"
        "- {lr: in/1.tif, out: out/1.tif, scale: 2}\n"
        "- {lr: [in/2.tif, in/0.tif], out: out/2.tif, guide: }\n"
    )
    assert run("jobs.yaml", "--scale", 5, "--nodata", 7).exit_code == 0
    assert [pixels(f"out/{n}.tif").shape for n in range(3)] == [(3, 40, 50), (3, 16, 20), (6, 40, 50)]
    with rasterio.open("out/0.tif") as file:
        assert file.compression.value == "LZW"


def test_pairs_are_found_by_a_pattern(here, capfd):
    for name in ("a", "b[1]", "ü"):
        write(f"in/{name}_ms.tif", image(3, 20, 24, 4))
        write(f"in/{name}_pan.tif", image(4, 80, 96, 1), 0.5)
    words = ["--task", "pansharpen", "--ms", "in/{name}_ms.tif", "--pan", "in/{name}_pan.tif", "--model", "gsa"]
    done = run(*words, "--out", "out/{name}.tif", "--window", 0, 0, 40, 32, "--json")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in Path("out").glob("*.tif")) == ["a.tif", "b[1].tif", "ü.tif"]
    assert events(capfd)[-1]["outputs"] == ["out/a.tif", "out/b[1].tif", "out/ü.tif"]
    assert pixels("out/a.tif").shape == (4, 32, 40)
    assert len(states("out/batch.status")) == 3


def test_a_pattern_of_folders_names_further_outputs_too(here):
    for name in ("x", "y"):
        Path(f"in/{name}").mkdir()
        write(f"in/{name}/{name}_lr.tif", image(3))
    Path("in/x/y_lr.tif").write_bytes(b"the name differs, so it is none")
    words = ["--task", "superres", "--lr", "in/{name}/{name}_lr.tif", "--out", "out/{name}.tif", "--model", LEARNED]
    assert run(*words, "--uncertainty", "out/{name}_u.tif").exit_code == 0
    assert sorted(path.name for path in Path("out").glob("*.tif")) == ["x.tif", "x_u.tif", "y.tif", "y_u.tif"]


GOOD = "task,lr,out,model\nsuperres,in/0.tif,out/0.tif,bicubic\n"
ROW = '{"task": "superres", "lr": "in/0.tif", "out": "out/0.tif", "model": "bicubic"}'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", GOOD, "a.txt: its ending names no format of job lists; give .csv, .json or .yaml"),
        ("a.csv", "", "a.csv: there is no job"),
        ("a.csv", "task,lr,out\n\n,,\n", "a.csv: there is no job"),
        ("a.csv", b"task,lr,out\nsuperres,in/\xe4.tif,out/a.tif\n", "a.csv, line 2, column 13: it is not UTF-8"),
        ("a.csv", GOOD.encode("utf-16"), "a.csv, line 1, column 1: it is not UTF-8"),
        ("a.csv", "task,lr,out,lr\n", "a.csv, line 1, column 4: the column 'lr' is there twice"),
        ("a.csv", "task,lr,,out\n", "a.csv, line 1, column 3: the column has no name"),
        ("a.csv", GOOD + "superres,in/1.tif\n", "a.csv, line 3, column 3: it has 2 cells and the first row 4"),
        ("a.csv", GOOD + 'superres,"in/1.tif\n', "a.csv, line 3: it is not CSV"),
        (
            "a.csv",
            GOOD.replace("model", "modell"),
            "line 2, 'modell': there is no option 'modell' here; did you mean model?",
        ),
        (
            "a.csv",
            GOOD.replace("superres", "sharpen"),
            "a.csv, line 2, task: there is no task 'sharpen'; give one of pan",
        ),
        ("a.csv", GOOD.replace("in/0.tif", ""), "a.csv, line 2, lr: there is no lr"),
        ("a.csv", "lr,out\nin/0.tif,out/0.tif\n", "a.csv, line 2, task: there is no task"),
        (
            "a.csv",
            GOOD.replace("model", "tile").replace("bicubic", "12.5"),
            "line 2, tile: '12.5' is not a valid integer",
        ),
        ("a.csv", GOOD.replace("model", "tile").replace("bicubic", "-1"), "line 2, tile: -1 is not a positive number"),
        ("a.csv", GOOD.replace("model", "resume").replace("bicubic", "true"), "there is no option 'resume' here"),
        (
            "a.csv",
            GOOD.replace("model", "extent").replace("bicubic", "1 2 3"),
            "line 2, extent: '1 2 3' is not 4 numbers",
        ),
        ("a.csv", GOOD.replace("model", "explain").replace("bicubic", "maybe"), "'maybe' is neither on nor off"),
        ("a.csv", GOOD.replace("bicubic", "cubic"), "a.csv, line 2, model: there is no model 'cubic'"),
        ("a.csv", GOOD + GOOD.splitlines()[1], "a.csv, line 3: it writes out/0.tif, as a.csv, line 2 does"),
        (
            "a.csv",
            GOOD + "superres,in/1.tif,OUT/0.tif,bicubic\n",
            "a.csv, line 3: it writes OUT/0.tif, as a.csv, line 2",
        ),
        (
            "a.csv",
            GOOD + "superres,in/1.tif,out/0.tiff,bicubic\n",
            "it writes out/0.report.json, as a.csv, line 2 does",
        ),
        (
            "a.csv",
            GOOD + "superres,./out/../out/0.tif,out/1.tif,bicubic\n",
            "a.csv, line 3: its input out/../out/0.tif is an output of a.csv, line 2",
        ),
        ("a.json", "[" + ROW, "a.json: it is not JSON (Expecting ',' delimiter: line 1 column"),
        ("a.json", "[" * 100000, "a.json: it is not JSON"),
        ("a.json", f'[{ROW[:-1]}, "lr": 1}}]', "it is not JSON (the key 'lr' is there twice)"),
        ("a.json", "[]", "a.json: there is no job"),
        ("a.json", "{}", "a.json: there is no job"),
        ("a.json", '"superres"', "a.json: it is no list of jobs"),
        ("a.json", f'{{"job": [{ROW}]}}', "a.json: there is no section 'job'; the sections are jobs and defaults"),
        ("a.json", f"[{ROW}, 7]", "a.json, job 2: 7 has no options by name"),
        ("a.json", f'{{"defaults": {{"tiles": 7}}, "jobs": [{ROW}]}}', "defaults, 'tiles': there is no option 'tiles'"),
        ("a.json", f'[{ROW[:-1]}, "tile": 64.5}}]', "a.json, job 1, tile: '64.5' is not a valid integer"),
        ("a.json", f'[{ROW[:-1]}, "bands": {{}}}}]', "a.json, job 1, bands: {} is no text and no number"),
        ("a.json", f'[{ROW[:-1]}, "sensor": "\\ud800"}}]', "a.json, job 1, sensor: '\\ud800' is no text and no number"),
        ("a.yaml", f"- {ROW}\n- {{task: superres, lr: a, lr: b}}", "the key 'lr' is there twice, line 2, column 27"),
        ("a.yaml", "- &a [x, x]\n- [*a, *a]", "a.yaml: it is not YAML (aliases are not read)"),
        ("a.yaml", "- a: b: c", "a.yaml: it is not YAML (mapping values are not allowed here"),
        ("a.yml", f"- {ROW[:-1]}, seed: 0x{'f' * 9999}}}", "a.yml, job 1, seed: a int is no text and no number"),
        (
            "a.yaml",
            f"- {ROW[:-1]}, sensor: 2024-01-01}}",
            "a.yaml, job 1, sensor: datetime.date(2024, 1, 1) is no text",
        ),
        ("a.yaml", f"- {ROW[:-1]}, 7: 1}}", "a.yaml, job 1: 7 is no name of an option"),
    ],
)
def test_a_list_that_is_none_is_refused_in_a_sentence_before_anything_is_run(here, name, content, said):
    path = here / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused = run(name)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not list(Path("out").iterdir())
    assert not Path(f"{name}.status").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "JOBS: there is neither a job list nor a task"),
        (["--task", "superres"], "--lr: there is no lr"),
        (["--task", "superres", "--lr", "in/0.tif", "--out", "out/{name}.tif"], "in/0.tif: the pattern names one file"),
        (["--task", "superres", "--lr", "in/{name}.jp2", "--out", "out/{name}.tif"], "in/{name}.jp2: no file is there"),
        (
            ["--task", "superres", "--lr", "in/{name}.tif", "--out", "out/a.tif"],
            "in/1.tif: it writes out/a.tif, as in/0",
        ),
        (
            ["--task", "superres", "--lr", "in/{name}.tif", "--out", "in/{name}_hr.tif"],
            "in/{name}.tif: in/0_hr.tif would be taken for another scene the next time",
        ),
        (
            ["--task", "superres", "--lr", "in/{name}.tif", "--out", "out/{name}.tif", "--polygons", "p.gpkg"],
            "--polygons: superres has no such option",
        ),
        (["nowhere.csv"], "nowhere.csv: it cannot be read (No such file or directory)"),
        (["jobs.csv", "--polygons", "p.gpkg"], "--polygons: it does nothing, as no job is of a task that takes it"),
    ],
)
def test_a_pattern_or_an_option_that_cannot_be_meant_is_refused(here, words, said):
    as_table(here / "jobs.csv", three())
    refused = run(*words)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert not list(Path("out").iterdir())


@pytest.mark.parametrize(("delimiter", "before"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_tables_are_read_as_spreadsheets_write_them(here, delimiter, before):
    as_table(here / "jobs.csv", three(bands="3,1"), delimiter)
    text = before + Path("jobs.csv").read_text().replace("\n", "\r\n")
    Path("jobs.csv").write_bytes(text.encode())
    assert run("jobs.csv").exit_code == 0
    assert pixels("out/2.tif").shape == (2, 48, 40)


def test_rows_from_python_are_run_too(here):
    found = seamline.batch([*three(), {"task": "superres", "lr": "no.tif", "out": "out/no.tif"}], status="states")
    assert [each.state for each in found] == ["done"] * 3 + ["failed"]
    assert found[3].error.where == "no.tif"
    with pytest.raises(seamline.engine.errors.RequestError, match="job 1, task: there is no task"):
        seamline.batch([{"lr": "a.tif"}], status="states")


def test_the_lists_of_the_page_can_be_meant(here):
    page = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "batch.md").read_text()
    found = {name: re.search(rf"```{name}\n(.*?)```", page, re.DOTALL)[1] for name in ("csv", "json", "yaml")}
    for name, text in found.items():
        Path(f"jobs.{name}").write_text(text)
    tasks = {name: [job.task for job in jobs_of(read_job_list(Path(f"jobs.{name}")), {})] for name in found}
    assert tasks == {
        "csv": ["pansharpen", "pansharpen", "superres"],
        "json": ["superres"] * 3,
        "yaml": ["classify", "superres"],
    }
