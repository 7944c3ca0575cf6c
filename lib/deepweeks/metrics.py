"""Measures of quality: what a loss is minimised for. Accuracy is from week 1, those of translations from week 9.

Those of generated pictures are from week 13. They compare features, such as the last hidden layer of a classifier,
of real and of generated pictures: tensors of shape (N, d) and (M, d).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

from .data.sequences import EOS, PAD


def accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of examples whose largest logit is at the target.

    Args:
        logits: Scores of shape (N, K).
        targets: Class indices of shape (N,).

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: The shapes do not belong together.
    """
    _check(logits, targets)
    return (logits.argmax(1) == targets).float().mean().item()


def confusion(logits: torch.Tensor, targets: torch.Tensor, classes: int) -> torch.Tensor:
    """Count how often each class is taken for each other one.

    Args:
        logits: Scores of shape (N, K).
        targets: Class indices of shape (N,).
        classes: K.

    Returns:
        Integer counts of shape (K, K): row = true class, column = predicted class.

    Raises:
        ValueError: The shapes do not belong together.
    """
    _check(logits, targets)
    pairs = targets * classes + logits.argmax(1)
    return torch.bincount(pairs.cpu(), minlength=classes**2).view(classes, classes)


def exact_match(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """Share of sequences that are right to the last token.

    Args:
        outputs: Token ids said (N, T), each row up to its end token.
        targets: True token ids (N, U) without the beginning, padded after the end token.

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: The two hold different numbers of sequences.
    """
    if len(outputs) != len(targets):
        raise ValueError(f"{len(outputs)} outputs and {len(targets)} targets: they must be equal in number")
    right = [_sentence(a) == _sentence(b) for a, b in zip(outputs.tolist(), targets.tolist(), strict=True)]
    return sum(right) / len(right)


def _sentence(ids):
    ids = [i for i in ids if i != PAD]
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus with one reference each: the geometric mean of the precisions of 1 to 4 words in a row, times
    a penalty for saying too little. Words are what stands between spaces.

    Args:
        hypotheses: Sentences to judge.
        references: What they should say, in the same order.

    Returns:
        A number from 0 to 100; 0 if some length has no match at all.

    Raises:
        ValueError: The two differ in number.

    Source: Papineni et al. (2002).
    """
    pairs = [(a.split(), b.split()) for a, b in zip(hypotheses, references, strict=True)]
    said, wanted = (sum(len(pair[i]) for pair in pairs) for i in (0, 1))
    logs = 0.0
    for n in range(1, 5):
        counts = [[Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in pair] for pair in pairs]
        matches = sum((a & b).total() for a, b in counts)
        if matches == 0:
            return 0.0
        logs += math.log(matches / sum(a.total() for a, _ in counts)) / 4
    return 100 * math.exp(logs + min(0.0, 1 - wanted / said))


def inception_score(probabilities: torch.Tensor) -> float:
    """exp of the mean divergence of each picture's class probabilities from their average.

    Args:
        probabilities: Of each picture (N, K), rows that sum to 1.

    Returns:
        A number from 1 to K. The real data play no part in it.

    Source: Salimans et al. (2016).
    """
    p = probabilities.double()
    return (torch.special.entr(p.mean(0)).sum() - torch.special.entr(p).sum(1).mean()).exp().item()


def frechet_distance(mu1: torch.Tensor, cov1: torch.Tensor, mu2: torch.Tensor, cov2: torch.Tensor) -> float:
    """Squared Wasserstein-2 distance of two Gaussians: the squared distance of the means, and
    trace(cov1 + cov2 - 2 (cov1 cov2)^(1/2)).

    Args:
        mu1: Mean (d,).
        cov1: Covariance (d, d); it may be singular.
        mu2: Mean (d,).
        cov2: Covariance (d, d).

    Returns:
        A number of at least 0, up to rounding, in squared units of the features.

    Source: Dowson and Landau (1982); Heusel et al. (2017).
    """
    mu1, cov1, mu2, cov2 = (t.double() for t in (mu1, cov1, mu2, cov2))
    values, vectors = torch.linalg.eigh(cov1)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    shared = torch.linalg.eigvalsh(root @ cov2 @ root).clamp(min=0).sqrt().sum()  # trace of (cov1 cov2)^(1/2)
    return ((mu1 - mu2).square().sum() + cov1.trace() + cov2.trace() - 2 * shared).item()


def frechet_from_features(real: torch.Tensor, fake: torch.Tensor) -> float:
    """The Frechet distance of the Gaussians fitted to two sets of features. It is biased upwards, the more so the
    fewer they are. Source: Heusel et al. (2017)."""
    real, fake = _features(real, fake)
    return frechet_distance(real.mean(0), torch.cov(real.T), fake.mean(0), torch.cov(fake.T))


def kernel_distance(real: torch.Tensor, fake: torch.Tensor) -> float:
    """Squared maximum mean discrepancy with the kernel (x . y / d + 1)^3, estimated without bias, so that it can be
    below 0. Source: Binkowski et al. (2018)."""
    real, fake = _features(real, fake)
    d, (n, m) = real.shape[1], (len(real), len(fake))
    inside = [((x @ x.T / d + 1) ** 3).fill_diagonal_(0).sum() / (k * (k - 1)) for x, k in ((real, n), (fake, m))]
    return (inside[0] + inside[1] - 2 * ((real @ fake.T / d + 1) ** 3).mean()).item()


def precision_recall(real: torch.Tensor, fake: torch.Tensor, *, k: int = 3) -> tuple[float, float]:
    """Share of fakes inside a ball around some real point, and of real points inside a ball around some fake one.
    A ball reaches to the k-th nearest neighbour of its own kind. Source: Kynkaanniemi et al. (2019)."""
    real, fake = _features(real, fake)
    between = torch.cdist(real, fake)
    inside_real, inside_fake = between <= _radii(real, k)[:, None], between <= _radii(fake, k)
    return inside_real.any(0).double().mean().item(), inside_fake.any(1).double().mean().item()


def density_coverage(real: torch.Tensor, fake: torch.Tensor, *, k: int = 5) -> tuple[float, float]:
    """How many real balls a fake lies in, over k (1 is expected of real data, and more is possible), and the share of
    real balls that hold a fake. Source: Naeem et al. (2020)."""
    real, fake = _features(real, fake)
    inside = torch.cdist(real, fake) <= _radii(real, k)[:, None]
    return inside.double().sum(0).mean().item() / k, inside.any(1).double().mean().item()


def coverage_distance(real: torch.Tensor, fake: torch.Tensor) -> float:
    """Mean distance from a real point to the nearest fake one. It falls with the number of fakes, and a copy of the
    real data scores 0."""
    return torch.cdist(*_features(real, fake)).amin(1).mean().item()


def anomaly_score(real: torch.Tensor, fake: torch.Tensor, *, q: float = 0.9, k: int = 1) -> float:
    """Share of fakes farther from their nearest real point than the quantile q of the distances from real points to
    their k-th nearest real neighbour. With k = 1 about 1 - q is expected of fresh real data."""
    real, fake = _features(real, fake)
    threshold = _radii(real, k).quantile(q)
    return (torch.cdist(fake, real).amin(1) > threshold).double().mean().item()


@torch.no_grad()
def path_length(
    generator: Callable,
    features: Callable,
    *,
    latent: int,
    samples: int = 1000,
    eps: float = 1e-2,
    seed: int = 0,
) -> float:
    """Perceptual path length: how far features move, in squares, per squared step along great circles between codes.

    Args:
        generator: Maps codes (N, latent) from N(0, 1) to pictures; in evaluation mode, if it has modes.
        features: Maps pictures to (N, d).
        latent: Size of a code.
        samples: Pairs of codes.
        eps: Step, as a share of the path. Below about 1e-3 single precision shows in the result.
        seed: Decides the codes and the places on the paths.

    Returns:
        A number of at least 0; a generator that draws one picture only has 0.

    Source: Karras, Laine and Aila (2019).
    """
    g = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, samples, latent, generator=g)
    t = torch.rand(samples, 1, generator=g)
    angle = F.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos()[:, None]
    ends = [((1 - s) * angle).sin() * a + (s * angle).sin() * b for s in (t, t + eps)]
    first, second = (features(generator(end / angle.sin())).double() for end in ends)
    return ((first - second).square().sum(1).mean() / eps**2).item()


def _features(real, fake):
    if real.ndim != 2 or fake.ndim != 2 or real.shape[1] != fake.shape[1]:
        raise ValueError(f"features have shapes (N, d) and (M, d); got {tuple(real.shape)} and {tuple(fake.shape)}")
    return real.double(), fake.double()


def _radii(points, k):
    """Distance of each point to its k-th nearest other one."""
    if not 1 <= k < len(points):
        raise ValueError(f"k must be from 1 to {len(points) - 1} with {len(points)} points, got {k}")
    return torch.cdist(points, points).kthvalue(k + 1, dim=1).values


def _check(logits, targets):
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must have shape (N, K) and targets (N,); got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
