"""Models, each under the week that builds it. A classifier maps inputs of shape (N, ...) to logits (N, K)."""

from .convnet import VGG, LeNet
from .inception import GoogLeNet, Inception
from .mlp import MLP
from .resnet import BasicBlock, Bottleneck, ResNet, resnet18

__all__ = ["MLP", "VGG", "BasicBlock", "Bottleneck", "GoogLeNet", "Inception", "LeNet", "ResNet", "resnet18"]
