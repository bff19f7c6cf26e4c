"""Stages after the COGs: what is made of finished outputs, such as polygons of a class map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..context import RunContext
from ..output.finish import Finished
from ..plan.plan import Plan


class Stage(Protocol):
    """Makes something of the finished outputs of a run.

    The outputs are in place when a stage begins.  Where it fails, they stay, and so does the workspace: the same
    command with ``--resume`` puts the outputs in place again and repeats the stages.

    Attributes:
        name: key of its facts in the report.
    """

    @property
    def name(self) -> str:
        """Key of its facts in the report."""
        ...

    def run(self, plan: Plan, outputs: Mapping[str, Path], context: RunContext) -> Mapping[str, Any]:
        """Make it, beside the outputs.

        Args:
            outputs: path of each COG by the name of the output; one that is not kept goes after the last stage.

        Returns:
            Facts for the report, plain JSON values.

        Raises:
            SeamlineError: it cannot be made.
        """
        ...


def run_stages(stages: Sequence[Stage], plan: Plan, found: Sequence[Finished], context: RunContext) -> dict[str, Any]:
    """Run the stages in order; their facts by name.

    Args:
        found: of each output.
    """
    outputs = {output.name: each.path for output, each in zip(plan.outputs, found, strict=True)}
    facts: dict[str, Any] = {}
    for stage in stages:
        context.cancel.check()
        with context.watch.stage(stage.name):
            facts[stage.name] = dict(stage.run(plan, outputs, context))
    return facts
