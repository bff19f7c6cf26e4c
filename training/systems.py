"""Systems that can be trained, by the name that a recipe gives; the module of one is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from ..engine.errors import RequestError
from .mistakes import choices
from .trainer import System

SYSTEMS: Mapping[str, str] = MappingProxyType(
    {
        "ds-dit-small": ".ds_dit.run",
        "salad-pan-sd15": ".salad_pan.run",
        "salad-pan-tiny": ".salad_pan_tiny.run",
        "satdifuser": ".satdifuser.run",
        "sentinel2-tiny": ".sentinel2.run",
        "slimdiffsr": ".slimdiffsr.run",
        "terra-ldm-tiny": ".terra_ldm.run",
        "yardstick-cnn": ".yardstick.run",
    }
)
"""Module of each system, relative to this package; its ``SYSTEM`` is a ``System``."""


def find_system(name: str, where: str) -> System[Any]:
    """The recipe model and the trainer of a system.

    Args:
        name: as a recipe gives it.
        where: of the name, for the error.

    Raises:
        RequestError: there is no such system.
    """
    module = SYSTEMS.get(name)
    if module is None:
        raise RequestError(f"no trainer for {name!r}", where=where, fix=choices(name, SYSTEMS))
    system: System[Any] = import_module(module, __package__).SYSTEM
    return system
