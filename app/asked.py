"""What is asked of a model on the page, and the engine's request for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from .. import api
from ..engine.contract import ModelSpec, Task
from ..engine.plan.support import SUPPORT
from ..engine.request import Enforced, Request
from ..engine.run.device import pick_device
from ..models import registry
from .scene import Opened, Window
from .tasks import KINDS

Existing = Literal["refuse", "resume", "overwrite"]
"""What becomes of an output, or of an unfinished run, that is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model and its options; None means "as the model says".

    Attributes:
        model: its name or folder, with how its branches weigh.
        steps, guidance: for models that take them.
        seed: of the noise that belongs to the ground.
        consistency: as the engine takes it.
        also: names of the further outputs that are wanted.
    """

    model: str
    steps: int | None = None
    seed: int = 0
    guidance: float | None = None
    consistency: Enforced | None = None
    also: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, model: str, *, steps: Any, seed: Any, guidance: Any, consistency: Any, pan: Any, ms: Any, also: Any
    ) -> Self:
        """From what stands in the controls.

        Those of options that the model does not have are hidden and do not count; 0 leaves an option to the model.

        Raises:
            SeamlineError: there is no such model.
        """
        info = registry.info(model)
        options, strength = info.spec.options, {"pan": pan, "ms": ms}
        weighed = [f"{each}={strength[each]:g}" for each, scale in info.branches.items() if strength[each] != scale]
        return cls(
            model="#".join([model, *([",".join(weighed)] if weighed else [])]),
            steps=(steps or None) if "steps" in options else None,
            seed=0 if seed is None else seed,
            guidance=(guidance or None) if "guidance" in options else None,
            consistency=consistency or None,
            also=tuple(also or ()),
        )

    def request(
        self, opened: Opened, out: Path, *, window: Window | None, existing: Existing = "refuse", also: bool = True
    ) -> Request:
        """The run of a scene, or of a window of it.

        Args:
            also: whether the further outputs are written too, beside ``out``.

        Raises:
            RequestError: an option has a value that no run can mean.
        """
        return Request(
            inputs=opened.inputs,
            out=str(out),
            also={name: str(out.with_name(f"{out.stem}_{name}.tif")) for name in self.also if also},
            window=window,
            steps=self.steps,
            seed=self.seed,
            guidance=self.guidance,
            consistency=self.consistency,
            device=pick_device("auto"),
            overwrite=existing == "overwrite",
            resume=existing == "resume",
        )


def models_for(task: Task) -> tuple[list[tuple[str, str]], str | None]:
    """The models of a task as (title, name), the default first, and which is chosen first."""
    infos = {name: registry.info(name) for name in registry.names(task)}
    first = api.DEFAULTS.get(task)
    order = sorted(infos, key=lambda name: (name != first, name))
    return [(f"{name} ({infos[name].licence})", name) for name in order], next(iter(order), None)


def further_outputs(spec: ModelSpec) -> list[str]:
    """Names of the rasters that a run of a model can write beside its first: its own, and the support of any image."""
    own = list(spec.extras)
    return [*own, SUPPORT.name] if KINDS[spec.task].is_image and SUPPORT.name not in own else own


def fitting_model(opened: Opened, model: str | None) -> str | None:
    """The model that was chosen, or the task's default for a reference where it takes none.

    Raises:
        SeamlineError: there is no such model.
    """
    beside = KINDS[opened.task].beside
    if model is None or beside is None or not beside.optional or beside.name not in opened.inputs:
        return model
    takes = {each.name for each in registry.info(model).spec.inputs}
    return model if beside.name in takes else api.default_model(opened.task, reference=True)
