"""The multilayer perceptron of week 2."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import torch
from torch import nn


def evaluating(function: Callable) -> Callable:
    """Decorate ``function(model, ...)``: it runs in evaluation mode and without gradients; both are undone."""

    @functools.wraps(function)
    def wrapped(model, *args, **options):
        mode = model.training
        model.eval()
        try:
            with torch.no_grad():
                return function(model, *args, **options)
        finally:
            model.train(mode)

    return wrapped


class Chain(nn.Sequential):
    """Modules one after another; a slice of them is a plain :class:`torch.nn.Sequential`."""

    def __getitem__(self, index):
        return nn.Sequential(*list(self)[index]) if isinstance(index, slice) else super().__getitem__(index)


class MLP(Chain):
    """Fully connected layers with an activation between them; inputs are flattened.

    Args:
        sizes: Widths from the input to the output, such as ``[784, 256, 10]``.
        activation: Makes the module between two layers; ``nn.Identity`` gives a deep linear map.

    Raises:
        ValueError: Fewer than two sizes.

    Shapes: input (N, ...) with ``sizes[0]`` numbers per example, output (N, ``sizes[-1]``).
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU):
        if len(sizes) < 2:
            raise ValueError(f"an MLP needs at least an input and an output size, got {list(sizes)}")
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), activation()]
        super().__init__(*layers[:-1])
