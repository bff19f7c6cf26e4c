"""Whatever is wrong with a request: one sentence, the right exit code, and nothing written or changed."""

from __future__ import annotations

import json
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from click.testing import CliRunner
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from rasterio.transform import from_origin

from seamline.cli.group import cli
from seamline.engine.output import workspace
from seamline.engine.output.workspace import Workspace
from seamline.models.folder import Architecture, Card, Input, write_folder

FINE, COARSE = from_origin(500000, 5000000, 0.5, 0.5), from_origin(500000, 5000000, 2, 2)
UTM33, UTM32 = "EPSG:32633", "EPSG:32632"
HANGS_S = 600
"""A process that has not ended by then never will; no measure of how fast it is."""


def write(path, pixels, *, transform=FINE, crs=UTM33, **more):
    """A GeoTIFF."""
    pixels = np.asarray(pixels)
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype} | more
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
        file.write(pixels)


def plane(count, height, width, dtype="uint16"):
    """Values that differ from pixel to pixel and band to band."""
    return (np.arange(count * height * width) % 200 + 20).reshape(count, height, width).astype(dtype)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A folder of good and bad inputs."""
    folder = tmp_path_factory.mktemp("inputs")
    write(folder / "pan.tif", plane(1, 80, 96))
    write(folder / "ms.tif", plane(4, 20, 24), transform=COARSE)
    write(folder / "ms1.tif", plane(1, 20, 24), transform=COARSE)
    write(folder / "ms5.tif", plane(5, 20, 24), transform=COARSE)
    write(folder / "pan8.tif", plane(1, 5, 6), transform=from_origin(500000, 5000000, 8, 8))
    (folder / "cut.json").write_text('{"name": "Cut", "bands": [')
    (folder / "odd.json").write_text('{"name": "Odd", "bands": [{"name": "blue", "low": 450, "high": 520, "gain": 3}]}')
    write(folder / "far.tif", plane(4, 20, 24), transform=from_origin(700000, 5000000, 2, 2))
    write(folder / "ms-nocrs.tif", plane(4, 20, 24), transform=COARSE, crs=None)
    write(folder / "pan-nocrs.tif", plane(1, 80, 96), crs=None)
    write(folder / "ms-utm32.tif", plane(4, 20, 24), transform=COARSE, crs=UTM32)
    write(folder / "nothing.tif", np.zeros((1, 80, 96), np.uint8), nodata=0)
    for dtype in ("float64", "int32", "complex64"):
        write(folder / f"{dtype}.tif", plane(1, 40, 40, dtype))
    write(folder / "plain.tif", plane(1, 40, 40), transform=Affine.identity(), crs=None)
    write(folder / "plain3.tif", plane(3, 40, 40), transform=Affine.identity(), crs=None)
    write(folder / "gcp.tif", plane(1, 40, 40), transform=Affine.identity(), crs=None)
    with rasterio.open(folder / "gcp.tif", "r+") as file:
        corners = [(0, 0), (0, 40), (40, 0), (40, 40)]
        file.gcps = (
            [GroundControlPoint(r, c, 5e5 + 3 * c, 5e6 - 3 * r) for r, c in corners],
            rasterio.CRS.from_epsg(32633),
        )
    write(folder / "rpc.tif", plane(1, 40, 40), transform=Affine.identity(), crs=None)
    with rasterio.open(folder / "rpc.tif", "r+") as file:
        one, column, row = [1, *[0] * 19], [0, 1, *[0] * 18], [0, 0, 1, *[0] * 17]
        file.rpcs = RPC(0, 1, 0, 1, one, column, 0, 1, 0, 1, one, row, 0, 1, 0, 0)
    (folder / "text.tif").write_text("this is no raster\n")
    (folder / "empty.tif").write_bytes(b"")
    (folder / "wide.vrt").write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    )
    for name in ("altered", "keyless", "pickled", "toy"):
        write_folder(folder / name, _card(), {"weight": torch.arange(6.0)})
    weights = bytearray((folder / "altered/model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "altered/model.safetensors").write_bytes(weights)
    card = json.loads((folder / "keyless/model.json").read_text())
    del card["licence"]
    (folder / "keyless/model.json").write_text(json.dumps(card))
    (folder / "pickled/extra.pkl").write_bytes(pickle.dumps({}))
    return folder


def _card():
    return Card(
        name="toy",
        version="1.0",
        task="superres",
        architecture=Architecture(name="salad_pan_tiny", config={}),
        inputs=(Input(name="image", bands=3),),
        main="image",
        licence="CC0-1.0",
        training_data="none",
        citation="none",
    )


@dataclass
class Answer:
    """What a command said: its sentence or events, its exit code."""

    code: int
    out: str
    err: str

    @property
    def events(self):
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def ask(capfd):
    """A function that runs a command in this process."""

    def run(*words, as_json=False):
        capfd.readouterr()
        result = CliRunner().invoke(cli, [*map(str, words), *(["--json"] if as_json else [])])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        protocol = capfd.readouterr().out
        # Events go to the descriptor, sentences through sys.stdout and sys.stderr.
        return Answer(result.exit_code, protocol + result.stdout, result.stderr)

    return run


def tree(folder):
    """Everything in a folder, byte for byte."""
    return {p.relative_to(folder): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(ask, inputs, tmp_path):
    """A function that asserts a refusal, once for people and once for programs; returns the sentence."""

    def check(words, code=2, folder=None):
        places = [inputs, folder or tmp_path]
        before = [tree(place) for place in places]
        spoken = ask(*words)
        assert spoken.code == code, spoken
        assert spoken.out == ""
        sentence = spoken.err.splitlines()[-1]
        assert [line for line in spoken.err.splitlines() if not line.startswith("warning: ")] == [sentence]
        written = ask(*words, as_json=True)
        assert written.code == code
        event = written.events[-1]
        assert [e["event"] for e in written.events if e["event"] != "warning"] == ["error"]
        assert event["what"]
        assert event["where"]
        assert event["fix"]
        assert sentence == f"error: {event['where']}: {event['what']}; {event['fix']}"
        assert [tree(place) for place in places] == before
        return sentence

    return check


SUPERRES = {
    "missing input": ("nowhere.tif", [], r"nowhere\.tif: the file does not exist"),
    "text": ("text.tif", [], r"text\.tif: it cannot be opened as a raster"),
    "empty file": ("empty.tif", [], "cannot be opened as a raster"),
    "folder as input": (".", [], "cannot be opened as a raster"),
    "gcps only": ("gcp.tif", [], "ground control points or RPCs only.*gdalwarp"),
    "rpcs only": ("rpc.tif", [], "ground control points or RPCs only.*gdalwarp"),
    "vrt": ("wide.vrt", [], "--allow-vrt"),
    "float64": ("float64.tif", [], "data type float64 cannot be returned exactly; .*--dtype"),
    "int32": ("int32.tif", [], "data type int32 cannot be returned exactly; .*--dtype"),
    "complex64": ("complex64.tif", [], "complex64 cannot be returned exactly"),
    "complex64 to float32": ("complex64.tif", ["--dtype", "float32"], "complex values are not supported"),
    "tile of nothing": ("pan.tif", ["--tile", 0], "--tile: 0 is not a positive number"),
    "tile below nothing": ("pan.tif", ["--tile", -64], "--tile: -64 is not a positive number"),
    "overlap over half": ("pan.tif", ["--tile", 64, "--overlap", 33], "--overlap: an overlap of 33 px"),
    "overlap below nothing": ("pan.tif", ["--overlap", -1], "--overlap: -1 is not 0 or more"),
    "batch": ("pan.tif", ["--batch-size", 0], "--batch-size: 0 is not a positive number"),
    "threads": ("pan.tif", ["--threads", 0], "--threads: 0 is not a positive number"),
    "threads without end": ("pan.tif", ["--threads", 10**9], "--threads: 1000000000 is more than a process can have"),
    "digits that are no number": ("pan.tif", ["--device", "cuda:²"], "--device: cuda:² is not a device"),
    "shard 0": ("pan.tif", ["--shard", "0/2"], "--shard: shard 0/2 does not exist"),
    "shard 3 of 2": ("pan.tif", ["--shard", "3/2"], "--shard: shard 3/2 does not exist"),
    "workers": ("pan.tif", ["--workers", 0], "--workers: 0 workers cannot work"),
    "seed below": ("pan.tif", ["--seed", -1], "--seed: -1 is not a seed"),
    "seed above": ("pan.tif", ["--seed", 2**64], "--seed: 18446744073709551616 is not a seed"),
    "extent empty": ("pan.tif", ["--extent", 500010, 4999980, 500010, 4999990], "the extent is empty"),
    "extent reversed": ("pan.tif", ["--extent", 500020, 4999990, 500010, 4999980], "the extent is empty"),
    "extent nan": ("pan.tif", ["--extent", "nan", 0, 1, 1], "the extent is empty"),
    "extent infinite": ("pan.tif", ["--extent", "-inf", "-inf", "inf", "inf"], "the extent is not finite"),
    "extent outside": ("pan.tif", ["--extent", 0, 0, 9, 9], "outside the scene of 96 x 80 px"),
    "window outside": ("pan.tif", ["--window", 96, 0, 10, 10], "--window: it lies outside the scene of 96 x 80 px"),
    "window empty": ("pan.tif", ["--window", 0, 0, 0, 10], "--window: it holds no pixel"),
    "both": ("pan.tif", ["--window", 0, 0, 1, 1, "--extent", 500000, 4999990, 500010, 5000000], "both were given"),
    "band 0": ("ms.tif", ["--bands", "0"], r"ms\.tif: it has no band 0; .*from 1 to 4"),
    "band 5": ("ms.tif", ["--bands", "1,5"], r"ms\.tif: it has no band 5; .*from 1 to 4"),
    "unknown model": ("pan.tif", ["--model", "bicubik"], "--model: there is no model 'bicubik'; did you mean bicubic?"),
    "model of another task": ("pan.tif", ["--model", "gsa"], "the model gsa is for pansharpen, not for superres"),
    "fixed scale": ("pan.tif", ["--model", "identity", "--scale", 2], "--scale: the model identity has scale 1, not 2"),
    "scale of nothing": ("pan.tif", ["--model", "bicubic", "--scale", 0], "--scale: bicubic has no scale 0"),
    "scale of too much": ("pan.tif", ["--model", "bicubic", "--scale", 99], "--scale: bicubic has no scale 99"),
    "altered model": ("ms.tif", ["--model", "{}/altered", "--bands", "1,2,3"], "the content is not the one"),
    "model without licence": ("pan.tif", ["--model", "{}/keyless"], "licence"),
    "pickle": ("pan.tif", ["--model", "{}/pickled"], r"extra\.pkl"),
    "no model folder": ("pan.tif", ["--model", "./nowhere"], r"no model\.json"),
    "bands of a model": ("ms.tif", ["--model", "{}/toy"], r"ms\.tif: toy takes 3 band\(s\) as image, but it has 4"),
    "device": ("pan.tif", ["--device", "abacus"], "--device"),
    "grids of several files": ("pan.tif,far.tif", [], r"far\.tif: it covers other ground than .*pan\.tif"),
}


@pytest.mark.parametrize(("source", "options", "sentence"), SUPERRES.values(), ids=SUPERRES)
def test_superres_refuses(refused, inputs, tmp_path, source, options, sentence):
    paths = ",".join(str(inputs / part) for part in source.split(","))
    options = [str(option).format(inputs) for option in options]
    model = [] if "--model" in options else ["--model", "identity"]
    said = refused(["superres", paths, tmp_path / "o.tif", *model, *options])
    assert re.search(sentence, said), said


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--memory", "1e400G", "is not a size"),
        ("--memory", "inf", "is not a size"),
        ("--shard", "²/³", "is not a shard"),
        ("--bands", "²", "is not a list of bands"),
    ],
)
def test_values_that_no_option_can_mean_are_refused(ask, inputs, tmp_path, option, value, sentence):
    answer = ask("superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity", option, value)
    assert answer.code == 2
    assert sentence in answer.err
    assert list(tmp_path.iterdir()) == []


PANSHARPEN = {
    "no overlap": ("far.tif", "pan.tif", r"pan\.tif: it does not overlap .*far\.tif"),
    "ms without crs": ("ms-nocrs.tif", "pan.tif", r"ms-nocrs\.tif: it has no CRS, while .*pan\.tif has one"),
    "pan without crs": ("ms.tif", "pan-nocrs.tif", r"pan-nocrs\.tif: it has no CRS, while .*ms\.tif has one"),
    "different crs": ("ms-utm32.tif", "pan.tif", "EPSG:32632 differs from EPSG:32633.*gdalwarp -t_srs EPSG:32633"),
    "swapped": ("pan.tif", "ms1.tif", r"its pixels are larger than those of .*pan\.tif \(4 times\); .*swapped"),
    "pan coarser than ms": ("ms.tif", "pan8.tif", r"pan8\.tif: its pixels are larger than .*ms\.tif \(4 times\)"),
    "swapped bands": ("pan.tif", "ms.tif", r"brovey takes 1 band\(s\) as pan, but it has 4"),
    "pan of three bands": ("ms.tif", "plain3.tif", r"brovey takes 1 band\(s\) as pan, but it has 3"),
    "not placed": ("ms.tif", "plain.tif", r"plain\.tif: it has no georeference"),
    "gcps only": ("gcp.tif", "pan.tif", "ground control points or RPCs only"),
    "missing ms": ("nowhere.tif", "pan.tif", r"nowhere\.tif: the file does not exist"),
    "float64 ms": ("float64.tif", "pan.tif", "float64 cannot be returned exactly"),
}


@pytest.mark.parametrize(("ms", "pan", "sentence"), PANSHARPEN.values(), ids=PANSHARPEN)
def test_pansharpen_refuses(refused, inputs, tmp_path, ms, pan, sentence):
    said = refused(["pansharpen", inputs / ms, inputs / pan, tmp_path / "o.tif", "--model", "brovey"])
    assert re.search(sentence, said), said


SENSORS = {
    "five bands": ("ms5.tif", "WV3", r"--sensor: the image has 5 bands and WV3 has 8 with gains of their own; .*none"),
    "unknown": ("ms.tif", "WV33", "--sensor: there is no sensor 'WV33'; did you mean WV3"),
    "no file": ("ms.tif", "{}/nowhere.json", r"nowhere\.json: it cannot be read"),
    "cut file": ("ms.tif", "{}/cut.json", r"cut\.json: it is not JSON"),
    "impossible gain": ("ms.tif", "{}/odd.json", r"odd\.json, band 1: gain is 3"),
}


@pytest.mark.parametrize("model", [["--model", "brovey", "--consistency", "on"], ["--model", "salad-pan-tiny"]])
@pytest.mark.parametrize(("ms", "sensor", "sentence"), SENSORS.values(), ids=SENSORS)
def test_a_sensor_that_does_not_fit(refused, inputs, tmp_path, ms, sensor, sentence, model):
    pair = [inputs / ms, inputs / "pan.tif", tmp_path / "o.tif"]
    said = refused(["pansharpen", *pair, *model, "--sensor", sensor.format(inputs)])
    assert re.search(sentence, said), said


def textured(bits):
    """(MS, PAN) of blocks of every size, 64 and 256 px, whole multiples of 2 ** (bits - 8)."""
    rng = np.random.default_rng(8)
    ground = sum(rng.random((256 // n, 256 // n)).repeat(n, 0).repeat(n, 1) for n in (2, 4, 8, 16)) / 4
    pan = np.rint(40 + 160 * ground)[None]
    ms = np.rint(pan.reshape(1, 64, 4, 64, 4).mean(axis=(2, 4)) * np.array([0.6, 0.8, 0.7, 1.1])[:, None, None])
    kind = np.uint8 if bits == 8 else np.uint16
    return ms.astype(kind) * kind(2 ** (bits - 8)), pan.astype(kind) * kind(2 ** (bits - 8))


def test_pairs_that_lie_apart(ask, refused, inputs, tmp_path):
    ms, pan = textured(8)
    write(tmp_path / "pan.tif", pan)
    for pixels in (2, 9):
        # Without a nodata value GDAL would take the fourth band of 8 bits for alpha.
        write(tmp_path / f"{pixels}.tif", ms, transform=COARSE * Affine.translation(0, pixels), nodata=0)
    run = [tmp_path / "pan.tif", tmp_path / "o.tif", "--model", "gsa"]
    spoken = ask("pansharpen", tmp_path / "2.tif", *run)
    assert spoken.code == 0
    assert re.search(r"warning: .*2\.tif: it is shifted against .* by [12]\.\d\d of its px .*--coregister", spoken.err)
    written = ask("pansharpen", tmp_path / "2.tif", *run, "--dry-run", as_json=True)
    kinds = [event.get("kind") for event in written.events]
    # That no instrument makes such a pair is said too.
    assert kinds == ["MisregistrationWarning", "InstrumentWarning", None]
    run.append("--overwrite")
    corrected = ask("pansharpen", tmp_path / "2.tif", *run, "--coregister", as_json=True)
    warned = [event["kind"] for event in corrected.events if event["event"] == "warning"]
    assert warned == ["InstrumentWarning"]
    said = refused(["pansharpen", tmp_path / "9.tif", *run, "--coregister"])
    assert re.search(r"9\.tif: it is shifted against .* by [89]\.\d\d of its px .*--coregister corrects up to 8;", said)
    said = refused(["pansharpen", inputs / "ms.tif", inputs / "pan.tif", *run[1:], "--coregister"])
    assert re.search(r"ms\.tif: its shift against .*pan\.tif cannot be measured; leave --coregister out", said), said
    alone = ask("superres", inputs / "pan.tif", tmp_path / "sr.tif", "--model", "identity", "--coregister")
    assert alone.code == 0
    assert "warning: --coregister does nothing with the model identity" in alone.err


def test_the_bit_depth_does_not_matter_to_the_model_that_ships(ask, tmp_path):
    """Its range is that of the scene: 8 and 11 bits of one ground give one result, each in its own units."""
    fused = {}
    for bits in (8, 11):
        ms, pan = textured(bits)
        # Without a nodata value GDAL would take the fourth band of 8 bits for alpha.
        write(tmp_path / "ms.tif", ms, transform=COARSE, nodata=0)
        write(tmp_path / "pan.tif", pan)
        run = ["pansharpen", tmp_path / "ms.tif", tmp_path / "pan.tif", tmp_path / f"{bits}.tif"]
        assert ask(*run, "--model", "salad-pan-tiny", "--threads", 1, "--steps", 1).code == 0
        with rasterio.open(tmp_path / f"{bits}.tif") as file:
            fused[bits] = file.read()
        assert fused[bits].dtype == ms.dtype
        band_means = ms.mean(axis=(1, 2))
        np.testing.assert_allclose(fused[bits].mean(axis=(1, 2)), band_means, rtol=0.01)
        assert fused[bits].std() > ms.std()
    apart = np.abs(fused[8] - fused[11] / 8.0)
    assert np.quantile(apart, 0.999) <= 1


def test_outputs_that_cannot_be(refused, inputs, tmp_path):
    run = ["superres", inputs / "pan.tif"]
    identity = ["--model", "identity"]
    (tmp_path / "o.tif").write_bytes(b"an older file")
    assert "o.tif: the output exists; pass --overwrite" in refused([*run, tmp_path / "o.tif", *identity])
    same = refused([*run, inputs / "pan.tif", *identity, "--overwrite"])
    assert "the output is one of the inputs" in same
    linked = tmp_path / "link.tif"
    linked.symlink_to(inputs / "pan.tif")
    assert "the output is one of the inputs" in refused([*run, linked, *identity, "--overwrite"])
    assert "the folder does not exist" in refused([*run, tmp_path / "no/o.tif", *identity])
    assert "the output is a folder" in refused([*run, tmp_path, *identity])
    assert "is not a GeoTIFF" in refused([*run, tmp_path / "o.png", *identity])


def test_one_of_several_inputs_is_not_overwritten(refused, inputs, tmp_path):
    for name in ("a.tif", "b.tif"):
        shutil.copy(inputs / "pan.tif", tmp_path / name)
    both = f"{tmp_path / 'a.tif'},{tmp_path / 'b.tif'}"
    said = refused(["superres", both, tmp_path / "b.tif", "--model", "identity", "--overwrite"])
    assert "the output is one of the inputs" in said


def test_a_folder_that_cannot_be_written(refused, inputs, tmp_path, monkeypatch):
    make_folder = Path.mkdir

    def deny(path, *args, **kwargs):
        if path.name.endswith(".seamline"):
            raise PermissionError(13, "Permission denied")
        make_folder(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", deny)
    said = refused(["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity"])
    assert f"{tmp_path}: the folder cannot be written (Permission denied)" in said


def test_a_disk_that_is_full_before_the_first_band(refused, inputs, tmp_path, monkeypatch):
    write_json = workspace.write_json

    def fill_up(path, data, **how):
        if path.name == "plan.json":
            raise OSError(28, "No space left on device")
        return write_json(path, data, **how)

    monkeypatch.setattr(workspace, "write_json", fill_up)
    said = refused(["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity"])
    assert "No space left on device" in said


def test_too_little_disk_by_the_plan(refused, inputs, tmp_path, monkeypatch):
    (tmp_path / "o.tif").write_bytes(b"an older file")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 10, 10))
    said = refused(["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity", "--overwrite"], 3)
    assert re.search(r"the run needs up to .* of disk and .* is free", said)


def test_too_little_memory_by_the_plan(refused, inputs, tmp_path, monkeypatch):
    run = ["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity"]
    assert re.search("needs .* of memory and 0.10 GiB may be used", refused([*run, "--memory", "100M"], 3))
    # What is free changes between the two times that it is asked.
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=8 * 2**30))
    assert re.search("needs .* of memory", refused([*run, "--batch-size", 10**7], 3))


def test_a_plan_that_is_too_large_leaves_an_unfinished_run_alone(refused, ask, inputs, tmp_path):
    run = ["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity", "--tile", 32, "--overlap", 0]
    assert ask(*run, "--shard", "1/2").code == 0
    refused([*run, "--overwrite", "--memory", "100M"], 3)


def test_unfinished_runs(refused, ask, inputs, tmp_path):
    out = tmp_path / "o.tif"
    run = ["superres", inputs / "pan.tif", out, "--model", "identity", "--tile", 32, "--overlap", 0]
    assert "there is no unfinished run" in refused(["merge", out])
    assert ask(*run, "--shard", "1/2").code == 0
    assert Workspace.beside(out).exists
    assert "1 of 3 row bands are not finished (the first is 2)" in refused(["merge", out])
    assert "an unfinished run lies here; pass --resume" in refused(run)
    other = refused([*run, "--resume", "--seed", 7])
    assert "the unfinished run is another one (it differs in seed)" in other
    assert "differs in tiles" in refused([*run[:-3], 64, *run[-2:], "--resume"])
    assert "differs in seed" in refused([*run, "--shard", "2/2", "--seed", 7])
    (Workspace.beside(out).folder / "plan.json").write_text("{")
    assert "the saved plan is damaged" in refused([*run, "--resume"])


@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("old", [False, True])
def test_a_truncated_input_never_becomes_an_output(ask, tmp_path, compress, old):
    noise = np.random.default_rng(1).integers(0, 60000, (1, 300, 300), np.uint16)
    write(tmp_path / "in.tif", noise, compress=compress, tiled=True, blockxsize=64, blockysize=64)
    whole = (tmp_path / "in.tif").read_bytes()
    (tmp_path / "in.tif").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "o.tif"
    if old:
        out.write_bytes(b"the old output")
    options = ["--model", "identity", "--tile", 64, "--overlap", 0, "--overwrite"]
    answer = ask("superres", tmp_path / "in.tif", out, *options, as_json=True)
    assert answer.code in (1, 2)
    assert answer.events[-1]["event"] == "error"
    assert "fetch it again" in answer.events[-1]["fix"]
    assert (out.read_bytes() == b"the old output") if old else not out.exists()
    assert not list(tmp_path.glob("*.report.json"))


@contextmanager
def largest_file(size):
    """Writes beyond ``size`` bytes of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("limit", "sentence"), [(10_000, "row band 0 cannot be written"),
                                                 (150_000, "the COG cannot be written")])  # fmt: skip
