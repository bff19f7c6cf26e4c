"""A plan is a value; its execution goes on where it was interrupted, can be cancelled, and says what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from wheels import write_wheel

from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.setup.execution import Execution, read_log, setup_environment
from seamline.qgis_plugin.setup.plan import Choice, Plan, Step, environment_python, make_plan
from seamline.qgis_plugin.setup.requirements import read_requirements
from seamline.qgis_plugin.setup.state import State, finished_python, read_state, write_state
from seamline.qgis_plugin.setup.torch_build import CPU, CUDA_BUILDS

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "launch.py"
NEEDED = read_requirements(ROOT)
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
TINY = replace(CPU, disk_bytes=1)  # fake wheels need no space


@pytest.fixture
def folder(tmp_path):
    """What a user named Zoë B has."""
    return tmp_path / "Zoë B" / "seamline"


def choice(folder, **changes):
    return Choice(**{"folder": folder, "python": "/usr/bin/python3.12", "build": CPU, **changes})


def commands(plan, name):
    return next(step.commands for step in plan.steps if step.name == name)


def run(plan, *, is_cancelled=lambda: False, env=None):
    """Whether it came to its end, the steps that were announced, and the lines."""
    steps, lines = [], []
    ended = Execution(plan, setup_environment(os.environ if env is None else env, {})).run(
        on_step=lambda done, total, title: steps.append((done, total, title)),
        on_line=lines.append,
        is_cancelled=is_cancelled,
    )
    return ended, steps, lines


# The plan


def test_a_plan_with_a_network_asks_for_the_very_build_and_the_pins(folder):
    plan = make_plan(choice(folder, build=CUDA_BUILDS[0]), NEEDED, LAUNCHER)
    assert [step.name for step in plan.steps] == ["environment", "torch", "packages", "models"]
    assert commands(plan, "environment") == (("/usr/bin/python3.12", "-m", "venv", "--clear", str(folder / "env")),)
    (torch,), (packages,) = commands(plan, "torch"), commands(plan, "packages")
    assert torch[-1] == f"torch=={NEEDED.torch}+cu130"
    assert "https://download.pytorch.org/whl/cu130" in torch
    assert packages[packages.index("-c") + 1] == str(ROOT / "constraints.txt")
    assert "--no-deps" in torch
    assert torch[-1] in packages, "what torch needs would be missing, or another torch would come"
    assert not [word for word in packages if "://" in word], "PyTorch's index is asked for torch alone"
    (repair,) = (step.repair for step in plan.steps if step.name == "packages")
    assert {"--force-reinstall", "https://download.pytorch.org/whl/cu130"} <= set(repair)
    assert all(any(word.startswith(name) for word in packages) for name in ("rasterio", "diffusers", "odc-geo"))
    assert ":all:" in torch, "a package that needs a compiler must be refused"
    assert plan == make_plan(choice(folder, build=CUDA_BUILDS[0]), NEEDED, LAUNCHER)
    assert any("Make an environment" in line for line in plan.lines())


def test_the_wheel_of_the_engine_is_fetched_but_never_installed(folder):
    plan = make_plan(choice(folder), NEEDED, LAUNCHER)
    fetch, install = commands(plan, "models")
    assert "download" in fetch
    assert fetch[-1] == f"seamline=={NEEDED.version}"
    assert install[1:4] == (str(LAUNCHER), "models", "install")
    assert not any(word.startswith("seamline=") for name in ("torch", "packages") for word in commands(plan, name)[0])


def test_an_offline_plan_never_asks_an_index(folder, tmp_path):
    wheels = tmp_path / "wheels é"
    write_wheel(wheels, "torch", f"{NEEDED.torch}+cu126")
    write_wheel(wheels, "seamline", NEEDED.version)
    (wheels / "toy").mkdir()
    (wheels / "toy" / "model.json").touch()
    plan = make_plan(choice(folder, wheels=wheels, build=CUDA_BUILDS[1]), NEEDED, LAUNCHER)
    for name in ("torch", "packages"):
        (words,) = commands(plan, name)
        assert words[words.index("--find-links") + 1] == str(wheels)
        assert "--no-index" in words
        assert not [word for word in words if "://" in word]
        assert f"torch=={NEEDED.torch}+cu126" in words
    (install,) = commands(plan, "models")
    assert install[4:] == (str(wheels / "toy"), str(wheels / f"seamline-{NEEDED.version}-py3-none-any.whl"))
    # A folder that holds another build than the chosen one is taken as it is.
    other = make_plan(choice(folder, wheels=wheels, build=CPU), NEEDED, LAUNCHER)
    assert commands(other, "torch")[0][-1] == f"torch=={NEEDED.torch}"


def test_an_engine_of_another_version_is_one_sentence(folder, tmp_path):
    write_wheel(tmp_path / "wheels", "seamline", "9.9.9")
    with pytest.raises(EngineError) as caught:
        make_plan(choice(folder, wheels=tmp_path / "wheels"), NEEDED, LAUNCHER)
    assert f"is version 9.9.9, the plugin is version {NEEDED.version}; {tmp_path / 'wheels'}; put" in str(caught.value)


def test_folders_that_cannot_be_used_are_refused(folder, tmp_path):
    with pytest.raises(EngineError, match="offline folder is not there"):
        make_plan(choice(folder, wheels=tmp_path / "nowhere"), NEEDED, LAUNCHER)
    with pytest.raises(EngineError, match="whole path"):
        make_plan(choice(Path("here")), NEEDED, LAUNCHER)
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "thesis.docx").touch()
    with pytest.raises(EngineError, match="set-up did not make"):
        make_plan(choice(folder), NEEDED, LAUNCHER)


@pytest.mark.parametrize("asked", ["iterdir", "glob", "is_dir"])
def test_an_offline_folder_that_may_not_be_read_is_a_sentence(asked, folder, tmp_path, monkeypatch):
    def fail(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, asked, fail)
    with pytest.raises(EngineError) as caught:
        make_plan(choice(folder, wheels=tmp_path), NEEDED, LAUNCHER)
    assert str(caught.value) == f"the folder cannot be read (Permission denied); {tmp_path}; choose another folder"


# Its execution


def noting(folder, name, text="", **more):
    """A step that writes a line to ``done.txt``; ``text`` is more Python."""
    code = f"import sys, time\nopen('done.txt', 'a').write({name!r} + '\\n')\n{text}"
    return Step(name, f"Step {name}", ((sys.executable, "-c", code),), **more)


def plan_of(folder, *steps):
    environment_python(folder).parent.mkdir(parents=True, exist_ok=True)
    environment_python(folder).touch()
    return Plan(choice(folder, build=TINY), tuple(steps))


def notes(folder):
    return (folder / "done.txt").read_text().split()


def test_steps_run_in_order_and_once(folder):
    plan = plan_of(folder, noting(folder, "a"), noting(folder, "b", "print('héllo')"))
    ended, steps, lines = run(plan)
    assert ended
    assert [(done, total) for done, total, _ in steps] == [(0, 2), (1, 2), (2, 2)]
    assert "héllo" in lines
    assert "héllo" in read_log(folder)
    assert finished_python(folder) == str(environment_python(folder))
    assert run(plan)[0]
    assert notes(folder) == ["a", "b"], "a finished step was run again"


def test_it_goes_on_where_it_failed(folder):
    plan = plan_of(folder, noting(folder, "a"), noting(folder, "b", "sys.exit('No space left on device')"))
    with pytest.raises(EngineError, match="the disk is full; Step b; free some space"):
        run(plan)
    assert finished_python(folder) == ""
    mended = plan_of(folder, plan.steps[0], noting(folder, "b"), noting(folder, "c"))
    assert run(mended)[0]
    assert notes(folder) == ["a", "b", "b", "c"]


def test_what_depends_on_a_change_is_done_again(folder):
    first, last = noting(folder, "a"), noting(folder, "c")
    assert run(plan_of(folder, first, noting(folder, "b", inputs="pins of May"), last))[0]
    assert run(plan_of(folder, first, noting(folder, "b", inputs="pins of June"), last))[0]
    assert notes(folder) == ["a", "b", "c", "b", "c"]


def test_without_its_environment_nothing_counts_as_done(folder):
    plan = plan_of(folder, noting(folder, "a"))
    assert run(plan)[0]
    environment_python(folder).unlink()
    assert run(plan)[0]
    assert notes(folder) == ["a", "a"]


def test_a_cancel_cuts_the_step_short_and_leaves_no_child(folder):
    child = "import subprocess; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])\n"
    slow = noting(folder, "b", child + "open('pid', 'w').write(str(c.pid)); time.sleep(3600)")
    plan = plan_of(folder, noting(folder, "a"), slow)
    pid = folder / "pid"
    # The step and its child would go on for an hour.
    ended, _, lines = run(plan, is_cancelled=lambda: pid.exists() and bool(pid.read_text()))
    assert not ended
    assert "goes on from here" in lines[-1]
    assert ends(int(pid.read_text()))
    assert (read_state(folder).begun, list(read_state(folder).done)) == ("b", ["a"])


def ends(pid):
    """Whether a process that was killed goes; it is another's child, who must fetch it first."""
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_a_step_that_was_cut_short_is_repaired_not_trusted(folder):
    """A package that was half written must be written again, though pip believes it is there."""
    code = "import sys; open('done.txt', 'a').write(' '.join(sys.argv[1:]) + '\\n')"
    step = Step("a", "Step a", ((sys.executable, "-c", code, "install"),), repair=("--force-reinstall",))
    plan = plan_of(folder, step)
    write_state(folder, State().with_begun("a"))  # as a power cut leaves it
    assert run(plan)[0]
    assert run(replace(plan, steps=(replace(step, inputs="new"),)))[0]
    assert (folder / "done.txt").read_text().splitlines() == ["install --force-reinstall", "install"]


