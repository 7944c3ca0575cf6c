"""Residual networks, from week 6. Names and shapes of the parameters are torchvision's, so its weights load."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn


def _norm(channels):
    return nn.BatchNorm2d(channels)


class _Block(nn.Module):
    """The part both blocks share: a main path, added to its input (or to a projection of it) before the last ReLU."""

    def __init__(self, c_in: int, c_out: int, stride: int, residual: bool):
        super().__init__()
        self.residual = residual
        self.downsample = None
        if residual and (stride != 1 or c_in != c_out):
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), _norm(c_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output (N, C, H, W)."""
        out = self.main(x)
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return F.relu(out)


class BasicBlock(_Block):
    """Two 3x3 convolutions with batch normalisation; ``width`` output channels. Shape (N, C, H, W)."""

    expansion = 1

    def __init__(self, c_in: int, width: int, stride: int = 1, residual: bool = True):
        super().__init__(c_in, width, stride, residual)
        self.conv1, self.bn1 = nn.Conv2d(c_in, width, 3, stride, padding=1, bias=False), _norm(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), _norm(width)

    def main(self, x: torch.Tensor) -> torch.Tensor:
        """What the block adds to its input."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


class Bottleneck(_Block):
    """1x1 squeeze to ``width``, 3x3 (with the stride), 1x1 back to ``4 * width``. Shape (N, C, H, W)."""

    expansion = 4

    def __init__(self, c_in: int, width: int, stride: int = 1, residual: bool = True):
        super().__init__(c_in, 4 * width, stride, residual)
        self.conv1, self.bn1 = nn.Conv2d(c_in, width, 1, bias=False), _norm(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False), _norm(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * width, 1, bias=False), _norm(4 * width)

    def main(self, x: torch.Tensor) -> torch.Tensor:
        """What the block adds to its input."""
        out = F.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(F.relu(self.bn2(self.conv2(out)))))


class ResNet(nn.Module):
    """A stem, stages of blocks, global average pooling, one linear layer.

    Each stage after the first halves the resolution and doubles the width.

    ``ResNet((3, 8, 36, 3), Bottleneck)`` is ResNet-152.

    Args:
        blocks: Number of blocks of each stage.
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        classes: Number of classes K.
        width: Channels of the first stage.
        stem: ``"imagenet"``, a 7x7 convolution of stride 2 and a max-pooling, or ``"small"``, one 3x3 convolution.
        channels: Channels of the input.
        residual: False leaves out the shortcuts: the plain network of the same depth and layers.

    Raises:
        ValueError: The stem is neither of the two.

    Shapes: input (N, channels, H, W), output (N, K). Source: He, Zhang, Ren and Sun (2016), with the stride in the
    3x3 convolution as in torchvision.
    """

    def __init__(
        self,
        blocks: Sequence[int] = (2, 2, 2, 2),
        block: type[_Block] = BasicBlock,
        *,
        classes: int = 1000,
        width: int = 64,
        stem: str = "imagenet",
        channels: int = 3,
        residual: bool = True,
    ):
        super().__init__()
        if stem not in ("imagenet", "small"):
            raise ValueError(f"stem must be 'imagenet' or 'small', got {stem!r}")
        large = stem == "imagenet"
        kernel, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = _norm(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if large else nn.Identity()
        self.stages = len(blocks)
        c_in = width
        for i, count in enumerate(blocks):
            stage = []
            for j in range(count):
                stage.append(block(c_in, width * 2**i, stride=2 if i and not j else 1, residual=residual))
                c_in = width * 2**i * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.fc = nn.Linear(c_in, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """The pooled features of shape (N, C) that the last layer reads."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return x.mean((2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits (N, K)."""
        return self.fc(self.features(x))


def resnet18(stem: str = "imagenet", **more) -> ResNet:
    """ResNet-18; ``more`` goes to :class:`ResNet`."""
    return ResNet((2, 2, 2, 2), BasicBlock, stem=stem, **more)