def test_a_disk_that_fills_up_midway(ask, tmp_path, limit, sentence):
    noise = np.random.default_rng(1).integers(0, 60000, (1, 600, 300), np.uint16)
    write(tmp_path / "in.tif", noise)
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old output")
    run = ["superres", tmp_path / "in.tif", out, "--model", "identity", "--overwrite", "--compress", "none"]
    run += ["--tile", 64, "--overlap", 0]
    with largest_file(limit):
        answer = ask(*run, as_json=True)
    assert answer.code == 1, answer
    assert sentence in answer.events[-1]["what"]
    assert "--resume" in answer.events[-1]["fix"]
    assert out.read_bytes() == b"the old output"
    assert not list(Workspace.beside(out).folder.glob("output.tif"))
    assert ask(*run, "--resume").code == 0
    with rasterio.open(out) as data:
        np.testing.assert_array_equal(data.read(), noise)
    assert not Workspace.beside(out).folder.exists()


def test_a_scene_without_any_valid_pixel_gives_the_same_and_says_so(ask, inputs, tmp_path):
    out = tmp_path / "o.tif"
    answer = ask("superres", inputs / "nothing.tif", out, "--model", "bicubic", as_json=True)
    assert answer.code == 0
    assert [e["event"] for e in answer.events if e["event"] != "progress"] == ["start", "warning", "done"]
    warning = next(e for e in answer.events if e["event"] == "warning")
    assert (warning["kind"], "no valid pixel" in warning["what"]) == ("AllNodataWarning", True)
    with rasterio.open(out) as data:
        assert (data.nodata, data.shape) == (0, (320, 384))
        assert not data.read().any()


