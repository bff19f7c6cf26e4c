"""Measured quality as a notebook shows it: every metric with its direction and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..engine.quality.metrics import AS_RELEASED, METRICS
from .sheet import Sheet, Shown, Table
from .words import number, score


@dataclass(frozen=True, slots=True, repr=False)
class Scores(Shown):
    """What an evaluation found.

    Attributes:
        title: what was compared with what.
        metrics: by name; None where a value is infinite, such as the PSNR of an image that is the reference.
        pixels: that were compared one by one; None where none were.
        classes: scores of each class, by its name; empty but for maps of classes.
        warnings: sentences.
    """

    title: str
    metrics: Mapping[str, float | None]
    pixels: int | None = None
    classes: Mapping[str, Mapping[str, float | int | None]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> float | None:
        """The value of a metric."""
        return self.metrics[name]

    @property
    def sheet(self) -> Sheet:
        """A table of the metrics, and one of the classes."""
        rows = tuple(_row(name, value) for name, value in self.metrics.items())
        heads = next(iter(self.classes.values()), {})
        classes = tuple((name, *map(score, each.values())) for name, each in self.classes.items())
        return Sheet(
            self.title,
            "" if self.pixels is None else f"{self.pixels:,} pixels compared".replace(",", " "),
            self.warnings,
            (
                Table(rows, ("metric", "value", "better", "against", "says")),
                Table(classes, ("class", *heads), "by class"),
            ),
        )


def _row(name: str, value: float | None) -> tuple[str, ...]:
    known = METRICS.get(name.removesuffix(AS_RELEASED))
    if known is None:
        return name, number(value), "", "", ""
    unit = f" {known.unit}" if known.unit else ""
    return name, number(value) + unit, known.direction, known.against, known.meaning
