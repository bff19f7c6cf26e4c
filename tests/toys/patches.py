"""A toy of classification: three classes of patches of 16 px, by how near their brightness is to that of each class."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from seamline.engine.contract import Category, InputSpec, ModelSpec, class_outputs

PATCH = 16
CATEGORIES = (
    Category("shadow", (40, 40, 60)),
    Category("open land", (200, 190, 120)),
    Category("cloud", (245, 245, 245)),
)
SPEC = ModelSpec(
    name="toy-patches",
    version="1",
    task="classify",
    inputs=(InputSpec(name="image", range="unit"),),
    main="image",
    outputs=class_outputs(CATEGORIES),
    patch=PATCH,
    align=2 * PATCH,
    tile=64,
    overlap=32,
    batch=2,
    needs_statistics=True,
)


class Patches:
    def __init__(self, brightness):
        self.brightness = brightness

    def predict(self, batch, where):
        mean = F.avg_pool2d(batch["image"].mean(dim=1, keepdim=True), PATCH)
        near = [1 / (0.05 + (mean - each).abs()) for each in self.brightness]
        total = near[0] + near[1] + near[2]
        chances = torch.cat([each / total for each in near], dim=1)
        return dict.fromkeys(where.wanted, chances)


def load(config, state, runtime):
    return Patches(state["brightness"].to(runtime.device))
