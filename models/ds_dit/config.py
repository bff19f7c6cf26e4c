"""Shape of the transformer and the choices of the paper's ablations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Kind = Literal["joint", "siamese"]
Injection = Literal["independent", "summed", "weighted"]

FREQUENCIES = 256
"""Of the sinusoidal time embedding."""


@dataclass(frozen=True, slots=True)
class Config:
    """Shape of the transformer; the defaults are those of the published one.

    Attributes:
        kind: ``"siamese"``: the image attends to LR and to the reference apart.  ``"joint"``: the baseline M3-DiT, one
            attention over all three.
        injection: how LR and reference are added to the image's tokens after a siamese block: each through a linear map
            (``"independent"``), their sum through one (``"summed"``), or their sum ``"weighted"`` patch by patch.
        depth: blocks.
        width: of a token.
        heads: of the attention.
        latent: channels of the image's latent; ``low`` and ``reference`` of the other two.
        patch: cells along a side of a token.
        table: tokens along a side of the table of positions; 0 for none.
        hidden: widths of the feed-forward nets, in token widths.
        window: tokens along a side of an attention window; 0 for the whole image.  Windows are anchored to the first
            token, and those of every second block are moved by half of one, after a convolution over 3 x 3 tokens.
    """

    kind: Kind = "siamese"
    injection: Injection = "weighted"
    depth: int = 24
    width: int = 1536
    heads: int = 24
    latent: int = 16
    low: int = 16
    reference: int = 16
    patch: int = 2
    table: int = 192
    hidden: int = 4
    window: int = 0

    def __post_init__(self) -> None:
        positive = (self.depth, self.width, self.heads, self.latent, self.low, self.reference, self.patch, self.hidden)
        if not all(type(count) is int and count > 0 for count in positive):
            raise ValueError("counts and widths are positive whole numbers")
        if self.width % self.heads or self.width % 64:
            raise ValueError(f"a width of {self.width} is no multiple of 64 or of {self.heads} heads")
        if self.kind not in ("joint", "siamese") or self.injection not in ("independent", "summed", "weighted"):
            raise ValueError("kind is joint or siamese, and injection independent, summed or weighted")
        if type(self.table) is not int or self.table < 0 or type(self.window) is not int or self.window < 0:
            raise ValueError("table and window are whole numbers, 0 for none")
        if self.window % 2:
            raise ValueError(f"a window of {self.window} tokens has no half")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card or a recipe."""
        return cls(**values)
