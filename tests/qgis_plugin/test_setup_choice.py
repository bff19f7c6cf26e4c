"""Which Pythons are offered, which build of PyTorch, what is required, and what the proxy becomes."""

from __future__ import annotations

import ast
import json
import os
import re
import stat
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.setup import pythons
from seamline.qgis_plugin.setup.causes import explain
from seamline.qgis_plugin.setup.proxy import Proxy, proxy_variables
from seamline.qgis_plugin.setup.requirements import read_requirements
from seamline.qgis_plugin.setup.torch_build import CPU, CUDA_BUILDS, MPS, Gpu, builds, choose, parse_gpus, python_of

ROOT = Path(__file__).resolve().parents[2]
CU130, CU126 = CUDA_BUILDS


def fake_python(folder: Path, name: str, version: tuple[int, int, int], **facts) -> str:
    """A program that answers as a Python of that version would."""
    answer = {"path": str(folder / name), "version": list(version), "nested": False, "lacks": [], "bits": 64, **facts}
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\ncat <<'E'\n{json.dumps(answer)}\nE\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.fixture
def bare(tmp_path):
    """A file system without Pythons: PATH names ``bin``, the user's folder is ``home``."""
    home = tmp_path / "home é"
    return {"PATH": str(tmp_path / "bin")}, home, str(tmp_path / "root")


def test_the_newest_usable_python_comes_first_and_each_once(bare, tmp_path):
    env, home, root = bare
    old = fake_python(tmp_path / "bin", "python3.11", (3, 11, 2))
    fake_python(tmp_path / "bin", "python3", (3, 11, 2), path=old)  # another name of the same program
    new = fake_python(home / ".pyenv" / "versions" / "3.13.1" / "bin", "python3.13", (3, 13, 1))
    found = pythons.find_pythons("linux", env, home, anchor=root)
    assert [(python.path, python.version) for python in found] == [(new, (3, 13, 1)), (old, (3, 11, 2))]
    assert "3.13.1" in found[0].title


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"version": (3, 9, 18)}, "it is Python 3.9.18"),
        ({"version": (3, 14, 0)}, "needs 3.11, 3.12 or 3.13"),
        ({"lacks": ["ensurepip"]}, "it lacks ensurepip; on Debian and Ubuntu install python3.12-venv"),
        ({"bits": 32}, "32-bit"),
        ({"nested": True}, "belongs to another environment"),
    ],
)
def test_a_python_that_cannot_be_used_says_why_and_is_not_offered(facts, sentence, bare, tmp_path):
    env, home, root = bare
    path = fake_python(tmp_path / "bin", "python3.12", **{"version": (3, 12, 1), **facts})
    assert sentence in pythons.probe(path).problem
    assert pythons.find_pythons("linux", env, home, anchor=root) == []


def test_what_is_no_python_says_so(tmp_path):
    silent = tmp_path / "python3.12"
    silent.write_text("#!/bin/sh\nexit 3\n")
    silent.chmod(0o755)
    for path in (silent, tmp_path / "nowhere", tmp_path):
        assert "does not answer" in pythons.probe(str(path)).problem


def test_the_python_of_qgis_is_left_alone_where_qgis_brings_one(bare, tmp_path):
    env, home, root = bare
    fake_python(tmp_path / "bin", "python3.12", (3, 12, 1))
    assert pythons.find_pythons("linux", env, home, [str(tmp_path / "bin")], root) == []
    # Also where a name elsewhere leads to it.
    linked = fake_python(tmp_path / "other", "python3.12", (3, 12, 1), path=str(tmp_path / "bin" / "python3.12"))
    assert pythons.find_pythons("linux", {"PATH": str(Path(linked).parent)}, home, [str(tmp_path / "bin")], root) == []


