"""The protocols of ``seamline evaluate``, and the runs that they start, from the options of the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engine.quality.known_truth import KnownTruth
    from ..engine.quality.protocol import Protocol
    from ..engine.request import OpenPolicy, Request


def reduced_of(fused: str | None, options: Mapping[str, Any]) -> Protocol:
    """Wald's protocol.

    Raises:
        RequestError: an option is missing, or the protocol has no use for it.
    """
    from ..engine.quality.protocol import Protocol

    _check("rr", fused, options, needs=("ms", "pan", "model"), makes=("reference", "ratio", "draws"))
    return Protocol(
        **{name: options[name] for name in ("ms", "pan", "phase", "rim", "bits", "perceptual")},
        sensor=options["sensor"] or "none",
        released=options["as_released"],
    )


def known_truth_of(fused: str | None, options: Mapping[str, Any]) -> KnownTruth:
    """Drawn instruments.

    Raises:
        RequestError: an option is missing, or the protocol has no use for it.
    """
    from ..engine.quality.known_truth import KnownTruth

    _check("fr", fused, options, needs=("reference", "model"), makes=("ms", "pan"))
    given = {"ratio": options["ratio"], "draws": options["draws"], "bits": options["bits"]}
    return KnownTruth(options["reference"], **{name: value for name, value in given.items() if value is not None})


def facts_of(protocol: Protocol | KnownTruth, model: str) -> dict[str, Any]:
    """What the start event says of a protocol."""
    from ..engine.quality.protocol import Protocol

    if isinstance(protocol, Protocol):
        return {"ms": protocol.ms, "pan": protocol.pan, "model": model, "phase": protocol.phase}
    return {"reference": protocol.truth, "model": model, "draws": protocol.draws, "ratio": protocol.ratio}


def run_of(options: Mapping[str, Any], policy: OpenPolicy) -> Request:
    """The run of a protocol; its inputs and output are the protocol's."""
    from ..engine.request import Request
    from ..engine.run.device import pick_device

    return Request(
        inputs={},
        out="",
        seed=options["seed"] or 0,
        device=pick_device(options["device"] or "auto"),
        policy=policy,
        **{name: options[name] for name in ("tile", "overlap", "steps", "consistency")},
    )


def _check(
    name: str, fused: str | None, options: Mapping[str, Any], needs: tuple[str, ...], makes: tuple[str, ...]
) -> None:
    """Refuse what a protocol makes itself, and miss what it needs."""
    from ..engine.errors import RequestError

    for where, value in {"FUSED": fused, **{f"--{each}": options[each] for each in makes}}.items():
        if value is not None:
            raise RequestError(
                f"it was given with --protocol {name}", where=where, fix="the protocol makes its own: leave it out"
            )
    for each in needs:
        if options[each] is None:
            wanted = " and ".join(f"--{need}" for need in needs)
            raise RequestError("it is missing", where=f"--{each}", fix=f"--protocol {name} needs {wanted}")
