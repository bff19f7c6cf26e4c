"""Train the base model by a recipe and write its model folder."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from ...models.folder import Architecture, Card, Input, QualityRow, load_folder, write_folder
from ...models.terra_ldm.network import ARCHITECTURE, Config, TerraLdmTiny, load_base
from ...models.terra_ldm.tile import SPEC
from ..data.sources import Split, load_sources
from ..loop import Loop
from ..recipe import Recipe
from .data import BandBatch, BandPatches
from .stages import BaseDiffusionStage, BaseVaeStage, calibrate_base
from .validate import Row, spectrum_row, time_row, vae_row

log = logging.getLogger(__name__)
GLANCE = 4
"""As many validation batches are looked at while training."""
CALIBRATION_FROM = 10**9
CALIBRATION = 24
SYSTEM = "terra-ldm-tiny"


def train_base(recipe: Recipe, beside: Path, check: Callable[[], None]) -> Path:
    """Train the stages whose steps are not zero; with ``init`` the autoencoder is that of the named folder.

    Args:
        recipe: of system ``terra-ldm-tiny``.
        beside: folder that ``init`` is relative to.
        check: called before every step; may raise ``Cancelled``.

    Returns:
        The model folder.

    Raises:
        RequestError: the recipe or the data do not fit.
        ModelError: ``init`` is no base model, or a trained weight is not finite.
    """
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    patches = band_patches(recipe, "train", recipe.seed)
    held_out = validation_bands(recipe)
    model = _start(recipe, beside)
    clock = _Clock(folder / "cost.json")
    accelerator = Accelerator(mixed_precision=recipe.precision)

    def observe_vae(step: int, weights: dict[str, torch.Tensor]) -> Row:
        row = vae_row(_copy(model, weights, "vae.", "vae.").vae, held_out[:GLANCE])
        _note(folder / "vae.json", step, {"vae": row})
        clock.save()
        return row

    def observe_unet(step: int, weights: dict[str, torch.Tensor]) -> Row:
        row = time_row(_copy(model, weights, "model.", ""), held_out[:GLANCE])
        _note(folder / "unet.json", step, {"time": row})
        clock.save()
        return {f"velocity error at {time}": value for time, value in row.items()}

    try:
        if recipe.vae.steps and not recipe.init:
            loop = Loop(recipe.vae, patches, folder / "vae.pt", observe_vae, check)
            _stage(BaseVaeStage(model), loop, accelerator)
            calibrate_base(model.vae, [patches(CALIBRATION_FROM + k) for k in range(CALIBRATION)])
        if recipe.diffusion.steps:
            later = replace(patches, seed=recipe.seed + 1)
            loop = Loop(recipe.diffusion, later, folder / "unet.pt", observe_unet, check)
            _stage(BaseDiffusionStage(model), loop, accelerator)
    finally:
        # A cancelled run has cost its time too.
        clock.save()
    if accelerator.is_main_process:
        spent = hours_spent(beside / recipe.init) if recipe.init else 0.0
        return export_base(recipe, model, held_out, folder, Cost(clock.hours, spent))
    return folder / recipe.name


def band_patches(recipe: Recipe, split: Split, seed: int) -> BandPatches:
    """The stream of a split."""
    root = os.environ.get("SEAMLINE_DATA")
    sources = load_sources(Path(root) if root else None, recipe.data.sources, split, recipe.seed)
    return BandPatches(sources, recipe.data.patch, recipe.data.unrolled, seed)


def validation_bands(recipe: Recipe) -> list[BandBatch]:
    """The fixed batches of the val split."""
    stream = replace(band_patches(recipe, "val", recipe.seed + 2), patch=recipe.data.held_out_patch)
    return [stream(k) for k in range(recipe.data.held_out)]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU hours of a run, and of all runs before it whose weights it went on from."""

    run: float
    before: float = 0.0

    @property
    def row(self) -> Row:
        """For the card."""
        return {"CPU hours of this run": self.run, _TOTAL: self.run + self.before}


