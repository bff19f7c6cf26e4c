"""Validation: the diffusion model at several step counts against its own classical base and against plain MS."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ...models.salad_pan.network import SaladPanTiny
from ...models.salad_pan.vae import FACTOR
from ..data.simulate import Batch
from .losses import inner
from .stages import prepare

Row = dict[str, float]


@torch.no_grad()
def table(model: SaladPanTiny, batches: Sequence[Batch], steps: Sequence[int]) -> dict[str, Row]:
    """Mean ERGAS, SAM (degrees) and Q (universal quality index in 16 px blocks) over batches.

    Returns:
        Rows ``"ms"`` (cubic), ``"base"`` (classical fusion) and ``"1"``, ``"2"``, ... (diffusion steps).
    """
    scores: dict[str, list[torch.Tensor]] = {}
    for batch in batches:
        ready = prepare(batch)
        shape = batch.target.shape
        noise = seeded_noise(model, batch)
        images = {"ms": batch.ms, "base": ready.given.base.reshape(shape)}
        for count in steps:
            images[str(count)] = model(ready.given, noise, count).image.reshape(shape)
        for name, image in images.items():
            scores.setdefault(name, []).append(_scores(inner(image), inner(batch.target), batch.ratio))
    means = {name: torch.cat(rows).double().mean(dim=0).tolist() for name, rows in scores.items()}
    return {name: {"ERGAS": m[0], "SAM": m[1], "Q": m[2]} for name, m in means.items()}


@torch.no_grad()
def relative_errors(model: SaladPanTiny, batches: Sequence[Batch]) -> torch.Tensor:
    """Absolute errors over the deviations that a run of one step tells, of all pixels that count, one-dimensional."""
    found = []
    for batch in batches:
        ready = prepare(batch)
        fused = model(ready.given, seeded_noise(model, batch), 1)
        error = (fused.image - batch.target.reshape(fused.image.shape)).abs()
        found.append((inner(error) / inner(fused.deviation)).flatten())
    return torch.cat(found)


def seeded_noise(model: SaladPanTiny, batch: Batch) -> torch.Tensor:
    """What a run starts from, (B * C, latent, H / 4, W / 4); the bands of an image share it."""
    count, bands, height, width = batch.target.shape
    shape = (model.config.latent, height // FACTOR, width // FACTOR)
    noise = torch.randn(count, 1, *shape, generator=torch.Generator().manual_seed(batch.seed))
    return noise.expand(-1, bands, -1, -1, -1).reshape(-1, *shape)


def as_text(rows: dict[str, Row]) -> str:
    """The table, one row a line."""
    lines = [f"{'':>6} {'ERGAS':>8} {'SAM':>8} {'Q':>8}"]
    lines += [f"{name:>6} {row['ERGAS']:8.4f} {row['SAM']:8.4f} {row['Q']:8.4f}" for name, row in rows.items()]
    return "\n".join(lines)


def _scores(image: torch.Tensor, target: torch.Tensor, ratio: float) -> torch.Tensor:
    """(B, 3): ERGAS, SAM in degrees, Q."""
    image, target = image.double(), target.double()
    relative = (image - target).square().mean(dim=(2, 3)) / target.mean(dim=(2, 3)).square().clamp(min=1e-8)
    ergas = 100.0 / ratio * relative.mean(dim=1).sqrt()
    cosine = F.cosine_similarity(image, target, dim=1).clamp(-1.0, 1.0)
    angle = torch.rad2deg(torch.arccos(cosine)).mean(dim=(1, 2))
    return torch.stack((ergas, angle, _quality(image, target)), dim=1)


def _quality(a: torch.Tensor, b: torch.Tensor, block: int = 16) -> torch.Tensor:
    """Universal quality index (Wang and Bovik 2002), mean over blocks and bands: (B,)."""

    def mean(x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, block)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    q = 4 * cov * ma * mb / ((va + vb) * (ma**2 + mb**2)).clamp(min=1e-12)
    return q.mean(dim=(1, 2, 3))
