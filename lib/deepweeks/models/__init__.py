"""Models, each under the week that builds it. A classifier maps inputs of shape (N, ...) to logits (N, K)."""

from .attention import (
    MultiHeadAttention,
    TransformerBlock,
    TransformerEncoder,
    attend,
    attention_maps,
    causal_mask,
    padding_mask,
    sinusoidal,
)
from .autoencoder import VAE, Autoencoder
from .convnet import VGG, LeNet
from .gan import DCGANDiscriminator, DCGANGenerator, small_weights
from .inception import GoogLeNet, Inception
from .lora import Adapter, LoRALinear, PromptTuning, adapters, lora
from .mlp import MLP
from .recurrent import GRU, LSTM, RNN
from .resnet import BasicBlock, Bottleneck, ResNet, resnet18
from .translation import Seq2Seq, Transformer, beam_search, greedy
from .vit import VisionTransformer
