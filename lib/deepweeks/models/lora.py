"""Fine-tuning few parameters, from week 10: low-rank updates, adapters and prompts beside a frozen model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from .attention import TransformerBlock
from .vit import VisionTransformer


class LoRALinear(nn.Module):
    """A frozen linear layer plus a trained update of low rank: W + (α / r) B A, with B zero at first.

    Args:
        linear: The layer (out, in); its parameters are frozen.
        rank: r.
        alpha: α.

    Raises:
        ValueError: The rank is below 1.

    Source: Hu et al. (2022).
    """

    def __init__(self, linear: nn.Linear, *, rank: int = 4, alpha: float = 8.0):
        super().__init__()
        if rank < 1:
            raise ValueError(f"the rank must be 1 or more, got {rank}")
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        like = {"device": linear.weight.device, "dtype": linear.weight.dtype}
        bound = linear.in_features**-0.5
        self.A = nn.Parameter(torch.empty(rank, linear.in_features, **like).uniform_(-bound, bound))
        self.B = nn.Parameter(torch.zeros(linear.out_features, rank, **like))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) to (..., out)."""
        return self.linear(x) + self.scale * (x @ self.A.T @ self.B.T)

    @torch.no_grad()
    def merge(self) -> nn.Linear:
        """One plain layer with the update added to its weight: the same outputs at the price of the old layer."""
        linear = nn.utils.skip_init(
            nn.Linear,
            self.linear.in_features,
            self.linear.out_features,
            bias=self.linear.bias is not None,
            device=self.A.device,
            dtype=self.A.dtype,
        )
        linear.load_state_dict(self.linear.state_dict())
        linear.weight += self.scale * self.B @ self.A
        return linear


class Adapter(nn.Module):
    """A small bottleneck behind a layer: y + U gelu(D y), where y is what the layer says and U is zero at first.

    Args:
        layer: Any layer that ends in ``width`` numbers.
        width: d.
        bottleneck: r; the adapter has 2 d r + r + d parameters.

    Source: Houlsby et al. (2019).
    """

    def __init__(self, layer: nn.Module, *, width: int, bottleneck: int = 8):
        super().__init__()
        self.layer = layer
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *inputs, **options) -> torch.Tensor:
        """What the layer says, corrected."""
        y = self.layer(*inputs, **options)
        return y + self.up(F.gelu(self.down(y)))


class PromptTuning(nn.Module):
    """A frozen vision transformer with learned vectors that it reads beside the tokens of the picture.

    Args:
        model: The transformer; its parameters are frozen.
        length: Number of vectors m.

    Shapes: as the model's.

    Source: Lester, Al-Rfou and Constant (2021); Jia et al. (2022) for pictures.
    """

    def __init__(self, model: VisionTransformer, *, length: int = 4):
        super().__init__()
        self.model = model.requires_grad_(False)
        self.prompt = nn.Parameter(0.02 * torch.randn(1, length, model.cls.shape[-1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K)."""
        tokens = self.model.tokens(x)
        prompt = self.prompt.expand(len(x), -1, -1)
        return self.model.head(self.model.read(torch.cat([tokens[:, :1], prompt, tokens[:, 1:]], 1)))


def lora(
    model: nn.Module, *, rank: int = 4, alpha: float = 8.0, targets: Sequence[str] = ("query", "value")
) -> nn.Module:
    """Freeze a model and put :class:`LoRALinear` in the place of linear layers.

    Args:
        model: Changed in place.
        rank: r.
        alpha: α.
        targets: Names of the layers, as the last part of their path.

    Returns:
        The model.

    Raises:
        ValueError: No layer has one of the names.
    """
    model.requires_grad_(False)
    found = [
        (module, name)
        for module in model.modules()
        for name, layer in module.named_children()
        if name in targets and isinstance(layer, nn.Linear)
    ]
    if not found:
        raise ValueError(f"no linear layer is called {' or '.join(targets)}")
    for module, name in found:
        setattr(module, name, LoRALinear(getattr(module, name), rank=rank, alpha=alpha))
    return model


def adapters(model: nn.Module, *, bottleneck: int = 8) -> nn.Module:
    """Freeze a model and put an :class:`Adapter` behind both sub-layers of each of its blocks.

    Args:
        model: Has :class:`~deepweeks.models.attention.TransformerBlock` inside; changed in place.
        bottleneck: r.

    Returns:
        The model.

    Raises:
        ValueError: The model has no such block.
    """
    model.requires_grad_(False)
    blocks = [module for module in model.modules() if isinstance(module, TransformerBlock)]
    if not blocks:
        raise ValueError("the model has no transformer block")
    for block in blocks:
        width = block.linear2.out_features
        block.self_attn = Adapter(block.self_attn, width=width, bottleneck=bottleneck)
        block.linear2 = Adapter(block.linear2, width=width, bottleneck=bottleneck)
    return model
