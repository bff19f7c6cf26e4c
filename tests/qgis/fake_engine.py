"""Speaks the engine's protocol without an engine; ``FAKE_ENGINE`` names what goes wrong.

Standard library alone, and it watches stdin as the engine does.  The process id and the arguments go to the files that
``FAKE_ENGINE_PID`` and ``FAKE_ENGINE_ARGV`` name.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

TILE_S = 0.4
SCORES = {"mIoU": 0.7, "accuracy": 0.875, "macro_F1": None}
SCORES["classes"] = {"water": {"IoU": 0.5, "F1": 0.6, "precision": None}, "<forest>": {"IoU": 0.9, "F1": 0.95}}
cancelled = threading.Event()


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def watch_stdin():
    while os.read(0, 1024):
        pass
    cancelled.set()


def note(variable, text):
    if os.environ.get(variable):
        Path(os.environ[variable]).write_text(text, encoding="utf-8")


def tiles(total, seconds):
    for done in range(1, total + 1):
        if cancelled.wait(seconds):
            say("cancelled")
            sys.exit(130)
        say("progress", done=done, total=total, eta_s=(total - done) * seconds, unknown_key=[])


def before_and_after(mode):
    """What goes before a run, and after it: the list of models, the page."""
    if sys.argv[1] == "models":
        print(os.environ.get("FAKE_ENGINE_MODELS", "[]"))
        sys.exit(0)
    if sys.argv[1] == "report" and mode == "no report":
        say("error", what="this is no report of a run")
        sys.exit(2)
    if sys.argv[1] == "report":
        Path(sys.argv[3]).write_text("<!doctype html>", encoding="utf-8")
        say("done", outputs=[sys.argv[3]], report=None, metrics={})
        sys.exit(0)


def files(output):
    """What a run writes: the output, its report, and the further outputs that are wanted."""
    also = dict(value.split("=", 1) for word, value in pairwise(sys.argv) if word == "--also")
    for path in (output, *also.values()):
        shutil.copyfile(sys.argv[2], path)
    names = json.loads(os.environ.get("FAKE_ENGINE_CATEGORIES", "[]"))
    layers = {"image": {"path": output, "note": "computed", "categories": names}}
    layers.update({name: {"path": path, "note": f"the {name}", "categories": []} for name, path in also.items()})
    facts = {
        "model": "gsa@1",
        "seed": 3,
        "software": "Seamline 9",
        "identity": "abc",
        "note": "computed",
        "licence": "MIT",
    }
    facts.update(task="pansharpen", inputs={"ms": sys.argv[2]}, outputs=[output, *also.values()], layers=layers)
    Path(output).with_name(Path(output).stem + ".report.json").write_text(json.dumps(facts), encoding="utf-8")


def shapes():
    """What a run writes of its map where it is wanted; FAKE_ENGINE_SHAPES is a GeoPackage to pass off as it."""
    for word, value in pairwise(sys.argv):
        if word in ("--polygons", "--patches"):
            shutil.copyfile(os.environ["FAKE_ENGINE_SHAPES"], value)


def train(mode):
    """Learns nothing: a folder, a picture beside it, and a copy of the labels, which QGIS takes away again."""
    words = dict(pairwise(sys.argv))
    folder, labels = Path(words["--out"]), Path(words["--labels"])
    say("start", unit="steps")
    if labels.suffix == ".gpkg":
        shutil.copyfile(labels, os.environ["FAKE_ENGINE_ARGV"] + ".gpkg")
    tiles(50 if mode == "slow" else 4, TILE_S if mode == "slow" else 0.01)
    folder.mkdir()
    (folder / "model.json").write_text("{}", encoding="utf-8")
    outputs, scores = [str(folder)], {}
    if words.get("--hold-out") != "0.0":
        outputs.append(str(folder) + ".confusion.png")
        Path(outputs[1]).write_bytes(b"a picture")
        scores = SCORES
    say("done", outputs=outputs, report=None, metrics=scores)
    sys.exit(0)


def main():
    mode = os.environ.get("FAKE_ENGINE", "")
    before_and_after(mode)
    note("FAKE_ENGINE_PID", str(os.getpid()))
    note("FAKE_ENGINE_ARGV", json.dumps(sys.argv[1:]))
    threading.Thread(target=watch_stdin, daemon=True).start()
    if mode.startswith("doctor"):
        say("finding", what="torch", ok=True, detail="2.13.0", fix="")
        say("finding", what="self-test", ok=True, detail="a run", fix="")
        if mode == "doctor bad":
            say("finding", what="rasterio", ok=False, detail="<is missing> & gone", fix="install it")
        say("done", outputs=[], report=None, metrics={}, ok=mode == "doctor")
        sys.exit(mode == "doctor bad")
    needs = {"memory_bytes": 3 << 30, "disk_bytes": 200 << 20, "output_bytes": 100 << 20, "seconds": None}
    facts = {"model": "m@1+abc", "device": "cpu", "tiles": 4, "tile": 512, "rows": [1, 2]}
    say("start", plan={**facts, "output": {"size": [256, 128], "bands": 4}, "estimate": needs})
    if mode == "environment":
        say("error", what=json.dumps(sorted(os.environ)))
        sys.exit(1)
    if mode == "garbage":
        print("{not json", flush=True)
        print("[1, 2]", flush=True)
        print('{"no": "event"}', flush=True)
        os.write(1, b"\xff\xfe broken utf-8\n")
        say("an event of a later version", payload={})
        say("progress", done=None, total="many")
        say("warning", what="the overlap is small", where="--overlap", fix="raise it")
    if mode == "noisy":
        sys.stderr.write("a line of the log\n" * 40_000)
    if mode == "error":
        given = {"what": "band 5 is not there", "where": "MS", "fix": "choose bands 1 to 4"}
        say("error", **(json.loads(os.environ.get("FAKE_ENGINE_ERROR", "{}")) or given))
        sys.exit(2)
    if mode == "usage":
        sys.stderr.write("Error: No such option: --frobnicate\n")
        sys.exit(2)
    if mode == "traceback":
        import a_package_that_is_not_installed  # noqa: F401
    if mode == "killed":
        say("progress", done=1, total=4)
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "silent":
        sys.exit(0)
    if mode == "orphan":  # a worker that outlives the engine and holds its pipes
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
        note("FAKE_ENGINE_ARGV", str(worker.pid))
    if sys.argv[1] == "train":
        train(mode)
    output = sys.argv[4] if sys.argv[1] == "pansharpen" else sys.argv[3]
    if mode in ("slow", "deaf"):
        workspace = Path(output + ".seamline")
        workspace.mkdir(exist_ok=True)
        (workspace / "plan.json").write_text("{}", encoding="utf-8")
    if mode == "deaf":
        time.sleep(600)
    tiles(50 if mode == "slow" else 4, TILE_S if mode == "slow" else 0.01)
    if mode != "no file" and sys.argv[1] != "evaluate":
        files(output)
        shapes()
    words = dict(pairwise(sys.argv))
    if "--confusion" in words:
        Path(words["--confusion"]).write_bytes(b"a picture")
    say("done", outputs=[output], report=None, metrics=SCORES if "--labels" in words else {"HQNR": 0.9})


if __name__ == "__main__":
    main()
