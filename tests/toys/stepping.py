"""A toy that shows its steps: noise on cells of 4 px is smoothed towards the image, with fresh noise at each step."""

from __future__ import annotations

from torch.nn import functional as F

from seamline.engine.contract import IMAGE, UNCERTAINTY, InputSpec, ModelSpec

CELL = 4
SPEC = ModelSpec(
    name="toy-stepping",
    version="1",
    task="superres",
    inputs=(InputSpec(name="image"),),
    main="image",
    outputs=(IMAGE, UNCERTAINTY),
    align=8,
    margin=4,
    tile=64,
    overlap=24,
    batch=2,
    latent=CELL,
    stochastic=True,
    stepping=True,
)


class Stepping:
    def __init__(self, steps, strength):
        self.steps, self.strength = steps, strength

    def begin(self, batch, where):
        return self._noise(0, 0, batch, where)

    def step(self, state, index, batch, where):
        where.checkpoint()
        smooth = F.avg_pool2d(F.pad(state, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        return 0.7 * smooth + 0.3 * self._noise(1, index, batch, where)

    def decode(self, state, batch, where):
        pixels = state.repeat_interleave(CELL, dim=2).repeat_interleave(CELL, dim=3)
        return {"image": batch["image"] + pixels, "uncertainty": pixels.abs()}

    def _noise(self, stream, step, batch, where):
        _, bands, height, width = batch["image"].shape
        drawn = where.noise(stream, step, (bands, 1, height // CELL, width // CELL), cell=CELL)[:, :, 0]
        return self.strength * drawn.to(batch["image"].device)


def load(config, state, runtime):
    return Stepping(config["steps"], state["strength"].to(runtime.device))
