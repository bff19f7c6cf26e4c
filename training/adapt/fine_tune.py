"""Adapt a model to the scene that it is about to fuse: a few careful steps on the scene at reduced resolution.

No reference is needed: degraded by Wald's protocol, the scene's own MS is the target.  What is learned there need not
hold at full resolution, so only the biases, the gains of the normalisations (BitFit; Ben Zaken, Goldberg and Ravfogel,
ACL 2022) and the filters at full size move: tuning every weight fits the reduced scene much better and the scene itself
worse.  Weights are kept only where they are better on cells that no step has seen.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from ...engine.events import Listener, Progress
from ...engine.facts import Response
from ...models.salad_pan.fusion import blur, conditions, products, shares_in_pan
from ...models.salad_pan.network import SaladPanTiny
from ...models.salad_pan.vae import FACTOR
from ..salad_pan_tiny.losses import spectral_angle
from .data import SIDE, UNROLLED, Sample

RATE = 1e-3
WARM_UP = 3
SOFTNESS = (0.2, 0.6)
"""Standard deviations, MS px, of the blur that PAN gets in a step: degraded PAN is sharper than one that an instrument
saw, and a model that learns to count on it is worse on scenes where PAN and bands are equally sharp."""
GLANCE = 5
"""Steps between two looks at the held-out cells."""
LEAST_GAIN = 0.02
"""Share by which the held-out loss must fall before other weights than the shipped ones are kept."""
_MOST_IN_STEP = 2
_MOST_LOOKED_AT = 8


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What came of it.

    Attributes:
        steps: that were asked for.
        kept: the step whose weights were kept; 0 for the shipped ones.
        before, after: loss on the held-out cells, of the shipped and of the kept weights.
    """

    steps: int
    kept: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class _Stack:
    """Samples of one size as a batch; the fields of ``Sample`` with a leading axis."""

    pan: torch.Tensor
    ms: torch.Tensor
    target: torch.Tensor
    trained: torch.Tensor
    held_out: torch.Tensor

    @classmethod
    def of(cls, samples: Sequence[Sample], turns: Sequence[int], device: str) -> _Stack:
        """Stack samples, each turned and mirrored in one of eight ways."""
        names = ("pan", "ms", "target", "trained", "held_out")
        parts = (
            torch.stack([_turned(getattr(s, n), k) for s, k in zip(samples, turns, strict=True)]).to(device)
            for n in names
        )
        return cls(*parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """What conditions of every window need: PAN px per MS px, how MS was seen, and the bands' shares in PAN, (C,)."""

    ratio: float
    seen: Response
    shares: torch.Tensor

    @classmethod
    def of(cls, samples: Sequence[Sample], ratio: float, seen: Response) -> _Scene:
        """With the shares that the windows have together."""
        counted = ((sample, (sample.trained + sample.held_out)[0] > 0) for sample in samples)
        sums = sum(products(sample.pan, sample.ms, valid, (ratio, ratio), seen) for sample, valid in counted)
        return cls(ratio, seen, shares_in_pan(np.asarray(sums)))


def fine_tune(
    model: SaladPanTiny,
    samples: Sequence[Sample],
    ratio: float,
    seen: Response,
    *,
    steps: int,
    run_steps: int,
    seed: int,
    device: str,
    listener: Listener,
    check: Callable[[], None],
) -> Adaptation:
    """Adapt a model in place; the same arguments give the same weights.

    The steps train the prediction from pure noise, from which the later ones of a run hardly differ; the held-out
    cells are judged as the run would fuse them.

    Args:
        model: with the weights to start from, on the CPU; it comes back there.
        samples: windows of the scene.
        ratio: PAN px per MS px.
        seen: how the degraded MS was seen, without noise.
        steps: most optimiser steps.
        run_steps: network evaluations of the run.
        seed: of noise, order and turns.
        device: what computes.
        listener: gets progress.
        check: called before each step; may raise to stop.
    """
    model.to(device).eval()
    tuned, scene = _tuned(model), _Scene.of(samples, ratio, seen)
    kept, weights = 0, [p.detach().clone() for p in tuned]
    before = _held_out_loss(model, samples, scene, run_steps, seed, device)
    best, goal = before, before * (1.0 - LEAST_GAIN)
    optimiser = torch.optim.Adam(tuned, lr=RATE, betas=(0.9, 0.99))
    noise = torch.Generator().manual_seed(seed)
    progress = Progress(listener, steps)
    for step, batch in zip(range(1, steps + 1), _batches(samples, seed, device), strict=False):
        check()
        optimiser.param_groups[0]["lr"] = RATE * min(1.0, step / WARM_UP)
        loss = scene_loss(_fused(model, batch, scene, 1, noise), batch.target, batch.trained)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tuned, 1.0)
        optimiser.step()
        if step % GLANCE == 0 or step == steps:
            found = _held_out_loss(model, samples, scene, run_steps, seed, device)
            if found < min(best, goal):
                best, kept, weights = found, step, [p.detach().clone() for p in tuned]
        progress.advance()
    with torch.no_grad():
        for parameter, weight in zip(tuned, weights, strict=True):
            parameter.copy_(weight)
    model.cpu().requires_grad_(False)
    return Adaptation(steps, kept, before, best)


