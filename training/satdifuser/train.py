"""From labels to a model folder: look at the images, fit a head, measure it on ground that it has not seen."""

from __future__ import annotations

import math
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ...engine.errors import RequestError, UnlearntClassesWarning
from ...engine.events import Cancel, Listener, Silence, warnings_to
from ...engine.inputs.labels import LabelRequest
from ...engine.quality.classes import ClassScores
from ...engine.quality.confusion_picture import confusion_picture
from ...engine.run.device import pick_device
from ...models.folder import QualityRow
from ...models.satdifuser.tile import told_of
from .cache import FeatureCache
from .colours import colours_of
from .export import Statements, check_destination, model_name, put, quality_of
from .features import Extractor, coverage_first
from .fit import FitSettings, Fitted
from .gather import batches_of, gather
from .heads import HeadFit, Scores
from .images import levels_of
from .labelled import Source, numbered
from .model import Design, Maker, Ours, configure, make_card, suited
from .split import Split, split
from .tiles import Geometry, sheets_of

_CITATION = (
    "Jia et al., Can Generative Geospatial Diffusion Models Excel as Discriminative Geospatial Foundation Models?, "
    "ICCV 2025"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A training on labels.

    Attributes:
        task: what a pixel, or a patch, is to be told.
        source: opens what is learned from.
        out: the model folder to write.
        labels: that the source reads, for their colours; None for chips.
        design: backbone, fuser and head.
        minutes: that all of it may take.
        patch: side of a patch, image px; None for what suits the source.
        hold_out: share of the labels to measure on.
        share: of the tiles to train on that are used; below 1 to see what labels are worth.
        seed: of all draws.
        cache: folder where features are kept; None for one that goes away with the training.
        copies: most copies of a tile, each turned in another way, the unturned one included.
        fit: steps and rates.
        device: as ``--device`` takes it.
        overwrite: replace a model folder.
        clock: s, by which the minutes are told.
        statements: what the model folder says of licence, data and citation.
        name, version: of the model; the name is that of the folder where it is empty.
    """

    task: Literal["segment", "classify"]
    source: Callable[[Callable[[], None]], Source]
    out: Path
    labels: LabelRequest | None = None
    design: Design = field(default_factory=Design)
    minutes: float = 10.0
    patch: int | None = None
    hold_out: float = 0.2
    share: float = 1.0
    seed: int = 0
    cache: Path | None = None
    copies: int = 4
    fit: FitSettings = field(default_factory=FitSettings)
    device: str = "auto"
    overwrite: bool = False
    clock: Callable[[], float] = time.monotonic
    statements: Statements | None = None
    name: str = ""
    version: str = "1"

    def __post_init__(self) -> None:
        if not 0 < self.minutes < 1e6:
            raise RequestError(f"{self.minutes:g} minutes are no time", where="--minutes", fix="give 1 or more")
        if not 0 <= self.hold_out <= 0.9:
            raise RequestError(f"{self.hold_out:g} is no share", where="--hold-out", fix="give 0 to 0.9, such as 0.2")
        if self.patch is not None and self.patch < 2:
            raise RequestError(f"{self.patch} px are no patch", where="--patch", fix="give 2 or more")
        if self.patch is not None and self.task == "segment":
            raise RequestError(
                "segment tells every pixel apart", where="--patch", fix="leave it out, or pass --task classify"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of a training.

    Attributes:
        folder: the model.
        scores: on the held-out tiles; None where nothing is held out.
        fitted: how the fit went.
        picture: of the confusion matrix; None where there is none.
        computed, seconds: features that were computed, and how long that took.
    """

    folder: Path
    scores: Scores | None
    fitted: Fitted
    picture: Path | None
    computed: int
    seconds: float

    @property
    def metrics(self) -> dict[str, Any]:
        """The scores as events have them."""
        return {} if self.scores is None else self.scores.plain()


def train_on_labels(job: Job, listener: Listener | None = None, cancel: Cancel | None = None) -> Trained:
    """Train a head on labels and write its model folder, whole or not at all.

    Args:
        job: what to do.
        listener: gets ``start`` events that say what is done, progress, and warnings.
        cancel: looked at before every tile and step.

    Raises:
        RequestError: the labels, the images or an option do not fit.
        ModelError: the backbone cannot be used.
        Cancelled: nothing is left but what the cache holds.
    """
    listener = listener or Silence()
    with warnings_to(listener):
        training = Training(job, listener, (cancel or Cancel()).check)
        training.prepare()
        training.learn()
        return training.export()


class Training:
    """A training in its steps: ``prepare``, ``learn``, ``export``, in this order and each once.

    Args:
        job: what to do.
        listener: gets events.
        check: called before every tile and step; may raise to stop.
        maker: makes backbone, and fuser and head; None for ours.

    Raises:
        RequestError: the model cannot be put where it is to go, or there is no such device.
    """

    def __init__(self, job: Job, listener: Listener, check: Callable[[], None], maker: Maker | None = None) -> None:
        self._started, self._maker = job.clock(), maker or Ours()
        check_destination(job.out, job.overwrite)
        self.job, self._listener, self._check, self._device = job, listener, check, pick_device(job.device)

    def prepare(self) -> None:
        """Open everything, find the tiles that hold labels, and split them.

        Raises:
            RequestError: the labels or the images do not fit.
            ModelError: the backbone cannot be used.
        """
        job = self.job
        source = job.source(self._check)
        self.design = suited(job.design, job.task)
        self.eye = self._maker.eye(self.design, source.bands, self._device)
        backbone = self.eye.backbone
        align = math.lcm(backbone.align, *backbone.layout.strides)
        patch = 1 if job.task == "segment" else job.patch or source.patch(align)
        if patch > 1 and patch % align:
            raise RequestError(
                f"a patch of {patch} px does not fit the backbone, which works in steps of {align} px",
                where="--patch",
                fix=f"give {max(round(patch / align), 1) * align}",
            )
        self.geometry = Geometry(align, backbone.reach, patch)
        self.material = source.material(self.geometry, self._check)
        self.parts = split(self.material.tiles, self.material.names, job.hold_out, job.seed)
        if job.share < 1.0:
            ordered = coverage_first(self.parts.train, len(self.material.names), job.seed)
            kept = ordered[: max(round(job.share * len(ordered)), 1)]
            self.parts = Split(kept, self.parts.held_out)
        if not self.parts.train:
            raise RequestError(
                "no tile is left to train on", where=self.material.source, fix="label more places, or hold out less"
            )
        images = list({id(tile.image): tile.image for tile in self.parts.train}.values())
        self.levels = levels_of(images, job.seed, self._check)
        depths = {image.bits for image in images}
        self.bits = depths.pop() if len(depths) == 1 else None

    def learn(self) -> None:
        """Compute features, fit the head, and measure it.

        Raises:
            RequestError: the time is too short, or the cache cannot be written.
        """
        job, names = self.job, self.material.names
        with _cache(job) as (folder, cache):
            self.found = gather(
                self._extractor(cache),
                self.parts,
                names,
                started=self._started,
                budget_s=60 * job.minutes,
                copies=job.copies,
                seed=job.seed,
                folder=folder,
                listener=self._listener,
                check=self._check,
                clock=job.clock,
            )
            self.config = configure(
                self.eye,
                self.design,
                classes=len(names),
                patch=self.geometry.patch,
                many=self.material.many,
                levels=self.levels,
                bits=self.bits,
            )
            self.network = self._maker.network(self.eye, self.config, job.seed).to(self._device)
            head = self._head(cache)
            deadline = self._started + 60 * job.minutes
            self.fitted = head.fit(self.network, self.found, deadline, self._listener)
            self.scores = head.scores(self.network, self.found.held_out) if self.found.held_out else None
        if isinstance(self.scores, ClassScores) and (unlearnt := self.scores.never_found):
            warnings.warn(
                f"{self.material.source}: {', '.join(unlearnt)}: labelled on the ground that was held out, and found"
                " nowhere there: the model does not tell that yet; give it more minutes, or label more places",
                UnlearntClassesWarning,
                stacklevel=2,
            )

    def examine(self, source: Source) -> Scores:
        """Score the fitted network on other ground, every tile of it.

        Raises:
            RequestError: a class there is none of the model's.
        """
        names = self.material.names
        tiles = numbered(source.material(self.geometry, self._check), names)
        with _cache(self.job) as (_, cache):
            extractor = self._extractor(cache)
            examples = [example for batch in batches_of(sheets_of(tiles)) for example in extractor.examples(batch)[0]]
            return self._head(cache).scores(self.network, sorted(examples, key=lambda each: each.labels.shape))

    def _extractor(self, cache: FeatureCache) -> Extractor:
        eye = self.eye
        told = partial(told_of, eye.reading)
        return Extractor(eye.backbone, eye.identity, eye.noise, self.levels, cache, self._device, self._check, told)

    def _head(self, cache: FeatureCache) -> HeadFit:
        job = self.job
        return HeadFit(
            job.clock, job.fit, job.seed, self.material, self.eye, self.geometry, cache, self._device, self._check
        )

    @property
    def quality(self) -> tuple[QualityRow, ...]:
        """What was measured, as the model folder has it."""
        protocol = "IoU and F1 of labelled pixels" if self.job.task == "segment" else "F1 of labelled patches"
        scene = "labels that were held out, in blocks of ground that no step has seen"
        return quality_of(self.scores, self.parts, protocol=protocol, scene=scene)

    def export(self) -> Trained:
        """Write the model folder, and the picture of the confusion matrix beside it.

        Raises:
            RequestError: it cannot be written.
            ModelError: a weight is not finite.
        """
        job, material = self.job, self.material
        stated = job.statements or self._statements()
        card = make_card(
            self.config,
            name=job.name or model_name(job.out),
            version=job.version,
            names=material.names,
            colours=colours_of(job.labels, material.names),
            licence=stated.licence,
            training_data=stated.training_data,
            citation=stated.citation,
            quality=self.quality,
        )
        put(job.out, card, self.network.state_dict())
        picture = None
        if isinstance(self.scores, ClassScores):
            picture = job.out.with_name(job.out.name + ".confusion.png")
            confusion_picture(self.scores.matrix, material.names, picture)
        return Trained(job.out, self.scores, self.fitted, picture, self.found.computed, self.found.seconds)

    def _statements(self) -> Statements:
        """What can be said of a model without asking anybody."""
        tiles, images = len(self.parts.train), len(self.material.images)
        return Statements(
            licence="not stated; see those of the images, the labels and the backbone",
            training_data=f"{tiles} labelled tiles of {images} image(s) of the user's own; labels: "
            f"{Path(self.material.source).name[:200]}",
            citation=_CITATION,
        )


@contextmanager
def _cache(job: Job) -> Iterator[tuple[Path, FeatureCache]]:
    """The cache of a job; one that nobody named goes away again."""
    own = job.cache is None
    if own:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{job.out.name}.", suffix=".features", dir=job.out.parent))
    else:
        folder = Path(str(job.cache))
    try:
        cache = FeatureCache(folder)
        try:
            yield folder, cache
        finally:
            # What was computed before a cancel or an error is worth keeping.
            cache.close()
    finally:
        if own:
            shutil.rmtree(folder, ignore_errors=True)
