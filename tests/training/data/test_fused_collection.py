"""A PanCollection file through a model: what is written, and what the model is given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy import ndimage

from seamline.cli.group import cli
from seamline.engine.contract import InputSpec, ModelSpec, Runtime
from seamline.engine.errors import Cancelled, RequestError
from seamline.engine.quality.reduced import reduced_scores
from seamline.training.data.fused_collection import Fusing, fuse_collection
from seamline.training.data.pancollection import open_pancollection

h5py = pytest.importorskip("h5py")

PEAK = 1023.0
SPEC = ModelSpec(
    name="toy",
    version="1",
    task="pansharpen",
    inputs=(InputSpec(name="pan", bands=1, range="unit"), InputSpec(name="ms", range="unit", ratio=(2.0, 6.0))),
    main="ms",
    align=8,
)


def write(path: Path, *, truth: bool = True, count: int = 3, bands: int = 4, size: tuple[int, int] = (68, 64)) -> Path:
    rng = np.random.default_rng(0)
    rough = ndimage.gaussian_filter(rng.uniform(0.0, 1.0, (count, bands, *size)), (0, 0, 1.5, 1.5))
    gt = np.round(PEAK * np.clip(0.4 + 3.0 * (rough - 0.5), 0.05, 1.0))
    ms = gt.reshape(count, bands, size[0] // 4, 4, size[1] // 4, 4).mean((3, 5))
    content = {"pan": gt.mean(axis=1, keepdims=True), "ms": ms, "lms": ms.repeat(4, 2).repeat(4, 3)}
    with h5py.File(path, "w") as file:
        for name, values in (content | ({"gt": gt} if truth else {})).items():
            file.create_dataset(name, data=values)
    return path


@dataclass
class Toy:
    """A model whose image is MS and a tenth of PAN; it keeps what it is given."""

    spec: ModelSpec = SPEC
    identity: str = "toy"
    seen: list = field(default_factory=list)

    def load(self, runtime):
        return self

    def predict(self, batch, where):
        self.seen.append((batch, where))
        return {"image": 0.9 * batch["ms"] + 0.1 * batch["pan"]}


def invoke(path: Path, out: Path, *words: str):
    command = ["evaluate", "--panc", str(path), "--model", "brovey", "--out", str(out), "--device", "cpu", *words]
    return CliRunner().invoke(cli, command)


def test_images_and_a_line_of_scores_are_written_for_every_scene(tmp_path, capfd):
    path, out = write(tmp_path / "test_gf2.h5"), tmp_path / "fused.h5"
    result = invoke(path, out, "--as-released", "--json")
    assert result.exit_code == 0, result.output
    with h5py.File(path) as given, h5py.File(out) as file:
        gt, unit, native = given["gt"][:], file["pred_01"][:], file["pred_native"][:]
        assert file["indices"][:].tolist() == [0, 1, 2]
    assert (unit.shape, unit.dtype, native.dtype) == (gt.shape, np.float32, np.float32)
    assert 0.0 <= unit.min() < unit.max() <= 1.0
    np.testing.assert_allclose(native, unit * PEAK, rtol=1e-6)
    lines = [json.loads(line) for line in (tmp_path / "fused.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    for line, image, truth in zip(lines, native, gt, strict=True):
        scores = reduced_scores(image, truth, ratio=4, bits=10).as_dict()
        assert {name: line[name] for name in scores} == pytest.approx(scores, rel=1e-5)
        assert {"SSIM", "Q2n_as_released", "SSIM_as_released"} <= line.keys()
    done = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert done["outputs"] == [str(out), str(tmp_path / "fused.jsonl")]
    assert done["metrics"]["ERGAS"] == pytest.approx(np.mean([line["ERGAS"] for line in lines]))


def test_scenes_without_a_truth_are_scored_by_pan_and_ms(tmp_path):
    path = write(tmp_path / "test_gf2.h5", truth=False, count=1, size=(128, 128))
    assert invoke(path, tmp_path / "fused.h5", "--as-released").exit_code == 0
    line = json.loads((tmp_path / "fused.jsonl").read_text())
    assert {"D_lambda", "D_s", "HQNR", "HQNR_as_released"} <= line.keys()
    assert "ERGAS" not in line


@pytest.mark.parametrize(
    ("given", "level"), [({"range": "unit"}, PEAK), ({}, 1.0), ({"range": "bits", "bits": 12}, 4095.0)]
)
def test_the_model_is_given_whole_scenes_in_its_range(tmp_path, given, level):
    file = open_pancollection(write(tmp_path / "test_gf2.h5"))
    inputs = (InputSpec(name="pan", bands=1, **given), InputSpec(name="ms", **given))
    toy = Toy(replace(SPEC, inputs=inputs))
    fuse_collection(file, toy, Fusing(tmp_path / "fused.h5", Runtime(), seed=5))
    scene, (batch, where) = file.read(1), toy.seen[1]
    assert batch["ms"].shape == (1, 4, 72, 64)
    np.testing.assert_allclose(batch["ms"][0, :, :68] * level, scene.lms * PEAK, rtol=1e-5)
    assert torch.equal(batch["pan"][0, :, 67], batch["pan"][0, :, 71])
    assert (where.seed, where.sample, where.ratio["ms"]) == (5, 1, (4.0, 4.0))
    with h5py.File(tmp_path / "fused.h5") as fused:
        np.testing.assert_allclose(fused["pred_01"][1], 0.9 * scene.lms + 0.1 * scene.pan, rtol=1e-4)


def test_what_does_not_fit_is_refused_and_nothing_is_left(tmp_path):
    file = open_pancollection(write(tmp_path / "test_gf2.h5"))
    fusing = Fusing(tmp_path / "fused.h5", Runtime())

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        fuse_collection(file, Toy(), fusing, stop)
    three = replace(SPEC, inputs=(SPEC.inputs[0], replace(SPEC.inputs[1], bands=3)))
    with pytest.raises(RequestError, match="4 bands, and toy takes 3"):
        fuse_collection(file, Toy(three), fusing)
    assert [path.name for path in tmp_path.iterdir()] == ["test_gf2.h5"]
    fusing.lines.write_text("mine")
    with pytest.raises(RequestError, match="exists already"):
        fuse_collection(file, Toy(), fusing)
    assert invoke(file.path, tmp_path / "new.h5", "--ratio", "4").exit_code == 2
    result = CliRunner().invoke(cli, ["evaluate", "fused.tif", "--out", str(tmp_path / "new.h5")])
    assert "--out: it was given without --panc" in result.stderr
