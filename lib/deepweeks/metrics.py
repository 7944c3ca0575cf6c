"""Measures of quality: what a loss is minimised for. Accuracy enters in week 1, those of translations in week 9."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import torch

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


def _check(logits, targets):
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must have shape (N, K) and targets (N,); got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
