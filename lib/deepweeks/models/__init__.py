"""Models, each under the week that builds it. A classifier maps inputs of shape (N, ...) to logits (N, K)."""

from .convnet import LeNet
from .mlp import MLP

__all__ = ["MLP", "LeNet"]
