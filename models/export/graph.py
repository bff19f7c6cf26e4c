"""What of a model becomes a graph of operators: its learned network, and its tensors by name and size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import nn

from ...engine.errors import ModelError, RequestError
from ..folder import Folder

GRAPHS: Mapping[str, str] = MappingProxyType({"salad_pan_tiny": "salad_pan.graph", "slimdiffsr": "slimdiffsr.graph"})
"""Module of each architecture whose network can be a graph."""

Draw = Callable[[Mapping[str, int], torch.Generator], tuple[torch.Tensor, ...]]
"""Random tensors of a graph's inputs, one for each port in its shape, for as many cells as it is told."""


@dataclass(frozen=True, slots=True)
class Cells:
    """An axis of any length: so many px a cell, of as many cells as there are.

    Attributes:
        of: what is counted; axes of one name have the same number of cells.
        px: of this axis for each cell.
    """

    of: str
    px: int = 1

    def __str__(self) -> str:
        return self.of if self.px == 1 else f"{self.px} * {self.of}"


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph, float32.

    Attributes:
        name: of the tensor.
        axes: in order; a number where the length is fixed.
        about: what it holds, in which range.
    """

    name: str
    axes: tuple[int | Cells, ...]
    about: str

    def shape(self, cells: Mapping[str, int]) -> tuple[int, ...]:
        """Its shape for that many cells along each axis of any length."""
        return tuple(axis if isinstance(axis, int) else axis.px * cells[axis.of] for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Graph:
    """A learned network as a graph.

    Attributes:
        network: in evaluation mode, on the CPU, float32; takes the inputs in order and gives the outputs in order.
        inputs, outputs: its tensors.
        draw: random inputs to trace it with and to check it on.
        cells: sizes to check it at, the first to trace it with.
    """

    network: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    draw: Draw
    cells: tuple[Mapping[str, int], ...]


class Maker(Protocol):
    """``graph_of`` of an architecture's module."""

    def __call__(self, config: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> Graph:
        """The graph of a network by the card's config and the weights.

        Raises:
            ModelError: config or weights do not fit, or this network can be no graph.
        """
        ...


def graph_of(folder: Folder, state: Mapping[str, torch.Tensor]) -> Graph:
    """The graph of a model.

    Args:
        folder: verified.
        state: its tensors.

    Raises:
        RequestError: there is none of its architecture.
        ModelError: its weights do not fit, or its network can be no graph.
    """
    architecture = folder.card.architecture
    if architecture.name not in GRAPHS:
        raise RequestError(
            f"networks of the architecture {architecture.name} cannot be exported as a graph",
            where=folder.card.name,
            fix=f"export one of {', '.join(GRAPHS)}, or describe this one with --format stac-mlm",
        )
    make: Maker = import_module(f"..{GRAPHS[architecture.name]}", __package__).graph_of
    try:
        return make(architecture.config, state)
    except ModelError as error:
        raise ModelError(error.what, where=str(folder.path), fix=error.fix) from error


def rounding(network: nn.Module) -> float:
    """How far two float32 programs of one network may come apart, as a share of the largest value of a result.

    A sum of n products that are rounded in any order is off by about sqrt(n) units of rounding, 2 ** -24, of what it
    adds up (Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41, 2019).
    Errors of one layer after the other add up at most, as long as layers keep the size of what they are given, and both
    programs have them.
    """
    terms = (weight[0].numel() for weight in network.parameters() if weight.ndim > 1)
    return 2.0 * 2.0**-24 * sum(math.sqrt(number) for number in terms)