_COST, _TOTAL = "cost", "CPU hours in all"


def hours_spent(folder: Path) -> float:
    """CPU hours that the weights of a model folder took, as its card says; 0 where it says nothing."""
    rows = load_folder(folder)[0].card.quality
    return sum(row.values.get(_TOTAL, 0.0) for row in rows if row.protocol == _COST)


def export_base(recipe: Recipe, model: TerraLdmTiny, held_out: Sequence[BandBatch], folder: Path, cost: Cost) -> Path:
    """Write ``folder / name``: weights as stored (16 bit), measured as stored.

    Args:
        recipe: gives name, version and statements.
        model: trained.
        held_out: validation batches.
        folder: of the run.
        cost: of the weights.
    """
    state = {name: value.half() for name, value in model.state_dict().items()}
    stored = TerraLdmTiny(model.config).eval()
    stored.load_state_dict({name: value.float() for name, value in state.items()})
    values: dict[str, Row] = {
        "autoencoder, val split": vae_row(stored.vae, held_out),
        "error of the velocity by time, val split": time_row(stored, held_out),
        "error of the radial power spectrum, dB, 20 steps, val split": spectrum_row(stored, held_out[:GLANCE]),
        _COST: cost.row,
    }
    path = folder / recipe.name
    write_folder(path, _card(recipe, model.config, values), state, dtype=torch.float16)
    return path


def _card(recipe: Recipe, config: Config, values: dict[str, Row]) -> Card:
    shared = ("task", "main", "align", "margin", "tile", "overlap", "batch", "latent", "scale")
    flags = ("needs_statistics", "stochastic", "generated", "consistency")
    widths = asdict(config) | {"unet": list(config.unet)}
    texts = {name: " ".join(str(recipe.card.get(name, "not stated")).split()) for name in _STATEMENTS}
    return Card(
        name=recipe.name,
        version=recipe.version,
        architecture=Architecture(name=ARCHITECTURE, config=widths),
        inputs=tuple(Input(**asdict(i)) for i in SPEC.inputs),
        quality=tuple(QualityRow(scene=SYSTEM, protocol=what, values=row) for what, row in values.items()),
        licence=texts["licence"],
        training_data=texts["training_data"],
        citation=texts["citation"],
        **{name: getattr(SPEC, name) for name in (*shared, *flags)},
    )


_STATEMENTS = ("licence", "training_data", "citation")


class _Clock:
    """CPU time of a run over its interruptions."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = float(json.loads(file.read_text(encoding="utf-8"))["cpu_hours"]) if file.exists() else 0.0

    @property
    def hours(self) -> float:
        """So far."""
        return self.before + time.process_time() / 3600

    def save(self) -> None:
        """Remember them."""
        self.file.write_text(json.dumps({"cpu_hours": self.hours}), encoding="utf-8")


def _start(recipe: Recipe, beside: Path) -> TerraLdmTiny:
    """The network to start from: seeded, or the weights that the recipe names."""
    if recipe.init:
        return load_base(beside / recipe.init).train().requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return TerraLdmTiny(Config.of(recipe.network))


def _copy(model: TerraLdmTiny, weights: dict[str, torch.Tensor], old: str, new: str) -> TerraLdmTiny:
    """A model with averaged weights, whose names begin with ``new`` instead of ``old``."""
    averaged = TerraLdmTiny(model.config).eval()
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    averaged.load_state_dict(state | {new + name.removeprefix(old): value for name, value in weights.items()})
    return averaged


def _note(file: Path, step: int, rows: dict[str, Row]) -> None:
    """Add a line to a run's table."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"step": step, **rows}) + "\n")
    log.info("validation at step %d: %s", step, json.dumps(rows))


def _stage(stage: torch.nn.Module, loop: Loop[BandBatch], accelerator: Accelerator) -> None:
    """Train one stage and leave its averaged weights in the module, on the CPU."""
    stage.cpu().load_state_dict(loop.run(stage, accelerator))
