"""What a head says of tiles that it has not learned from, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import nn

from ...engine.quality.classes import Matrix
from ...engine.quality.classes import confusion as counted
from .batches import wholes
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
    for logits, truth in _told(network, examples, cache, patch, device, check):
        total += counted(truth.numpy(), logits.argmax(dim=1).numpy(), classes, IGNORE)
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
    for logits, labels in _told(network, examples, cache, patch, device, check):
        found, truth = (logits > 0).numpy(), labels.numpy() > 0
        total += np.stack([found & truth, found & ~truth, ~found & truth], axis=-1).sum(axis=0)
    return total


def _told(
    network: nn.Module,
    examples: Sequence[Example],
    cache: FeatureCache,
    patch: int,
    device: str,
    check: Callable[[], None],
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Logits and labels of all examples, some at a time, on the processor."""
    for batch in wholes(examples, cache, patch, TOGETHER if patch == 1 else _PATCHES):
        check()
        given = batch.to(device)
        yield network(given.features, given.size).cpu(), batch.labels
