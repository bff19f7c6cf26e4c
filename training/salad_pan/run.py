"""Train the published-size SALAD-Pan by a recipe: the autoencoder of one band, then the adapters.

A stage whose steps are zero is left out.  The first gives ``OUTPUT/vae/`` as diffusers saves an autoencoder, which
``seamline models convert`` takes as well; the second gives a model folder for each sensor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from ...engine.errors import RequestError
from ...models.salad_pan.published.config import Config
from ..data.paths import locate
from ..loop import Loop
from ..recipe import Recipe
from .data import PairSource, SensorBatch, SensorTurns, held_out_batches, load_pairs
from .export import Row, SensorUse, export, measure, model_name
from .losses import psnr, ssim
from .stages import AdapterStage, ReconstructionStage, measure_scaling, unrolled, wearing
from .start import embedded, network_config, sentences, start_network, start_vae, trained_vae

log = logging.getLogger(__name__)
SYSTEM = "salad-pan-sd15"
CALIBRATION_FROM = 10**9
"""First number of the batches that set the scaling of the latents: far from those that are trained on."""
CALIBRATION = 32


def train_published(recipe: Recipe, beside: Path, check: Callable[[], None]) -> Path:
    """Train the stages whose steps are not zero.

    Args:
        recipe: of system ``salad-pan-sd15``.
        beside: folder that relative paths of the recipe begin at.
        check: called before every step; may raise ``Cancelled``.

    Returns:
        The model folder of the first sensor, or the autoencoder's where the second stage is left out.

    Raises:
        RequestError: the recipe or the data do not fit.
        ModelError: a folder that the recipe names is not what it should be, or a trained weight is not finite.
    """
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    config = network_config(recipe)
    foundation = _foundation(recipe, beside)
    accelerator = Accelerator(mixed_precision=recipe.precision)
    with accelerator.main_process_first():
        sources = load_pairs(recipe.data, beside, folder, check)
    held_out = held_out_batches(sources, recipe.data)
    if not held_out:
        raise RequestError("no pair is held out", where="data.held_out", fix="set 1 or more, and check the masks")
    result = folder / "vae"
    if recipe.vae.steps:
        start = start_vae(config, locate(recipe.salad.vae, beside) if recipe.salad.vae else None, recipe.seed)
        turns = SensorTurns(sources, recipe.data, recipe.seed)
        vae = _train_vae(recipe, start, turns, held_out, accelerator, check)
    elif recipe.diffusion.steps:
        vae = trained_vae(config, locate(recipe.salad.vae, beside))
    if foundation is not None:
        result = _train_adapters(recipe, vae, foundation, sources, held_out, accelerator, check)
    return result


def _foundation(recipe: Recipe, beside: Path) -> tuple[Path, Path] | None:
    """Folder of Stable Diffusion, and where embedded prompts come from; None where the second stage is left out.

    Raises:
        RequestError: a folder that the stages need is not named, or nothing is to be trained.
    """
    salad = recipe.salad
    if not recipe.diffusion.steps:
        if not recipe.vae.steps:
            raise RequestError("both stages have no steps", where="vae.steps", fix="set vae.steps or diffusion.steps")
        return None
    if not salad.base:
        raise RequestError(
            "the second stage needs the UNet of Stable Diffusion 1.5", where="salad.base", fix="name its folder"
        )
    if not (salad.vae or recipe.vae.steps):
        raise RequestError(
            "the second stage needs a trained autoencoder", where="salad.vae", fix="name the vae/ of the first stage"
        )
    return locate(salad.base, beside), locate(salad.text or salad.base, beside)


def _train_vae(
    recipe: Recipe,
    vae: Any,
    turns: SensorTurns,
    held_out: Sequence[SensorBatch],
    accelerator: Accelerator,
    check: Callable[[], None],
) -> Any:
    """Stage I; writes ``vae/`` and ``vae.json`` (its errors on held-out pairs)."""
    folder = Path(recipe.output)
    stage = ReconstructionStage(vae, recipe.salad.reconstruction).to(accelerator.device)
    # The weights that the scaling describes if it is measured before training.
    scaling = measure_scaling(vae, _calibration(turns)) if recipe.salad.scaling == "before" else None

    def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
        with wearing(stage, weights):
            row = reconstruction(vae, held_out)
        log.info("validation at step %d: %s", step, row)
        return row

    loop = Loop(recipe.vae, turns, folder / "vae.pt", observe, check)
    stage.load_state_dict(loop.run(stage, accelerator))
    stage.eval().requires_grad_(False)
    vae.register_to_config(scaling_factor=scaling or measure_scaling(vae, _calibration(turns)))
    if accelerator.is_main_process:
        vae.save_pretrained(folder / "vae")
        row = reconstruction(vae, held_out) | {"scaling_factor": vae.config.scaling_factor}
        (folder / "vae.json").write_text(json.dumps(row, indent=2), encoding="utf-8")
    accelerator.wait_for_everyone()
    return vae


def _calibration(turns: SensorTurns) -> Iterable[SensorBatch]:
    return (turns(CALIBRATION_FROM + k) for k in range(CALIBRATION))


@torch.no_grad()
def reconstruction(vae: Any, batches: Sequence[SensorBatch]) -> Row:
    """Mean PSNR (dB) and structural similarity of bands through the posterior's mode and back, unit range."""
    device = next(vae.parameters()).device
    rows = []
    for batch in batches:
        bands = unrolled(batch.target).to(device)
        found = vae.decode(vae.encode(2.0 * bands - 1.0).latent_dist.mode()).sample.div(2.0).add(0.5).clamp(0.0, 1.0)
        rows.append(torch.stack((psnr(found, bands), ssim(found, bands))).double().cpu())
    return dict(zip(("PSNR", "SSIM"), torch.stack(rows).mean(dim=0).tolist(), strict=True))


