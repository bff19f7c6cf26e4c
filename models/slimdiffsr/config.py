"""Widths of the student and the choices of the paper's ablations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

LATENT = 4
"""Latent channels of Stable Diffusion, where a codec is used whole."""

_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Config:
    """Shape of the student; the defaults are those of the published one.

    Attributes:
        channels: of the three levels of the pruned UNet; the third is that of the middle block alone.
        groups: of the group norms.
        queries, squeeze: learned queries of the global aggregation, and channels in which it attends.
        image: channels of the image.
        codec_width: channels of the tiny autoencoder.
        codec_blocks: its residual blocks at each resolution of the encoder; the decoder has them in reverse.  Where
            the codec has none, only the number of resolutions counts.
        first, second: convolutions of a residual block: frequency- and direction-separable, or plain 3x3.
        attention: global aggregation by queries, self-attention, or none.
        hidden: how many times as wide as a token its feed-forward net is.
        sees: what norms and gates look at: the whole ``"image"``, as published, or each ``"cell"`` by itself (ours), so
            that a tile gives the pixels of the whole scene; without attention then.
        codec: ``"fused"``: halves of the tiny autoencoder without the convolutions at its latent, joined to a UNet
            without its own first and last by one convolution on either side; ``"taesd"``: the tiny autoencoder and
            the UNet whole, meeting in four latent channels; ``"kl"``: likewise with Stable Diffusion's autoencoder,
            of which ``codec_width`` is half the first width; ``"shuffle"``: that of the small base model at its
            outermost, pixels of a cell as channels and back, joined as the fused one; what comes out is added to the
            upsampled image; ``"local"``: the same in local units, less what repeats from cell to cell.
        deviation: a head beside the image for the logarithm of each pixel's variance (ours).
        compat: hold the parameters too that the released model stores and never runs.
    """

    channels: tuple[int, ...] = (320, 640, 1280)
    groups: int = 32
    queries: int = 32
    squeeze: int = 64
    image: int = 3
    codec_width: int = 64
    codec_blocks: tuple[int, ...] = (1, 3, 3, 3)
    first: Literal["fsc", "conv"] = "fsc"
    second: Literal["dsc", "conv"] = "dsc"
    attention: Literal["qgam", "self", "none"] = "qgam"
    hidden: int = 4
    sees: Literal["image", "cell"] = "image"
    codec: Literal["fused", "taesd", "kl", "shuffle", "local"] = "fused"
    deviation: bool = False
    compat: bool = False

    def __post_init__(self) -> None:
        counts = (*self.channels, *self.codec_blocks, self.groups, self.queries, self.squeeze, self.image, self.hidden)
        if not all(type(count) is int and count > 0 for count in (*counts, self.codec_width)):
            raise ValueError("every width is a positive whole number")
        if len(self.channels) != _LEVELS or len(self.codec_blocks) < 2:
            raise ValueError(f"the UNet has {_LEVELS} levels and the codec at least two")
        if any(width % self.groups or width % 8 for width in self.channels):
            raise ValueError(f"the channels of every level are multiples of 8 and of the {self.groups} groups")
        if self.codec == "kl" and (len(self.codec_blocks) != 4 or 2 * self.codec_width % self.groups):
            raise ValueError("Stable Diffusion's autoencoder has four levels, and twice its width is whole in groups")
        choices: dict[str, tuple[object, ...]] = {
            "first": ("fsc", "conv"),
            "second": ("dsc", "conv"),
            "attention": ("qgam", "self", "none"),
            "sees": ("image", "cell"),
            "codec": ("fused", "taesd", "kl", "shuffle", "local"),
            "deviation": (False, True),
            "compat": (False, True),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is one of {', '.join(map(str, allowed))}, not {getattr(self, name)!r}")
        if self.sees == "cell" and self.attention != "none":
            raise ValueError("attention sees the whole image: a network that sees cells has none")

    @property
    def factor(self) -> int:
        """Image px per cell of the UNet's first level."""
        return int(2 ** (len(self.codec_blocks) - 1))

    @property
    def cells(self) -> int:
        """Channels that the codec hands to the UNet."""
        if self.adds:
            return self.image * self.factor**2
        return self.codec_width if self.codec == "fused" else LATENT

    @property
    def entering(self) -> int:
        """Channels that the codec hands to the UNet, which gives back ``cells``."""
        return self.cells + (self.image if self.codec == "local" else 0)

    @property
    def joined(self) -> bool:
        """Whether one convolution on either side joins codec and UNet, instead of four latent channels."""
        return self.codec == "fused" or self.adds

    @property
    def adds(self) -> bool:
        """Whether what comes out is added to the upsampled image."""
        return self.codec in ("shuffle", "local")

    @property
    def stride(self) -> int:
        """Image px per cell of the UNet's coarsest level."""
        return 2 * self.factor

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From a card, where a tuple is a list.

        Raises:
            TypeError, ValueError: a value is unknown or does not fit.
        """
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)