def test_set_up_goes_on_without_what_is_optional_and_tries_it_again(folder):
    missing = noting(
        folder, "models", "sys.exit('No matching distribution found for seamline==0.1.0')", otherwise="No models came"
    )
    plan = plan_of(folder, noting(folder, "a"), missing)
    ended, _, lines = run(plan)
    assert ended
    assert "No models came" in lines
    assert finished_python(folder)
    assert run(plan)[0]
    assert notes(folder) == ["a", "models", "models"]


def test_a_file_of_states_that_is_damaged_is_an_empty_one(folder):
    plan = plan_of(folder, noting(folder, "a"))
    for text in ("{", "[]", '{"format": 1}', '{"format": 2, "done": {}, "begun": "", "complete": true}'):
        (folder / "setup.json").write_text(text)
        assert read_state(folder) == State()
        assert finished_python(folder) == ""
    assert run(plan)[0]


def test_what_cannot_be_started_or_written_is_said(folder, tmp_path):
    nowhere = plan_of(folder, Step("a", "Step a", (("/nowhere/python", "-V"),)))
    with pytest.raises(EngineError, match="/nowhere/python cannot be started"):
        run(nowhere)
    (tmp_path / "file").touch()
    blocked = replace(nowhere, choice=choice(tmp_path / "file" / "below", build=TINY))
    with pytest.raises(EngineError, match="the folder cannot be written"):
        run(blocked)


