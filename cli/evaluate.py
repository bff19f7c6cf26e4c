"""The command ``seamline evaluate``: translates its options, and shows the metrics as a table or as an event."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .classes import evaluate_classes, refuse_options_of_labels
from .options import POLICY_OPTIONS, policy_of, with_options
from .protocols import facts_of, known_truth_of, reduced_of, run_of
from .sweep import SweptOption, evaluate_sweep, kept_of
from .terminal import guarded

if TYPE_CHECKING:
    from ..engine.events import Cancel, Listener
    from ..engine.quality.evaluation import Evaluation
    from ..engine.request import OpenPolicy

# Options that only a run of a model understands, by their names as parameters.
_RUN = ("model", "draws", "steps", "seed", "tile", "overlap", "device", "consistency")
# What a PanCollection file has itself, or what a scene that is one tile does not have.
_NOT_OF_COLLECTIONS = (
    "reference",
    "pan",
    "ms",
    "protocol",
    "draws",
    "ratio",
    "bits",
    "perceptual",
    "tile",
    "overlap",
    "consistency",
    "sweep",
)


class _Rim(click.ParamType["int | Literal['toolbox']"]):
    """A number of pixels, or the word toolbox."""

    name = "px"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["toolbox"]:
        """Pixels from 0 up, or "toolbox"."""
        if value == "toolbox":
            return "toolbox"
        if not str(value).isdecimal():
            self.fail(f"{value!r} is not a rim: give toolbox, or a number of px", param, ctx)
        return int(value)


def _weights(value: str) -> Path | Literal["none"]:
    """A folder of weights, or the word none."""
    return "none" if value == "none" else Path(value)


@click.command()
@click.argument("fused", required=False)
@click.option("--reference", metavar="REF", help="Image that FUSED should equal.")
@click.option("--pan", metavar="PAN", help="PAN that FUSED was made of, or that is degraded.")
@click.option("--ms", metavar="MS", help="MS that FUSED was made of, or that is degraded.")
@click.option(
    "--protocol",
    type=click.Choice(["rr", "fr"]),
    help="rr: degrade PAN and MS, run --model on them, score against MS.  fr: see --reference by drawn instruments, run"
    " --model on what they deliver, score against --reference.",
)
@click.option("--draws", type=click.IntRange(1), help="Instruments of --protocol fr; 20 by default.")
@click.option("--panc", type=click.Path(path_type=Path), metavar="H5", help="PanCollection file: fuse and score it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="H5|HTML",
    help="Where --panc writes its images, or --sweep its page.",
)
@click.option("--ratio", type=float, metavar="R", help="PAN px per MS px, for ERGAS; from PAN and MS otherwise.")
@click.option("--bits", type=int, metavar="L", help="Bit depth, for PSNR and SSIM; from the data type otherwise.")
@click.option("--rim", type=_Rim(), default=0, metavar="toolbox|N", help="Px left out on every side; 0 by default.")
@click.option("--sensor", metavar="NAME|FILE", help="Sensor whose MTF counts; measured on PAN and MS otherwise.")
@click.option(
    "--phase",
    type=click.Choice(["area", "dlpan"]),
    default="area",
    show_default=True,
    help="Where MS pixels lie: their true centres, or half a PAN px off as in the DLPan toolbox.",
)
@click.option("--as-released", is_flag=True, help="Also the metrics as the released code of SALAD-Pan computes them.")
@click.option(
    "--perceptual",
    type=_weights,
    metavar="none|FOLDER",
    help="Also SSIMULACRA2, and LPIPS, DISTS, FID and others by the weights in FOLDER.",
)
@click.option("--labels", metavar="LABELS", help="Polygons, points or a raster that the map of classes should equal.")
@click.option("--class-field", metavar="FIELD", help="Column of the class; 'class' by default.")
@click.option("--layer", metavar="NAME", help="Layer of the labels, where there are several.")
@click.option(
    "--rest", metavar="NAME", help="Class of all ground that is not labelled; such ground is left out otherwise."
)
@click.option("--ignore", type=int, metavar="N", help="Class number that stands for 'not labelled'.")
@click.option(
    "--confusion", type=click.Path(path_type=Path), metavar="PNG", help="Picture of which class was taken for which."
)
@click.option("--model", metavar="NAME|FOLDER", help="Model that --protocol runs.")
@click.option("--steps", type=click.IntRange(1), help="Denoising steps of the model.")
@click.option("--seed", type=int, default=None, help="Seed of the model's noise; 0 by default.")
@click.option("--tile", type=int, metavar="PX", help="Tile side of the run, px of the degraded PAN.")
@click.option("--overlap", type=int, metavar="PX", help="Least overlap of its tiles.")
@click.option("--device", metavar="auto|cpu|cuda[:N]", help="What runs the model; auto by default.")
@click.option(
    "--consistency",
    type=click.Choice(["on", "off", "mtf", "area"]),
    help="Consistency of the run; the model's otherwise.",
)
@click.option(
    "--sweep",
    type=SweptOption(),
    multiple=True,
    metavar="NAME=V,V",
    help="Run --protocol at each of these values of steps, tile, overlap or guidance, and tell quality against cost;"
    " repeatable, for every combination.",
)
@click.option("--repeats", type=click.IntRange(1), help="Runs of each point of --sweep, for its times; 1 by default.")
@with_options(POLICY_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
@click.option("--cancel-on-stdin-eof", is_flag=True, help="Cancel when standard input closes.")
def evaluate(fused: str | None, as_json: bool, cancel_on_stdin_eof: bool, **options: Any) -> None:
    """Measure the quality of FUSED against a reference, against the PAN and MS it was made of, or that of a model.

    With --labels, FUSED is a map of classes.  With --panc, --model runs on every scene of a PanCollection file.
    """
    with guarded(as_json, cancel_on_stdin_eof, kept=kept_of(options)) as (listener, cancel):
        from ..engine.errors import RequestError
        from ..engine.events import warnings_to
        from ..engine.quality.metrics import METRICS

        policy = policy_of(options)
        if options["labels"] is not None:
            evaluate_classes(fused, options, policy, listener, cancel)
            return
        refuse_options_of_labels(options)
        if options["out"] is not None and options["panc"] is None and not options["sweep"]:
            raise RequestError("it was given without --panc", where="--out", fix="pass --panc too")
        if options["repeats"] is not None and not options["sweep"]:
            raise RequestError("it was given without --sweep", where="--repeats", fix="pass --sweep too")
        if options["sweep"] and options["panc"] is None:
            evaluate_sweep(fused, options, policy, listener, cancel)
            return
        with warnings_to(listener):
            outputs: list[str] = []
            match "panc" if options["panc"] is not None else options["protocol"]:
                case "panc":
                    result, outputs = _evaluate_collection(fused, options, listener, cancel)
                case "rr":
                    result = _evaluate_model(fused, options, policy, listener, cancel)
                case "fr":
                    result = _evaluate_draws(fused, options, policy, listener, cancel)
                case _:
                    result = _evaluate_image(fused, options, policy, listener, cancel)
        about = {name: METRICS[name].plain() for name in result.metrics if name in METRICS}
        listener.emit("done", outputs=outputs, report=None, metrics=result.plain(), pixels=result.pixels, about=about)


def _evaluate_image(
    fused: str | None, options: Mapping[str, Any], policy: OpenPolicy, listener: Listener, cancel: Cancel
) -> Evaluation:
    from ..engine.errors import RequestError
    from ..engine.quality.evaluation import evaluate as carry_out
    from ..engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation

    if fused is None:
        raise RequestError(
            "it is missing", where="FUSED", fix="name the image to evaluate, or pass --protocol or --panc"
        )
    for name in _RUN:
        if options[name] is not None:
            raise RequestError("it was given without --protocol", where=f"--{name}", fix="pass --protocol too")
    names = ("reference", "pan", "ms", "ratio", "bits", "rim", "sensor", "phase", "perceptual")
    request = EvaluationRequest(fused, released=options["as_released"], **{name: options[name] for name in names})
    plan = plan_evaluation(request, policy)
    listener.emit("start", fused=fused, doing="evaluating", unit="strips", **plan.summary())
    return carry_out(plan, listener=listener, cancel=cancel, policy=policy)


def _evaluate_model(
    fused: str | None, options: Mapping[str, Any], policy: OpenPolicy, listener: Listener, cancel: Cancel
) -> Evaluation:
    from ..engine.quality.protocol import evaluate_model
    from ..models import registry

    protocol, request = reduced_of(fused, options), run_of(options, policy)
    source = registry.resolve(options["model"], "pansharpen")
    listener.emit("start", doing="evaluating", unit="steps", protocol=facts_of(protocol, source.spec.name))
    return evaluate_model(protocol, source, request, listener=listener, cancel=cancel)


def _evaluate_draws(
    fused: str | None, options: Mapping[str, Any], policy: OpenPolicy, listener: Listener, cancel: Cancel
) -> Evaluation:
    from ..engine.quality.known_truth import averaged, evaluate_draws
    from ..models import registry

    protocol, request = known_truth_of(fused, options), run_of(options, policy)
    source = registry.resolve(options["model"], "pansharpen")
    listener.emit("start", doing="evaluating", unit="steps", protocol=facts_of(protocol, source.spec.name))
    return averaged(list(evaluate_draws(protocol, source, request, listener=listener, cancel=cancel)))


def _evaluate_collection(
    fused: str | None, options: Mapping[str, Any], listener: Listener, cancel: Cancel
) -> tuple[Evaluation, list[str]]:
    """Mean scores over the scenes, and the files that hold images and scores of each."""
    from ..engine.contract import Runtime
    from ..engine.errors import RequestError
    from ..engine.events import Progress
    from ..engine.quality.known_truth import averaged
    from ..engine.run.device import pick_device
    from ..models import registry
    from ..training.data.fused_collection import Fusing, fuse_collection
    from ..training.data.pancollection import open_pancollection

    for where, value in {"FUSED": fused, **{f"--{each}": options[each] for each in _NOT_OF_COLLECTIONS}}.items():
        if value not in (None, ()):
            raise RequestError("it was given with --panc", where=where, fix="leave it out")
    if options["model"] is None:
        raise RequestError("it is missing", where="--model", fix="name the model that --panc runs")
    source = registry.resolve(options["model"], "pansharpen")
    file = open_pancollection(options["panc"], options["sensor"] or "")
    fusing = Fusing(
        options["out"] or Path(f"{file.path.stem}-{source.spec.name}.h5"),
        Runtime(device=pick_device(options["device"] or "auto"), steps=options["steps"]),
        seed=options["seed"] or 0,
        released=options["as_released"],
    )
    listener.emit("start", doing="evaluating", unit="scenes", panc=str(file.path), model=source.spec.name)
    progress = Progress(listener, len(file))

    def beat() -> None:
        progress.advance()
        cancel.check()

    result = averaged(fuse_collection(file, source, fusing, beat))
    return result, [str(fusing.out), str(fusing.lines)]
