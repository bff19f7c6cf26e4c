"""The loop: accumulation, processes, resuming, averaging and TensorBoard, on a model of two weights."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from seamline.engine.errors import Cancelled, RequestError
from seamline.tests.bounds import assert_same_but_rounding
from seamline.training import loop
from seamline.training.loop import Loop
from seamline.training.settings import StageSettings


@pytest.fixture(autouse=True)
def _another_accelerator():
    """Accelerate keeps one precision a process: leave none behind."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@dataclass(frozen=True)
class Points:
    """Inputs and outputs, (N, 2) and (N, 1)."""

    x: torch.Tensor
    y: torch.Tensor


class Line(nn.Module):
    """Mean squared error of a line."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([[0.5, -0.5]]))
            self.layer.bias.zero_()

    def forward(self, batch: Points) -> torch.Tensor:
        return (self.layer(batch.x) - batch.y).square().mean()


def points(number: int, count: int = 4) -> Points:
    generator = torch.Generator().manual_seed(number)
    x = torch.randn(count, 2, generator=generator)
    return Points(x, 3 * x[:, :1] - x[:, 1:] + 2)


def pair(number: int) -> Points:
    """The batches 2 n and 2 n + 1 in one."""
    first, second = points(2 * number), points(2 * number + 1)
    return Points(torch.cat([first.x, second.x]), torch.cat([first.y, second.y]))


def settings(steps: int = 6, accumulate: int = 1, average: int = 0) -> StageSettings:
    return StageSettings(steps=steps, rate=0.05, warmup=2, average=average, accumulate=accumulate)


def run(folder: Path, batches=points, observe=None, precision: str = "no", **choices: int) -> dict[str, torch.Tensor]:
    stage = Loop(settings(**choices), batches, folder / "line.pt", observe)
    return stage.run(Line(), Accelerator(cpu=True, mixed_precision=precision))


def gradients(folder: Path, batches, **choices: int) -> torch.Tensor:
    """Gradients of all steps before they are clipped, (steps, 3): their size is lost in Adam's steps."""
    accelerator = Accelerator(cpu=True)
    clip, seen = accelerator.clip_grad_norm_, []

    def record(parameters, norm):
        seen.append(torch.cat([p.grad.flatten() for p in parameters]).clone())
        return clip(parameters, norm)

    accelerator.clip_grad_norm_ = record
    Loop(settings(**choices), batches, folder / "line.pt").run(Line(), accelerator)
    return torch.stack(seen)


def test_two_half_batches_have_the_gradient_of_one(tmp_path):
    whole = gradients(tmp_path / "whole", pair)
    halves = gradients(tmp_path / "halves", points, accumulate=2)
    assert whole.shape == (6, 3)
    assert_same_but_rounding(halves, whole)


def test_a_broken_run_ends_where_an_unbroken_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_S", -1.0)
    whole = run(tmp_path / "whole", average=3)

    def breaks(number: int) -> Points:
        if number == 4:
            raise KeyboardInterrupt
        return points(number)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", breaks, average=3)
    seen: list[int] = []
    resumed = run(tmp_path / "broken", lambda n: seen.append(n) or points(n), average=3)
    assert seen == [4, 5]
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_processes_that_make_batches_change_no_weight(tmp_path):
    alone = run(tmp_path / "alone", average=3, accumulate=2)
    loop_of_two = Loop(settings(average=3, accumulate=2), points, tmp_path / "two" / "line.pt", workers=2)
    helped = loop_of_two.run(Line(), Accelerator(cpu=True))
    assert all(torch.equal(helped[name], alone[name]) for name in alone)


def test_a_cancelled_run_keeps_its_state(tmp_path):
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 4:
            raise Cancelled

    whole = run(tmp_path / "whole")
    with pytest.raises(Cancelled):
        Loop(settings(), points, tmp_path / "line.pt", check=check).run(Line(), Accelerator(cpu=True))
    seen: list[int] = []
    resumed = run(tmp_path, lambda n: seen.append(n) or points(n))
    assert seen == [3, 4, 5]
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x80\x02K\x01R."])
def test_a_damaged_checkpoint_is_one_sentence_with_a_way_out(tmp_path, content):
    (tmp_path / "line.pt").write_bytes(content)
    with pytest.raises(RequestError, match="the checkpoint is damaged") as refused:
        run(tmp_path)
    (tmp_path / "line.pt").unlink()
    assert "delete it" in refused.value.fix
    run(tmp_path)


