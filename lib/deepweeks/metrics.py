"""Measures of quality: what a loss is minimised for. Accuracy enters in week 1."""

from __future__ import annotations

import torch


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


def _check(logits, targets):
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must have shape (N, K) and targets (N,); got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
