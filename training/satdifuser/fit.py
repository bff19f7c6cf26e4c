"""The fit of a head: steps over cached features until the held-out score stops rising or the time is up.

It has a loop of its own beside ``training.loop``: its length follows from the pace, the best weights are kept rather
than averaged ones, and it needs none of the packages that long trainings need.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from ...engine.events import Listener, Progress
from ...models.satdifuser.fusers.fuser import Fuser
from ..settings import StageSettings, rate_at
from .batches import Batches
from .features import Example
from .tiles import IGNORE

Clock = Callable[[], float]
"""Seconds: of the wall, or of the processor where others work beside."""

Look = Callable[[Sequence[Example]], float]
"""The score of the network, as it is, on examples."""

_TIMED = 3
_LEAST_STEPS = 100  # before which no look says that a fit has ended: it has hardly begun
_MOST_LOOKING = 0.2
_REPORTS = 100


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How a head is fitted.

    Attributes:
        steps: most optimiser steps.
        rate: peak learning rate; warmed up, then a cosine.
        warmup: share of the steps in which the rate rises.
        decay: weight decay.
        batch: cuts a step; 0 for as many as 8 of 128 px have pixels, 4 to 64.
        cut: side of a cut, image px.
        looks: how often the held-out tiles are looked at.
        patience: looks without a better score after which the fit ends, if it has done 100 steps.
        balance: weight of how unevenly experts are used, where the fuser keeps that.
    """

    steps: int = 2000
    rate: float = 1e-3
    warmup: float = 0.05
    decay: float = 0.01
    batch: int = 0
    cut: int = 128
    looks: int = 20
    patience: int = 6
    balance: float = 0.01


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a fit went.

    Attributes:
        steps: that were done.
        kept: the step whose weights were kept.
        score: on the held-out examples at that step; None where nothing is held out.
    """

    steps: int
    kept: int
    score: float | None


def class_weights(counts: NDArray[np.int64]) -> torch.Tensor:
    """Weights (classes,) that make rare classes count more, of their counts (classes,).

    One over the root of their share, 1 on average over all labels.

    A full inverse of the share would make noise of a few pixels louder than everything else.
    """
    share = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
    weights = 1.0 / np.sqrt(share)
    return torch.tensor(weights / (share * weights).sum(), dtype=torch.float32)


def loss_of(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Cross entropy over what is labelled; binary cross entropy of each class where a chip has several.

    Args:
        logits: (N, classes, H, W), or (N, classes) of patches.
        labels: as ``Batch`` has them.
        weights: (classes,).
    """
    if labels.is_floating_point():
        return F.binary_cross_entropy_with_logits(logits.float(), labels)
    total = F.cross_entropy(logits.float(), labels, weights, ignore_index=IGNORE, reduction="sum")
    known = labels[labels != IGNORE]
    return total / weights[known].sum().clamp(min=1e-6)


def balance(network: nn.Module) -> torch.Tensor | None:
    """How unevenly the last batch was spread over experts, where a fuser keeps that as a loss."""
    fuser = getattr(network, "fuser", None)
    return fuser.balance_loss() if isinstance(fuser, Fuser) else None


def schedule(steps: int, settings: FitSettings) -> StageSettings:
    """The settings of a stage whose learning rate takes the course of the fit's."""
    return StageSettings(steps, settings.rate, warmup=max(1, round(settings.warmup * steps)))


