"""What drives a trainer, and the page that tells how to add one: one file and one line of the registry."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import nn

import seamline.training
from seamline.engine.errors import Cancelled, RequestError
from seamline.models.folder import QualityRow, load_folder
from seamline.training import systems
from seamline.training.reading import read_recipe
from seamline.training.recipe import Recipe
from seamline.training.run import drive, train
from seamline.training.settings import DataSettings, StageSettings
from seamline.training.trainer import Run, Stage

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training" / "add-a-system.md"


@pytest.fixture(autouse=True)
def _another_accelerator(monkeypatch):
    monkeypatch.delenv("SEAMLINE_DATA", raising=False)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


# -- the page ---------------------------------------------------------------------------------------------------------


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return found


@pytest.fixture
def gain(tmp_path, monkeypatch) -> Path:
    """The recipe of the page's system, which is one file and one line of the registry."""
    folder = tmp_path / "training" / "gain"
    folder.mkdir(parents=True)
    (folder / "run.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.setattr(seamline.training, "__path__", [*seamline.training.__path__, str(tmp_path / "training")])
    name, module = re.search(r'`"(\w+)": "([.\w]+)"`', PAGE.read_text(encoding="utf-8")).groups()
    monkeypatch.setattr(systems, "SYSTEMS", {**systems.SYSTEMS, name: module})
    path = tmp_path / "gain.yaml"
    path.write_text(block("yaml"), encoding="utf-8")
    yield path
    for module in [name for name in sys.modules if name.startswith("seamline.training.gain")]:
        del sys.modules[module]


def test_the_system_of_the_page_trains_resumes_and_leaves_a_model_folder(gain, tmp_path):
    folder = train(gain, {"output": str(tmp_path / "run"), "gain.steps": 4})
    stored, first = load_folder(folder)
    assert (stored.card.name, folder) == ("gain", tmp_path / "run" / "gain")
    assert stored.card.quality[0].values["error"] > 0
    assert stored.card.licence == "not stated"
    assert first["gain"] != 1.0

    longer = load_folder(train(gain, {"output": str(tmp_path / "run"), "gain.steps": 8}))[1]
    assert torch.load(tmp_path / "run" / "gain.pt", weights_only=True)["step"] == 8
    assert longer["gain"] != first["gain"]


def test_the_system_of_the_page_refuses_by_key(gain):
    with pytest.raises(RequestError, match=r"gain\.yaml: gain\.steps: steps cannot be 'x'; give a whole number"):
        read_recipe(gain, {"gain.steps": "x"})
    with pytest.raises(RequestError, match=r"gain\.yaml: gian: unknown setting 'gian'; did you mean gain\?"):
        read_recipe(gain, {"gian.steps": 1})


def test_without_its_line_in_the_registry_there_is_no_such_system(gain, monkeypatch):
    monkeypatch.undo()
    with pytest.raises(RequestError, match="no trainer for 'gain'"):
        read_recipe(gain)


# -- what drives it ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """A batch."""

    x: torch.Tensor


class Weight(nn.Module):
    """A weight that wants to be the mean of the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Number) -> torch.Tensor:
        return (self.weight - batch.x).square().mean()


class Notes:
    """A trainer that writes down what happens to it."""

    def __init__(self, run: Run[Recipe], stages: int = 2) -> None:
        self.run, self.count = run, stages
        self.result, self.model, self.told = run.folder / "made", Weight(), []

    def data(self):
        self.told.append("data")
        return "data"

    def stages(self, data, accelerator):
        assert data == "data"
        try:
            for k in range(self.count):
                before = self.model.weight.item()
                settings = StageSettings(steps=3, warmup=0, rate=0.1, average=2)
                yield Stage(f"s{k}", self.model, settings, lambda n: Number(torch.ones(2) * (n + 1)), self.observe)
                saved = torch.load(self.run.folder / f"s{k}.pt", weights_only=True)
                # The averaged weights, not those of the last step.
                assert self.model.weight.item() == saved["average"]["weight"].item() != saved["module"]["weight"].item()
                assert self.model.weight.item() > before
                self.told.append(f"after s{k}")
        finally:
            self.told.append("closed")

    def observe(self, step, weights):
        self.told.append(f"observed {step}")

    def measure(self, data):
        self.told.append("measure")
        return (QualityRow(scene="x", protocol="x", values={"weight": self.model.weight.item()}),)

    def export(self, quality):
        self.told.append(f"export {len(quality)}")


def run(folder: Path, check=lambda: None) -> Run[Recipe]:
    about = {"name": "x", "version": "1", "system": "x", "seed": 1, "precision": "no", "output": str(folder)}
    return Run(Recipe(**about, data=DataSettings(())), folder, check)


def test_a_trainer_is_called_in_order_and_finds_its_stages_trained(tmp_path):
    trainer = Notes(run(tmp_path))
    assert drive(trainer, trainer.run) == tmp_path / "made"
    stages = ["observed 3", "after s0", "observed 3", "after s1", "closed"]
    assert trainer.told == ["data", *stages, "measure", "export 1"]


def test_a_stopped_run_closes_the_stages_and_exports_nothing(tmp_path):
    left = [4]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled

    trainer = Notes(run(tmp_path, check))
    with pytest.raises(Cancelled):
        drive(trainer, trainer.run)
    assert trainer.told == ["data", "observed 3", "after s0", "closed"]
    assert torch.load(tmp_path / "s1.pt", weights_only=True)["step"] == 1


def test_what_the_data_lack_is_told_before_a_process_settles_on_a_precision(tmp_path):
    class Lacking(Notes):
        def data(self):
            raise RequestError("there is no data")

    trainer = Lacking(run(tmp_path))
    with pytest.raises(RequestError, match="no data"):
        drive(trainer, trainer.run)
    assert AcceleratorState._shared_state == {}


def test_a_process_that_is_not_the_main_one_neither_measures_nor_exports(tmp_path, monkeypatch):
    monkeypatch.setattr("accelerate.Accelerator.is_main_process", property(lambda self: False))
    trainer = Notes(run(tmp_path), stages=0)
    assert drive(trainer, trainer.run) == tmp_path / "made"
    assert trainer.told == ["data", "closed"]
