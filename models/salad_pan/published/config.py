"""Widths and wiring of the published network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

FACTOR = 8
"""Image px per latent cell."""

LATENT = 4
"""Latent channels."""

Coupling = Literal["code", "paper"]
"""Whether the branches hear the base in the middle block: as in the authors' code, or not, as in the paper.

Everything else is alike: encoder blocks exchange both ways, the decoder only listens to the branches.
"""


@dataclass(frozen=True, slots=True)
class Config:
    """Shape of the network; the defaults are those of the published one.

    Attributes:
        scaling_factor: that latents of the autoencoder are multiplied with; belongs to its weights.
        base, base_heads, base_groups: channels of each level of the UNet, heads of its attention, groups of its norms.
        text: length of a token of the text conditioning.
        branch, branch_heads: channels of each level of a branch, heads of its attention.
        embedder: channels of the convolutions that bring an image to latent resolution.
        vae, vae_groups: channels of each level of the autoencoder, groups of its norms.
        coupling: wiring of the middle block.
        region: side of the regions of cross-band attention, cells of the middle block; None for none, as released.
    """

    scaling_factor: float
    base: tuple[int, ...] = (320, 640, 1280, 1280)
    base_heads: int = 8
    base_groups: int = 32
    text: int = 768
    branch: tuple[int, ...] = (80, 160, 320, 320)
    branch_heads: int = 8
    embedder: tuple[int, ...] = (16, 32, 96, 256)
    vae: tuple[int, ...] = (128, 256, 512, 512)
    vae_groups: int = 32
    coupling: Coupling = "code"
    region: int | None = None

    def __post_init__(self) -> None:
        counts = (*self.base, *self.branch, *self.embedder, *self.vae)
        counts += (self.base_heads, self.base_groups, self.text, self.branch_heads, self.vae_groups, self.region or 1)
        if not all(isinstance(count, int) and count > 0 for count in counts):
            raise ValueError("every width is a positive whole number")
        if len(self.branch) != len(self.base) or len(self.embedder) != len(self.vae) or len(self.vae) != 4:
            raise ValueError("branches have the levels of the base, embedder and autoencoder have four")
        if self.coupling not in ("code", "paper"):
            raise ValueError(f"coupling is code or paper, not {self.coupling!r}")
        if not 0 < self.scaling_factor < float("inf"):
            raise ValueError("scaling_factor is positive and finite")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card, where a tuple is a list.

        Raises:
            TypeError, ValueError: a value is unknown, missing or does not fit.
        """
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)
