"""Parameters of the published architectures, counted on the meta device: no weights, no memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch

from ..engine.errors import RequestError


def _salad_pan_vae() -> int:
    from .salad_pan.published.config import Config
    from .salad_pan.published.vae import band_vae

    return sum(p.numel() for p in band_vae(Config(scaling_factor=1.0)).parameters())


def _salad_pan_adapters() -> int:
    from .salad_pan.published.checkpoint import is_base
    from .salad_pan.published.config import Config
    from .salad_pan.published.network import FusedUNet

    named = FusedUNet(Config(scaling_factor=1.0)).named_parameters()
    return sum(p.numel() for name, p in named if not is_base(name))


def _slimdiffsr() -> int:
    from .slimdiffsr.config import Config
    from .slimdiffsr.network import SlimDiffSR

    # As published, which counts what the released model stores and never runs.
    return sum(p.numel() for p in SlimDiffSR(Config(compat=True)).parameters())


COUNTS: Mapping[str, Callable[[], int]] = MappingProxyType(
    {"salad-pan-vae": _salad_pan_vae, "salad-pan-adapters": _salad_pan_adapters, "slimdiffsr": _slimdiffsr}
)
"""What can be counted."""


def count(name: str) -> int:
    """Parameters of a published architecture.

    Raises:
        RequestError: there is none of that name.
    """
    if name not in COUNTS:
        raise RequestError(f"there is no count of {name!r}", where="NAME", fix=f"known are {', '.join(COUNTS)}")
    with torch.device("meta"):
        return COUNTS[name]()