def test_an_option_that_the_model_does_not_use_is_a_warning(ask, inputs, tmp_path):
    pair = [inputs / "ms.tif", inputs / "pan.tif"]
    spoken = ask("pansharpen", *pair, tmp_path / "o.tif", "--model", "gsa", "--steps", 4)
    assert spoken.code == 0
    assert "warning: --steps does nothing with the model gsa" in spoken.err
    run = [
        "pansharpen",
        *pair,
        tmp_path / "o.tif",
        "--model",
        "gsa",
        "--sensor",
        "none",
        "--guidance",
        "2.5",
        "--overwrite",
    ]
    written = ask(*run, as_json=True)
    assert [(e["kind"], e["what"]) for e in written.events if e["event"] == "warning"] == [
        ("UnusedOptionWarning", "--guidance does nothing with the model gsa")
    ]


@pytest.mark.parametrize(
    "words",
    [["--colour", "red"], ["--dtype", "float64"], ["--bands", "1-3"], ["--bands", ""], ["--shard", "half"],
     ["--memory", "much"], ["--tile", "wide"], ["--extent", "1", "2"], ["--steps", "0"], ["--compress", "zip"]],
)  # fmt: skip
def test_a_wrong_command_is_refused_before_anything_is_opened(ask, inputs, tmp_path, words):
    answer = ask("superres", inputs / "pan.tif", tmp_path / "o.tif", *words, as_json=True)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1].startswith("Error: ")
    assert not list(tmp_path.iterdir())


