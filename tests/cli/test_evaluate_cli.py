"""``seamline evaluate``: its forms, its table and events, and what it refuses."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from rasterio.transform import from_origin

from seamline.cli.group import cli
from seamline.engine.optics.degrade import Rows
from seamline.engine.quality.metrics import METRICS
from seamline.engine.quality.perceptual import METRICS as PERCEPTUAL
from seamline.engine.quality.perceptual import Pristine, measure, niqe, reader, save_pristine
from seamline.engine.quality.perceptual.niqe import FEATURES
from seamline.report.sweep import write_sweep

FINE, COARSE = from_origin(500000, 5000000, 0.5, 0.5), from_origin(500000, 5000000, 2, 2)


@pytest.fixture
def ask(capfd):
    """A function that runs ``evaluate`` and returns its exit code, standard output and standard error."""

    def run(*words):
        capfd.readouterr()
        result = CliRunner().invoke(cli, ["evaluate", *map(str, words)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        # Events go to the descriptor, sentences and the table through sys.stdout and sys.stderr.
        return result.exit_code, capfd.readouterr().out + result.stdout, result.stderr

    return run


def write(path, pixels, *, transform=FINE, crs="EPSG:32633", **more):
    """A GeoTIFF."""
    count, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": pixels.dtype} | more
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
        file.write(pixels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good and bad rasters."""
    rng = np.random.default_rng(2)
    place = tmp_path_factory.mktemp("evaluate")
    fused = rng.integers(200, 1800, (4, 96, 128), np.uint16)
    cells = fused.reshape(4, 24, 4, 32, 4).mean(axis=(2, 4)).astype(np.uint16)
    write(place / "fused.tif", fused)
    write(place / "ref.tif", (fused + rng.integers(0, 60, fused.shape)).astype(np.uint16))
    write(place / "pan.tif", fused.mean(axis=0, keepdims=True).astype(np.uint16))
    write(place / "ms.tif", cells, transform=COARSE)
    write(place / "ms-half.tif", cells, transform=COARSE * Affine.translation(0.125, 0.125))
    write(place / "ms-far.tif", cells, transform=from_origin(900000, 5000000, 2, 2))
    write(place / "three.tif", fused[:3])
    write(place / "three-float.tif", fused[:3].astype(np.float32))
    write(place / "ms-three.tif", cells[:3], transform=COARSE)
    write(place / "smaller.tif", fused[:, :90])
    write(place / "between.tif", fused, transform=FINE * Affine.translation(0.4, 0))
    write(place / "utm32.tif", fused, crs="EPSG:32632")
    write(place / "plain.tif", fused, transform=Affine.identity(), crs=None)
    write(place / "plain-smaller.tif", fused[:, :90], transform=Affine.identity(), crs=None)
    write(place / "nothing.tif", np.zeros_like(fused), nodata=0)
    write(place / "signed.tif", fused.astype(np.int16) - 900)
    write(place / "large.tif", fused.astype(np.float32) * 100)
    write(place / "ms-signed.tif", cells.astype(np.int16) - 900, transform=COARSE)
    return place


