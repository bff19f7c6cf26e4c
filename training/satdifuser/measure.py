"""What a head says of tiles that it has not learned from, counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from ...engine.quality.classes import Matrix
from ...engine.quality.classes import confusion as counted
from ...models.satdifuser.layout import Features
from .batches import Batch, wholes
from .cache import FeatureCache
from .features import Example
from .tiles import IGNORE

TOGETHER = 4
"""Tiles of one size that go through the head at once."""
_PATCHES = 64


def confusion(
    network: nn.Module,
    examples: Sequence[Example],
    cache: FeatureCache,
    *,
    patch: int,
    classes: int,
    device: str,
    check: Callable[[], None] = lambda: None,
) -> Matrix:
    """Labelled pixels or patches by their true and their found class, (classes, classes)."""
    total = np.zeros((classes, classes), np.int64)
    for batch in wholes(examples, cache, patch, TOGETHER if patch == 1 else _PATCHES):
        check()
        logits = network(*_given(batch, device))
        total += counted(batch.labels.numpy(), logits.argmax(dim=1).cpu().numpy(), classes, IGNORE)
    return total


def label_sets(
    network: nn.Module,
    examples: Sequence[Example],
    cache: FeatureCache,
    *,
    patch: int,
    classes: int,
    device: str,
    check: Callable[[], None] = lambda: None,
) -> Matrix:
    """Of chips with several classes: how often each was found rightly, found wrongly, and missed, (classes, 3)."""
    total = np.zeros((classes, 3), np.int64)
    for batch in wholes(examples, cache, patch, TOGETHER if patch == 1 else _PATCHES):
        check()
        found = (network(*_given(batch, device)) > 0).cpu().numpy()
        truth = batch.labels.numpy() > 0
        total += np.stack([found & truth, found & ~truth, ~found & truth], axis=-1).sum(axis=0)
    return total


def _given(batch: Batch, device: str) -> tuple[Features, tuple[int, int]]:
    return batch.to(device).features, batch.size