def test_a_real_python_answers_even_when_the_host_is_poisoned(monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    base = pythons.probe(getattr(sys, "_base_executable", sys.executable))
    assert base.problem == "" or "lacks" in base.problem
    assert base.version == tuple(sys.version_info[:3])


def test_the_pythons_of_flatpaks_runtime_belong_to_qgis(tmp_path):
    assert pythons.in_flatpak({"FLATPAK_ID": "org.qgis.qgis"}, str(tmp_path))
    assert not pythons.in_flatpak({}, str(tmp_path))
    (tmp_path / ".flatpak-info").touch()
    assert pythons.in_flatpak({}, str(tmp_path))
    assert pythons.bundled_folders("linux", {}, "/app", flatpak=True) == ("/app", "/usr")
    assert pythons.bundled_folders("linux", {}, "/usr", flatpak=False) == ()
    assert pythons.bundled_folders("win32", {"OSGEO4W_ROOT": "C:/O"}, "C:/Q", flatpak=False) == ("C:/Q", "C:/O")


def test_a_folder_that_may_not_be_entered_holds_no_python_and_hides_none(bare, tmp_path, monkeypatch):
    env, home, root = bare
    path = fake_python(tmp_path / "bin", "python3.12", (3, 12, 1))
    locked = tmp_path / "locked"
    asked = Path.stat

    def stat_of(self, **more):
        if locked in self.parents:
            raise PermissionError(13, "Permission denied", str(self))
        return asked(self, **more)

    monkeypatch.setattr(Path, "stat", stat_of)
    found = pythons.find_pythons("linux", {"PATH": os.pathsep.join([str(locked), env["PATH"]])}, home, anchor=root)
    assert [python.path for python in found] == [path]


def test_a_disk_that_starts_no_program_is_said(tmp_path, monkeypatch):
    program = tmp_path / "python3.12"
    program.write_text("#!/bin/sh\n")
    assert pythons.probe(str(program)).problem == "it may not be started: permission denied"
    monkeypatch.setattr(pythons.os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    assert "mounted noexec" in pythons.probe(str(program)).problem


def test_mac_leaves_apples_stub_and_what_lies_in_apps(tmp_path, monkeypatch):
    monkeypatch.setattr(
        pythons, "_on_path", lambda env, names: ["/usr/bin/python3", "/Applications/QGIS.app/b/python3"]
    )
    (tmp_path / "opt/homebrew/bin").mkdir(parents=True)
    (tmp_path / "opt/homebrew/bin/python3.12").touch()
    listed = pythons.candidates("darwin", {}, tmp_path, str(tmp_path))
    assert listed == [str(tmp_path / "opt/homebrew/bin/python3.12")]


def test_windows_asks_the_launcher_and_leaves_the_stub_of_the_store(monkeypatch):
    text = (
        "Installed Pythons found by py Launcher for Windows\n"
        " -V:3.13 *        C:\\Users\\Zoë B\\AppData\\Local\\Programs\\Python\\Python313\\python.exe\n"
        " -V:3.12          C:\\Program Files\\Python312\\python.exe\n"
        " -3.11-64         C:\\Python311\\python.exe *\n"
    )
    paths = pythons.parse_launcher(text)
    assert paths[:2] == [
        "C:\\Users\\Zoë B\\AppData\\Local\\Programs\\Python\\Python313\\python.exe",
        "C:\\Program Files\\Python312\\python.exe",
    ]
    stub = "C:\\Users\\a\\AppData\\Local\\Microsoft\\WindowsApps\\python.exe"
    monkeypatch.setattr(pythons, "_launcher_paths", lambda: [*paths, stub])
    monkeypatch.setattr(pythons, "_on_path", lambda env, names: [stub])
    assert pythons.candidates("win32", {}, Path("C:/Users/a")) == paths


TABLE = "| NVIDIA-SMI 570.86   Driver Version: 570.86   CUDA Version: {} |"


def test_cards_are_read_from_the_drivers_tool():
    listed = "NVIDIA GeForce RTX 4090, 8.9\nTesla P40, 6.1\n"
    assert parse_gpus(TABLE.format("12.8"), listed) == [
        Gpu("NVIDIA GeForce RTX 4090", (12, 8), (8, 9)),
        Gpu("Tesla P40", (12, 8), (6, 1)),
    ]
    assert parse_gpus(TABLE.format("12.8"), "Field not supported") == [Gpu("NVIDIA", (12, 8))]
    assert parse_gpus("NVIDIA-SMI has failed", "") == []


@pytest.mark.parametrize(
    ("cuda", "capability", "expected"),
    [
        ((13, 0), (8, 9), CU130),
        ((13, 2), (12, 0), CU130),
        ((12, 8), (8, 9), CU126),
        ((13, 0), (6, 1), CU126),  # Pascal: CUDA 13 knows it no more
        ((13, 0), (7, 0), CU126),  # Volta
        ((12, 8), (12, 0), CPU),  # Blackwell with a driver that is too old for CUDA 13
        ((12, 4), (8, 6), CPU),
        ((13, 0), None, CU130),
    ],
)
def test_the_build_fits_driver_and_card(cuda, capability, expected):
    build, why = choose(builds("linux", "x86_64"), [Gpu("a card", cuda, capability)])
    assert build is expected
    assert "a card" in why
    assert ("update the driver" in why) == (expected is CPU)


def test_machines_without_nvidia_get_what_there_is_for_them():
    assert choose(builds("linux", "x86_64"), [])[0] is CPU
    assert choose(builds("win32", "ARM64"), [])[0] is CPU
    assert choose(builds("darwin", "arm64"), [])[0] is MPS
    none, why = choose(builds("darwin", "x86_64"), [])
    assert none is None
    assert "no longer made" in why


def test_the_python_of_an_offline_folder_is_that_of_its_torch(tmp_path):
    assert python_of(tmp_path / "missing") is None
    assert python_of(tmp_path) is None
    for name in ("numpy-2.4.6-cp312-cp312-linux_x86_64.whl", "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl"):
        (tmp_path / name).touch()
    assert python_of(tmp_path) == (3, 11)
    (tmp_path / "torch-2.13.0+cpu-cp313-cp313-manylinux_2_28_x86_64.whl").touch()
    assert python_of(tmp_path) is None, "either would do"


def test_pip_is_asked_for_the_very_build():
    assert CU126.requirement("2.13.0") == "torch==2.13.0+cu126"
    assert CU126.index_arguments() == ["--extra-index-url", "https://download.pytorch.org/whl/cu126"]
    assert CPU.requirement("2.13.0") == "torch==2.13.0+cpu"
    assert (MPS.requirement("2.13.0"), MPS.index_arguments()) == ("torch==2.13.0", [])


def test_the_requirements_are_those_of_the_package():
    needed = read_requirements(ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [name for name in project["dependencies"] if not name.startswith("torch>")]
    assert (needed.version, list(needed.packages)) == (project["version"], listed)
    assert len(listed) == len(project["dependencies"]) - 1
    assert f"torch=={needed.torch}\n" in needed.pins


def test_every_direct_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[\w.-]+", name)[0] for name in project["dependencies"]}
    assert names == set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))


def test_a_damaged_plugin_folder_is_said(tmp_path):
    with pytest.raises(EngineError, match=r"incomplete.*install the plugin again"):
        read_requirements(tmp_path)


def test_a_proxy_with_a_login_is_quoted_and_its_exceptions_are_hosts():
    proxy = Proxy("HttpProxy", "proxy.lan", "3128", "zoë b", "p@ss:/#", ("http://intra.lan/x", "10.0.0.1"))
    variables = proxy_variables(proxy)
    address = "http://zo%C3%AB%20b:p%40ss%3A%2F%23@proxy.lan:3128"
    assert variables == {"http_proxy": address, "https_proxy": address, "no_proxy": "intra.lan,10.0.0.1"}


def test_the_systems_proxy_is_left_to_pip_and_socks_is_refused():
    assert proxy_variables(None) == {}
    assert proxy_variables(Proxy("DefaultProxy", "ignored")) == {}
    with pytest.raises(EngineError, match=r"SOCKS.*offline folder"):
        proxy_variables(Proxy("Socks5Proxy", "proxy.lan"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "the proxy refused"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch==2.13.0+cu130", "there is no torch==2.13.0+cu130 for this"),
        ("PermissionError: [WinError 5] Access is denied: 'C:\\\\x'", "antivirus"),
        ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "network cannot be"),
        ("something else", "it stopped with exit code 1: something else"),
    ],
)
def test_what_pip_says_becomes_one_sentence(line, sentence):
    text = str(explain("Install", ["Collecting torch", line], 1))
    assert sentence in text
    assert "\n" not in text
    assert "Install" in text


def test_nothing_here_reads_the_running_interpreter():
    for path in (ROOT / "qgis_plugin").rglob("*.py"):
        named = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        assert not [node for node in named if ast.unparse(node) == "sys.executable"], path
