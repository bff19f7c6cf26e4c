"""Models by name: the classical ones, the folders that ``places`` finds, and any folder a user points to."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..engine.contract import ModelSource, ModelSpec, Runtime, SteppingModel, Task, TileModel
from ..engine.errors import ModelError, RequestError, SeamlineError
from ..engine.plain import shown
from .architectures import BRANCHES, STRENGTH, STRONGEST, check_known, find_loader, most_steps
from .classical.interpolate import Bicubic, Identity
from .classical.pansharpen import METHODS, Classical
from .folder import CARD, check_folder, check_sizes, load_folder, read_card
from .places import other_version, places

WEIGHTS = Path(__file__).parent / "weights"
"""The folders that ship with the program; the QGIS plugin's zip has none."""

_DEFAULT_SCALE = 4


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a user may want to know of a model before running it.

    Attributes:
        spec: what the plan needs.
        origin: ``"built-in"``, or the model folder.
        licence, training_data, citation: statements.
        quality: rows of scene, protocol and measured values.
        most_steps: denoising steps that it takes at most; None where it takes no number of them, or nobody says.
        branches: how strongly, of 0 to 2, the branch of each input steers the network, where it has such, by the card;
            ``NAME#pan=0.5,ms=1`` says otherwise.
    """

    spec: ModelSpec
    origin: str
    licence: str
    training_data: str
    citation: str
    quality: tuple[Mapping[str, Any], ...] = ()
    most_steps: int | None = None
    branches: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Source of a model folder; every process that loads it checks it again.

    Attributes:
        path: of the folder.
        spec: from its card.
        folder: name, version and sha256 of ``model.json``.
        branches: (input, scale) of the branches that weigh otherwise than its card says.
    """

    path: str
    spec: ModelSpec
    folder: str
    branches: tuple[tuple[str, float], ...] = ()

    @property
    def identity(self) -> str:
        """That of the folder, and what weighs otherwise."""
        weighed = ",".join(f"{name}={scale!r}" for name, scale in self.branches)
        return f"{self.folder}#{weighed}" if weighed else self.folder

    def load(self, runtime: Runtime) -> TileModel | SteppingModel:
        """Verify, read and build.

        Raises:
            ModelError: the folder is not what it was when the run was planned, or cannot be loaded.
        """
        folder, state = load_folder(self.path)
        if folder.identity != self.folder:
            raise ModelError(
                "the model has changed since the run was planned", where=self.path, fix="start a new run with it"
            )
        architecture = folder.card.architecture
        loader = find_loader(architecture.name, where=self.path)
        config: dict[str, Any] = dict(architecture.config)
        if self.branches:
            config[STRENGTH] = {**_strength(config), **dict(self.branches)}
        check_sizes(config, state, where=self.path)
        try:
            return loader(config, state, runtime)
        except SeamlineError:
            raise
        except Exception as error:  # whatever a config makes a network raise, want of memory included
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"its network cannot be built ({reason[:200]})",
                where=self.path,
                fix="fetch the model again, or free memory",
            ) from error


_BUILT_IN: tuple[str, ...] = ("identity", "bicubic", *METHODS)
_CITATIONS: Mapping[str, str] = MappingProxyType(
    {
        "bicubic": "Keys, Cubic convolution interpolation for digital image processing, IEEE TASSP 1981",
        "brovey": "Gillespie, Kahle and Walker, Color enhancement of highly correlated images II, RSE 1987",
        "brovey-weighted": "Gillespie, Kahle and Walker, Color enhancement of highly correlated images II, RSE 1987",
        "gsa": "Aiazzi, Baronti and Selva, Improving component substitution pansharpening, IEEE TGRS 2007",
        "mtf-glp-fs": "Vivone, Restaino and Chanussot, Full scale regression-based injection coefficients, TIP 2018",
        "mtf-glp-hpm": "Vivone et al., Contrast and error-based fusion schemes for pansharpening, IEEE GRSL 2014",
    }
)


def names(task: Task | None = None) -> tuple[str, ...]:
    """Names that ``resolve`` knows, sorted; of one task where it is given."""
    known = [*_BUILT_IN, *_shipped()]
    return tuple(sorted(name for name in known if task is None or info(name).spec.task == task))


def info(name_or_folder: str) -> ModelInfo:
    """What is known of a model; the weights of a folder are not read.

    Raises:
        RequestError: there is no such model.
        ModelError: its card cannot be read.
    """
    name, _ = _split(name_or_folder)
    if name in _BUILT_IN:
        source = _built_in(name, _DEFAULT_SCALE)
        return ModelInfo(source.spec, "built-in", "GPL-2.0-or-later", "none", _CITATIONS.get(name, "none"))
    folder = read_card(_folder(name))
    card = folder.card
    return ModelInfo(
        card.spec,
        str(folder.path),
        card.licence,
        card.training_data,
        card.citation,
        tuple(row.model_dump() for row in card.quality),
        most_steps(card.architecture.name) if "steps" in card.spec.options else None,
        {name: _strength(card.architecture.config).get(name, 1.0) for name in BRANCHES.get(card.architecture.name, ())},
    )


def folder_of(name_or_folder: str) -> Path:
    """The model folder of a name or path.

    Raises:
        RequestError: there is no such model, or it is computed and has no folder.
    """
    if name_or_folder in _BUILT_IN:
        raise RequestError(
            f"{name_or_folder} is computed and has no weights", where="NAME", fix=f"choose {_listed(tuple(_shipped()))}"
        )
    return _folder(name_or_folder)


