"""Train the yardstick: a plain network with an absolute loss, on the same simulated pairs as the small SALAD-Pan model.

Of a recipe's two stages it has one, ``diffusion``; ``vae`` does nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn

from ...models.folder import Architecture, Card, Input, QualityRow, write_folder
from ...models.salad_pan.fusion import conditions
from ...models.yardstick.network import Yardstick
from ...models.yardstick.tile import ARCHITECTURE, SPEC
from ..data.patches import Patches
from ..data.simulate import Batch
from ..data.sources import Split, fits, load_sources
from ..loop import Loop
from ..recipe import Recipe
from ..salad_pan_tiny.losses import inner

log = logging.getLogger(__name__)
Row = dict[str, float]


class YardstickStage(nn.Module):
    """The network as a module whose forward pass is the loss of a batch."""

    def __init__(self, model: Yardstick) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> torch.Tensor:
        """Mean absolute error, unit range."""
        return absolute_error(self.model(batch.pan, batch.ms, (batch.ratio, batch.ratio)), batch.target)


def absolute_error(fused: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of (B, C, H, W) without the rim, where the replicated border is wrong."""
    return (inner(fused) - inner(target)).abs().mean()


def train_yardstick(recipe: Recipe, beside: Path, check: Callable[[], None]) -> Path:  # noqa: ARG001
    """Train the yardstick; arguments and result as those of every trainer."""
    folder = Path(recipe.output)
    folder.mkdir(parents=True, exist_ok=True)
    patches = _patches(recipe, "train", recipe.data.patch, recipe.seed)
    stream = _patches(recipe, "val", recipe.data.held_out_patch, recipe.seed + 2)
    held_out = [stream(k) for k in range(recipe.data.held_out)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = Yardstick(**recipe.network)

    def observe(step: int, weights: dict[str, torch.Tensor]) -> Row:
        averaged = Yardstick(model.width, model.depth)
        averaged.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
        row = errors(averaged.eval(), held_out)
        log.info("validation at step %d: %s", step, row)
        return row

    accelerator = Accelerator(mixed_precision=recipe.precision)
    loop = Loop(recipe.diffusion, patches, folder / "yardstick.pt", observe, check)
    stage = YardstickStage(model)
    stage.cpu().load_state_dict(loop.run(stage, accelerator))
    if accelerator.is_main_process:
        return export(recipe, model, held_out, folder)
    return folder / recipe.name


@torch.no_grad()
def errors(model: Yardstick, batches: Sequence[Batch]) -> Row:
    """Absolute errors over batches, unit range: of upsampled MS, of the fusion that is corrected, of the network."""
    rows = []
    for batch in batches:
        ratio_yx = (batch.ratio, batch.ratio)
        base = conditions(batch.pan, batch.ms, ratio_yx).base.reshape(batch.ms.shape)
        images = (batch.ms, base, model(batch.pan, batch.ms, ratio_yx))
        rows.append(torch.stack([absolute_error(image, batch.target) for image in images]).double())
    means = torch.stack(rows).mean(dim=0).tolist()
    return dict(zip(("upsampled MS", "fusion", "network"), means, strict=True))


def export(recipe: Recipe, model: Yardstick, held_out: Sequence[Batch], folder: Path) -> Path:
    """Write ``folder / name``: the weights as stored (16 bit), measured as stored.

    Raises:
        ModelError: a weight is not finite.
    """
    state = {name: value.half() for name, value in model.state_dict().items()}
    stored = Yardstick(model.width, model.depth).eval()
    stored.load_state_dict({name: value.float() for name, value in state.items()})
    row = QualityRow(
        scene="validation split of the recipe",
        protocol="mean absolute error, unit range; pairs simulated as in training",
        values=errors(stored, held_out),
    )
    path = folder / recipe.name
    write_folder(path, _card(recipe, model, row), state, dtype=torch.float16)
    return path


def _card(recipe: Recipe, model: Yardstick, quality: QualityRow) -> Card:
    shared = ("task", "main", "align", "margin", "tile", "overlap", "batch", "latent")
    flags = ("needs_statistics", "stochastic", "generated", "consistency")
    statements: Mapping[str, str] = {
        name: " ".join(str(recipe.card.get(name, "not stated")).split())
        for name in ("licence", "training_data", "citation")
    }
    return Card(
        name=recipe.name,
        version=recipe.version,
        architecture=Architecture(name=ARCHITECTURE, config={"width": model.width, "depth": model.depth}),
        inputs=tuple(Input(**asdict(i)) for i in SPEC.inputs),
        options=tuple(sorted(SPEC.options)),
        quality=(quality,),
        **statements,
        **{name: getattr(SPEC, name) for name in (*shared, *flags)},
    )


def _patches(recipe: Recipe, split: Split, side: int, seed: int) -> Patches:
    """The stream of a split, from the data folder in the environment."""
    root = os.environ.get("SEAMLINE_DATA")
    sources = load_sources(Path(root) if root else None, recipe.data.sources, split, recipe.seed)
    settings = replace(recipe.data, patch=side)
    return Patches([source for source in sources if fits(source, side)], settings, seed)