def test_a_full_disk_is_noticed_before_anything_is_done(folder):
    plan = replace(plan_of(folder, noting(folder, "a")), choice=choice(folder, build=replace(CPU, disk_bytes=1 << 60)))
    with pytest.raises(EngineError, match="GB of disk"):
        run(plan)
    assert not (folder / "done.txt").exists()


def test_a_disk_that_starts_no_program_is_noticed_before_anything_is_done(folder, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    with pytest.raises(EngineError, match=r"mounted noexec\); .*; choose a folder on another disk"):
        run(plan_of(folder, noting(folder, "a")))
    assert not (folder / "done.txt").exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(30, "Read-only file system", "/data"),
            "the folder is on a disk that cannot be written; /data; choose",
        ),
        (PermissionError(13, "Permission denied", "/data"), "a file could not be written.*; /data; .*another one"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named(error, sentence, folder, monkeypatch):
    def fail(*_, **__):
        raise error

    plan = plan_of(folder, noting(folder, "a"))
    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(EngineError, match=sentence):
        run(plan)


def test_a_damaged_or_missing_wheel_of_an_offline_folder_is_refused_by_name(folder, tmp_path):
    wheels = tmp_path / "wheels é"
    for name in ("one", "two"):
        write_wheel(wheels, name, "1.0")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(wheels.iterdir())]
    (wheels / "SHA256SUMS").write_text("\n".join([*sums, f"{'0' * 64}  INSTALL.html"]) + "\n")
    plan = plan_of(folder, noting(folder, "a"))
    plan = replace(plan, choice=replace(plan.choice, wheels=wheels))
    whole = (wheels / "two-1.0-py3-none-any.whl").read_bytes()
    (wheels / "two-1.0-py3-none-any.whl").write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    with pytest.raises(
        EngineError, match=r"two-1.0-py3-none-any.whl is damaged.*wheels é; copy the offline folder again"
    ):
        run(plan)
    (wheels / "two-1.0-py3-none-any.whl").unlink()
    with pytest.raises(EngineError, match=r"two-1.0-py3-none-any.whl is missing"):
        run(plan)
    assert not (folder / "done.txt").exists()
    (wheels / "two-1.0-py3-none-any.whl").write_bytes(whole)
    assert run(plan)[0]