def how_to_choose(task: Task) -> str:
    """What a user can do who has named no model for a task, in the imperative."""
    own = "the folder of one that you have; docs/how-to/bring-your-own-model.md says how to make one"
    if task in ("segment", "classify"):
        own += ", docs/how-to/train-on-labels.md how it is made of your labels"
    known = names(task)
    return f"choose {', '.join(known)}, or give {own}" if known else f"give {own}"


def resolve(name_or_folder: str, task: Task, *, scale: int | None = None) -> ModelSource:
    """The source of a model; its weights are read, and held to their hashes, where it is loaded.

    Args:
        name_or_folder: a name of ``names``, or the path of a model folder (with a separator, or existing).  Behind a
            ``#`` may stand how strongly branches of its network steer: ``FOLDER#pan=0.5,ms=1``.
        task: that is to be run.
        scale: output px per input px that is asked for; None for the model's own (``bicubic``: 4).

    Raises:
        RequestError: no such model, or it is for another task or scale.
        ModelError: its folder is incomplete or unsafe, or its architecture is not known here.
    """
    source: ModelSource
    known: tuple[str, ...] = ()
    name, branches = _split(name_or_folder)
    if name in _BUILT_IN:
        source = _built_in(name, _DEFAULT_SCALE if scale is None else scale)
    else:
        folder = check_folder(_folder(name))
        check_known(folder.card.architecture.name, where=str(folder.path))
        known = BRANCHES.get(folder.card.architecture.name, ())
        source = FolderSource(str(folder.path), folder.card.spec, folder.identity, branches)
    spec = source.spec
    _check_branches(spec.name, known, branches)
    if spec.task != task:
        raise RequestError(
            f"the model {spec.name} is for {spec.task}, not for {task}",
            where="--model",
            fix=f"run it with: seamline {spec.task}, or use {_listed(names(task))}",
        )
    if scale is not None and scale != spec.scale:
        # Bicubic takes any.
        fitting = [name for name in names(task) if name == "bicubic" or info(name).spec.scale == scale]
        raise RequestError(
            f"the model {spec.name} has scale {spec.scale}, not {scale}",
            where="--scale",
            fix=f"leave --scale out, or pass {spec.scale}" + "".join(f", or --model {name}" for name in fitting),
        )
    return source


def _built_in(name: str, scale: int) -> ModelSource:
    for method in METHODS:
        if name == method:
            return Classical(method)
    return Bicubic(scale) if name == "bicubic" else Identity()


def _shipped() -> dict[str, Path]:
    """Folders by name; where two places have a name, the first counts."""
    found: dict[str, Path] = {}
    for place in places(WEIGHTS):
        for card in sorted(place.glob(f"[!.]*/{CARD}")):
            found.setdefault(card.parent.name, card.parent)
    return found


def _folder(name_or_folder: str) -> Path:
    """Folder of a shipped model or of a path."""
    shipped = _shipped()
    if name_or_folder in shipped:
        return shipped[name_or_folder]
    path = Path(name_or_folder).expanduser()
    separators = {os.sep, os.altsep or os.sep}
    if separators & set(name_or_folder) or (path / CARD).is_file():
        return path.absolute()
    known = names()
    nearest = difflib.get_close_matches(name_or_folder, known, n=1, cutoff=0.5)
    guess = f"did you mean {nearest[0]}? " if nearest else ""
    if not shipped:
        guess = "no learned model is installed here, seamline models install brings them; " + guess
    if other := other_version():
        guess = f"the installed seamline is version {other} and its models are for that version alone; " + guess
    raise RequestError(
        f"there is no model {name_or_folder!r}",
        where="--model",
        fix=f"{guess}known are {_listed(known)}, or the path of a model folder",
    )


def _split(name_or_folder: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Name or folder, and the scales of branches behind a ``#``, in the order of their names.

    Raises:
        RequestError: what stands there is no such scales.
    """
    name, mark, text = name_or_folder.rpartition("#")
    if not mark or Path(name_or_folder).expanduser().is_dir():
        return name_or_folder, ()
    try:
        pairs = [pair.split("=") for pair in text.split(",")]
        scales = {branch.strip(): float(scale) for branch, scale in pairs}
        if len(scales) < len(pairs):
            raise ValueError
    except ValueError:
        raise RequestError(
            f"{shown(text)} does not say how branches weigh",
            where="--model",
            fix="give NAME#pan=0.5,ms=1, each scale from 0 to 2",
        ) from None
    return name, tuple(sorted(scales.items()))


def _strength(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a card says of its branches, if that is what it should be; the architecture refuses it otherwise."""
    found = config.get(STRENGTH)
    return found if isinstance(found, dict) else {}


def _check_branches(model: str, known: tuple[str, ...], branches: tuple[tuple[str, float], ...]) -> None:
    for branch, scale in branches:
        if branch not in known:
            raise RequestError(
                f"the model {model} has no branch {shown(branch)} to weigh",
                where="--model",
                fix=f"its branches are {', '.join(known)}" if known else "leave out what follows the #",
            )
        if not 0.0 <= scale <= STRONGEST:
            raise RequestError(
                f"{scale:g} is no scale of a branch", where="--model", fix=f"give 0 to {STRONGEST:g}; 1 is as trained"
            )


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(values) if values else "none"
