"""Validation: the diffusion model at several step counts against its own classical base and against plain MS."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ...models.salad_pan.network import SaladPanTiny
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
        cells = (shape[2] // 4, shape[3] // 4)
        generator = torch.Generator().manual_seed(batch.seed)
        noise = torch.randn(shape[0], 1, model.config.latent, *cells, generator=generator)
        noise = noise.expand(-1, shape[1], -1, -1, -1).reshape(-1, model.config.latent, *cells)
        images = {"ms": batch.ms, "base": ready.given.base.reshape(shape)}
        for count in steps:
            images[str(count)] = model(ready.given, noise, count).image.reshape(shape)
        for name, image in images.items():
            scores.setdefault(name, []).append(_scores(inner(image), inner(batch.target), batch.ratio))
    means = {name: torch.cat(rows).double().mean(dim=0).tolist() for name, rows in scores.items()}
    return {name: {"ERGAS": m[0], "SAM": m[1], "Q": m[2]} for name, m in means.items()}


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
