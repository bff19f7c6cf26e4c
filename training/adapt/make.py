"""The model of one run: adapted to the scene, kept as a model folder in the workspace, made once.

The folder is written beside its name and renamed, so that a shard either finds all of it or makes its own; whoever
comes second takes what is there.  Its name and version say what it was made from, and its content hash is part of the
run's identity, as that of any model.
"""

from __future__ import annotations

import errno
import shutil
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ...engine.contract import ModelSource
from ...engine.errors import ModelError, RequestError, SeamlineWarning
from ...engine.events import Cancel, Listener, warnings_to
from ...engine.facts import UNMEASURED, Response
from ...engine.optics.mtf import filter_gain
from ...engine.optics.sensors import find_sensor
from ...engine.output.workspace import Workspace
from ...engine.plan.make import make_plan
from ...engine.plan.plan import Plan
from ...engine.plan.resources import check_resources
from ...engine.request import Request
from ...engine.run import Shard, plan_run
from ...engine.run.agreement import check_destination
from ...engine.serial import digest, to_jsonable
from ...models.folder import CARD, Card, QualityRow, load_folder, load_strictly, read_card, write_folder
from ...models.registry import FolderSource, resolve
from ...models.salad_pan.tile import ARCHITECTURE, STEPS, build
from .data import read_samples
from .fine_tune import Adaptation, fine_tune

SUFFIX = "-adapted"
"""End of the name of every adapted model."""
_VERSION, _DATA = 10, 3500
_PROTOCOL = "loss of training; the scene degraded by Wald's protocol; cells that no step has seen"


class AdaptationWarning(SeamlineWarning):
    """Adapting to a scene improved nothing, so that the shipped weights stay."""


@dataclass(frozen=True, slots=True)
class Adapted:
    """An adapted model and what is known of its making."""

    source: ModelSource
    facts: dict[str, Any]


def adapt(
    request: Request,
    source: ModelSource,
    steps: int,
    *,
    keep: Path | None = None,
    shard: Shard,
    listener: Listener,
    cancel: Cancel,
) -> Adapted:
    """The adapted model of a run: made now, or by the shard or the interrupted run that came before.

    The whole scene is used whatever the extent, and nothing but the inputs, the sensor, the seed, the threads and the
    device decides the weights.

    Args:
        request: of the run.
        source: of the model to start from.
        steps: most optimiser steps.
        keep: where a copy of the model folder goes; it may hold that very model, as other shards put it there.
        shard: the part of the run that this call is to do.
        listener: gets a ``start`` event that says ``doing="adapting"``, then progress.
        cancel: looked at before every step.

    Raises:
        RequestError: the model cannot be adapted, the scene is too small, or the unfinished run was adapted otherwise.
        Cancelled: nothing but the workspace is left.
    """
    if steps < 1:
        raise RequestError(f"{steps} steps adapt nothing", where="--adapt", fix="give 1 or more, or leave it out")
    shipped = _adaptable(source)
    workspace = Workspace.beside(Path(request.out))
    version = _version(request, source, shipped, steps)
    if keep is not None and keep.exists() and not _holds(keep, version):
        raise RequestError("something is there already", where=str(keep), fix="choose a new name for --keep-model")
    # Before minutes of adapting, not after them.
    check_destination(request, Path(request.out))
    if not request.resume and shard.count == 1:
        _make_room(request, workspace)
    if not (workspace.model / CARD).exists():
        with warnings_to(listener):
            _make(request, source, shipped, steps, version, workspace, listener, cancel)
    if not _holds(workspace.model, version):
        raise RequestError(
            "the unfinished run was adapted otherwise (other inputs, --adapt, --seed, --sensor, --steps or --threads)",
            where=str(workspace.folder),
            fix="repeat the options of that run, or pass --overwrite without --resume to start anew",
        )
    if keep is not None:
        _put(keep, lambda part: shutil.copytree(workspace.model, part))
    return Adapted(resolve(str(workspace.model), "pansharpen"), facts(workspace.model))


def check_adapted(folder: str) -> None:
    """Refuse a model folder that does not hold an adapted model.

    Raises:
        RequestError: it holds another one.
        ModelError: it holds none.
    """
    card = read_card(Path(folder)).card
    if not card.name.endswith(SUFFIX):
        raise RequestError(
            f"it holds {card.name}, which was not adapted to a scene", where=folder, fix="pass it with --model instead"
        )


def _adaptable(source: ModelSource) -> FolderSource:
    if isinstance(source, FolderSource):
        card = read_card(Path(source.path)).card
        if card.architecture.name == ARCHITECTURE and not card.name.endswith(SUFFIX):
            return source
        if card.architecture.name == ARCHITECTURE:
            raise RequestError(
                "this model was adapted already", where="--adapt", fix="leave --adapt out, or choose the shipped model"
            )
    raise RequestError(
        f"the model {source.spec.name} cannot be adapted",
        where="--adapt",
        fix="leave --adapt out, or pass --model salad-pan-tiny",
    )


