"""What the Python door hands out to be looked at: plans, reports, models, scores and pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from .. import api
from ..arrays.call import calling, inputs_in
from ..arrays.options import Options, check_known, takes_options, words_of_python
from ..engine.contract import Task
from ..engine.events import Cancel, Remembering, Silence, warnings_to
from ..engine.inputs.labels import LabelRequest
from ..engine.quality.class_map import evaluate_class_map, plan_class_map
from ..engine.quality.evaluation import evaluate as carry_out
from ..engine.quality.evaluation_plan import EvaluationRequest, plan_evaluation
from ..engine.quality.reduced import Rim
from ..engine.run import Outcome, plan_run
from ..engine.run.pace import with_pace
from ..models import registry
from .figure import drawn
from .look import looked_at
from .model import ModelSheet
from .plan import RunPlan
from .result import RunResult
from .scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..arrays.options import Image


@takes_options
def plan(
    task: Task,
    *,
    ms: Image | None = None,
    pan: Image | None = None,
    image: Image | None = None,
    reference: Image | None = None,
    model: str | Path | None = None,
    scale: int | None = None,
    out: str | Path | None = None,
    **options: Unpack[Options],
) -> RunPlan:
    """Plan a run as the function of that name would do it; nothing is written.

    Args:
        task: ``"pansharpen"``, ``"superres"``, ``"segment"`` or ``"classify"``.
        ms, pan, image, reference: the inputs that the task takes, as its function takes them.
        model: name of a model, or a model folder; None for the one that ``default_model`` gives.
        scale: output px per input px along an axis; None for the model's own.
        out: where the run would keep the COG.
        **options: as ``seamline.api.Options`` says; those that say who computes do not count.

    Returns:
        Tiles, outputs, and the time, memory and disk that the run would take on this machine.

    Raises:
        SeamlineError: what the run would be refused for.
        TypeError: there is no such option.
    """
    check_known("plan", options)
    given = {"ms": ms, "pan": pan, "image": image, "reference": reference}
    images = {name: each for name, each in given.items() if each is not None}
    with calling(images, lambda: api.chosen_model(task, images, model, scale), out, options) as call:
        call.lay_down()
        source, ears = registry.resolve(call.model, task, scale=scale), Remembering(Silence())
        with warnings_to(ears):
            made, needs = plan_run(call.request, source, options.get("cancel") or Cancel())
            needs = with_pace(made, source.spec, source.load(made.runtime), needs)
        said = [api.NOT_ADAPTED] if options.get("adapt") is not None else []
        return RunPlan(
            made,
            needs,
            None if out is None else str(out),
            {scene.name: call.said(scene.source) for scene in made.inputs},
            (*said, *(call.said(each["what"]) for each in ears.warned)),
        )


def run_report(run_or_out: str | Path) -> RunResult:
    """What a finished run says of itself.

    Args:
        run_or_out: its output, its report, or the folder that holds both and no other report.

    Raises:
        RequestError: the run is not finished, nothing is known of it, or its report cannot be used.
    """
    return RunResult.found(Path(run_or_out))


def model_info(model: str | Path) -> ModelSheet:
    """What is known of a model: inputs, outputs, options, licence, training data, measured quality.

    Args:
        model: its name, or a model folder; ``seamline models list`` shows the names.

    Raises:
        RequestError: there is no such model.
    """
    return ModelSheet(registry.info(str(model)))


def evaluate(
    fused: Image,
    *,
    reference: Image | None = None,
    pan: Image | None = None,
    ms: Image | None = None,
    ratio: float | None = None,
    bits: int | None = None,
    rim: Rim = 0,
    sensor: str | None = None,
    perceptual: str | Path | None = None,
) -> Scores:
    """Measure an image against a reference, against the PAN and MS it was made of, or both.

    Args:
        fused: (band, y, x), or the path of a raster.
        reference: the image that it should equal, on its pixels.
        pan, ms: what it was made of.
        ratio: PAN px per MS px, or the scale of a super-resolved image; from PAN and MS where None.
        bits: radiometric depth; from the data type where None.
        rim: px left out of the comparison with the reference on every side, or ``"toolbox"``.
        sensor: whose MTF counts; measured on PAN and MS where None.
        perceptual: ``"none"`` for SSIMULACRA2, or a folder of weights for LPIPS, DISTS and others too.

    Returns:
        Every metric with its direction and what it says; ``scores["ERGAS"]`` is one of them.

    Raises:
        SeamlineError: what, where, and what to do.
    """
    given = {"fused": fused, "reference": reference, "pan": pan, "ms": ms}
    images, ears = {name: each for name, each in given.items() if each is not None}, Remembering(Silence())
    with (
        tempfile.TemporaryDirectory(prefix="seamline-", ignore_cleanup_errors=True) as folder,
        words_of_python(Path(folder), Path(folder, "none")) as said,
    ):
        arrays, paths = inputs_in(Path(folder), images)
        for name, array in arrays.items():
            array.lay_down(Path(paths[name]))
        with warnings_to(ears):
            request = EvaluationRequest(
                paths["fused"],
                reference=paths.get("reference"),
                pan=paths.get("pan"),
                ms=paths.get("ms"),
                ratio=ratio,
                bits=bits,
                rim=rim,
                sensor=sensor,
                perceptual=None if perceptual is None else "none" if perceptual == "none" else Path(perceptual),
            )
            found = carry_out(plan_evaluation(request), listener=ears)
        against = ", ".join(said(path) for name, path in paths.items() if name != "fused")
        return Scores(
            f"{said(paths['fused'])} against {against}",
            found.plain(),
            found.pixels,
            warnings=tuple(said(each["what"]) for each in ears.warned),
        )


def evaluate_classes(
    classes: str | Path,
    labels: str | Path,
    *,
    field: str | None = None,
    layer: str | None = None,
    rest: str | None = None,
    ignore: int | None = None,
) -> Scores:
    """Measure a map of classes against labels.

    Args:
        classes: path of the map.
        labels: path of polygons, points, or a raster of class numbers.
        field: column of the class; ``"class"`` where None.
        layer: of the labels, where there are several.
        rest: class of all ground that is not labelled; such ground is left out where None.
        ignore: class number that stands for "not labelled".

    Returns:
        Scores of all classes together, and of each.

    Raises:
        SeamlineError: what, where, and what to do.
    """
    request, ears = LabelRequest(str(labels), field, layer, rest, ignore), Remembering(Silence())
    with warnings_to(ears):
        found = evaluate_class_map(plan_class_map(str(classes), request), listener=ears)
    plain = found.scores.plain()
    return Scores(
        f"{classes} against {labels}",
        {name: value for name, value in plain.items() if name != "classes"},
        found.scores.pixels,
        plain["classes"],
        tuple(str(each["what"]) for each in ears.warned),
    )


def quick_look(
    images: Image | Outcome | Sequence[Image | Outcome],
    *,
    bands: Sequence[int | str] | None = None,
    size: int = 700,
    ax: Axes | Sequence[Axes] | None = None,
) -> Any:
    """Draw images with matplotlib, small and side by side: by their overviews, or by some pixels where there are none.

    Images of the same bands and data type share the stretch of the first of them, and all show the ground that they
    have in common.  Three bands are red, green and blue; one band is grey where it holds counts (unsigned whole
    numbers), and in a perceptual ramp with a colour bar where it is a quantity; a map of classes has its colours and a
    legend.  Masked pixels are transparent.

    Args:
        images: the path of a raster or of a product, an array (band, y, x), the result of a run, or a list of such.
        bands: the one or three to show, by number from 1 or by name; None for natural colours where names say so.
        size: longest side of a picture, px.
        ax: axes to draw into, as many as images; made where None.

    Returns:
        The axes, in the units of the CRS; for a list of images an array of them.

    Raises:
        RequestError: matplotlib is not installed, an image cannot be read, or the images lie in several CRSs.
    """
    several = isinstance(images, Sequence) and not isinstance(images, str)
    listed: Sequence[Any] = images if isinstance(images, Sequence) and several else [images]
    axes = [] if ax is None else list(ax) if isinstance(ax, Sequence) or hasattr(ax, "__iter__") else [ax]
    found = drawn(looked_at(listed, bands, size), axes)
    return found if several else found[0]
