"""The transformer: velocity of the image's latent from its noisy latent and those of LR and of the reference."""

from __future__ import annotations

import torch
from torch import nn

from ...engine.errors import ModelError
from .config import Config
from .layers import FinalLayer, JointBlock, PatchEmbed, SiameseBlock, Sight, Streams, TimeEmbedding, as_map, as_tokens


class DsDit(nn.Module):
    """The decoupled siamese transformer of DS-DiT (arXiv 2605.17980), or its baseline M3-DiT."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.x_embedder = PatchEmbed(config.latent, config)
        self.lr_embedder = PatchEmbed(config.low, config)
        self.ref_embedder = PatchEmbed(config.reference, config)
        self.t_embedder = TimeEmbedding(config)
        if config.table:
            self.register_buffer("pos_embed", torch.zeros(1, config.table**2, config.width))
            self.pos_embed: torch.Tensor
        blocks = (
            SiameseBlock(config) if config.kind == "siamese" else JointBlock(config, last=i == config.depth - 1)
            for i in range(config.depth)
        )
        self.joint_blocks = nn.ModuleList(blocks)
        self.final_layer = FinalLayer(config)

    def forward(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        low: torch.Tensor,
        reference: torch.Tensor,
        ref_scale: float = 1.0,
    ) -> torch.Tensor:
        """Velocity, noise less data.

        Args:
            x: noisy latent, (N, latent, h, w); sides are multiples of the patch.
            time: (N,), 1000 times sigma.
            low: latent of LR at the size of the result, (N, low, h, w); reference: likewise.
            ref_scale: share of what the image reads of the reference; 0 for the weak pass of the guidance.

        Returns:
            (N, latent, h, w).

        Raises:
            ModelError: the latent is larger than the table of positions.
        """
        return self.with_streams(x, time, low, reference, ref_scale)[0]

    def with_streams(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        low: torch.Tensor,
        reference: torch.Tensor,
        ref_scale: float = 1.0,
    ) -> tuple[torch.Tensor, list[Streams]]:
        """As ``forward``, with the tokens after every block."""
        height, width = (side // self.config.patch for side in x.shape[-2:])
        streams = Streams(*(part + self._positions(height, width) for part in self.embedded(x, low, reference)))
        embedding = self.t_embedder(time)
        passed = []
        for i, block in enumerate(self.joint_blocks):
            sight = Sight(height, width, self.config.heads, self.config.window, moved=i % 2 == 1)
            streams = block(streams, embedding, sight, ref_scale)
            passed.append(streams)
        return self._cells(self.final_layer(streams.x, embedding), height, width), passed

    def embedded(self, x: torch.Tensor, low: torch.Tensor, reference: torch.Tensor) -> Streams:
        """Tokens without their positions."""
        return Streams(self.x_embedder(x), self.lr_embedder(low), self.ref_embedder(reference))

    def _positions(self, height: int, width: int) -> torch.Tensor | float:
        """Those of an image in the middle of the table, (1, T, width)."""
        side = self.config.table
        if not side:
            return 0.0
        if height > side or width > side:
            raise ModelError(
                f"{height} x {width} tokens do not fit the table of {side} x {side} positions",
                where="ds_dit",
                fix="use smaller tiles",
            )
        top, left = (side - height) // 2, (side - width) // 2
        table = as_map(self.pos_embed, side, side)
        return as_tokens(table[..., top : top + height, left : left + width])

    def _cells(self, tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
        patch, latent = self.config.patch, self.config.latent
        maps = as_map(tokens, height, width).reshape(len(tokens), patch, patch, latent, height, width)
        # (N, rows, columns of a patch, channels, h, w) to (N, channels, h, rows, w, columns).
        return maps.permute(0, 3, 4, 1, 5, 2).reshape(len(tokens), latent, height * patch, width * patch)
