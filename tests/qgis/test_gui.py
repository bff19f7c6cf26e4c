"""QGIS with a window, in an empty profile: the zip is installed, every dialog opens, a scene is pan-sharpened."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support import ROOT
from test_provider import GROUPS

QGIS = shutil.which("qgis.bin") or shutil.which("qgis")
pytestmark = [
    pytest.mark.skipif(QGIS is None, reason="QGIS with a window is not installed"),
    pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="xvfb-run is not installed"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the zip is made of a git checkout"),
]
WEIGHTS = ROOT / "models" / "weights"


@pytest.fixture(scope="module")
def found(real_python):
    """What the tour found, and the folder of its pictures."""
    # A short way, because the pictures show it.
    work = Path(tempfile.mkdtemp(prefix="seamline-"))
    (work / "engine").symlink_to(Path(real_python).parent.parent)
    python = str(work / "engine" / Path(real_python).relative_to(Path(real_python).parent.parent))
    demo = [real_python, str(ROOT / "launch.py"), "demo", str(work / "demo"), "--model", "brovey", "--size", "512"]
    subprocess.run(demo, check=True, capture_output=True)
    archive = ["git", "-C", str(ROOT), "archive", "--format=zip", "--prefix=seamline/", "HEAD"]
    (work / "seamline.zip").write_bytes(subprocess.run(archive, check=True, capture_output=True).stdout)
    (work / "out").mkdir()
    tour = {
        "zip": str(work / "seamline.zip"),
        "weights": str(WEIGHTS) if WEIGHTS.is_dir() else "",
        "ms": str(work / "demo" / "demo_ms.tif"),
        "pan": str(work / "demo" / "demo_pan.tif"),
        "model": "salad-pan-tiny" if WEIGHTS.is_dir() else "gsa",
        "out": str(work / "out"),
    }
    (work / "tour.json").write_text(json.dumps(tour))
    env = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(work / "config"), "SEAMLINE_PYTHON": python}
    env.update(TOUR=str(work / "tour.json"))
    env.pop("QT_QPA_PLATFORM", None)
    code = str(Path(__file__).parent / "gui" / "tour.py")
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1360x860x24"]
    # Files, not pipes: what a desktop starts in the background may hold a pipe long after QGIS has ended.
    with (work / "log.txt").open("w") as log:
        command = [*screen, QGIS, "--nologo", "--noversioncheck", "--code", code]
        qgis = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            qgis.wait(timeout=240)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(qgis.pid, signal.SIGKILL)
            qgis.wait()
    told = work / "out" / "found.json"
    assert told.exists(), (work / "log.txt").read_text(errors="replace")[-3000:]
    _keep_pictures(work / "out")
    yield json.loads(told.read_text(encoding="utf-8")), work / "out"
    shutil.rmtree(work, ignore_errors=True)


def _keep_pictures(folder):
    """Renew the pictures that a folder holds, such as docs/images, where SEAMLINE_SCREENSHOTS names one."""
    wanted = os.environ.get("SEAMLINE_SCREENSHOTS")
    for path in folder.glob("*.png") if wanted else ():
        if Path(wanted, path.name).exists():
            shutil.copy(path, wanted)


def test_nothing_went_wrong_on_the_way(found):
    facts, _ = found
    assert "error" not in facts, facts["error"]
    assert facts["modal"] == []


def test_every_dialog_opens(found):
    facts, pictures = found
    assert GROUPS.keys() == set(facts["algorithms"]) == facts["dialogs"].keys()
    for algorithm in facts["dialogs"]:
        assert (pictures / f"qgis-dialog-{algorithm.partition(':')[2]}.png").stat().st_size > 5000


def test_the_scene_is_sharpened_loaded_styled_and_described(found):
    facts, pictures = found
    assert facts["size"] == [512, 512, 4]
    assert facts["shown"] == [3, 2, 1]
    assert facts["bands"] == ["Band 1: blue", "Band 2: green", "Band 3: red", "Band 4: nir"]
    (name,) = facts["grouped"]
    assert name.startswith("Pan-sharpened (multispectral, ")
    assert any("Model: " in line for line in facts["history"])
    assert '"name": "input-pan"' in (pictures / "fused.html").read_text(encoding="utf-8")
    assert (pictures / "qgis-window.png").stat().st_size > 20_000
