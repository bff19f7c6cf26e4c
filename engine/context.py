"""What accompanies a run through every room and decides no pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

from .events import Cancel, Listener, Silence, Stopwatch
from .request import OpenPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What accompanies a run and decides no pixel.

    Attributes:
        listener: hears what happens.
        cancel: is looked at between tiles and steps.
        watch: times the stages.
        policy: what may be opened.
    """

    listener: Listener = field(default_factory=Silence)
    cancel: Cancel = field(default_factory=Cancel)
    watch: Stopwatch = field(default_factory=Stopwatch)
    policy: OpenPolicy = field(default_factory=OpenPolicy)
