"""What a run agrees on before its first tile: where it may write, and by which plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..context import RunContext
from ..contract import ModelSource
from ..errors import RequestError
from ..ground.grids import Window, ratio
from ..inputs.archives import exists
from ..inputs.check import describe_inputs
from ..inputs.coregistration import REFERENCE, WARN_PX, correction, measure, warn_if_shifted
from ..inputs.guide_check import warn_if_elsewhere
from ..inputs.instrument import measured_instrument
from ..inputs.scene import Scene
from ..output.finish import report_of, stac_of
from ..output.workspace import Workspace, anew
from ..plan.make import make_plan
from ..plan.plan import Plan
from ..plan.response import believed
from ..plan.statistics import measured
from ..plan.support import weighed
from ..plan.values import warn_of_fill
from ..plan.vector_files import VectorFiles
from ..request import Request
from ..serial import to_jsonable
from .loaded import LoadedOnce
from .unchanged import check_as_saved


def measured_plan(request: Request, source: ModelSource, model: LoadedOnce, check: Callable[[], None]) -> Plan:
    """A plan with what is measured once on the scene: the shift between its inputs, and the model's figures.

    Args:
        check: raises ``Cancelled`` when the user cancelled.

    Raises:
        RequestError: the request is wrong.
    """
    inputs = describe_inputs(request, source.spec)
    plan = make_plan(request, source.spec, source.identity, inputs)
    warn_of_fill(_near(plan), request.policy, check)
    found = instrument = None
    for guide in plan.guides:
        warn_if_elsewhere(plan.base, plan.scene, guide, source.spec.input(guide.name).kernel)
    reference = next((guide for guide in plan.guides if guide.name == REFERENCE), None)
    if len(plan.scenes) == 1 and reference is not None:
        found = measure(reference, plan.scene, request.policy, check)
        if request.coregister:
            shift = correction(found, reference, plan.scene)
            plan = make_plan(request, source.spec, source.identity, inputs, shift=shift)
        elif found is not None:
            warn_if_shifted(found, reference, plan.scene)
    if len(plan.scenes) == 2:
        fine, main = plan.scenes[0], plan.scene
        found = measure(fine, main, request.policy, check)
        if request.coregister:
            shift = correction(found, fine, main)
            plan = make_plan(request, source.spec, source.identity, inputs, shift=shift)
        elif found is not None:
            warn_if_shifted(found, fine, main)
        if request.sensor is None:
            known = replace(found, row=0.0, column=0.0) if found is not None and request.coregister else found
            instrument = measured_instrument(fine, plan.scene, known, request.policy, check)
            apart = known is not None and known.length > WARN_PX
            instrument = believed(instrument, fine, main, ratio(fine.grid, main.grid), apart=apart)
            plan = make_plan(request, source.spec, source.identity, inputs, shift=plan.shift, instrument=instrument)
    plan = weighed(replace(plan, misregistration=found), request.policy, check)
    return measured(plan, source.spec, lambda: model(source, plan.runtime), request.policy, check)


def _near(plan: Plan) -> tuple[Scene, ...]:
    """The scenes that are looked at all over, which is most of what moves for a part of one on a server."""
    if plan.window == Window(0, 0, *plan.base.shape):
        return plan.scenes
    return tuple(scene for scene in plan.scenes if not scene.is_remote)


def agreed_plan(
    request: Request,
    source: ModelSource,
    model: LoadedOnce,
    workspace: Workspace,
    *,
    resumed: bool,
    context: RunContext,
) -> Plan:
    """The saved plan of an unfinished run if it is this run, else a new one.

    Raises:
        RequestError: another run is unfinished here, or the request is wrong.
    """
    if resumed:
        saved = workspace.plan()
        # What was measured on the scene, once, is part of the saved plan.
        movable = len(source.spec.grids) == 2 or any(guide.name == REFERENCE for guide in saved.guides)
        shift = (saved.shift or (0.0, 0.0)) if request.coregister and movable else None
        plan = make_plan(request, source.spec, source.identity, shift=shift, instrument=saved.instrument)
        # Whoever goes on with a run may want other vector files of it; shards must agree for merge.
        if _decided(saved) != _decided(plan) or (_further(saved) != _further(plan) and not request.resume):
            raise RequestError(
                f"the unfinished run is another one (it differs in {', '.join(_differences(saved, plan))})",
                where=str(workspace.folder),
                fix=f"repeat the options of that run, or {anew(workspace.folder)}",
            )
        check_as_saved(saved, plan, workspace)
        # Where the inputs have been moved, they are read where they lie now.
        return replace(saved, vectors=plan.vectors, stac=plan.stac, scenes=plan.scenes, guides=plan.guides)
    if workspace.exists and not request.overwrite:
        raise RequestError(
            "an unfinished run lies here",
            where=str(workspace.folder),
            fix="pass --resume to go on with it, or --overwrite to start anew",
        )
    with context.watch.stage("statistics"):
        return measured_plan(request, source, model, context.cancel.check)


def _decided(plan: Plan) -> tuple[Any, ...]:
    """What a request decides: the pixels, but for what was measured, and the further outputs with their files."""
    files = [(output.name, output.file) for output in plan.outputs]
    return replace(plan, levels={}, statistics=()).identity, files, _unweighed(plan).support


def _unweighed(plan: Plan) -> Plan:
    """The plan without what was measured for its support."""
    return plan if plan.support is None else replace(plan, support=replace(plan.support, weights=()))


def _further(plan: Plan) -> tuple[VectorFiles, bool]:
    """What is made of the outputs afterwards."""
    return plan.vectors, plan.stac


def _differences(a: Plan, b: Plan) -> list[str]:
    skip = ("levels", "statistics", "misregistration", "instrument")
    left, right = to_jsonable(_unweighed(a)), to_jsonable(_unweighed(b))
    return [name for name in left if name not in skip and left[name] != right[name]] or ["its inputs"]


def check_destination(request: Request, out: Path) -> None:
    """Refuse what cannot be written, before anything is computed.

    Raises:
        RequestError: an output is an input, a folder, no GeoTIFF, in no folder, or exists and may not be replaced; or
            a further one is the first one or another, or does not lie beside it.
    """
    # An unfinished run was free to write its outputs when it began, and may have been killed just after it did.
    replaces = request.overwrite or (request.resume and Workspace.beside(out).exists)
    _check_place(request, out, replaces=replaces)
    if report_of(out).is_dir():
        raise RequestError(
            "the report goes there, but it is a folder", where=str(report_of(out)), fix="choose another name"
        )
    taken = {place_of(out): "the output itself"}
    for name, path in request.also.items():
        further = Path(path)
        # Beside the workspace, so that it too is put in place by a rename.
        if further.parent.is_dir() and further.parent.resolve() != out.parent.resolve():
            raise RequestError(
                f"the output {name} does not lie in the folder of the first one",
                where=path,
                fix=f"give a name in {out.parent}",
            )
        if place_of(further) in taken:
            raise RequestError(f"this is {taken[place_of(further)]}", where=path, fix="choose another name")
        taken[place_of(further)] = f"the output {name}"
        _check_place(request, further, replaces=replaces)
    if request.stac:
        _check_place(request, stac_of(out), replaces=replaces, kind="STAC item", endings=(".json",))
    for name, vectors in (("polygons", request.polygons), ("patches", request.patches)):
        if vectors is not None:
            if place_of(Path(vectors)) in taken:
                raise RequestError(
                    f"this is {taken[place_of(Path(vectors))]}", where=vectors, fix="choose another name"
                )
            taken[place_of(Path(vectors))] = f"the file of the {name}"
            _check_place(request, Path(vectors), replaces=replaces, kind="GeoPackage", endings=(".gpkg",))


_LONGEST_NAME = 200
"""Bytes; file systems take 255, and the names of what lies beside an output are longer than its own."""


def place_of(path: Path) -> str:
    """Where a file lies; on some disks names that differ in capitals alone are one file."""
    return str(path.resolve()).casefold()


def _check_name(out: Path) -> None:
    """Refuse a name that cannot be written as it is asked for."""
    try:
        length = len(out.name.encode())
    except UnicodeEncodeError:
        name = out.name.encode(errors="backslashreplace").decode()
        raise RequestError("its name is not UTF-8", where=name, fix="give another name") from None
    if length > _LONGEST_NAME:
        raise RequestError("its name is too long", where=out.name[:60] + "...", fix="give a shorter one")


def check_apart(plan: Plan, out: Path) -> None:
    """Refuse an output that is a file of an input, such as an image of a product or a tile of a mosaic.

    Raises:
        RequestError: it is one.
    """
    for destination in filter(Path.exists, plan.destinations(out)):
        if any(exists(stamp.path) and destination.samefile(stamp.path) for s in plan.inputs for stamp in s.stamps):
            raise RequestError("the output is one of the inputs", where=str(destination), fix="choose another name")


def _check_place(
    request: Request,
    out: Path,
    *,
    replaces: bool,
    kind: str = "GeoTIFF",
    endings: tuple[str, ...] = (".tif", ".tiff"),
) -> None:
    _check_name(out)
    for source in request.inputs.values():
        for part in {source, source.partition("#")[0], *source.split(",")}:
            if exists(part) and out.exists() and Path(part).samefile(out):
                raise RequestError("the output is one of the inputs", where=str(out), fix="choose another name")
    if out.is_symlink():
        # A rename would replace the link and leave alone what it names.
        raise RequestError(
            f"the output is a link to {out.readlink()}", where=str(out), fix="give the file that it names"
        )
    if out.is_dir():
        raise RequestError("the output is a folder", where=str(out), fix=f"give a file name that ends in {endings[0]}")
    if out.suffix.lower() not in endings:
        raise RequestError(f"the output is not a {kind}", where=str(out), fix=f"give a name that ends in {endings[0]}")
    if not out.parent.is_dir():
        raise RequestError("the folder does not exist", where=str(out.parent), fix="make it first")
    if out.exists() and not replaces:
        raise RequestError("the output exists", where=str(out), fix="pass --overwrite to replace it")
