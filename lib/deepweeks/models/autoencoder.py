"""Autoencoders, from week 8: a code small enough that a picture has to be understood to fit into it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from .mlp import MLP


class Autoencoder(nn.Module):
    """An encoder to ``latent`` numbers and a decoder back, both with one hidden layer.

    Args:
        latent: Size of the code Z.
        inputs: Numbers per example d.
        hidden: Width of the hidden layers.

    Shapes: input (N, ...) with d numbers per example, each from 0 to 1; output (N, d), logits of the numbers.
    """

    def __init__(self, latent: int, *, inputs: int = 784, hidden: int = 256):
        super().__init__()
        self.encoder = MLP([inputs, hidden, latent])
        self.decoder = MLP([latent, hidden, inputs])

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """The codes (N, Z)."""
        return self.encoder(x)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Logits (N, d); their sigmoid is the picture."""
        return self.decoder(z)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The decoded code."""
        return self.decode(self.encode(x))


class VAE(Autoencoder):
    """A variational autoencoder: the code is a Gaussian, the prior a standard Gaussian, a pixel a Bernoulli variable.

    Args:
        latent: Size of the code Z.
        inputs: Numbers per example d.
        hidden: Width of the hidden layers.

    Source: Kingma and Welling (2014).
    """

    def __init__(self, latent: int, *, inputs: int = 784, hidden: int = 256):
        super().__init__(latent, inputs=inputs, hidden=hidden)
        self.encoder = MLP([inputs, hidden, 2 * latent])

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and logarithm of the variance of each code, both (N, Z)."""
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, log_variance

    def sample(self, mean: torch.Tensor, log_variance: torch.Tensor, generator=None) -> torch.Tensor:
        """One code each, mean + standard deviation * noise, through which gradients pass."""
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + (log_variance / 2).exp() * noise

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The decoded mean of the code."""
        return self.decode(self.encode(x)[0])

    def elbo(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """The evidence lower bound of each example, in nats, from one code each: shape (N,)."""
        mean, log_variance = self.encode(x)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return self._log_pixels(x, self.sample(mean, log_variance, generator)) - divergence

    @torch.no_grad()
    def log_likelihood(
        self, x: torch.Tensor, samples: int = 100, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """log p(x) in nats, estimated by importance sampling with the encoder as proposal: shape (N,).

        The estimate is low on average, and less so with more samples; a mean ELBO lies below it.
        Source: Burda, Grosse and Salakhutdinov (2016).
        """
        mean, log_variance = self.encode(x)
        weights = []
        for _ in range(samples):
            z = self.sample(mean, log_variance, generator)
            proposal = -0.5 * ((z - mean).square() / log_variance.exp() + log_variance).sum(1)
            weights.append(self._log_pixels(x, z) - 0.5 * z.square().sum(1) - proposal)  # the 2 pi cancel
        return torch.logsumexp(torch.stack(weights), 0) - math.log(samples)

    def _log_pixels(self, x, z):
        return -F.binary_cross_entropy_with_logits(self.decode(z), x.flatten(1), reduction="none").sum(1)
