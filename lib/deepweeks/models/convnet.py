"""Plain convolutional networks: LeNet from week 3, VGG from week 6."""

from __future__ import annotations

import torch
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


class VGG(nn.Module):
    """Five groups of 3x3 convolutions, each ended by a 2x2 max-pooling, then three linear layers with dropout.

    Names and shapes of the parameters are torchvision's, so its weights load. ``VGG(16)`` has 138,357,544 of them.

    Args:
        depth: Weight layers: 11, 13, 16 or 19.
        classes: Number of classes K.
        channels: Channels of the input.
        batch_norm: Normalise after each convolution.

    Raises:
        ValueError: Another depth.

    Shapes: input (N, channels, H, W) with H and W at least 32, output (N, K). Source: Simonyan and Zisserman (2015).
    """

    GROUPS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
    WIDTHS = (64, 128, 256, 512, 512)

    def __init__(self, depth: int = 16, *, classes: int = 1000, channels: int = 3, batch_norm: bool = False):
        super().__init__()
        if depth not in self.GROUPS:
            raise ValueError(f"VGG has a depth of {', '.join(map(str, self.GROUPS))}; got {depth}")
        layers: list[nn.Module] = []
        for count, width in zip(self.GROUPS[depth], self.WIDTHS, strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU(True))
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits (N, K)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))
