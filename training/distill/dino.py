"""The vision transformer of DINO (Caron et al., ICCV 2021), whose state dict has the keys of the published files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from ...engine.quality.perceptual.weights import checked, read_tensors


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of the network; the defaults are those of ViT-S/16, and ``patch=8`` makes it ViT-S/8.

    Attributes:
        patch: px of a token along either axis.
        width: channels of a token.
        depth: blocks.
        heads: of the attention.
        side: tokens along either axis of the table of positions, of images of 224 px where published.
    """

    patch: int = 16
    width: int = 384
    depth: int = 12
    heads: int = 6
    side: int = 14


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, tokens, width = x.shape
        parts = self.qkv(x).reshape(count, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(0))
        out: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(count, tokens, width))
        return out


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = _Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _Mlp(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        out: torch.Tensor = x + self.mlp(self.norm2(x))
        return out


class _PatchEmbed(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, shape.width, shape.patch, stride=shape.patch)


class Dino(nn.Module):
    """A vision transformer with one class token and learned positions, resized to the image."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + shape.side**2, shape.width))
        self.patch_embed = _PatchEmbed(shape)
        self.blocks = nn.ModuleList(_Block(shape.width, shape.heads) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.width, eps=1e-6)

    def forward(self, images: torch.Tensor, after: tuple[int, ...]) -> list[torch.Tensor]:
        """Maps (N, width, h, w) of the patch tokens, normed, after some blocks.

        Args:
            images: (N, 3, H, W), normalised as in training; H and W multiples of the patch.
            after: numbers of the blocks, from 0, ascending.
        """
        cells = self.patch_embed.proj(images)
        tokens = torch.cat((self.cls_token.expand(len(cells), -1, -1), cells.flatten(2).transpose(1, 2)), dim=1)
        tokens = tokens + self.positions(cells.shape[-2], cells.shape[-1])
        maps = []
        for number, block in enumerate(self.blocks[: after[-1] + 1]):
            tokens = block(tokens)
            if number in after:
                maps.append(self.norm(tokens)[:, 1:].transpose(1, 2).reshape(cells.shape))
        return maps

    def positions(self, height: int, width: int) -> torch.Tensor:
        """Positions (1, 1 + height x width, channels) of a grid of tokens, bicubic between those that were learned."""
        side = self.shape.side
        if (height, width) == (side, side):
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        resized = F.interpolate(grid, size=(height, width), mode="bicubic", align_corners=False)
        return torch.cat((self.pos_embed[:, :1], resized.flatten(2).transpose(1, 2)), dim=1)


def load_dino(path: Path, shape: Shape) -> Dino:
    """The frozen network with the weights of a file (the backbone alone, as DINO publishes it).

    Raises:
        ModelError: keys or shapes are not the network's.
    """
    network = Dino(shape)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(checked(read_tensors(path), shapes, where=path))
    return network.eval().requires_grad_(False)
