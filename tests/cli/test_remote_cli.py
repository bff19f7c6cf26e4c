"""The command line reads from servers that --allow-host names, and says no signature."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from seamline.cli.group import cli
from seamline.engine.testing import assert_same_pixels


@pytest.fixture
def signed(server, write_raster):
    """Address of a scene with a signature, and the file."""
    path = write_raster("a.tif", np.arange(1, 2 * 40 * 30 + 1, dtype=np.uint16).reshape(2, 30, 40))
    return server.put("/a.tif", path.read_bytes()) + "?sig=s3cr3t", path


def test_a_signed_address_is_read_and_its_signature_is_not_said(server, signed, tmp_path):
    address, path = signed
    out = tmp_path / "o.tif"
    options = ["--model", "identity", "--allow-host", "example.org", "--allow-host", server.host, "--json"]
    for more in (["--dry-run"], []):
        done = CliRunner().invoke(cli, ["superres", address, str(out), *options, *more])
        assert done.exit_code == 0, done.output
        assert "s3cr3t" not in done.output
    assert_same_pixels(out, path)
    assert json.loads((tmp_path / "o.report.json").read_text())["inputs"] == {"image": address.partition("?")[0]}
    assert all(asked.endswith("?sig=s3cr3t") for _, asked, _ in server.asked)


def test_without_the_option_the_sentence_names_it(server, signed, tmp_path):
    address, _ = signed
    done = CliRunner().invoke(cli, ["superres", address, str(tmp_path / "o.tif"), "--model", "identity"])
    assert done.exit_code == 2
    assert f"--allow-host {server.host}" in " ".join(done.output.split())
    assert "s3cr3t" not in done.output
    assert not server.asked


def test_an_evaluation_reads_from_servers_too(server, signed):
    address = signed[0].partition("?")[0]
    options = ["--reference", str(signed[1]), "--allow-host", server.host, "--json"]
    done = CliRunner().invoke(cli, ["evaluate", address, *options])
    assert done.exit_code == 0, done.output
    assert server.asked