def scene_loss(fused: torch.Tensor, target: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Distance of fused images to their targets where pixels count, as ``losses.fusion_loss`` has it.

    Args:
        fused, target: (B, C, n, n), unit range.
        counted: (B, 1, n, n), one or zero.
    """
    spread = target.flatten(2).std(dim=2)[..., None, None] + 0.01
    error = (fused - target) / spread
    across, down = error.diff(dim=-1).abs(), error.diff(dim=-2).abs()
    slope = _mean(across, counted[..., 1:] * counted[..., :-1])
    slope = slope + _mean(down, counted[..., 1:, :] * counted[..., :-1, :])
    angle = _mean(spectral_angle(fused, target)[:, None], counted)
    return _mean(error.abs(), counted) + 2.0 * _mean(error.square(), counted) + 0.25 * slope + 0.5 * angle


def _mean(values: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    return (values * counted).sum() / (counted.sum() * values.shape[1]).clamp(min=1.0)


def _tuned(model: SaladPanTiny) -> list[nn.Parameter]:
    """The filters at full size and all vectors, but for those of the encoder, which no run uses."""
    for name, parameter in model.named_parameters():
        small = parameter.ndim == 1 or name.startswith("vae.filters")
        parameter.requires_grad_(small and not name.startswith("vae.encoder"))
    return [p for p in model.parameters() if p.requires_grad]


def _batches(samples: Sequence[Sample], seed: int, device: str) -> Iterator[_Stack]:
    """Endless batches: the windows that have something to train on, in random order, turned and softened at random."""
    rng = np.random.default_rng(seed)
    usable = [sample for sample in samples if sample.trained.any()]
    bands, side = usable[0].ms.shape[0], usable[0].ms.shape[-1]
    size = max(1, min(UNROLLED * SIDE * SIDE // (bands * side * side), _MOST_IN_STEP))
    order = (int(i) for _ in itertools.count() for i in rng.permutation(len(usable)))
    while True:
        chosen = [usable[i] for i in itertools.islice(order, size)]
        batch = _Stack.of(chosen, [int(rng.integers(8)) for _ in chosen], device)
        sigma = rng.uniform(*SOFTNESS)
        yield replace(batch, pan=blur(batch.pan, (sigma, sigma), 4.0))


def _turned(values: torch.Tensor, way: int) -> torch.Tensor:
    """(C, n, n) turned by quarter turns, the later four ways mirrored too."""
    turned = torch.rot90(values, way % 4, (1, 2))
    return turned.flip(2) if way >= 4 else turned


@torch.no_grad()
def _held_out_loss(
    model: SaladPanTiny,
    samples: Sequence[Sample],
    scene: _Scene,
    run_steps: int,
    seed: int,
    device: str,
) -> float:
    """Loss over the held-out cells of at most eight windows, fused as a run would."""
    noise = torch.Generator().manual_seed(seed + 1)
    judged = [sample for sample in samples if sample.held_out.any()]
    total = pixels = 0.0
    for index in np.linspace(0, len(judged) - 1, min(len(judged), _MOST_LOOKED_AT)).round():
        batch = _Stack.of([judged[int(index)]], [0], device)
        count = float(batch.held_out.sum())
        fused = _fused(model, batch, scene, run_steps, noise)
        total += float(scene_loss(fused, batch.target, batch.held_out)) * count
        pixels += count
    return total / pixels


def _fused(
    model: SaladPanTiny, batch: _Stack, scene: _Scene, run_steps: int, generator: torch.Generator
) -> torch.Tensor:
    """What the model makes of a batch, (B, C, n, n), from seeded noise that the bands share."""
    count, bands, side, _ = batch.ms.shape
    cells = (model.config.latent, side // FACTOR, side // FACTOR)
    noise = torch.randn((count, 1, *cells), generator=generator).expand(-1, bands, -1, -1, -1)
    given = conditions(batch.pan, batch.ms, (scene.ratio, scene.ratio), scene.seen, scene.shares)
    image: torch.Tensor = model(given, noise.reshape(-1, *cells).to(batch.ms), run_steps).image
    return image.reshape(batch.ms.shape)
