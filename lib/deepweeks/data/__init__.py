"""Data of the notebooks: real where they can be had, made by code everywhere, and they say which they are.

``images`` is what notebooks use; ``glyphs`` and ``shapes`` draw the embedded images, ``source`` finds the real ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

CHUNK = 500  # images drawn at a time; part of what a seed means


def draw(paint: Callable, count: int, classes: int, *, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of every class in equal numbers, in random order; a shorter draw is a prefix of a longer one.

    Args:
        paint: Called as ``paint(labels, generator)`` with labels (500,); returns their images (500, C, H, W).
        count: Number of images N, at least 1.
        classes: Number of classes K. Each run of 500 images holds every class equally often, within one.
        seed: Seed of the generator that decides everything.

    Returns:
        The images (N, C, H, W) and their labels (N,), int64.
    """
    generator, x, y = torch.Generator().manual_seed(seed), [], []
    threads = torch.get_num_threads()
    # Many small operations gain nothing from more threads, and lose much on a busy machine.
    torch.set_num_threads(1)
    try:
        for start in range(0, count, CHUNK):
            y.append((start + torch.randperm(CHUNK, generator=generator)) % classes)
            x.append(paint(y[-1], generator))
    finally:
        torch.set_num_threads(threads)
    return torch.cat(x)[:count], torch.cat(y)[:count]
