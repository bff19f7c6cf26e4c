"""The metrics by name: which way is better, what they need, and how they are made from a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ...errors import RequestError
from .distances import dists, lpips
from .frechet import fid
from .graphs import load_graph, runtime_is_there
from .moments import Absent, Measure, scored
from .networks import Extractor, alexnet, vgg16
from .niqe import BLOCK, FEATURES, Pristine, niqe
from .weights import checked, read_tensors

PATCH = 256
"""Rows and columns of a patch, px, for every metric but NIQE."""


@dataclass(frozen=True, slots=True)
class PerceptualMetric:
    """One metric.

    Attributes:
        name: as the papers write it.
        better: which way is better; no metric has a unit.
        needs_reference: whether it compares with a reference.
        files: what it reads from the folder; of each entry the first name that is there.
        build: makes the measure from these files.
        patch, smallest: rows and columns of the patches that it looks at, and the fewest it can, px.
    """

    name: str
    better: Literal["lower", "higher"]
    needs_reference: bool
    files: tuple[tuple[str, ...], ...]
    build: Callable[..., Measure]
    patch: int = PATCH
    smallest: int = 64

    def load(self, folder: Path | None) -> Measure | Absent:
        """Make the metric from the files of a folder, or say what is missing.

        Raises:
            ModelError: a file is there and is not what it should be.
        """
        if folder is None:
            return Absent("no folder of weights was given")
        found = []
        for names in self.files:
            path = next((folder / name for name in names if (folder / name).is_file()), None)
            if path is None:
                return Absent(f"{folder} has no {' or '.join(names)}")
            found.append(path)
        if any(path.suffix == ".onnx" for path in found) and not runtime_is_there():
            return Absent("onnxruntime is not installed; pip install 'seamline[perceptual]'")
        return self.build(*found)


def load_metrics(folder: Path | None, injected: Mapping[str, Measure] | None = None) -> dict[str, Measure | Absent]:
    """Every metric, ready to run or absent with the reason; nothing is fetched.

    Args:
        folder: holds the files that ``docs/reference/perceptual.md`` lists; None where there is none.
        injected: measures made in Python, by name; they go before the folder's.

    Raises:
        RequestError: there is no such folder, or no metric of an injected name.
        ModelError: a file is there and is not what it should be.
    """
    injected = injected or {}
    if folder is not None and not folder.is_dir():
        raise RequestError("there is no such folder", where=str(folder), fix="name the folder of the weights")
    if unknown := sorted(injected.keys() - METRICS.keys()):
        raise RequestError(f"no metric is called {', '.join(unknown)}", fix=f"choose of {', '.join(METRICS)}")
    return {name: injected[name] if name in injected else metric.load(folder) for name, metric in METRICS.items()}


def _filled(network: Extractor, path: Path) -> Extractor:
    """The network with the weights of a file, which may hold a classifier beside them."""
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(checked(read_tensors(path), shapes, where=path, surplus="classifier."))
    return network


def _lpips(backbone: Path, heads: Path) -> Measure:
    network = alexnet()
    shapes = {f"lin{k}.model.1.weight": (1, channels, 1, 1) for k, channels in enumerate(network.channels)}
    weights = checked(read_tensors(heads), shapes, where=heads)
    return scored(lpips(_filled(network, backbone), [weight.flatten() for weight in weights.values()]))


def _dists(backbone: Path, weights: Path) -> Measure:
    network = vgg16(smooth=True)
    shape = (1, 3 + sum(network.channels), 1, 1)
    state = checked(read_tensors(weights), {"alpha": shape, "beta": shape}, where=weights)
    return scored(dists(_filled(network, backbone), state["alpha"].flatten(), state["beta"].flatten()))


def _niqe(path: Path) -> Measure:
    state = checked(read_tensors(path), {"mu": (FEATURES,), "cov": (FEATURES, FEATURES)}, where=path)
    mean, covariance = (state[key].to(torch.float64).numpy() for key in ("mu", "cov"))
    return niqe(Pristine(mean, covariance))


def _tensors(stem: str) -> tuple[str, ...]:
    return f"{stem}.safetensors", f"{stem}.pth"


def _judge(name: str) -> PerceptualMetric:
    """A network that scores an image by itself."""
    return PerceptualMetric(
        name, "higher", False, ((f"{name.lower()}.onnx",),), lambda path: scored(load_graph(path)), smallest=PATCH
    )


METRICS: Mapping[str, PerceptualMetric] = {
    metric.name: metric
    for metric in (
        PerceptualMetric("LPIPS", "lower", True, (_tensors("alexnet"), _tensors("lpips_alex")), _lpips),
        PerceptualMetric("DISTS", "lower", True, (_tensors("vgg16"), _tensors("dists")), _dists),
        PerceptualMetric(
            "FID", "lower", True, (("inception.onnx",),), lambda path: fid(load_graph(path)), smallest=PATCH
        ),
        _judge("CLIPIQA"),
        _judge("MUSIQ"),
        _judge("MANIQA"),
        PerceptualMetric("NIQE", "lower", False, (("niqe.safetensors",),), _niqe, patch=3 * BLOCK, smallest=BLOCK),
    )
}
"""Every metric, in the order of reports."""