def test_the_average_follows_the_weights_with_a_growing_time_constant(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_S", -1.0)
    expected = Line().layer.weight.detach().clone()
    shares = []

    def observe(step: int, weights: dict[str, torch.Tensor]) -> None:
        stored = torch.load(tmp_path / "line.pt", weights_only=True)["module"]["layer.weight"]
        share = 1 / (1 + min(2, step / 4))
        expected.lerp_(stored, share)
        shares.append(share)
        assert_same_but_rounding(weights["layer.weight"], expected)

    run(tmp_path, observe=observe, steps=12, average=2)
    assert shares[0] == 0.8
    assert shares[8:] == [1 / 3] * 4


def test_without_an_average_the_last_weights_are_given(tmp_path):
    weights = run(tmp_path)
    stored = torch.load(tmp_path / "line.pt", weights_only=True)["module"]
    assert all(torch.equal(weights[name], stored[name]) for name in weights)


def test_mixed_precision_trains_near_full_precision_and_keeps_the_weights_in_it(tmp_path):
    full = run(tmp_path / "full")
    AcceleratorState._reset_state(reset_partial_state=True)
    mixed = run(tmp_path / "mixed", precision="bf16")
    assert mixed["layer.weight"].dtype == torch.float32
    assert not torch.equal(full["layer.weight"], mixed["layer.weight"])
    torch.testing.assert_close(mixed["layer.weight"], full["layer.weight"], atol=0.02, rtol=0)


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard would show of a run: values by step."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder)).Reload()
    return {tag: {e.step: e.value for e in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def test_tensorboard_shows_loss_rate_pace_and_what_is_observed(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    monkeypatch.setattr(loop, "REPORT_EVERY", 2)
    losses: list[float] = []
    monkeypatch.setattr(Line, "forward", lambda self, batch: kept(losses, self, batch))
    run(tmp_path, observe=lambda step, weights: {"decibel": 10.0 * step})
    shown = scalars(tmp_path / "tensorboard" / "line")
    assert shown["loss"].keys() == shown["seconds_a_step"].keys() == {2, 4, 6}
    assert shown["loss"][4] == pytest.approx((losses[2] + losses[3]) / 2)
    assert shown["learning_rate"][6] == pytest.approx(loop.rate_at(5, settings()))
    assert shown["decibel"] == {6: 60.0}


def test_a_resumed_run_takes_the_place_of_the_broken_one_in_tensorboard(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    monkeypatch.setattr(loop, "REPORT_EVERY", 2)
    losses: list[float] = []
    monkeypatch.setattr(Line, "forward", lambda self, batch: kept(losses, self, batch))
    run(tmp_path, steps=3)
    run(tmp_path, steps=6)
    loss = scalars(tmp_path / "tensorboard" / "line")["loss"]
    assert loss.keys() == {2, 4, 6}
    assert loss[4] == pytest.approx(losses[3])  # of the one step since the checkpoint, not of two


def kept(losses: list[float], line: Line, batch: Points) -> torch.Tensor:
    loss = (line.layer(batch.x) - batch.y).square().mean()
    losses.append(float(loss.detach()))
    return loss


def test_without_tensorboard_one_line_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with caplog.at_level(logging.INFO):
        run(tmp_path)
    assert [r.message for r in caplog.records if "TensorBoard" in r.message] == [
        "TensorBoard is off: pip install tensorboard turns it on"
    ]
    assert not (tmp_path / "tensorboard").exists()


TWO = """
import sys
from pathlib import Path
import torch
from accelerate import debug_launcher

def work():
    from test_loop import run
    run(Path(sys.argv[1]))

if __name__ == "__main__":
    torch.set_num_threads(1)
    debug_launcher(work, num_processes=2)
"""


def test_two_processes_are_an_accumulation_of_two(tmp_path):
    (tmp_path / "two.py").write_text(TWO)
    here = str(Path(__file__).parent)
    command = [sys.executable, str(tmp_path / "two.py"), str(tmp_path / "two")]
    environment = {"PYTHONPATH": here, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    both = torch.load(tmp_path / "two" / "line.pt", weights_only=True)["module"]
    for name, weights in run(tmp_path / "one", accumulate=2).items():
        assert_same_but_rounding(both[name.removeprefix("module.")], weights)
