"""The stage that writes the STAC item of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..context import RunContext
from ..errors import RunError
from ..output.finish import stac_of
from ..output.row_bands import write_json
from ..plan.plan import Plan
from .stages import Stage


def item_stages(plan: Plan) -> tuple[Stage, ...]:
    """What writes the item that a plan asks for."""
    return (StacItem(),) if plan.stac else ()


@dataclass(frozen=True, slots=True)
class StacItem:
    """Writes the item, beside the first output."""

    name: str = "stac"

    def run(self, plan: Plan, outputs: Mapping[str, Path], context: RunContext) -> Mapping[str, Any]:  # noqa: ARG002
        """Make it."""
        # Only here: shapes bring a library that no other run needs.
        from ..output.stac import item_of

        out = outputs[plan.output.name]
        path = stac_of(out)
        try:
            write_json(path, item_of(plan, out, datetime.now(UTC)), indent=1)
        except OSError as error:
            raise RunError(
                f"the STAC item cannot be written ({error.strerror})",
                where=str(path),
                fix="make room on the disk, then run again with --resume",
            ) from error
        return {"path": str(path)}