def run_events(ask, *words):
    code, out, err = ask(*words, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_both_forms_at_once_as_events(ask, folder):
    inputs = ["--pan", folder / "pan.tif", "--ms", folder / "ms.tif"]
    events = run_events(
        ask, folder / "fused.tif", "--reference", folder / "ref.tif", *inputs, "--bits", 11, "--sensor", "none"
    )
    assert [e["event"] for e in events if e["event"] != "progress"] == ["start", "done"]
    start, done = events[0], events[-1]
    # The ratio of ERGAS comes from the grids.
    assert (start["reference"]["ratio"], start["inputs"]["offset"]) == (4.0, [0.0, 0.0])
    assert [e["done"] for e in events if e["event"] == "progress"][-1] == events[-2]["total"]
    of_images = {name for name, metric in METRICS.items() if metric.against != "labels"}
    assert done["metrics"].keys() == of_images - {"Y_PSNR", "Y_SSIM", "SSIMULACRA2"}
    assert done["pixels"] == 96 * 128
    assert done["metrics"]["HQNR"] == pytest.approx((1 - done["metrics"]["D_lambda"]) * (1 - done["metrics"]["D_s"]))


def test_a_table_for_people(ask, folder):
    code, out, err = ask(folder / "fused.tif", "--reference", folder / "ref.tif", "--ratio", 4)
    assert (code, err.strip()) == (0, "")
    metrics = run_events(ask, folder / "fused.tif", "--reference", folder / "ref.tif", "--ratio", 4)[-1]["metrics"]
    for name, value in metrics.items():
        assert re.search(rf"{name}\s*│\s*{value:.6g}\s*│", out), name


def test_equal_images_are_perfect_and_json_stays_json(ask, folder):
    events = run_events(ask, folder / "three.tif", "--reference", folder / "three.tif", "--ratio", 4)
    metrics = events[-1]["metrics"]
    assert (metrics["PSNR"], metrics["Y_PSNR"], metrics["ERGAS"]) == (None, None, 0.0)
    assert metrics["Q2n"] == pytest.approx(1.0)
    assert [e["kind"] for e in events if e["event"] == "warning"] == ["FlatImageWarning"]
    code, out, _ = ask(folder / "three.tif", "--reference", folder / "three.tif", "--ratio", 4)
    assert code == 0
    assert re.search(r"│ PSNR\s*│ inf\s*│ inf", out)


def test_luma_follows_the_names_of_the_bands(ask, folder, tmp_path):
    for name, order in (("rgb", (0, 1, 2)), ("bgr", (2, 1, 0))):
        for kind in ("fused", "ref"):
            with rasterio.open(folder / f"{kind}.tif") as file:
                pixels = file.read([i + 1 for i in order])
            write(tmp_path / f"{kind}-{name}.tif", pixels)
            with rasterio.open(tmp_path / f"{kind}-{name}.tif", "r+") as file:
                file.descriptions = [("red", "green", "blue")[i] for i in order]
    values = [
        run_events(ask, tmp_path / f"fused-{n}.tif", "--reference", tmp_path / f"ref-{n}.tif")[-1]["metrics"]["Y_PSNR"]
        for n in ("rgb", "bgr")
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_part_of_the_reference_is_compared_where_it_lies(ask, folder, tmp_path):
    with rasterio.open(folder / "fused.tif") as file:
        write(tmp_path / "part.tif", file.read()[:, 8:72, 16:], transform=FINE * Affine.translation(16, 8))
    found = run_events(ask, tmp_path / "part.tif", "--reference", folder / "fused.tif", "--ratio", 4)[-1]["metrics"]
    assert (found["SAM"], found["ERGAS"]) == (pytest.approx(0.0, abs=1e-5), 0.0)


def test_metrics_as_released_are_labelled(ask, folder):
    words = [folder / "fused.tif", "--reference", folder / "ref.tif", "--ratio", 2, "--as-released"]
    metrics = run_events(ask, *words)[-1]["metrics"]
    assert metrics["SAM_as_released"] == pytest.approx(metrics["SAM"])
    assert metrics["SSIM_as_released"] == pytest.approx(metrics["SSIM"], abs=0.05)
    assert "PSNR_as_released" in metrics
    # Its ratio is always 4.
    assert metrics["ERGAS_as_released"] == pytest.approx(metrics["ERGAS"] / 2, rel=0.05)


def test_perceptual_metrics_are_measured_where_their_weights_are_and_absent_elsewhere(ask, tmp_path):
    pristine = Pristine(np.zeros(FEATURES), np.eye(FEATURES))
    save_pristine(pristine, tmp_path / "niqe.safetensors")
    pixels = np.random.default_rng(3).integers(200, 1800, (3, 192, 128), np.uint16)
    write(tmp_path / "fused.tif", pixels)
    write(tmp_path / "ref.tif", pixels + np.uint16(7))
    words = [tmp_path / "fused.tif", "--reference", tmp_path / "ref.tif", "--ratio", 4, "--bits", 11]
    events = run_events(ask, *words, "--perceptual", tmp_path)
    said = " ".join(e["what"] for e in events if e.get("kind") == "LeftOutWarning")
    assert all(f"{name} is absent" in said for name in PERCEPTUAL if name != "NIQE")
    expected = measure({"NIQE": niqe(pristine)}, reader(Rows.of(pixels)), pixels.shape[1:], peak=2047)["NIQE"]
    assert events[-1]["metrics"]["NIQE"] == pytest.approx(expected)
    plain = run_events(ask, *words)[-1]["metrics"]
    assert events[-1]["metrics"].keys() - plain.keys() == {"NIQE", "SSIMULACRA2"}
    code, out, _ = ask(*words, "--perceptual", tmp_path)
    assert code == 0
    assert re.search(r"NIQE\s*│", out)


def test_the_perceptual_metric_without_weights_needs_no_folder(ask, folder):
    words = [folder / "three.tif", "--reference", folder / "three.tif", "--ratio", 4, "--perceptual", "none"]
    events = run_events(ask, *words)
    assert events[-1]["metrics"]["SSIMULACRA2"] == 100.0
    assert events[-1]["about"]["SSIMULACRA2"]["best"] == 100.0
    assert [e["kind"] for e in events if e["event"] == "warning"] == ["FlatImageWarning"]
    assert [e["done"] for e in events if e["event"] == "progress"][-1] == events[-2]["total"]
    # Values of floats tell no bit depth, which it does not need.
    floats = run_events(ask, folder / "three-float.tif", "--reference", folder / "three-float.tif", *words[3:])
    assert floats[-1]["metrics"]["SSIMULACRA2"] == 100.0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fused.tif", "--reference", "ref.tif"], "they need bands called red, green and blue"),
        (["three.tif", "--pan", "pan.tif", "--ms", "ms-three.tif"], "SSIMULACRA2 is absent (needs a reference)"),
    ],
)
def test_where_it_cannot_be_measured_a_sentence_says_why(ask, folder, words, sentence):
    words = [folder / word if word.endswith(".tif") else word for word in words]
    events = run_events(ask, *words, "--perceptual", "none")
    assert any(sentence in e["what"] for e in events if e.get("kind") == "LeftOutWarning")
    assert "SSIMULACRA2" not in events[-1]["metrics"]


