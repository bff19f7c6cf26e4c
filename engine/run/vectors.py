"""The stages that a plan asks for: vector files of its map of classes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..context import RunContext
from ..errors import GeoreferenceWarning
from ..plan.plan import Plan
from .stages import Stage


def vector_stages(plan: Plan) -> tuple[Stage, ...]:
    """What makes the vector files of a plan."""
    wanted = plan.vectors
    polygons: tuple[Stage, ...] = () if wanted.polygons is None else (Polygons(Path(wanted.polygons)),)
    patches: tuple[Stage, ...] = () if wanted.patches is None else (Patches(Path(wanted.patches)),)
    return polygons + patches


@dataclass(frozen=True, slots=True)
class Polygons:
    """Writes the areas of each class."""

    path: Path
    name: str = "polygons"

    def run(self, plan: Plan, outputs: Mapping[str, Path], context: RunContext) -> Mapping[str, Any]:
        """Make it."""
        # Only here: it brings a second GDAL, whose 80 MB no other run should carry.
        from ..output.polygons import write_polygons

        if plan.output.grid.crs is None:
            text = f"{self.path}: the map has no CRS, so areas are counted in px²"
            warnings.warn(GeoreferenceWarning(text), stacklevel=3)
        return write_polygons(outputs[plan.output.name], plan.output, plan.vectors, self.path, context)


@dataclass(frozen=True, slots=True)
class Patches:
    """Writes a square a patch."""

    path: Path
    name: str = "patches"

    def run(self, plan: Plan, outputs: Mapping[str, Path], context: RunContext) -> Mapping[str, Any]:
        """Make it."""
        from ..output.patches import write_patches

        score = next((outputs[each.name] for each in plan.outputs[1:] if each.blend == "max"), None)
        return write_patches(outputs[plan.output.name], score, plan.output, self.path, context)
