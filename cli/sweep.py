"""What ``seamline evaluate --sweep`` does: translates its options, shows its points as a table, events and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .protocols import facts_of, known_truth_of, reduced_of, run_of

if TYPE_CHECKING:
    from ..engine.contract import ModelSource
    from ..engine.events import Cancel, Listener
    from ..engine.quality.known_truth import KnownTruth
    from ..engine.quality.protocol import Protocol
    from ..engine.quality.sweep import Axis, Bench
    from ..engine.request import OpenPolicy

# Of all metrics, those that the table has room for.
_SHOWN = ("Q2n", "SAM", "ERGAS", "SSIMULACRA2")


class SweptOption(click.ParamType["Axis"]):
    """NAME=VALUE,VALUE."""

    name = "name=values"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Axis:
        """The option, and its values as numbers."""
        from ..engine.quality.sweep import Axis

        option, _, listed = str(value).partition("=")
        try:
            values = tuple(float(each) if set(each) & set(".eE") else int(each) for each in listed.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of numbers: give NAME=VALUE,VALUE, such as steps=1,2,4", param, ctx)
        return Axis(option.strip(), values)


def kept_of(options: Mapping[str, Any]) -> str | None:
    """What a sweep that is cancelled leaves, in words; None where nothing is kept."""
    if not options["sweep"] or options["out"] is None:
        return None
    return f"; what was measured by then, if anything, is in {options['out']}"


def evaluate_sweep(
    fused: str | None, options: Mapping[str, Any], policy: OpenPolicy, listener: Listener, cancel: Cancel
) -> None:
    """Measure a protocol at every combination of values; say each point at once, and all of them in the end."""
    from ..engine.errors import RequestError
    from ..engine.quality.metrics import METRICS
    from ..engine.quality.sweep import combinations, fronts, sweep
    from ..models import registry
    from ..report.sweep import Header, check_place, write_sweep

    if options["protocol"] is None:
        raise RequestError("it was given without --protocol", where="--sweep", fix="pass --protocol rr or fr too")
    protocol = reduced_of(fused, options) if options["protocol"] == "rr" else known_truth_of(fused, options)
    source = registry.resolve(options["model"], "pansharpen")
    request = run_of(options, policy)
    settings = combinations(options["sweep"], request, source.spec.options)
    page: Path | None = options["out"]
    if page is not None:
        check_place(page)
    facts, repeats = facts_of(protocol, source.spec.name), options["repeats"] or 1
    header = Header(options["protocol"], facts, request.device, repeats, len(settings))
    named = [] if page is None else [str(page)]
    chosen = [dict(each) for each in settings]
    listener.emit("start", doing="sweeping", unit="runs", protocol=facts, points=chosen, outputs=named)
    with _bench(protocol, source, policy, cancel) as bench:
        for number, points in sweep(settings, request, bench, repeats=repeats, listener=listener, cancel=cancel):
            if page is not None:
                write_sweep(page, header, points)
            listener.emit("point", number=number, **points[number].plain())
    listener.emit(
        "done",
        outputs=named,
        report=None,
        metrics={},
        points=[point.plain() for point in points],
        fronts=fronts(points),
        about={name: METRICS[name].plain() for name in points[0].evaluation.metrics if name in METRICS},
    )


def print_points(points: Sequence[Mapping[str, Any]], fronts: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
    """A table on standard output: a point a row; marked on the front of the first metric and the processor's time."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    metrics = [name for name in _SHOWN if all(name in point["metrics"] for point in points)]
    first = next(iter(fronts), None)
    best = fronts[first]["processor_s"] if first is not None else []
    table = Table(*points[0]["settings"], *metrics, "CPU s/MP", "s/MP", "MiB", "front", box=SIMPLE, padding=0)
    for number, point in enumerate(points):
        values = [point["metrics"][name] for name in metrics]
        cost = point["cost"]
        table.add_row(
            *(f"{value:g}" for value in point["settings"].values()),
            *("inf" if value is None else f"{value:.5g}" for value in values),
            f"{cost['processor_s']:.3g}",
            f"{cost['wall_s']:.3g}",
            f"{cost['memory_bytes'] / 2**20:.0f}",
            "*" if number in best else "",
        )
    # Whole, where a line has no room for it, as in a file.
    wanted = Measurement.get(Console(), Console().options.update(max_width=1000), table).maximum
    Console(width=max(wanted, Console().width)).print(table)
    if first is not None:
        click.echo(f"* no other point has a better {first} for as little time of the processor")


def _bench(
    protocol: Protocol | KnownTruth, source: ModelSource, policy: OpenPolicy, cancel: Cancel
) -> AbstractContextManager[Bench]:
    from ..engine.quality.known_truth import DrawnBench
    from ..engine.quality.protocol import Protocol, reduced_bench

    if isinstance(protocol, Protocol):
        return reduced_bench(protocol, source, policy, cancel)
    return nullcontext(DrawnBench(protocol, source))