def test_the_protocol_runs_a_model(ask, folder):
    pair = ["--ms", folder / "ms-half.tif", "--pan", folder / "pan.tif"]
    events = run_events(ask, "--protocol", "rr", *pair, "--model", "gsa", "--tile", 128)
    assert [e["event"] for e in events if e["event"] not in ("progress", "warning")] == ["start", "done"]
    assert {"Q2n", "SAM", "ERGAS", "SCC", "PSNR"} <= events[-1]["metrics"].keys()
    assert (events[-1]["outputs"], events[-1]["report"]) == ([], None)
    # MS cells that PAN covers wholly, cut to whole coarse cells of 4.
    assert events[-1]["pixels"] == 20 * 28


@pytest.fixture
def sweeping(folder, tmp_path):
    """The words of a sweep of three points, and where its page goes."""
    pair = ["--ms", folder / "ms-half.tif", "--pan", folder / "pan.tif"]
    page = tmp_path / "sweep.html"
    return ["--protocol", "rr", *pair, "--model", "gsa", "--sweep", "tile=128,192,256", "--out", page], page


def test_a_sweep_tells_each_point_and_writes_one_page(ask, sweeping):
    words, page = sweeping
    events = run_events(ask, *words, "--repeats", 2)
    told = [e for e in events if e["event"] not in ("progress", "warning")]
    assert [e["event"] for e in told] == ["start", *["point"] * 6, "done"]
    assert told[0]["points"] == [{"tile": 128}, {"tile": 192}, {"tile": 256}]
    assert [e["number"] for e in told[1:-1]] == [0, 1, 2] * 2
    done = told[-1]
    assert (done["outputs"], done["report"]) == ([str(page)], None)
    assert [point["settings"] for point in done["points"]] == told[0]["points"]
    for point in done["points"]:
        assert {"Q2n", "SAM", "ERGAS"} <= point["metrics"].keys() <= {*done["about"]}
        assert point["cost"].keys() == {"processor_s", "wall_s", "memory_bytes"}
        assert min(point["cost"].values()) > 0
        assert point["runs"] == 2
    cheapest = min(done["points"], key=lambda point: point["cost"]["processor_s"])
    assert done["points"].index(cheapest) in done["fronts"]["Q2n"]["processor_s"]
    # The run of the model alone, at one of the points.
    alone = run_events(ask, *words[:-4], "--tile", 192)[-1]["metrics"]
    assert done["points"][1]["metrics"] == alone
    assert '"tile": 192' in page.read_text()


def test_a_sweep_for_people_is_a_table(ask, sweeping):
    words, page = sweeping
    code, out, _ = ask(*words)
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines if re.match(r"\s+\d", line)] == ["128", "192", "256"]
    assert any(re.match(r"\s*tile\s*Q2n\s*SAM\s*ERGAS\s*CPU s/MP", line) for line in lines)
    assert "no other point has a better Q2n" in out
    assert lines[-1] == str(page)


def test_a_sweep_over_drawn_instruments(ask, tmp_path):
    ground = np.random.default_rng(5).normal(0, 9, (3, 128, 128)).cumsum(axis=1).cumsum(axis=2)
    write(tmp_path / "ref.tif", (900 + 400 * np.tanh(ground / ground.std())).astype(np.uint16))
    words = ["--protocol", "fr", "--reference", tmp_path / "ref.tif", "--draws", 1, "--model", "brovey"]
    done = run_events(ask, *words, "--sweep", "tile=128,256")[-1]
    assert [point["settings"] for point in done["points"]] == [{"tile": 128}, {"tile": 256}]
    assert done["outputs"] == []
    assert done["points"][0]["metrics"] == run_events(ask, *words, "--tile", 128)[-1]["metrics"]


