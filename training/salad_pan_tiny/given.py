"""What a network is given of a batch whose pairs were each seen by an instrument of its own."""

from __future__ import annotations

from ...models.salad_pan.fusion import Conditions, conditions
from ..data.simulate import Batch


def given_of(batch: Batch) -> Conditions:
    """The classical fusion of every pair and the planes beside it."""
    ratio_yx = (batch.ratio, batch.ratio)
    pairs = zip(batch.pan, batch.ms, batch.seen, strict=True)
    return Conditions.joined([conditions(pan[None], ms[None], ratio_yx, seen) for pan, ms, seen in pairs])
