"""The fuser of a configuration."""

from __future__ import annotations

from ..layout import Layout
from .config import FuserConfig
from .experts import Experts
from .fuser import Fuser
from .weighted import GlobalWeights, LocalWeights


def build_fuser(layout: Layout, config: FuserConfig) -> Fuser:
    """A fuser with new weights."""
    if config.kind == "experts":
        return Experts(layout, config)
    return GlobalWeights(layout, config) if config.kind == "global" else LocalWeights(layout, config)