def test_a_cancelled_sweep_keeps_what_it_has_measured(ask, sweeping, monkeypatch):
    words, page = sweeping

    def write_and_interrupt(*given):
        write_sweep(*given)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("seamline.report.sweep.write_sweep", write_and_interrupt)
    code, _, err = ask(*words)
    assert (code, err.splitlines()[-1]) == (130, f"cancelled; what was measured by then, if anything, is in {page}")
    assert page.read_text().count('"settings"') == 1


SWEPT = ["--protocol", "rr", "--ms", "ms-half.tif", "--pan", "pan.tif", "--model", "gsa", "--sweep"]
NO_SWEEP = {
    "no protocol": (["--sweep", "tile=128,256"], "--sweep: it was given without --protocol"),
    "unknown option": ([*SWEPT, "seed=1,2"], "--sweep: seed is no option that can be swept; choose of steps"),
    "steps of a classic": ([*SWEPT, "steps=1,2"], "--sweep: the model takes no steps"),
    "one point": ([*SWEPT, "tile=128"], r"--sweep: 1 point\(s\) are not 2 to 64"),
    "tile of no model": ([*SWEPT, "tile=128,0"], "--tile: 0 is not a positive number"),
    "overlap of no tile": ([*SWEPT, "overlap=64,4000"], "--overlap: an overlap of 4000 px leaves no room"),
    "bits": ([*SWEPT, "tile=128,256", "--bits", "99"], "--bits: 99 is not a bit depth"),
    "given too": ([*SWEPT, "tile=128,256", "--tile", "128"], "--sweep: tile is given twice"),
    "page that exists": ([*SWEPT, "tile=128,256", "--out", "page.html"], r"page\.html: it exists"),
    "no page": ([*SWEPT, "tile=128,256", "--out", "new.h5"], r"--out: .*new\.h5 is no HTML file"),
    "no folder": ([*SWEPT, "tile=128,256", "--out", "no/new.html"], r"new\.html: its folder does not exist"),
    "repeats alone": (["fused.tif", "--reference", "ref.tif", "--repeats", "2"], "--repeats: it was given without"),
    "with labels": (["fused.tif", "--labels", "ref.tif", "--sweep", "tile=128,256"], "--sweep: it was given with"),
    "with a collection": (["--panc", "x.h5", "--sweep", "tile=128,256"], "--sweep: it was given with --panc"),
}


@pytest.mark.parametrize(("words", "sentence"), NO_SWEEP.values(), ids=NO_SWEEP)
def test_what_is_no_sweep_is_refused_before_any_run(ask, folder, words, sentence, monkeypatch):
    def run(*_, **__):
        raise AssertionError("the model was run")

    monkeypatch.setattr("seamline.engine.quality.cost.run", run)
    (folder / "page.html").touch()
    words = [folder / word if word.endswith((".tif", ".html", ".h5")) else word for word in words]
    code, out, err = ask(*words)
    assert (code, out) == (2, ""), err
    assert re.search(sentence, [line for line in err.splitlines() if not line.startswith("warning: ")][-1]), err


@pytest.mark.parametrize("words", ["tile", "tile=", "tile=128,many", "=1,2=3"])
def test_what_is_no_list_of_numbers_is_a_usage_error(ask, words):
    code, _, err = ask("--protocol", "rr", "--sweep", words)
    assert code == 2
    assert "is no list of numbers" in err.splitlines()[-1]


@pytest.mark.parametrize(("name", "kind"), [("large", "OutOfRangeWarning"), ("signed", "OutOfRangeWarning")])
def test_a_fused_image_outside_of_what_q2n_takes_is_a_warning(ask, folder, name, kind):
    events = run_events(ask, folder / f"{name}.tif", "--reference", folder / "ref.tif", "--ratio", 4)
    assert kind in [e["kind"] for e in events if e["event"] == "warning"]


