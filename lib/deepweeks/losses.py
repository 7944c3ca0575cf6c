"""Losses that PyTorch has not ready-made: learned representations from week 8, sequences of tokens from week 9."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def skipgram_loss(centre: torch.Tensor, context: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Skip-gram with negative sampling: tell the word that stood there from words drawn at random.

    Args:
        centre: Vectors of the centre words (N, D).
        context: Output vectors of the words seen near them (N, D).
        negatives: Output vectors of K words drawn for each (N, K, D).

    Returns:
        The mean over N of -log sigmoid(centre . context) - sum over K of log sigmoid(-centre . negative).

    Source: Mikolov et al. (2013), equation 4.
    """
    seen = (centre * context).sum(1)
    drawn = (centre[:, None] * negatives).sum(2)
    return (F.softplus(-seen) + F.softplus(drawn).sum(1)).mean()


def triplet_loss(
    anchor: torch.Tensor,
    positive: torch.Tensor,
    negative: torch.Tensor,
    *,
    margin: float = 0.2,
    squared: bool = True,
) -> torch.Tensor:
    """The anchor should be nearer to the positive than to the negative, by a margin.

    Args:
        anchor: Embeddings (N, D).
        positive: Embeddings of the same classes (N, D).
        negative: Embeddings of other classes (N, D).
        margin: In the unit of the distance.
        squared: Squared distances, as in FaceNet; False for plain ones, as in ``nn.TripletMarginLoss``.

    Returns:
        The mean of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    Source: Schroff, Kalenichenko and Philbin (2015).
    """
    near, far = ((anchor - other).square().sum(1) for other in (positive, negative))
    if not squared:
        near, far = ((d + 1e-12).sqrt() for d in (near, far))  # a slope exists at distance 0 too
    return (near - far + margin).clamp(min=0).mean()


def contrastive_loss(a: torch.Tensor, b: torch.Tensor, same: torch.Tensor, *, margin: float = 1.0) -> torch.Tensor:
    """Pull pairs of one class together, push other pairs apart up to a margin.

    Args:
        a: Embeddings (N, D).
        b: Embeddings (N, D).
        same: Whether a pair is of one class (N,), 1 or 0.
        margin: Distance beyond which a pair of different classes costs nothing.

    Returns:
        The mean of same * d^2 + (1 - same) * max(0, margin - d)^2.

    Source: Hadsell, Chopra and LeCun (2006), without its factor 1/2.
    """
    square = (a - b).square().sum(1)
    short = (margin - (square + 1e-12).sqrt()).clamp(min=0)
    same = same.to(square.dtype)
    return (same * square + (1 - same) * short.square()).mean()


def token_loss(logits: torch.Tensor, targets: torch.Tensor, *, pad: int = 0) -> torch.Tensor:
    """Mean cross-entropy per token.

    Args:
        logits: Scores (N, T, V).
        targets: Token ids (N, T).
        pad: Id that is not counted.

    Returns:
        A scalar, in nats per token.
    """
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=pad)
