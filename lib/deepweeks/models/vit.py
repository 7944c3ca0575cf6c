"""The vision transformer, from week 10: a picture as a sentence of patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .attention import TransformerEncoder


class VisionTransformer(nn.Module):
    """Patches, a class token and learned positions through a transformer encoder that normalises first.

    Args:
        image: Height and width of the pictures.
        patch: Height and width of a patch; divides ``image``.
        channels: C.
        width: Numbers per token d.
        heads: Number of attention heads.
        layers: Number of blocks.
        feedforward: Hidden width of a block's MLP; 4 d by default.
        classes: K.
        pool: What the head reads: ``"cls"``, the class token, or ``"mean"`` of the patches.
        dropout: As in :class:`~deepweeks.models.attention.TransformerBlock`.

    Shapes: input (N, C, image, image), output logits (N, K).

    Raises:
        ValueError: The patches do not tile the picture, or an unknown ``pool``.

    Source: Dosovitskiy et al. (2021).
    """

    def __init__(
        self,
        *,
        image: int = 28,
        patch: int = 7,
        channels: int = 1,
        width: int = 64,
        heads: int = 4,
        layers: int = 4,
        feedforward: int | None = None,
        classes: int = 10,
        pool: str = "cls",
        dropout: float = 0.0,
    ):
        super().__init__()
        if image % patch:
            raise ValueError(f"patches of {patch} pixels do not tile a picture of {image}; choose a divisor of {image}")
        if pool not in ("cls", "mean"):
            raise ValueError(f"unknown pool {pool!r}; valid: cls, mean")
        self.pool = pool
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + (image // patch) ** 2, width))
        self.encoder = TransformerEncoder(
            width, heads, layers, feedforward=feedforward, dropout=dropout, activation=F.gelu
        )
        self.head = nn.Linear(width, classes)

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to tokens (N, 1 + P, d): the class token, then the patches row by row; positions are added."""
        patches = self.patches(x).flatten(2).mT
        return torch.cat([self.cls.expand(len(x), -1, -1), patches], 1) + self.positions

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (N, n, d), the class token first, to one feature vector for each picture (N, d)."""
        z = self.encoder(tokens)
        return z[:, 0] if self.pool == "cls" else z[:, 1:].mean(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K)."""
        return self.head(self.read(self.tokens(x)))
