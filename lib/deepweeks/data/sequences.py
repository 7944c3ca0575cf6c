"""Sequences with a known answer, from week 7."""

from __future__ import annotations

import torch


def adding(n: int, length: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """The adding problem: sum the two marked numbers of a sequence.

    Args:
        n: Sequences N.
        length: Steps T, at least 2.
        generator: Decides everything.

    Returns:
        Inputs (N, T, 2), a uniform number from 0 to 1 and a marker at each step, one marker in each half; and the
        sums (N,). Answering the mean, 1, has a mean squared error of 1/6.

    Raises:
        ValueError: The length is below 2.

    Source: Hochreiter and Schmidhuber (1997), experiment 4, with numbers from 0 to 1.
    """
    if length < 2:
        raise ValueError(f"the adding problem needs a length of at least 2, got {length}")
    values, marks = torch.rand(n, length, generator=generator), torch.zeros(n, length)
    first = torch.randint(length // 2, (n,), generator=generator)
    second = torch.randint(length // 2, length, (n,), generator=generator)
    marks[torch.arange(n), first] = 1
    marks[torch.arange(n), second] = 1
    return torch.stack([values, marks], 2), (values * marks).sum(1)


def colours() -> tuple[list[str], torch.Tensor]:
    """Colours and the names that people give them: the 949 most frequent of XKCD's survey, as matplotlib ships them.

    Returns:
        The names, such as ``"light sea green"``, and red, green and blue from 0 to 1 (949, 3).
    """
    from matplotlib.colors import XKCD_COLORS, to_rgb

    return [name.removeprefix("xkcd:") for name in XKCD_COLORS], torch.tensor([to_rgb(c) for c in XKCD_COLORS.values()])