def test_the_processes_get_the_proxy_and_no_settings_that_lead_elsewhere():
    host = {"PATH": "/bin", "PYTHONHOME": "/qgis", "PIP_TARGET": "/qgis", "PIP_INDEX_URL": "file:///mirror"}
    proxies = {"https_proxy": "http://new:1"}
    env = setup_environment({**host, "HTTPS_PROXY": "http://old:1", "HTTP_PROXY": "http://old:1"}, proxies)
    assert not {"PYTHONHOME", "PIP_TARGET", "HTTPS_PROXY"} & set(env)
    assert (env["https_proxy"], env["HTTP_PROXY"]) == ("http://new:1", "http://old:1")
    assert (env["PIP_INDEX_URL"], env["PIP_USER"]) == ("file:///mirror", "0")


def test_one_folder_takes_one_set_up_at_a_time_also_after_a_crash(folder):
    """A QGIS that dies leaves pip at work; a new one must not begin a second in the same environment."""
    crashing = (
        "import os, sys, threading, time; sys.path.insert(0, sys.argv[1]); import conftest\n"
        "from pathlib import Path\n"
        "from seamline.qgis_plugin.setup.execution import Execution\n"
        "from seamline.qgis_plugin.setup.plan import Choice, Plan, Step\n"
        "from seamline.qgis_plugin.setup.torch_build import TorchBuild\n"
        "folder = Path(sys.argv[2])\n"
        'code = \'import os, time; open("pid", "w").write(str(os.getpid())); time.sleep(30)\'\n'
        "plan = Plan(Choice(folder, '', TorchBuild('cpu', 1, 1)), (Step('a', 'A', ((sys.executable, '-c', code),)),))\n"
        "def die():\n"
        "    while not (folder / 'pid').exists() or not (folder / 'pid').read_text(): time.sleep(0.05)\n"
        "    os._exit(9)\n"
        "threading.Thread(target=die).start()\n"
        "Execution(plan, os.environ).run(on_step=print, on_line=print, is_cancelled=lambda: False)\n"
    )
    plan = plan_of(folder, noting(folder, "a"))
    ran = subprocess.run([sys.executable, "-c", crashing, str(ROOT), str(folder)], capture_output=True, check=False)
    assert ran.returncode == 9
    with pytest.raises(EngineError, match="another set-up is at work in this folder"):
        run(plan)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    assert ends(int((folder / "pid").read_text()))
    assert run(plan)[0]


def test_a_password_never_reaches_the_log(folder):
    plan = plan_of(folder, noting(folder, "a"))
    Execution(plan, setup_environment(os.environ, {"https_proxy": "http://zoe:hunter2@proxy"})).run(
        on_step=lambda *_: None, on_line=lambda _: None, is_cancelled=lambda: False
    )
    assert "hunter2" not in read_log(folder) + (folder / "setup.json").read_text()


# With the real venv and pip


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """A folder with a wheel of a few bytes for each requirement of the engine."""
    wheels = tmp_path_factory.mktemp("wheels for Zoë")
    pins = dict(line.split("==") for line in NEEDED.pins.splitlines() if "==" in line)
    for name, version in pins.items():
        write_wheel(wheels, name, version, extras=("array",))
    return wheels


def test_an_environment_is_made_offline_below_a_name_with_a_space_and_an_accent(folder, offline, tmp_path):
    plan = make_plan(Choice(folder, BASE_PYTHON, TINY, offline), NEEDED, LAUNCHER)
    # The settings of this machine's pip could bring other wheels than these.
    host = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    host["PIP_CONFIG_FILE"] = os.devnull
    titles = []
    cut = Execution(plan, setup_environment({**host, "PYTHONHOME": "/nowhere", "PIP_TARGET": "/nowhere"}, {}))
    assert not cut.run(
        on_step=lambda done, total, title: titles.append(title),
        on_line=lambda _: None,
        is_cancelled=lambda: titles[-1:] == ["Install the other packages"],
    )
    assert list(read_state(folder).done) == ["environment", "torch"]
    assert finished_python(folder) == ""
    ended, _, lines = run(plan, env=host)
    assert ended
    assert "Make an environment: done before" in lines
    listed = subprocess.run(
        [finished_python(folder), "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    versions = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
    assert versions["torch"] == NEEDED.torch
    assert {"rasterio", "diffusers", "odc-geo", "dask"} <= set(versions)
    # The same folder with a package and its wheel missing: the wheel is named.
    subprocess.run([finished_python(folder), "-m", "pip", "uninstall", "-qy", "rasterio"], check=True)
    part = tmp_path / "part"
    shutil.copytree(offline, part, ignore=shutil.ignore_patterns("rasterio*"))
    with pytest.raises(EngineError, match=r"there is no rasterio==[\d.]+ for this Python and computer; Install the"):
        run(make_plan(Choice(folder, BASE_PYTHON, TINY, part), NEEDED, LAUNCHER), env=host)
    assert (folder / "env" / "pyvenv.cfg").is_file()
