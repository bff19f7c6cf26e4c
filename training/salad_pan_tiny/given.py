"""What a network is given of a batch whose pairs were each seen by an instrument of its own."""

from __future__ import annotations

import torch

from ...engine.facts import Response
from ...models.salad_pan.fusion import Conditions, conditions, products, shares_in_pan
from ..data.simulate import Batch

_SHARES_ERROR = 0.1
# A scene has kinds of ground that a patch has not: its shares are off by that much of themselves here.


def given_of(batch: Batch) -> Conditions:
    """The classical fusion of every pair and the planes beside it."""
    generator = torch.Generator(device="cpu").manual_seed(batch.seed)
    pairs = zip(batch.pan, batch.ms, batch.seen, strict=True)
    return Conditions.joined([_given(pan, ms, batch.ratio, seen, generator) for pan, ms, seen in pairs])


def _given(pan: torch.Tensor, ms: torch.Tensor, ratio: float, seen: Response, generator: torch.Generator) -> Conditions:
    ratio_yx = (ratio, ratio)
    everywhere = torch.ones(pan.shape[-2:], dtype=torch.bool)
    shares = shares_in_pan(products(pan, ms, everywhere, ratio_yx, seen))
    off = 1.0 + _SHARES_ERROR * torch.randn(shares.shape, generator=generator)
    return conditions(pan[None], ms[None], ratio_yx, seen, shares * off)
