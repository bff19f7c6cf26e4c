"""A toy of super-resolution with a reference: pixels are doubled, and take detail from where the reference shows it."""

from __future__ import annotations

from torch.nn import functional as F

from seamline.engine.contract import IMAGE, UNCERTAINTY, InputSpec, ModelSpec, OutputSpec

TRUST = OutputSpec(name="trust", range="native", dtype="float32", label="trust in the reference, {band}")

SPEC = ModelSpec(
    name="toy-reference",
    version="1",
    task="superres",
    inputs=(InputSpec(name="image"), InputSpec(name="reference", bands=1, role="guide")),
    main="image",
    outputs=(IMAGE, UNCERTAINTY, TRUST),
    scale=2,
    margin=1,
    tile=64,
    overlap=16,
    batch=2,
)


class Reference:
    def __init__(self, strength):
        self.strength = strength

    def predict(self, batch, where):
        image = batch["image"]
        detail = known = 0 * image[:, :1]
        if "reference" in batch:
            known = batch["reference_valid"]
            detail = self.strength * known * (batch["reference"] - local_mean(batch["reference"], known))
        fine = doubled(image + detail)
        deviation = (fine - fine.mean(dim=1, keepdim=True)).abs()
        return {"image": fine, "uncertainty": deviation, "trust": doubled(known.expand_as(image))}


def doubled(planes):
    return planes.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def local_mean(values, known):
    """Mean of the known values among 3 x 3 px."""
    total, count = (
        F.avg_pool2d(F.pad(part, (1, 1, 1, 1), mode="replicate"), 3, stride=1) for part in (values * known, known)
    )
    return total / count.clamp_min(1e-6)


def load(config, state, runtime):
    return Reference(state["strength"].to(runtime.device))