def _train_adapters(
    recipe: Recipe,
    vae: Any,
    foundation: tuple[Path, Path],
    sources: Mapping[str, Sequence[PairSource]],
    held_out: Sequence[SensorBatch],
    accelerator: Accelerator,
    check: Callable[[], None],
) -> Path:
    """Stage II; writes a model folder a sensor."""
    folder, config = Path(recipe.output), network_config(recipe, float(vae.config.scaling_factor))
    uses = _uses(sources, foundation[1], config)
    text = {use.name: torch.stack([use.text[prompt] for prompt in use.prompts]) for use in uses}
    network = start_network(config, vae, foundation[0], recipe.seed)
    stage = AdapterStage(network, text, recipe.salad.fusion, recipe.salad.noise)
    glance = list({batch.sensor: batch for batch in reversed(held_out)}.values())

    def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
        with wearing(stage, weights):
            rows = measure(stage, glance, recipe.salad.steps)
        (folder / "validation.json").write_text(json.dumps({"step": step, "rows": rows}, indent=2), encoding="utf-8")
        log.info("validation at step %d: %s", step, rows)
        sampled = f"{recipe.salad.steps} steps"
        return {f"{name} {sensor}": v for sensor, own in rows.items() for name, v in own[sampled].items()}

    # Other draws than those of the first stage.
    turns = SensorTurns(sources, recipe.data, recipe.seed + 1)
    loop = Loop(recipe.diffusion, turns, folder / "adapters.pt", observe, check)
    stage.load_state_dict(loop.run(stage, accelerator))
    if accelerator.is_main_process:
        return export(recipe, stage, uses, held_out, folder)
    return folder / model_name(recipe, uses[0].name)


def _uses(sources: Mapping[str, Sequence[PairSource]], text: Path, config: Config) -> list[SensorUse]:
    """What is said of each sensor, to the network and in its folder."""
    wanted = {name: sentences(own[0].sensor, own[0].bands) for name, own in sources.items()}
    found = embedded(wanted, text, config.text)
    return [SensorUse(name, own[0].bands, wanted[name], found[name], own[0].peak) for name, own in sources.items()]
