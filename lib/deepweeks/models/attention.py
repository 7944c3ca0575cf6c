"""Attention and the blocks of a transformer, from week 9. A mask is boolean, True where a query may look."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from .mlp import evaluating


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot-product attention: softmax(q kᵀ / √d) v.

    Args:
        q: Queries (..., T, d).
        k: Keys (..., S, d).
        v: Values (..., S, e).
        mask: Boolean, broadcastable to (..., T, S). A query that may look nowhere gets NaN.

    Returns:
        The weighted means of the values (..., T, e), and the weights (..., T, S).

    Source: Vaswani et al. (2017), equation 1.
    """
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights


def causal_mask(length: int, device: torch.device | None = None) -> torch.Tensor:
    """(T, T), True on and below the diagonal: position t looks at positions 0 to t."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def padding_mask(ids: torch.Tensor, pad: int = 0) -> torch.Tensor:
    """(N, 1, 1, S) for token ids (N, S), True at real tokens: nobody looks at padding."""
    return (ids != pad)[:, None, None]


def sinusoidal(length: int, width: int) -> torch.Tensor:
    """Positions as sines and cosines of wavelengths from 2π to 20,000π, side by side in pairs.

    Args:
        length: Number of positions T.
        width: Numbers per position d, even.

    Returns:
        Codes (T, d): sine in the even columns, cosine in the odd ones.

    Raises:
        ValueError: The width is odd.

    Source: Vaswani et al. (2017), section 3.5.
    """
    if width % 2:
        raise ValueError(f"sines and cosines come in pairs: the width must be even, got {width}")
    rates = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(length)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)


class MultiHeadAttention(nn.Module):
    """Attention in several subspaces at once. A state dict of ``nn.MultiheadAttention`` can be loaded into it.

    Args:
        width: Numbers per token d.
        heads: Number of heads h; each has d / h numbers.

    Attributes:
        weights: Those of the last call (N, h, T, S), without gradient.

    Raises:
        ValueError: The width is no multiple of the heads.

    Source: Vaswani et al. (2017), section 3.2.2.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"the width must be a multiple of the heads, got {width} and {heads}")
        self.heads, self.weights = heads, None
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.register_load_state_dict_pre_hook(_from_torch)

    def forward(
        self, x: torch.Tensor, context: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tokens (N, T, d) look at a context (N, S, d), by default at each other; mask as in :func:`attend`."""
        context = x if context is None else context
        q, k, v = (
            project(z).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, z in ((self.query, x), (self.key, context), (self.value, context))
        )
        mixed, weights = attend(q, k, v, mask)
        self.weights = weights.detach()
        return self.out(mixed.transpose(1, 2).flatten(2))


def _from_torch(module, state, prefix, *_):
    """PyTorch stacks query, key and value in one matrix and calls the last one out_proj."""
    for kind in ("weight", "bias"):
        stacked = state.pop(f"{prefix}in_proj_{kind}", None)
        if stacked is not None:
            for name, part in zip(("query", "key", "value"), stacked.chunk(3), strict=True):
                state[f"{prefix}{name}.{kind}"] = part
            state[f"{prefix}out.{kind}"] = state.pop(f"{prefix}out_proj.{kind}")


@evaluating
def attention_maps(model: nn.Module, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """The attention weights a model uses for an input, in evaluation mode; its mode is put back afterwards.

    Args:
        model: Any model with :class:`MultiHeadAttention` inside.
        inputs: What the model is called with.

    Returns:
        One tensor (N, heads, T, S) per attention layer, in the order of the model's modules.
    """
    model(*inputs)
    return [m.weights for m in model.modules() if isinstance(m, MultiHeadAttention)]


class TransformerBlock(nn.Module):
    """Self-attention, with ``cross`` attention to a context, and a small MLP, each with a residual and a layer norm.

    State dicts of ``nn.TransformerEncoderLayer`` and, with ``cross``, ``nn.TransformerDecoderLayer`` can be loaded.

    Args:
        width: Numbers per token d.
        heads: Number of heads.
        feedforward: Hidden width of the MLP; 4 d by default.
        cross: Whether there is attention to a context.
        dropout: Probability of dropping a number that a sub-layer adds.
        norm_first: Normalise the input of each sub-layer; False normalises each sum, as in 2017.
        activation: Of the MLP.

    Source: Vaswani et al. (2017); Xiong et al. (2020) for ``norm_first``.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        feedforward: int | None = None,
        cross: bool = False,
        dropout: float = 0.0,
        norm_first: bool = True,
        activation: Callable = F.relu,
    ):
        super().__init__()
        feedforward = feedforward or 4 * width
        self.self_attn = MultiHeadAttention(width, heads)
        if cross:
            self.multihead_attn = MultiHeadAttention(width, heads)
        self.linear1, self.linear2 = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        for i in range(1, 4 if cross else 3):
            self.add_module(f"norm{i}", nn.LayerNorm(width))
        self.dropout, self.norm_first, self.activation, self.cross = nn.Dropout(dropout), norm_first, activation, cross

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor | None = None,
        context: torch.Tensor | None = None,
        context_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Tokens (N, T, d), and with ``cross`` a context (N, S, d), to tokens (N, T, d)."""
        x = self._add(x, self.norm1, lambda z: self.self_attn(z, mask=mask))
        if self.cross:
            x = self._add(x, self.norm2, lambda z: self.multihead_attn(z, context, context_mask))
        return self._add(x, self.norm3 if self.cross else self.norm2, self.mlp)

    def mlp(self, x: torch.Tensor) -> torch.Tensor:
        """The MLP alone, the same for each token."""
        return self.linear2(self.activation(self.linear1(x)))

    def _add(self, x, norm, sublayer):
        if self.norm_first:
            return x + self.dropout(sublayer(norm(x)))
        return norm(x + self.dropout(sublayer(x)))


class TransformerEncoder(nn.Module):
    """Blocks on top of each other, and a last layer norm if the blocks normalise first.

    Args:
        width: Numbers per token d.
        heads: Number of heads.
        layers: Number of blocks.
        options: Those of :class:`TransformerBlock`.
    """

    def __init__(self, width: int, heads: int, layers: int, **options):
        super().__init__()
        self.layers = nn.ModuleList(TransformerBlock(width, heads, **options) for _ in range(layers))
        self.norm = nn.LayerNorm(width) if options.get("norm_first", True) else nn.Identity()

    def forward(
        self,
        x: torch.Tensor,
        mask: torch.Tensor | None = None,
        context: torch.Tensor | None = None,
        context_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Tokens (N, T, d) to tokens (N, T, d)."""
        for block in self.layers:
            x = block(x, mask, context, context_mask)
        return self.norm(x)
