"""What a run measures of a scene before its first tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from seamline.engine.contract import Where
from seamline.engine.facts import UNMEASURED
from seamline.models.salad_pan.fusion import products


def measured(batch: Mapping[str, torch.Tensor], at: Where) -> Where:
    """With the statistics of the first image of a batch, all of it valid."""
    pan, ms = batch["pan"][0], batch["ms"][0]
    everywhere = torch.ones(pan.shape[-2:], dtype=torch.bool)
    return replace(at, statistics=products(pan, ms, everywhere, at.ratio["ms"], at.response or UNMEASURED))
