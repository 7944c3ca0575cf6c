"""Models, each under the week that builds it. A classifier maps inputs of shape (N, ...) to logits (N, K)."""

from .autoencoder import VAE, Autoencoder
from .convnet import VGG, LeNet
from .inception import GoogLeNet, Inception
from .mlp import MLP
from .recurrent import GRU, LSTM, RNN
from .resnet import BasicBlock, Bottleneck, ResNet, resnet18

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "RNN",
    "VAE",
    "VGG",
    "Autoencoder",
    "BasicBlock",
    "Bottleneck",
    "GoogLeNet",
    "Inception",
    "LeNet",
    "ResNet",
    "resnet18",
]
