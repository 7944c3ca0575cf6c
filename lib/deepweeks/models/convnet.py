"""The convolutional networks of week 3."""

from __future__ import annotations

from torch import nn

from .mlp import Chain


class LeNet(Chain):
    """LeNet-5 with today's parts: ReLU instead of scaled tanh, max-pooling, a plain linear output.

    Two blocks of convolution, ReLU and 2x2 max-pooling (6 and 16 filters of 5x5), then three linear layers of
    120, 84 and ``classes``. With ten classes it has 61,706 parameters.

    Args:
        classes: Number of classes K.

    Shapes: input (N, 1, 28, 28), output (N, K). Source: LeCun, Bottou, Bengio and Haffner (1998).
    """

    def __init__(self, classes: int = 10):
        super().__init__(
            nn.Conv2d(1, 6, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )
