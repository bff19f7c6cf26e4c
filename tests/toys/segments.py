"""A toy of segmentation: five classes from four bands by a linear head over a local mean."""

from __future__ import annotations

from torch.nn import functional as F

from seamline.engine.contract import Category, InputSpec, ModelSpec, OutputSpec

CATEGORIES = (
    Category("water", (30, 90, 200)),
    Category("forest", (20, 110, 40)),
    Category("field", (220, 200, 90)),
    Category("soil", (150, 110, 70)),
    Category("built-up", (190, 60, 60)),
)
NAMES = tuple(category.name for category in CATEGORIES)
SPEC = ModelSpec(
    name="toy-segments",
    version="1",
    task="segment",
    inputs=(InputSpec(name="image", bands=4, range="unit"),),
    main="image",
    outputs=(
        OutputSpec(
            name="classes",
            planes=5,
            range="native",
            dtype="uint8",
            blend="argmax",
            overview="mode",
            categories=CATEGORIES,
        ),
        OutputSpec(name="probabilities", planes=5, range="native", dtype="float32", labels=NAMES),
        OutputSpec(name="uncertainty", planes=1, range="native", dtype="float32", labels=("entropy",), unit="nat"),
    ),
    margin=1,
    tile=64,
    overlap=16,
    batch=2,
    needs_statistics=True,
)


class Segments:
    def __init__(self, head, bias):
        self.head, self.bias = head, bias

    def predict(self, batch, where):
        local = F.avg_pool2d(F.pad(batch["image"], (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        chances = F.conv2d(local, self.head[:, :, None, None], self.bias).softmax(dim=1)
        found = {"classes": chances, "probabilities": chances}
        if "uncertainty" in where.wanted:
            found["uncertainty"] = -(chances * chances.log()).sum(dim=1, keepdim=True)
        return found


def load(config, state, runtime):
    return Segments(state["head"].to(runtime.device), state["bias"].to(runtime.device))