def program(*words, **more):
    """The program as another program starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "seamline", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=more.pop("cwd"),
        **more,
    )


def test_a_process_ends_with_the_code_and_one_event_line(inputs, tmp_path):
    run = ["superres", inputs / "text.tif", tmp_path / "o.tif", "--model", "identity", "--json"]
    process = program(*run, cwd=tmp_path)
    out, _ = process.communicate(timeout=HANGS_S)
    assert process.returncode == 2
    (line,) = out.splitlines()
    assert json.loads(line)["event"] == "error"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_keeps_what_is_finished(tmp_path, number):
    write(tmp_path / "in.tif", np.ones((1, 3000, 700), np.uint8))
    out = tmp_path / "o.tif"
    out.write_bytes(b"the old output")
    options = ["--model", "bicubic", "--scale", 8, "--tile", 64, "--overlap", 16, "--overwrite", "--json"]
    process = program("superres", tmp_path / "in.tif", out, *options, cwd=tmp_path)
    for line in process.stdout:
        if json.loads(line)["event"] == "progress":
            process.send_signal(number)
            break
    rest, _ = process.communicate(timeout=HANGS_S)
    assert process.returncode == 130
    assert json.loads(rest.splitlines()[-1]) == {"event": "cancelled"}
    assert out.read_bytes() == b"the old output"
    assert Workspace.beside(out).exists


def test_the_end_of_standard_input_cancels_where_it_is_watched(inputs, tmp_path):
    run = ["superres", inputs / "pan.tif", tmp_path / "o.tif", "--model", "identity", "--cancel-on-stdin-eof"]
    process = program(*run, cwd=tmp_path, stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=HANGS_S)
    assert (process.returncode, out) == (130, "")
    assert "cancelled" in err
    assert not (tmp_path / "o.tif").exists()
