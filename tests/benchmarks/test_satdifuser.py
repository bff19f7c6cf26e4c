"""The comparison of heads: rivals, results that are kept, and what the page says of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seamline.benchmarks.satdifuser import cost
from seamline.benchmarks.satdifuser.designs import DESIGNS
from seamline.benchmarks.satdifuser.page import lines_of
from seamline.benchmarks.satdifuser.rivals import Cells, Pixels, ResNet, UNet, size_of_head
from seamline.benchmarks.satdifuser.runs import METHODS, SCRATCH, Cell, Ledger, Measured
from seamline.benchmarks.satdifuser.tasks import TASKS
from seamline.models.registry import info, resolve
from seamline.training.satdifuser.model import configure, open_eye, suited


def measured(method, value, *, task="eurosat", share=1.0):
    tests = {each.title: {"accuracy": value, "IoU": value, "F1": value} for each in TASKS[task].tests}
    return Measured(Cell(task, method, share, 3.0), tests, 1000, (50, 40), (60.0, 20.0))


def verdicts(found):
    return [line for line in lines_of(found, info("bicubic")) if line.endswith(("held", "MISSED"))]


@pytest.mark.parametrize(("rival", "verdict"), [(0.6, "held"), (0.8, "MISSED"), (0.7, "MISSED")])
def test_a_claim_holds_where_the_best_of_ours_is_above_the_best_rival(rival, verdict):
    found = [measured("gw", 0.5), measured("moe", 0.7), measured("pixels", 0.1), measured("scratch", rival)]
    (line,) = verdicts(found)
    assert line.endswith(verdict)
    assert "mixture of experts 0.700" in line


def test_claims_are_about_all_labels_and_every_test_set():
    found = [measured("gw", 0.9, task="both"), measured("scratch", 0.1, task="both")]
    assert len(verdicts(found)) == 2
    assert not verdicts([replace(each, cell=replace(each.cell, share=0.1)) for each in found])


def test_seeds_of_a_cell_are_told_by_their_mean_and_spread():
    lucky, unlucky = measured("gw", 0.9), measured("gw", 0.5)
    unlucky = replace(unlucky, cell=replace(unlucky.cell, seed=1))
    found = [lucky, unlucky, measured("scratch", 0.8)]
    (claim,) = verdicts(found)
    assert claim.endswith("0.700, from scratch (U-Net, ResNet) 0.800: MISSED")
    rows = [line for line in lines_of(found, info("bicubic")) if line.startswith("| ")]
    assert any("0.700 ± 0.283" in row for row in rows)
    assert any("| 0.800 |" in row for row in rows)


def test_results_are_kept_and_not_measured_again(tmp_path):
    cells = [Cell("trees", name, 1.0, 3.0) for name in METHODS]
    first = Ledger(tmp_path / "r.jsonl")
    assert first.missing(cells) == cells
    first.add(replace(measured("gw", 0.5), cell=cells[0]))
    again = Ledger(tmp_path / "r.jsonl")
    assert list(again) == list(first)
    assert again.missing(cells) == cells[1:]
    assert again.missing([replace(cells[0], minutes=4.0)])


@pytest.mark.parametrize("task", ["segment", "classify"])
def test_networks_from_scratch_are_as_large_as_fuser_and_head_of_ours(task):
    design = suited(DESIGNS[task], task)
    eye = open_eye(design, ("red", "green", "blue"), "cpu")
    patch = 1 if task == "segment" else 64
    config = configure(eye, design, classes=2, patch=patch, many=False, levels=(255.0,) * 3)
    assert 0.9 * SCRATCH < size_of_head(eye, config) <= 1.1 * SCRATCH


@pytest.mark.parametrize("kind", [UNet, ResNet])
def test_networks_from_scratch_answer_as_heads_do(kind):
    image = torch.rand(2, 4, 32, 48)
    network = kind(4, 3, 4).eval()
    found = network([[image]], (32, 48))
    assert found.shape == ((2, 3, 32, 48) if kind is UNet else (2, 3))
    assert not torch.equal(found, network([[image + 1]], (32, 48)))


@pytest.mark.parametrize("backbone", [Pixels(3, 8), Cells(3)])
def test_features_that_are_no_features_hold_every_px_once(backbone):
    image = torch.rand(2, 3, 32, 48)
    (scales,) = backbone.features(image, None)
    for scale, maps in zip(backbone.layout.scales, scales, strict=True):
        assert maps.shape == (2, scale.width, 32 // scale.stride, 48 // scale.stride)
        assert torch.equal(maps.flatten().sort().values, image.flatten().sort().values)


@pytest.mark.parametrize(
    ("title", "patch"), [("one time (default)", 1), ("one time, coarse scales (default of patches)", 64)]
)
def test_what_is_timed_is_what_a_training_makes(title, patch, tmp_path):
    folder = cost._stored(cost._READINGS[title], patch, tmp_path / "model")
    task = "segment" if patch == 1 else "classify"
    assert resolve(str(folder), task).spec.task == task