REFUSED = {
    "nothing to compare with": (["fused.tif"], r"fused\.tif: there is nothing to compare .*--reference REF"),
    "no image": (["--reference", "ref.tif"], "FUSED: it is missing"),
    "pan alone": (["fused.tif", "--pan", "pan.tif"], "--pan: it was given without --ms"),
    "ms alone": (["fused.tif", "--ms", "ms.tif"], "--ms: it was given without --pan"),
    "protocol without model": (["--protocol", "rr", "--ms", "ms.tif", "--pan", "pan.tif"], "--model: it is missing"),
    "protocol without ms": (["--protocol", "rr", "--model", "gsa", "--pan", "pan.tif"], "--ms: it is missing"),
    "protocol and image": (["fused.tif", "--protocol", "rr"], "FUSED: it was given with --protocol"),
    "model without protocol": (
        ["fused.tif", "--reference", "ref.tif", "--model", "gsa"],
        "given without --protocol",
    ),
    "no such file": (["nowhere.tif", "--reference", "ref.tif"], "the file does not exist"),
    "bands": (["three.tif", "--reference", "ref.tif"], r"it has 3 bands and .*ref\.tif has 4"),
    "size": (["fused.tif", "--reference", "smaller.tif"], "128 x 96 px reach beyond the 128 x 90 px"),
    "size without georeference": (["plain-smaller.tif", "--reference", "plain.tif"], "reach beyond"),
    "grid": (["between.tif", "--reference", "ref.tif"], "its pixels do not lie on those of"),
    "crs": (["utm32.tif", "--reference", "ref.tif"], "CRS"),
    "all masked": (["nothing.tif", "--reference", "ref.tif"], "no pixel is valid"),
    "all masked, inputs": (["nothing.tif", "--pan", "pan.tif", "--ms", "ms.tif"], "far enough from masked pixels"),
    "negative reference": (["fused.tif", "--reference", "signed.tif"], r"signed\.tif: \d+ of its valid values"),
    "negative ms": (["fused.tif", "--pan", "pan.tif", "--ms", "ms-signed.tif"], r"ms-signed\.tif: \d+ of its valid"),
    "large reference": (["fused.tif", "--reference", "large.tif", "--bits", "16"], "outside 0 to 65535"),
    "rim": (["fused.tif", "--reference", "ref.tif", "--rim", "48"], "--rim: a rim of 48 px leaves nothing"),
    "ratio": (["fused.tif", "--reference", "ref.tif", "--ratio", "0"], "--ratio: a ratio of 0"),
    "bits": (["fused.tif", "--reference", "ref.tif", "--bits", "99"], "--bits: 99 is not a bit depth"),
    "pan of four bands": (["fused.tif", "--pan", "ref.tif", "--ms", "ms.tif"], r"ref\.tif: it has 4 bands"),
    "ms of other bands": (["three.tif", "--pan", "pan.tif", "--ms", "ms.tif"], "3 bands and .* has 4"),
    "ms elsewhere": (["fused.tif", "--pan", "pan.tif", "--ms", "ms-far.tif"], "covers no whole pixel"),
    "sensor": (["fused.tif", "--pan", "pan.tif", "--ms", "ms.tif", "--sensor", "camera"], "--sensor: there is no"),
    "phase": (
        ["fused.tif", "--pan", "pan.tif", "--ms", "ms-half.tif", "--phase", "dlpan"],
        "--phase: .*--phase area",
    ),
    "as released, masked": (["fused.tif", "--reference", "nothing.tif", "--as-released"], "no pixel is valid"),
    "no weights": (["fused.tif", "--reference", "ref.tif", "--perceptual", "nowhere"], "no such folder"),
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_one_sentence(ask, folder, words, sentence):
    words = [folder / word if word.endswith(".tif") or word == "nowhere" else word for word in words]
    got, out, err = ask(*words)
    assert (got, out) == (2, ""), err
    # A progress bar that ends leaves an empty line.
    lines = [line for line in err.splitlines() if line and not line.startswith("warning: ")]
    assert len(lines) == 1
    assert re.search(sentence, lines[0]), lines
    got, out, _ = ask(*words, "--json")
    last = json.loads(out.splitlines()[-1])
    assert (got, last["event"]) == (2, "error")
    assert last["what"]
    assert last["fix"]


def test_as_released_does_not_take_large_images(ask, folder, monkeypatch):
    monkeypatch.setattr("seamline.engine.quality.evaluation_extra._RELEASED_BYTES", 1000)
    code, _, err = ask(folder / "fused.tif", "--reference", folder / "ref.tif", "--as-released")
    assert code == 3
    assert "holds whole images in memory" in err.splitlines()[-1]


@pytest.mark.parametrize("words", [["--rim", "-1"], ["--rim", "half"], ["--bits", "many"], ["--phase", "third"]])
def test_a_wrong_option_is_a_usage_error(ask, folder, words):
    code, _, err = ask(folder / "fused.tif", "--reference", folder / "ref.tif", *words)
    assert code == 2
    assert err.splitlines()[-1].startswith("Error: ")


def test_the_page_on_quality_names_every_metric():
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md").read_text()
    assert METRICS.keys() <= set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
