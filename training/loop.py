"""One training loop: accelerate, a cosine schedule, averaged weights, checkpoints that resume exactly.

A batch is a function of its number alone, so a resumed run sees the batches that the broken one would have seen.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from ..engine.errors import Cancelled, RequestError
from ..engine.pickled import load_pickled
from .board import Board
from .settings import StageSettings, rate_at

log = logging.getLogger(__name__)
BatchT = TypeVar("BatchT")
Observe = Callable[[int, dict[str, torch.Tensor]], Mapping[str, float] | None]

CHECKPOINT_S = 300.0
REPORT_EVERY = 50


@dataclass(frozen=True, slots=True)
class Loop(Generic[BatchT]):
    """How a stage is trained.

    Attributes:
        settings: steps and rates.
        batches: gives batch number n; called with numbers that no two processes share.
        checkpoint: file of the state, written every five minutes and at the end.
        observe: called with (step, averaged weights) after every checkpoint on the main process.  The scalars that it
            gives stand in TensorBoard beside loss, learning rate and pace; ``tensorboard/`` lies beside the checkpoint.
        check: called before every step; may raise ``Cancelled``, and the state is written before it passes on.
        workers: processes that make batches ahead; they change no batch.  0 makes them where the training runs.
    """

    settings: StageSettings
    batches: Callable[[int], BatchT]
    checkpoint: Path
    observe: Observe | None = None
    check: Callable[[], None] = lambda: None
    workers: int = 0

    def run(self, stage: nn.Module, accelerator: Accelerator) -> dict[str, torch.Tensor]:
        """Train a module whose forward pass gives the loss of a batch; continue from the checkpoint if there is one.

        Returns:
            Averaged weights by parameter name, float32, on the CPU.
        """
        settings = self.settings
        trainable = [p for p in stage.parameters() if p.requires_grad]
        betas = (0.9, settings.beta2)
        optimiser = torch.optim.AdamW(trainable, lr=settings.rate, weight_decay=settings.decay, betas=betas)
        state = _Average(stage, settings.average)
        first = self._resume(stage, optimiser, state)
        stage, optimiser = accelerator.prepare(stage, optimiser)
        saved = started = time.monotonic()
        # A tensor, so that no step waits for the device.
        total, since = torch.zeros((), device=accelerator.device), first
        main = accelerator.is_main_process
        events = self.checkpoint.parent / "tensorboard" / self.checkpoint.stem
        board = Board(events, first, wanted=main and first < settings.steps)
        ahead = self._ahead(first, accelerator)
        for step in range(first, settings.steps):
            try:
                self.check()
            except Cancelled:
                if main:
                    self._save(accelerator.unwrap_model(stage), optimiser, state, step)
                raise
            for group in optimiser.param_groups:
                group["lr"] = rate_at(step, settings)
            for _ in range(settings.accumulate):
                batch = move(next(ahead), accelerator.device)
                with accelerator.autocast():
                    loss = stage(batch) / settings.accumulate
                accelerator.backward(loss)
                total += loss.detach()
            accelerator.clip_grad_norm_(trainable, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            state.update(accelerator.unwrap_model(stage))
            if main and (step + 1) % REPORT_EVERY == 0:
                pace, mean = (time.monotonic() - started) / (step + 1 - first), float(total) / (step + 1 - since)
                log.info("step %d/%d loss %.4f, %.2f s a step", step + 1, settings.steps, mean, pace)
                board.add(step + 1, {"loss": mean, "learning_rate": rate_at(step, settings), "seconds_a_step": pace})
                total, since = torch.zeros_like(total), step + 1
            if main and (time.monotonic() - saved > CHECKPOINT_S or step + 1 == settings.steps):
                self._save(accelerator.unwrap_model(stage), optimiser, state, step + 1)
                if self.observe is not None:
                    board.add(step + 1, self.observe(step + 1, state.on_cpu()) or {})
                saved = time.monotonic()
        board.close()
        accelerator.wait_for_everyone()
        state.settle(accelerator.unwrap_model(stage))
        return state.on_cpu()

    def _ahead(self, first: int, accelerator: Accelerator) -> Iterator[BatchT]:
        """The batches of this process from step ``first`` on, in their order."""
        accumulate, processes = self.settings.accumulate, accelerator.num_processes
        turns = range(first * accumulate, self.settings.steps * accumulate)
        numbers = [turn * processes + accelerator.process_index for turn in turns]
        if not self.workers:
            return map(self.batches, numbers)
        # A generator of its own: the loader would draw from the global one.
        return iter(
            DataLoader(
                _Numbered(self.batches),
                batch_size=None,
                sampler=numbers,
                num_workers=self.workers,
                prefetch_factor=8,
                generator=torch.Generator(),
            )
        )

    def _resume(self, stage: nn.Module, optimiser: torch.optim.Optimizer, average: _Average) -> int:
        """Restore the checkpoint, if any, and give the step to go on from."""
        if not self.checkpoint.exists():
            return 0
        try:
            content = load_pickled(self.checkpoint)
            stage.load_state_dict(content["module"])
            optimiser.load_state_dict(content["optimiser"])
            average.weights, average.steps = content["average"], int(content["step"])
        except Exception as error:  # whatever a damaged file makes the reader raise, or weights of other shapes
            raise RequestError(
                "the checkpoint is damaged, or of another recipe",
                where=str(self.checkpoint),
                fix="delete it, and its stage begins anew",
            ) from error
        log.info("continuing %s from step %d", self.checkpoint.name, content["step"])
        return int(content["step"])

    def _save(self, stage: nn.Module, optimiser: Any, average: _Average, step: int) -> None:
        """Write the checkpoint beside its name and move it there."""
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        average.settle(stage)
        partial = self.checkpoint.with_suffix(".partial")
        content = {
            "module": stage.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.on_cpu(),
            "step": step,
        }
        torch.save(content, partial)
        partial.replace(self.checkpoint)


class _Numbered(Dataset[BatchT]):
    """Batches by their number, for processes that make them."""

    def __init__(self, batches: Callable[[int], BatchT]) -> None:
        self.batches = batches

    def __getitem__(self, number: int) -> BatchT:
        return self.batches(number)


class _Average:
    """Exponential average of the weights, started late: its time constant grows with the steps done.

    It lies where the module lies, so that no step waits for the device.  Without a time constant it is the weights as
    they are when ``settle`` is called: large networks need not be copied at every step.
    """

    def __init__(self, stage: nn.Module, constant: int) -> None:
        self.constant = constant
        self.steps = 0
        self.weights = _copied(stage)

    @torch.no_grad()
    def update(self, stage: nn.Module) -> None:
        """Move towards the module's present weights."""
        self.steps += 1
        if not self.constant:
            return
        share = 1.0 / (1.0 + min(self.constant, self.steps / 4))
        present = stage.state_dict()
        self.weights = {name: value.to(present[name].device) for name, value in self.weights.items()}
        towards = [present[name].float() for name in self.weights]
        get_ema_multi_avg_fn(1.0 - share)(list(self.weights.values()), towards, None)

    def settle(self, stage: nn.Module) -> None:
        """Bring the weights up to date."""
        if not self.constant:
            self.weights = _copied(stage)

    def on_cpu(self) -> dict[str, torch.Tensor]:
        """The weights by name, float32."""
        return {name: value.cpu() for name, value in self.weights.items()}


def _copied(stage: nn.Module) -> dict[str, torch.Tensor]:
    """Weights of a module, float32, on the CPU, in memory of their own."""
    return {name: value.detach().float().cpu().clone() for name, value in stage.state_dict().items()}


def move(batch: BatchT, device: torch.device) -> BatchT:
    """The batch with its tensors on a device (batches are dataclasses of tensors and numbers)."""
    values = {f.name: getattr(batch, f.name) for f in fields(batch)}  # type: ignore[arg-type]
    moved = {name: value.to(device) for name, value in values.items() if isinstance(value, torch.Tensor)}
    return replace(batch, **moved)  # type: ignore[type-var]
