"""A Python that set-up brings: fetched, checked, unpacked and asked; of an attempt that failed nothing is left."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from seamline.qgis_plugin.engine_process import EngineError
from seamline.qgis_plugin.setup import fetch as fetch_module
from seamline.qgis_plugin.setup import unpack as unpack_module
from seamline.qgis_plugin.setup.bring import bring
from seamline.qgis_plugin.setup.execution import Execution, setup_environment
from seamline.qgis_plugin.setup.plan import Choice, Plan, make_plan
from seamline.qgis_plugin.setup.pythons import probe
from seamline.qgis_plugin.setup.requirements import read_requirements
from seamline.qgis_plugin.setup.standalone import BUILDS, MOST_BYTES, Bringing, Standalone, standalone
from seamline.qgis_plugin.setup.torch_build import CPU

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
WORKING = f'#!/bin/sh\nexec "{BASE_PYTHON}" "$@"\n'.encode()


def archive_of(program: bytes = WORKING, *extra: tarfile.TarInfo) -> bytes:
    """An archive as those that are published: one folder ``python`` with a program, and a link to it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        file = tarfile.TarInfo("python/bin/python3.13")
        file.mode, file.size = 0o755, len(program)
        packed.addfile(file, io.BytesIO(program))
        packed.addfile(link("python/bin/python3", "python3.13"))
        for member in extra:
            packed.addfile(member, io.BytesIO(b"x" * member.size))
    return made.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def plain(name: str, size: int = 1, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member


def build_of(content: bytes, site: str = "http://127.0.0.1:9") -> Standalone:
    """The value of a build whose archive this is."""
    return Standalone("3.13.18", "20261110", "x86_64-unknown-linux-gnu", hashlib.sha256(content).hexdigest(), site)


@pytest.fixture
def folder(tmp_path):
    """What a user named Zoë B has."""
    return tmp_path / "Zoë B" / "seamline"


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server():
    """A server whose ``answer`` writes what comes after the request; ``site`` is its address, ``asked`` the paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            running.asked.append(self.path)
            running.answer(self)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.asked, running.site = [], f"http://127.0.0.1:{running.server_port}"
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def sending(content: bytes, announced: int | None = None, code: int = 200):
    """An answer with some content, and the length that it announces."""

    def answer(request):
        request.send_response(code)
        request.send_header("Content-Length", str(len(content) if announced is None else announced))
        request.end_headers()
        request.wfile.write(content)
        request.close_connection = True

    return answer


def run(build, folder, archive=None, *, environment=None, is_cancelled=lambda: False):
    lines = []
    done = bring(
        Bringing(build, folder, archive),
        environment=environment or {},
        on_line=lines.append,
        is_cancelled=is_cancelled,
    )
    return done, lines


def left(folder: Path) -> list[str]:
    """What lies where Pythons are brought to."""
    return sorted(path.name for path in (folder / "pythons").iterdir()) if (folder / "pythons").is_dir() else []


def refused(build, folder, archive=None, **more) -> str:
    """The sentence of a refusal, which is one line and leaves nothing behind."""
    with pytest.raises(EngineError) as caught:
        run(build, folder, archive, **more)
    assert "\n" not in str(caught.value)
    assert caught.value.where
    assert caught.value.fix
    assert left(folder) == []
    return str(caught.value)


def test_every_system_has_its_build_and_the_pins_are_of_one_release():
    assert {build.triple for build in BUILDS.values()} == {
        "x86_64-unknown-linux-gnu",
        "aarch64-unknown-linux-gnu",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
    }
    assert len({build.sha256 for build in BUILDS.values()}) == len(BUILDS)
    assert all(re.fullmatch("[0-9a-f]{64}", build.sha256) for build in BUILDS.values())
    assert len({(build.version, build.release) for build in BUILDS.values()}) == 1
    assert standalone("win32", "AMD64").program(Path("a")).name == "python.exe"
    assert standalone("linux", "riscv64") is None
    assert standalone("linux", "x86_64").url == (
        "https://github.com/astral-sh/python-build-standalone/releases/download/20261110/"
        "cpython-3.13.18%2B20261110-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz"
    )


def test_it_is_fetched_checked_and_runs_and_the_next_time_it_is_there(folder, server):
    content = archive_of()
    server.answer = sending(content)
    build = build_of(content, server.site)
    done, lines = run(build, folder)
    assert done
    assert server.asked == [build.url.removeprefix(server.site)]
    assert probe(str(build.program(folder))).problem == ""
    assert {"100 %", f"Fetch {build.url}"} <= set(lines)
    assert left(folder) == [build.folder(folder).name]
    assert run(build, folder)[0]
    assert len(server.asked) == 1


def test_the_offline_folder_serves_it_without_a_network(folder, tmp_path):
    content = archive_of()
    build = build_of(content)
    (tmp_path / build.archive).write_bytes(content)
    assert run(build, folder, tmp_path / build.archive)[0]
    assert probe(str(build.program(folder))).problem == ""
    assert (tmp_path / build.archive).is_file()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            sending(b"another file"),
            r"is not the file that was published: its sha256 is another one; http://.*; try again",
        ),
        (sending(archive_of()[:100], announced=5000), "the network cannot be reached, or broke off"),
        (sending(b"", code=503), "the server answered 503"),
        (sending(b"", code=407), "the proxy refused the connection"),
        (sending(b"x", announced=MOST_BYTES + 1), "the server sends more than a Python has"),
    ],
)
def test_what_the_network_brings_wrong_is_a_sentence_and_the_next_attempt_works(answer, sentence, folder, server):
    content = archive_of()
    build = build_of(content, server.site)
    server.answer = answer
    assert re.search(sentence, refused(build, folder))
    server.answer = sending(content)
    assert run(build, folder)[0]


def test_a_server_that_is_gone_is_a_sentence(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        site = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert "the network cannot be reached" in refused(build_of(archive_of(), site), folder)


def test_a_cancel_is_heard_while_the_server_is_silent(folder, server):
    content = archive_of()
    is_over = threading.Event()

    def answer(request):
        sending(content[:50], announced=len(content))(request)
        is_over.wait()

    server.answer = answer
    asked = []
    done, _ = run(build_of(content, server.site), folder, is_cancelled=lambda: asked.append(1) or len(server.asked) > 0)
    is_over.set()
    assert done is False
    assert left(folder) == []
    server.answer = sending(content)
    assert run(build_of(content, server.site), folder)[0]


def test_a_full_disk_is_a_sentence_and_leaves_nothing(folder, tmp_path, monkeypatch):
    content = archive_of()
    build = build_of(content)
    (tmp_path / build.archive).write_bytes(content)
    with monkeypatch.context() as full:
        full.setattr(tarfile.TarFile, "extract", raising(OSError(28, "No space left on device", "/d/x")))
        assert refused(build, folder, tmp_path / build.archive).startswith("the disk is full; /d/x; free some space")
    assert run(build, folder, tmp_path / build.archive)[0]


def raising(error: Exception):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    "members",
    [
        [plain("../outside")],
        [plain("/tmp/outside")],
        [plain("python/../../outside")],
        [plain("C:\\outside")],
        [link("python/a", "/etc")],
        [link("python/a", "../../outside")],
        [link("python/a", "b/../../../outside")],
        [link("python/a", "bin"), plain("python/a/b")],
        [link("python/a", "../outside", tarfile.LNKTYPE)],
        [plain("python/device", 0, tarfile.CHRTYPE)],
        [plain("python/pipe", 0, tarfile.FIFOTYPE)],
        [plain("python/large", 2000)],
    ],
    ids=lambda members: members[-1].name + " " + members[0].linkname,
)
@pytest.mark.parametrize("has_filter", [True, False])
def test_what_would_leave_the_folder_is_refused_by_any_python(members, has_filter, folder, tmp_path, monkeypatch):
    if not has_filter:
        monkeypatch.setattr(unpack_module, "_FILTER", {})
    monkeypatch.setattr(unpack_module, "MOST_BYTES", 1500)
    content = archive_of(WORKING, *members)
    build = build_of(content)
    (tmp_path / build.archive).write_bytes(content)
    before = {path.name for path in tmp_path.iterdir()}
    assert f"the archive holds {members[-1].name}, which does not" in refused(build, folder, tmp_path / build.archive)
    assert {path.name for path in tmp_path.iterdir()} - before <= {"Zoë B"}


def test_no_bit_of_an_archive_gives_more_rights_than_a_program_needs(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(unpack_module, "_FILTER", {})
    member = plain("python/bin/su")
    member.mode, member.uid, member.gid = 0o6777, 65534, 65534
    (tmp_path / "a.tar.gz").write_bytes(archive_of(WORKING, member))
    assert unpack_module.unpack(tmp_path / "a.tar.gz", tmp_path, is_cancelled=lambda: False)
    made = (tmp_path / "python" / "bin" / "su").stat()
    assert made.st_mode & 0o7777 == 0o755
    assert made.st_uid == os.getuid()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no archive", "the archive is damaged"),
        (archive_of(os.urandom(1000))[:-300], "the archive is damaged"),
        (archive_of(b"#!/bin/sh\nexit 3\n"), "cannot be used: it does not answer as a Python does"),
    ],
)
def test_an_archive_that_holds_no_working_python_is_a_sentence(content, sentence, folder, tmp_path):
    build = build_of(content)
    (tmp_path / build.archive).write_bytes(content)
    assert sentence in refused(build, folder, tmp_path / build.archive)


def test_what_was_cut_short_or_broken_is_made_anew(folder, tmp_path):
    content = archive_of()
    build = build_of(content)
    (tmp_path / build.archive).write_bytes(content)
    (folder / "pythons" / "part-old").mkdir(parents=True)
    build.program(folder).parent.mkdir(parents=True)
    build.program(folder).write_text("#!/bin/sh\nexit 3\n")
    assert run(build, folder, tmp_path / build.archive)[0]
    assert left(folder) == [build.folder(folder).name]
    assert probe(str(build.program(folder))).problem == ""


def test_a_folder_that_cannot_be_written_is_a_sentence(folder, tmp_path):
    folder.parent.mkdir()
    folder.write_text("a file")
    with pytest.raises(EngineError, match="the folder cannot be written"):
        run(build_of(b""), folder, tmp_path / "a")


# Proxy and certificates


def test_the_proxy_is_asked_but_for_the_hosts_that_go_without(folder, server):
    content = archive_of()
    server.answer = sending(content)
    elsewhere = build_of(content, "http://releases.test")
    assert run(elsewhere, folder, environment={"HTTP_PROXY": server.site})[0]
    assert server.asked == [elsewhere.url], "a proxy is asked for the whole address"
    direct = build_of(content, server.site)
    excluded = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}
    assert run(direct, folder.with_name("other"), environment=excluded)[0]


def test_a_certificate_that_is_not_trusted_is_a_sentence_and_pips_variable_brings_another(folder, server, tmp_path):
    certificate = tmp_path / "firewall.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", tmp_path / "key"]
    subprocess.run([*make, "-out", certificate, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    content = archive_of()
    server.answer = sending(content)
    build = build_of(content, server.site.replace("http:", "https:"))
    assert "the connection is not trusted" in refused(build, folder)
    assert "the certificate cannot be read" in refused(build, folder, environment={"PIP_CERT": "/nowhere"})
    assert run(build, folder, environment={"PIP_CERT": str(certificate)})[0]


def test_where_the_system_has_no_certificates_those_of_qgis_are_taken(monkeypatch):
    loaded = []
    monkeypatch.setitem(sys.modules, "certifi", SimpleNamespace(where=lambda: "those of QGIS"))
    monkeypatch.setattr(fetch_module.ssl, "create_default_context", lambda: Empty(loaded))
    nowhere = SimpleNamespace(cafile=None, capath=None)
    monkeypatch.setattr(fetch_module.ssl, "get_default_verify_paths", lambda: nowhere)
    fetch_module._context({})
    assert loaded == ["those of QGIS"]


class Empty:
    """A context without any certificate."""

    def __init__(self, loaded):
        self.load_verify_locations = loaded.append

    def cert_store_stats(self):
        return {"x509_ca": 0}


# As a part of set-up


def test_a_plan_brings_it_first_and_makes_the_environment_with_it(folder, tmp_path):
    build, needed = build_of(b""), read_requirements(ROOT)
    choice = Choice(folder, "", CPU, standalone=build)
    plan = make_plan(choice, needed, ROOT / "launch.py")
    assert [step.name for step in plan.steps][:2] == ["python", "environment"]
    assert plan.steps[1].commands[0][0] == str(build.program(folder))
    assert any(build.url in line for line in plan.lines())
    offline = replace(choice, wheels=tmp_path)
    with pytest.raises(EngineError, match=r"the offline folder holds no cpython-3\.13\.18"):
        make_plan(offline, needed, ROOT / "launch.py")
    (tmp_path / build.archive).touch()
    assert make_plan(offline, needed, ROOT / "launch.py").steps[0].brings.archive == tmp_path / build.archive
    assert (
        make_plan(replace(choice, python="/p", standalone=None), needed, ROOT / "launch.py").steps[0].name != "python"
    )


def test_set_up_goes_on_from_it_and_says_in_the_log_what_failed(folder, server):
    content = archive_of()
    build = build_of(content, server.site)
    choice = Choice(folder, "", replace(CPU, disk_bytes=1), standalone=build)
    plan = make_plan(choice, read_requirements(ROOT), ROOT / "launch.py")
    plan = Plan(choice, plan.steps[:2])
    lines = []

    def set_up():
        return Execution(plan, setup_environment(os.environ, {"no_proxy": "127.0.0.1"})).run(
            on_step=lambda *_: None, on_line=lines.append, is_cancelled=lambda: False
        )

    server.answer = sending(b"another file")
    with pytest.raises(EngineError, match="is not the file that was published"):
        set_up()
    assert any("is not the file that was published" in line for line in lines)
    server.answer = sending(content)
    assert set_up()
    assert (folder / "env" / "pyvenv.cfg").is_file()
    asked = len(server.asked)
    assert set_up()
    assert len(server.asked) == asked
