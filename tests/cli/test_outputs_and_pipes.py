"""Links, names that no file may have, closed pipes, heights in a CRS, and values that are no measurements."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.cli.group import cli
from seamline.models import registry

FINE, COARSE = from_origin(500000, 5000000, 0.5, 0.5), from_origin(500000, 5000000, 2, 2)
HEIGHTS = "EPSG:32633+5773"


def write(path, values, transform, crs="EPSG:32633"):
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
        file.write(values)


def scene():
    """MS of four bands and PAN, four times as fine."""
    rng = np.random.default_rng(0)
    fine = (400 + 150 * rng.random((4, 160, 192))).astype(np.float32)
    return fine.reshape(4, 40, 4, 48, 4).mean(axis=(2, 4)), fine.mean(axis=0, keepdims=True)


def seamline(*arguments, folder, **more):
    command = [sys.executable, "-m", "seamline", *map(os.fsencode, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, **more)


@pytest.fixture
def pair(tmp_path):
    ms, pan = scene()
    write(tmp_path / "ms.tif", ms, COARSE)
    write(tmp_path / "pan.tif", pan, FINE)
    return tmp_path


@pytest.mark.parametrize("target", ["real.tif", "nowhere.tif"])
def test_an_output_that_is_a_link_is_refused_and_what_it_names_stays(pair, target):
    (pair / "real.tif").write_bytes(b"old")
    (pair / "link.tif").symlink_to(target)
    done = seamline("superres", "ms.tif", "link.tif", "--model", "bicubic", "--overwrite", folder=pair)
    assert done.returncode == 2
    assert f"a link to {target}" in done.stderr.decode()
    assert (pair / "link.tif").is_symlink()
    assert (pair / "real.tif").read_bytes() == b"old"


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_that_are_not_utf8_or_too_long_are_refused(pair):
    for name, said in ((b"o\xe4.tif", "not UTF-8"), (b"o" * 230 + b".tif", "too long")):
        done = seamline("superres", "ms.tif", name, "--model", "bicubic", folder=pair)
        assert done.returncode == 2
        assert said in done.stderr.decode()
        assert b"Traceback" not in done.stderr
    assert sorted(path.name for path in pair.iterdir()) == ["ms.tif", "pan.tif"]


def test_a_reader_that_has_gone_is_told_nothing(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "seamline", "models", "list"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, cwd=tmp_path)
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""


def test_heights_beside_the_same_plane_do_not_matter_and_another_plane_is_named_in_short(pair):
    _, pan = scene()
    write(pair / "high.tif", pan, FINE, HEIGHTS)
    assert seamline("pansharpen", "ms.tif", "high.tif", "o.tif", "--model", "gsa", folder=pair).returncode == 0
    write(pair / "other.tif", pan, FINE, "EPSG:32632+5773")
    done = seamline("pansharpen", "ms.tif", "other.tif", "no.tif", "--model", "gsa", folder=pair)
    assert done.returncode == 2
    assert "gdalwarp -t_srs EPSG:32632" in done.stderr.decode()
    assert not (pair / "no.tif").exists()


@pytest.mark.parametrize("model", ["gsa", "mtf-glp-fs", "salad-pan-tiny"])
def test_values_that_are_no_measurements_are_named_with_what_declares_them(pair, model):
    ms, _ = scene()
    ms[:, :3] = np.finfo(np.float32).min
    write(pair / "filled.tif", ms, COARSE)
    done = seamline("pansharpen", "filled.tif", "pan.tif", "o.tif", "--model", model, folder=pair)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert "gdal_edit.py -a_nodata -3.40282347e+38" in said
    assert "RuntimeWarning" not in said
    assert "Traceback" not in said
    assert not Path(pair / "o.tif").exists()


def test_a_band_called_alpha_that_varies_is_told_and_can_be_kept(pair):
    ms, _ = scene()
    for name, fourth in (("data.tif", ms[3:] / 5), ("mask.tif", np.where(ms[3:] > 470, 255, 0))):
        values = np.concatenate([ms[:3] / 4, fourth]).astype(np.uint8)
        profile = {"driver": "GTiff", "count": 4, "height": 40, "width": 48, "dtype": "uint8", "photometric": "RGB"}
        with rasterio.open(pair / name, "w", crs="EPSG:32633", transform=COARSE, alpha="YES", **profile) as file:
            file.write(values)
    said = seamline("superres", "data.tif", "o.tif", "--model", "bicubic", folder=pair).stderr.decode()
    assert "--bands 1,2,3,4 to keep it" in said
    assert said.count("alpha") == 1
    assert "alpha" not in seamline("superres", "mask.tif", "p.tif", "--model", "bicubic", folder=pair).stderr.decode()
    kept = seamline("superres", "data.tif", "q.tif", "--model", "bicubic", "--bands", "1,2,3,4", folder=pair)
    assert "alpha" not in kept.stderr.decode()
    with rasterio.open(pair / "q.tif") as file:
        assert file.count == 4
        assert file.read(4).std() > 1


def test_another_pipe_that_breaks_is_reported(monkeypatch):
    def broken(*_):
        raise BrokenPipeError("a worker has gone")

    monkeypatch.setattr(registry, "names", broken)
    done = CliRunner().invoke(cli, ["models", "list"])
    assert done.exit_code == 1
    assert "unexpected BrokenPipeError" in done.stderr


def test_help_waits_for_no_library_of_networks(tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "seamline", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "seamline.cli.group" in loaded
    assert not loaded & {"torch", "diffusers", "xarray", "rasterio"}


def test_explain_writes_every_further_output_that_is_not_asked_for_by_name(pair):
    asked = ["superres", str(pair / "ms.tif"), str(pair / "o.tif"), "--model", "slimdiffsr-tiny-x2", "--explain"]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 0, done.output
    with rasterio.open(pair / "o_uncertainty.tif") as found:
        assert (found.count, found.height, found.width) == (4, 80, 96)
    asked += ["--overwrite", "--uncertainty", "u.tif", "--dry-run", "--json"]
    plan = json.loads(seamline(*asked, folder=pair).stdout)["plan"]
    assert plan["outputs"] == {"image": None, "uncertainty": "u.tif"}


def test_a_plan_says_what_goes_in_what_comes_out_and_what_it_takes(pair):
    done = seamline("pansharpen", "ms.tif", "pan.tif", "o.tif", "--model", "brovey", "--dry-run", folder=pair)
    assert done.returncode == 0
    said = [" ".join(line.split()) for line in done.stdout.decode().splitlines()]
    assert "ms 48 × 40 px 2 m, EPSG:32633 4 float32 ms.tif" in said
    assert "image 192 × 160 px 0.5 m, EPSG:32633 4 float32 o.tif" in said
    assert said[0].startswith("Plan: Pan-sharpening by brovey ")
    assert any(line.startswith("memory up to ") for line in said)


def test_a_model_without_further_outputs_has_nothing_to_explain(pair):
    done = seamline("superres", "ms.tif", "o.tif", "--model", "bicubic", "--explain", folder=pair)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == ("error: --explain: the model bicubic has no further output; leave it out")
