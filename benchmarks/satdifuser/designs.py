"""The designs that are measured, which are those of the recipes of the heads that ship."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seamline.training.satdifuser.model import Design

DESIGNS: Mapping[str, Design] = MappingProxyType({"segment": Design(), "classify": Design()})
"""By the kind of answer."""
