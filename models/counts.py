"""Parameters of the published architectures, counted on the meta device: no weights, no memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from ..engine.errors import RequestError

if TYPE_CHECKING:
    from .ds_dit.config import Kind as DitKind
    from .satdifuser.fusers.config import Kind


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


def _ds_dit(kind: DitKind) -> int:
    from .ds_dit.config import Config
    from .ds_dit.network import DsDit

    return sum(p.numel() for p in DsDit(Config(kind=kind)).parameters())


def _satdifuser(kind: Kind) -> int:
    from .satdifuser.fusers.build import build_fuser
    from .satdifuser.fusers.config import FuserConfig
    from .satdifuser.heads import Linear
    from .satdifuser.published.config import LAYOUT

    # With the linear head of ten classes, as for EuroSAT.
    config = FuserConfig(kind)
    parts = (build_fuser(LAYOUT, config), Linear(config.width, 10))
    return sum(p.numel() for part in parts for p in part.parameters())


COUNTS: Mapping[str, Callable[[], int]] = MappingProxyType(
    {
        "salad-pan-vae": _salad_pan_vae,
        "salad-pan-adapters": _salad_pan_adapters,
        "slimdiffsr": _slimdiffsr,
        "m3-dit": partial(_ds_dit, "joint"),
        "ds-dit": partial(_ds_dit, "siamese"),
        "satdifuser-gw": partial(_satdifuser, "global"),
        "satdifuser-lw": partial(_satdifuser, "local"),
        "satdifuser-moe": partial(_satdifuser, "experts"),
    }
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
