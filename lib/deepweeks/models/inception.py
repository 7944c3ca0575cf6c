"""GoogLeNet and its Inception module, from week 6. Names and shapes are torchvision's, so its weights load."""

from __future__ import annotations

import torch
from torch import nn

# Szegedy et al. (2015), Table 1: 1x1, reduction and 3x3, reduction and 5x5, projection of the pooling
MODULES = {
    "inception3a": (192, 64, 96, 128, 16, 32, 32),
    "inception3b": (256, 128, 128, 192, 32, 96, 64),
    "inception4a": (480, 192, 96, 208, 16, 48, 64),
    "inception4b": (512, 160, 112, 224, 24, 64, 64),
    "inception4c": (512, 128, 128, 256, 24, 64, 64),
    "inception4d": (512, 112, 144, 288, 32, 64, 64),
    "inception4e": (528, 256, 160, 320, 32, 128, 128),
    "inception5a": (832, 256, 160, 320, 32, 128, 128),
    "inception5b": (832, 384, 192, 384, 48, 128, 128),
}


class ConvUnit(nn.Sequential):
    """Convolution, batch normalisation if wanted, ReLU. Shape (N, c_in, H, W) to (N, c_out, H', W')."""

    def __init__(self, c_in: int, c_out: int, kernel: int, *, batch_norm: bool = True, **more):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, bias=not batch_norm, **more)
        if batch_norm:
            self.bn = nn.BatchNorm2d(c_out, eps=0.001)
        self.relu = nn.ReLU(inplace=True)


class Inception(nn.Module):
    """Four parallel paths over the same input, concatenated along the channels.

    Args:
        c_in: Channels of the input.
        c1: Channels of the 1x1 path.
        c3_reduce: Channels to which a 1x1 convolution squeezes the input of the 3x3 path.
        c3: Channels of the 3x3 path.
        c5_reduce: The same for the 5x5 path.
        c5: Channels of the 5x5 path.
        c_pool: Channels of the path with a 3x3 max-pooling and a 1x1 convolution.
        batch_norm: As in torchvision; the network of 2014 had none.
        kernel: Kernel of the third path: 5 in the paper, 3 in torchvision.

    Shapes: input (N, c_in, H, W), output (N, c1 + c3 + c5 + c_pool, H, W). Source: Szegedy et al. (2015).
    """

    def __init__(self, c_in, c1, c3_reduce, c3, c5_reduce, c5, c_pool, *, batch_norm: bool = True, kernel: int = 3):
        super().__init__()
        norm = {"batch_norm": batch_norm}
        self.branch1 = ConvUnit(c_in, c1, 1, **norm)
        self.branch2 = nn.Sequential(
            ConvUnit(c_in, c3_reduce, 1, **norm), ConvUnit(c3_reduce, c3, 3, padding=1, **norm)
        )
        self.branch3 = nn.Sequential(
            ConvUnit(c_in, c5_reduce, 1, **norm), ConvUnit(c5_reduce, c5, kernel, padding=kernel // 2, **norm)
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvUnit(c_in, c_pool, 1, **norm))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The four paths, concatenated."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(nn.Module):
    """Nine Inception modules between a convolutional stem and global average pooling, without auxiliary heads.

    ``GoogLeNet(batch_norm=False, kernel=5)`` has the 6,998,552 parameters of the network that won in 2014.

    Args:
        classes: Number of classes K.
        batch_norm: As for :class:`Inception`.
        kernel: As for :class:`Inception`.

    Shapes: input (N, 3, H, W) with H and W at least 32, output (N, K). Source: Szegedy et al. (2015).
    """

    def __init__(self, classes: int = 1000, *, batch_norm: bool = True, kernel: int = 3):
        super().__init__()
        self.conv1 = ConvUnit(3, 64, 7, stride=2, padding=3, batch_norm=batch_norm)
        self.conv2 = ConvUnit(64, 64, 1, batch_norm=batch_norm)
        self.conv3 = ConvUnit(64, 192, 3, padding=1, batch_norm=batch_norm)
        for name, sizes in MODULES.items():
            setattr(self, name, Inception(*sizes, batch_norm=batch_norm, kernel=kernel))
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool5 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits (N, K)."""
        x = self.pool(self.conv3(self.conv2(self.pool(self.conv1(x)))))
        for name in MODULES:
            x = getattr(self, name)(x)
            x = {"inception3b": self.pool, "inception4e": self.pool5}.get(name, nn.Identity())(x)
        return self.fc(self.dropout(x.mean((2, 3))))
