"""Shape of a fuser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

Kind = Literal["global", "local", "experts"]
Norm = Literal["group", "pixel", "batch"]


@dataclass(frozen=True, slots=True)
class FuserConfig:
    """Shape of a fuser; the defaults are those of the published ones.

    Attributes:
        kind: one weight a stream, one a stream and cell, or a mixture of experts.
        width: channels of the fused maps.
        bottleneck: channels inside a bottleneck.
        groups: of the group norms.
        norm: ``group`` as published, over the whole map, so that a cell depends on the tile; ``pixel`` over the
            channels of each cell; ``batch`` with the statistics of the training.  The last two are tile-exact.
        experts: of each scale.
        top: experts that a map, or a cell, is sent to after the warm-up.
        warmup: batches in which all experts are mixed; gate calls where ``as_released``.
        window: cells along a side of the box around each cell over which its gate pools, odd; None pools over the
            whole map, as published.
        balance: whether the experts' balance is kept as a loss, see ``Fuser.balance_loss``.
        as_released: repeat what the released code does and should not.  Local weights read every stream from the
            first channel of its scale on, so most channels of the scale are never seen; published weights are
            trained so.  Experts count the warm-up by calls of a gate, in evaluation too, anew for every process.
    """

    kind: Kind = "global"
    width: int = 384
    bottleneck: int = 96
    groups: int = 32
    norm: Norm = "group"
    experts: int = 8
    top: int = 2
    warmup: int = 500
    window: int | None = None
    balance: bool = False
    as_released: bool = False

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.norm not in get_args(Norm):
            raise ValueError(f"there is no fuser {self.kind!r} with norm {self.norm!r}")
        counts = (self.width, self.bottleneck, self.groups, self.experts, self.top, self.window or 1)
        if not all(isinstance(count, int) and count > 0 for count in counts) or self.warmup < 0:
            raise ValueError("every width and count is a positive whole number")
        if self.norm == "group" and (self.width % self.groups or self.bottleneck % self.groups):
            raise ValueError(f"{self.width} and {self.bottleneck} channels do not fall into {self.groups} groups")
        if self.top > self.experts:
            raise ValueError(f"there are {self.experts} experts, not {self.top}")
        if self.window is not None and self.window % 2 == 0:
            raise ValueError(f"a window has a cell in its middle, so {self.window} cells is none")

    @property
    def tile_exact(self) -> bool:
        """Whether a cell depends on its surroundings alone, not on the tile."""
        return self.norm != "group" and (self.kind != "experts" or self.window is not None)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card.

        Raises:
            TypeError, ValueError: a value is unknown or does not fit.
        """
        return cls(**values)
