"""Architectures that a model folder may name: those of this package, and those that other packages register.

A package registers one by an entry point of the group ``seamline.architectures``, in its ``pyproject.toml``::

    [project.entry-points."seamline.architectures"]
    my_network = "my_package.network"

The module on the right has a function ``load``, which is a ``Loader``.  Of two packages that register one name neither
counts, and none takes a name of this package: what a model folder means must not depend on what else is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType, ModuleType
from typing import Any, Protocol

import torch

from ..engine.contract import Runtime, SteppingModel, TileModel
from ..engine.errors import ModelError

GROUP = "seamline.architectures"
ARCHITECTURES: Mapping[str, str] = MappingProxyType(
    {
        "ds_dit_sd3": "ds_dit.published.tile",
        "ds_dit_small": "ds_dit.tile",
        "salad_pan_sd15": "salad_pan.published.tile",
        "salad_pan_tiny": "salad_pan.tile",
        "satdifuser": "satdifuser.tile",
        "sentinel2_tiny": "sentinel2.tile",
        "slimdiffsr": "slimdiffsr.tile",
        "terra_ldm_tiny": "terra_ldm.tile",
        "yardstick_cnn": "yardstick.tile",
    }
)
"""Module of each architecture of this package."""
BRANCHES: Mapping[str, tuple[str, ...]] = MappingProxyType({"salad_pan_sd15": ("pan", "ms")})
"""Of each architecture that has them, the inputs whose branch can be weighed."""
STRENGTH = "strength"
"""Entry of such a config that says how strongly each branch steers."""
STRONGEST = 2.0
"""Largest scale of a branch, as in the released demonstration; 1 is as trained."""


class Loader(Protocol):
    """``load`` of an architecture's module."""

    def __call__(
        self, config: Mapping[str, Any], state: Mapping[str, torch.Tensor], runtime: Runtime
    ) -> TileModel | SteppingModel:
        """Build the network from the card's config and load the weights strictly.

        Raises:
            ModelError: config or weights do not fit, or the device cannot run it.
        """
        ...


def find_loader(name: str, *, where: str) -> Loader:
    """The loader of an architecture.

    Args:
        where: the model folder that names it, for errors.

    Raises:
        ModelError: nothing is registered under the name, more than one thing is, or its module cannot be used.
    """
    if name in ARCHITECTURES:
        own: Loader = import_module(f".{ARCHITECTURES[name]}", __package__).load
        return own
    entry = _entry(name, where)
    module = _imported(entry, where)
    loader: Loader | None = getattr(module, "load", None)
    if not callable(loader):
        raise ModelError(
            f"the module {entry.value} of the architecture {name!r} has no function load",
            where=where,
            fix=f"report it to the authors of {_package(entry)}",
        )
    return loader


def most_steps(name: str) -> int | None:
    """The most denoising steps that an architecture of this package takes; None where it takes no number of them."""
    if name not in ARCHITECTURES:
        return None
    found: int | None = getattr(import_module(f".{ARCHITECTURES[name]}", __package__), "MOST_STEPS", None)
    return found


def check_known(name: str, *, where: str) -> None:
    """Refuse an architecture that ``find_loader`` would refuse; modules of this package are not imported for it.

    Raises:
        ModelError: as ``find_loader``.
    """
    if name not in ARCHITECTURES:
        find_loader(name, where=where)


def _entry(name: str, where: str) -> EntryPoint:
    registered = entry_points(group=GROUP)
    found = {entry.value: entry for entry in registered if entry.name == name}
    if not found:
        known = ", ".join(sorted({*ARCHITECTURES, *registered.names}))
        raise ModelError(
            f"the architecture {name!r} is unknown; known are {known}",
            where=where,
            fix="install a version of the program that has it, or the package that registers it",
        )
    if len(found) > 1:
        packages = " and ".join(sorted(_package(entry) for entry in found.values()))
        raise ModelError(f"the architecture {name!r} is registered by {packages}", where=where, fix="uninstall one")
    return next(iter(found.values()))


def _imported(entry: EntryPoint, where: str) -> ModuleType:
    try:
        module: ModuleType = entry.load()
    except Exception as error:  # whatever another package does as it is imported is its defect, and the user's to know
        raise ModelError(
            f"the module {entry.value} of the architecture {entry.name!r} cannot be imported"
            f" ({type(error).__name__}: {error})",
            where=where,
            fix=f"install {_package(entry)} again, with what it needs",
        ) from error
    return module


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