def fit(
    network: nn.Module,
    batches: Batches,
    held_out: Sequence[Example],
    look: Look,
    weights: torch.Tensor,
    settings: FitSettings,
    *,
    deadline: float,
    device: str,
    listener: Listener,
    check: Callable[[], None],
    clock: Clock = time.monotonic,
) -> Fitted:
    """Fit a head in place and leave the best of its weights in it.

    Args:
        network: features and (H, W) to logits; on the device.
        batches: to train on.
        held_out: to look at; in an order whose beginning is a fair sample.
        look: scores the network.
        weights: (classes,).
        settings: steps and rates.
        deadline: of the clock, s; the fit ends before it.
        device: of the network.
        listener: gets a ``start`` event that says ``doing="fitting"``, then progress.
        check: called before each step; may raise to stop.
        clock: s, by which the time is told.
    """
    # Convolutions of few channels take a quarter less time so.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.rate, weight_decay=settings.decay, betas=(0.9, 0.99))
    keeper = _Keeper(network, held_out, look, clock)
    took = keeper.glance(0)
    fits = _Plan(settings.steps, took, deadline, settings.looks, clock)
    keeper.shown = fits.shown(len(held_out), took)
    weights = weights.to(device)
    listener.emit("start", doing="fitting", unit="steps")
    progress, told = Progress(listener, fits.steps), 0
    step, started = 0, clock()
    while step < fits.steps and clock() < deadline:
        check()
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, schedule(fits.steps, settings))
        network.train()
        batch = batches(step).to(device)
        loss = loss_of(network(batch.features, batch.size), batch.labels, weights)
        if (uneven := balance(network)) is not None:
            loss = loss + settings.balance * uneven
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        step += 1
        if step == _TIMED:
            fits.settle((clock() - started) / _TIMED, took)
            # The first steps are told again: how many there will be was not known.
            progress, told = Progress(listener, fits.steps), 0
        if step % max(1, fits.steps // _REPORTS) == 0:
            progress.advance(step - told)
            told = step
        if step % fits.every == 0 or step == fits.steps:
            keeper.glance(step)
            if keeper.waited >= settings.patience and step >= _LEAST_STEPS:
                break
    if keeper.last_looked < step:
        keeper.glance(step)
    progress.advance(fits.steps - told)
    found = keeper.restore(step)
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return found


class _Plan:
    """How many steps there are time for."""

    def __init__(self, steps: int, look_s: float, deadline: float, looks: int, clock: Clock) -> None:
        self._clock = clock
        self.steps, self._deadline, self._looks = steps, deadline, looks
        self._left = max(deadline - self._clock(), 0.0)
        self._look_s = look_s

    @property
    def every(self) -> int:
        """Steps between two looks."""
        return max(1, self.steps // self._looks)

    def shown(self, examples: int, look_s: float) -> int:
        """How many held-out examples a look can afford."""
        most = _MOST_LOOKING * self._left / self._looks
        return examples if look_s <= most else max(1, min(examples, 8), round(examples * most / look_s))

    def settle(self, step_s: float, look_s: float) -> None:
        """Plan by the pace of the first steps."""
        looking = min(look_s * self._looks, _MOST_LOOKING * self._left)
        left = self._deadline - self._clock() - looking
        self.steps = max(_TIMED + 1, min(self.steps, _TIMED + int(left / max(step_s, 1e-6))))


class _Keeper:
    """Looks at the held-out examples and keeps the best weights."""

    def __init__(self, network: nn.Module, held_out: Sequence[Example], look: Look, clock: Clock) -> None:
        self._network, self._held_out, self._look, self._clock = network, held_out, look, clock
        self.shown = len(held_out)
        self.best, self._kept, self.waited, self.last_looked = -math.inf, 0, 0, 0
        self._weights: dict[str, Any] = {}

    def glance(self, step: int) -> float:
        """Score the network; the seconds that it took."""
        self.last_looked = step
        if not self._held_out:
            return 0.0
        started = self._clock()
        self._network.eval()
        with torch.inference_mode():
            score = self._look(self._held_out[: self.shown])
        # What was not trained yet is looked at for the time it takes: no luck of its weights keeps them.
        if step and score > self.best:
            self.best, self._kept, self.waited = score, step, 0
            self._weights = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        else:
            self.waited += 1
        return self._clock() - started

    def restore(self, steps: int) -> Fitted:
        """Put the best weights back; the last ones stay where nothing is held out."""
        self._network.eval()
        if not self._weights:
            return Fitted(steps, steps, None)
        self._network.load_state_dict(self._weights)
        return Fitted(steps, self._kept, self.best)


def batch_size(settings: FitSettings, side: int) -> int:
    """Cuts a step, for cuts of that side."""
    return settings.batch or int(np.clip(round(8 * 128**2 / side**2), 4, 64))