def _version(request: Request, source: ModelSource, shipped: FolderSource, steps: int) -> str:
    """Version of the adapted model: that of the shipped one, and a hash of all that decides the weights."""
    plan = make_plan(replace(request, extent=None, window=None), source.spec, source.identity)
    decisive = {
        "model": source.identity,
        "steps": steps,
        "run_steps": request.steps,
        "seed": plan.seed,
        "scenes": [[s.fingerprint, [b.index for b in s.bands], to_jsonable(s.grid)] for s in plan.scenes],
        "sensor": None if request.sensor is None else to_jsonable(find_sensor(request.sensor)),
        "coregister": request.coregister,
        "device": plan.runtime.device,
        "threads": plan.threads,
        "versions": plan.versions,
    }
    return f"{read_card(Path(shipped.path)).card.version[:_VERSION]}+adapt{steps}.{digest(decisive)[:8]}"


def _make_room(request: Request, workspace: Workspace) -> None:
    """Begin with an empty workspace, but not at the cost of an unfinished run that nobody gave up."""
    if not request.overwrite and workspace.exists:
        raise RequestError(
            "an unfinished run lies here",
            where=str(workspace.folder),
            fix="pass --resume to go on with it, or --overwrite to start anew",
        )
    with workspace.held(shared=False):
        workspace.clear()
        shutil.rmtree(workspace.model, ignore_errors=True)


def _make(
    request: Request,
    source: ModelSource,
    shipped: FolderSource,
    steps: int,
    version: str,
    workspace: Workspace,
    listener: Listener,
    cancel: Cancel,
) -> None:
    """Adapt, and put the model folder in its place."""
    check_resources(make_plan(request, source.spec, source.identity), Path(request.out), request.memory)
    with warnings.catch_warnings():
        # The run plans again, and warns then.
        warnings.simplefilter("ignore", SeamlineWarning)
        plan, _ = plan_run(replace(request, extent=None, window=None), source, cancel)
    # The run announces its tiles itself.
    listener.emit("start", doing="adapting", unit="steps", model=source.spec.name, out=request.out)
    folder, state = load_folder(shipped.path)
    model = build(folder.card.architecture.config)
    load_strictly(model, {name: value.float() for name, value in state.items()}, where=shipped.path)
    torch.set_num_threads(plan.threads)
    # The instrument of the scene once more, as the Gaussian that is nearest to it.
    gain = (plan.response or UNMEASURED).gain
    gains = (filter_gain(gain),) * len(plan.scene.bands)
    samples, ratio = read_samples(plan, gains, request.policy, cancel.check)
    found = fine_tune(
        model,
        samples,
        ratio,
        Response.gaussian(gain),
        steps=steps,
        run_steps=request.steps or STEPS,
        seed=plan.seed,
        device=plan.runtime.device,
        listener=listener,
        check=cancel.check,
    )
    if found.kept == 0:
        text = "adapting did not improve the fusion of this scene's held-out parts: the weights stay as shipped"
        warnings.warn(AdaptationWarning(text), stacklevel=2)
    card = _card(folder.card, version, found, plan)
    _put(workspace.model, lambda part: write_folder(part, card, model.state_dict()))


def _put(folder: Path, write: Callable[[Path], object]) -> None:
    """Write a model folder beside its name and rename it, unless another shard was first with an equal one."""
    # Shards on different machines may have one process number.
    part = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.part")
    try:
        write(part)
        part.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise RequestError(
                f"the folder cannot be written ({error.strerror})", where=str(folder), fix="choose another place"
            ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _card(shipped: Card, version: str, found: Adaptation, plan: Plan) -> Card:
    """The shipped model's card, with what it was adapted to and what that changed."""
    scenes = ", ".join(f"{scene.name} {scene.fingerprint[:16]}" for scene in plan.scenes)
    row = QualityRow(
        scene="the scene that it was adapted to",
        protocol=_PROTOCOL,
        values={
            "steps": float(found.steps),
            "kept_step": float(found.kept),
            "loss_before": found.before,
            "loss_after": found.after,
        },
    )
    return shipped.model_copy(
        update={
            "name": shipped.name + SUFFIX,
            "version": version,
            "training_data": f"{shipped.training_data[:_DATA]} Adapted to one scene (fingerprints: {scenes}).",
            "quality": (row,),
        }
    )


def _holds(folder: Path, version: str) -> bool:
    """Whether a folder holds the adapted model of that version."""
    return (folder / CARD).is_file() and read_card(folder).card.version == version


def facts(folder: Path) -> dict[str, Any]:
    """What the report says of an adapted model.

    Raises:
        ModelError: the folder holds no adapted model.
    """
    card = read_card(folder).card
    if not card.quality or not card.name.endswith(SUFFIX):
        raise ModelError("it holds no adapted model", where=str(folder), fix="adapt one with --adapt")
    return {"model": f"{card.name}@{card.version}", **card.quality[0].values}
