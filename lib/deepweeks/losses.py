"""Losses that PyTorch has not ready-made: learned representations (week 8), tokens (week 9), GANs (week 12)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn


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


# Of each kind, the terms of a real and of a fake score in D's loss, and of a fake one in G's.
GAN_LOSSES: dict[str, tuple[Callable, Callable, Callable]] = {
    "minimax": (lambda s: F.softplus(-s), F.softplus, lambda s: -F.softplus(s)),
    "nonsaturating": (lambda s: F.softplus(-s), F.softplus, lambda s: F.softplus(-s)),
    "lsgan": (lambda s: (s - 1).square(), torch.square, lambda s: (s - 1).square()),
    "wgan": (torch.neg, lambda s: s, torch.neg),
    "hinge": (lambda s: F.relu(1 - s), lambda s: F.relu(1 + s), torch.neg),
}


def gan_loss(kind: str) -> tuple[Callable, Callable]:
    """The two losses of an adversarial game, both to be minimised.

    Args:
        kind: "minimax", "nonsaturating", "lsgan", "wgan" or "hinge".

    Returns:
        ``d_loss(real, fake)`` and ``g_loss(fake)``. Both take the discriminator's outputs before any sigmoid, of any
        shape, and return scalars; ``d_loss`` is the mean over the real plus the mean over the fake ones.

    Raises:
        ValueError: Another kind; the message lists them.

    Source: Goodfellow et al. (2014); Mao et al. (2017); Arjovsky, Chintala and Bottou (2017); Lim and Ye (2017).
    """
    if kind not in GAN_LOSSES:
        raise ValueError(f"no GAN loss {kind!r}; there are {', '.join(GAN_LOSSES)}")
    on_real, on_fake, for_generator = GAN_LOSSES[kind]
    return (
        lambda real, fake: on_real(real).mean() + on_fake(fake).mean(),
        lambda fake: for_generator(fake).mean(),
    )


def gradient_penalty(
    critic: nn.Module,
    real: torch.Tensor,
    fake: torch.Tensor | None = None,
    *,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """How steep a critic is at its inputs, through which gradients pass to its weights.

    Args:
        critic: Maps a batch (N, ...) to N scores.
        real: Data (N, ...).
        fake: Generated data of the same shape; None for the penalty at the real data alone.
        generator: Draws the places between real and fake.

    Returns:
        With ``fake``, WGAN-GP's mean of (n - 1)^2 at random points between each pair, n being the norm of the
        gradient; without, R1's mean of n^2 at the real data. Neither is weighted.

    Raises:
        ValueError: With ``fake``, a critic that holds batch normalisation, since the gradient of one score with
            respect to its own input is then not the whole of it; or shapes that differ.

    Source: Gulrajani et al. (2017), equation 3; Mescheder, Geiger and Nowozin (2018).
    """
    points = real.detach()
    if fake is not None:
        if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in critic.modules()):
            raise ValueError("the critic holds batch normalisation, which mixes the examples; use none or layer norm")
        if real.shape != fake.shape:
            raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} must have the same shape")
        share = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator, dtype=real.dtype)
        points = torch.lerp(points, fake.detach(), share.to(real.device))
    points = points.requires_grad_(True)
    slope = torch.autograd.grad(critic(points).sum(), points, create_graph=True)[0].flatten(1)
    return slope.square().sum(1).mean() if fake is None else (slope.norm(dim=1) - 1).square().mean()
