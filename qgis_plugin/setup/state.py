"""What set-up has finished, in a small file, so that it goes on where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..environment import is_file
from .plan import Plan, environment_python

_FORMAT = 1


@dataclass(frozen=True)
class State:
    """What was done in a folder.

    Attributes:
        done: digest of each finished step by name.
        begun: name of the step that was begun and did not come to an end by itself; empty when there is none.
        is_complete: whether the last set-up came to its end.
    """

    done: Mapping[str, str] = field(default_factory=dict)
    begun: str = ""
    is_complete: bool = False

    def finished(self, plan: Plan) -> tuple[str, ...]:
        """Names of the first steps of a plan that need not be run again."""
        if not is_file(environment_python(plan.choice.folder)):
            return ()
        names = []
        for name, digest in plan.digests.items():
            if self.done.get(name) != digest:
                break
            names.append(name)
        return tuple(names)

    def with_begun(self, name: str) -> State:
        """The state while a step runs."""
        return replace(self, begun=name, is_complete=False)

    def with_done(self, name: str, digest: str) -> State:
        """The state after a step."""
        return replace(self, done={**self.done, name: digest}, begun="")


def read_state(folder: Path) -> State:
    """The state of a folder; an empty one where there is none, or none that can be understood."""
    try:
        facts = json.loads((folder / "setup.json").read_text(encoding="utf-8"))
        if facts["format"] != _FORMAT:
            return State()
        done = {str(name): str(digest) for name, digest in facts["done"].items()}
        return State(done, str(facts["begun"]), facts["complete"] is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def write_state(folder: Path, state: State) -> None:
    """Replace the file in one step, so that a power cut leaves the old one or the new one."""
    facts = {"format": _FORMAT, "done": dict(state.done), "begun": state.begun, "complete": state.is_complete}
    part = folder / "setup.json.part"
    part.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    part.replace(folder / "setup.json")


def finished_python(folder: Path) -> str:
    """The Python that a complete set-up left in a folder; empty when there is none."""
    python = environment_python(folder)
    return str(python) if read_state(folder).is_complete and is_file(python) else ""
