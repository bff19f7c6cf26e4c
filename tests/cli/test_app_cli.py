"""``seamline app``: what it refuses, in a sentence, before anything is served."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner

from seamline.app import serve
from seamline.cli.group import cli


def refused(*words):
    answer = CliRunner().invoke(cli, ["app", *map(str, words)])
    assert answer.exit_code == 2, answer.output
    (sentence,) = answer.output.strip().splitlines()
    return sentence


def test_without_gradio_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    assert "pip install 'seamline[app]'" in refused()


@pytest.fixture
def with_gradio(monkeypatch):
    """As if it were installed: what is refused before it is needed."""
    monkeypatch.setattr(serve, "find_spec", importlib.util.find_spec if importlib.util.find_spec("gradio") else str)


def test_a_port_in_use_is_named(with_gradio, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sentence = refused("--folder", tmp_path, "--port", port)
    assert sentence.startswith(f"error: --port {port}: the port cannot be used")


def test_a_folder_or_host_that_is_not_there_is_named(with_gradio, tmp_path):
    assert "no such folder" in refused("--folder", tmp_path / "missing")
    assert "no such address" in refused("--folder", tmp_path, "--host", "256.1.1.1")


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.1.2.3", False)],
)
def test_which_addresses_other_machines_reach(host, alone):
    assert serve.is_loopback(host) is alone


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_tells_its_address_warns_of_other_machines_and_ends_on_a_signal(tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    command = [sys.executable, "-m", "seamline", "app", "--folder", str(tmp_path), "--port", "0", "--host", "0.0.0.0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[0]
        with urllib.request.urlopen(address) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 0
    assert "warning: whoever reaches 0.0.0.0" in said
    assert "Traceback" not in said
