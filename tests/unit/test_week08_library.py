"""What week 8 puts into the library, against torch and against what is known."""

import math
import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import distributions

from deepweeks.data import text
from deepweeks.losses import contrastive_loss, skipgram_loss, triplet_loss
from deepweeks.models import VAE, Autoencoder

GEN = torch.Generator().manual_seed(0)


def draw(*shape):
    return torch.randn(*shape, generator=GEN, dtype=torch.float64)


def test_triplet_loss_equals_torch_without_the_squares():
    a, p, n = draw(3, 20, 4)
    want = F.triplet_margin_loss(a, p, n, margin=0.5, eps=0)
    torch.testing.assert_close(triplet_loss(a, p, n, margin=0.5, squared=False), want)
    known = triplet_loss(torch.zeros(1, 1), torch.ones(1, 1), 2 * torch.ones(1, 1), margin=3.5)
    assert known.item() == pytest.approx(1 - 4 + 3.5)


def test_losses_have_slopes_where_distances_are_zero():
    a = torch.zeros(2, 3, requires_grad=True)
    (
        triplet_loss(a, a.detach(), a.detach(), squared=False) + contrastive_loss(a, a.detach(), torch.zeros(2))
    ).backward()
    assert torch.isfinite(a.grad).all()


def test_contrastive_loss_of_known_pairs():
    a, b = torch.zeros(3, 1), torch.tensor([[0.5], [0.25], [2.0]])
    assert contrastive_loss(a, b, torch.tensor([1, 0, 0])).item() == pytest.approx((0.25 + 0.75**2 + 0) / 3, abs=1e-5)


def test_skipgram_loss_is_a_sum_of_logistic_losses():
    c, o, n = draw(6, 4), draw(6, 4), draw(6, 5, 4)
    logits = torch.cat([(c * o).sum(1, keepdim=True), torch.einsum("nd,nkd->nk", c, n)], 1)
    target = torch.zeros_like(logits)
    target[:, 0] = 1
    want = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean()
    torch.testing.assert_close(skipgram_loss(c, o, n), want)


def test_elbo_is_pixels_minus_the_divergence():
    torch.manual_seed(0)
    vae, x = VAE(3, inputs=12, hidden=8), torch.rand(5, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    mean, log_variance = vae.encode(x)
    code = distributions.Normal(mean, (log_variance / 2).exp())
    divergence = distributions.kl_divergence(code, distributions.Normal(0.0, 1.0)).sum(1)
    z = vae.sample(mean, log_variance, torch.Generator().manual_seed(2))
    pixels = -F.binary_cross_entropy_with_logits(vae.decode(z), x.flatten(1), reduction="none").sum(1)
    torch.testing.assert_close(vae.elbo(x, torch.Generator().manual_seed(2)), pixels - divergence)


def test_importance_sampling_finds_the_likelihood_on_a_grid():
    torch.manual_seed(0)
    vae, x = VAE(1, inputs=6, hidden=8), torch.rand(4, 6, generator=torch.Generator().manual_seed(3)).round()
    z = torch.linspace(-8, 8, 4001)[:, None]
    prior = distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    pixels = torch.stack(
        [-F.binary_cross_entropy_with_logits(vae.decode(z), row.expand(4001, 6), reduction="none").sum(1) for row in x]
    )
    exact = torch.logsumexp(pixels + prior, 1) + math.log(16 / 4000)
    estimate = vae.log_likelihood(x, 20000, torch.Generator().manual_seed(4))
    torch.testing.assert_close(estimate, exact.detach(), atol=0.02, rtol=0)
    elbo = torch.stack([vae.elbo(x, torch.Generator().manual_seed(k)) for k in range(200)]).mean(0)
    assert (elbo <= exact + 0.02).all()


def test_autoencoder_shapes():
    model, x = Autoencoder(2), torch.rand(3, 1, 28, 28)
    assert model.encode(x).shape == (3, 2)
    assert model(x).shape == (3, 784)


def test_text_is_plentiful_and_never_repeats(capsys):
    docs = text.load("docs")
    assert docs.note in capsys.readouterr().out
    assert len(set(docs.documents)) == len(docs.documents) > 1000
    assert sum(len(text.words(d)) for d in docs.documents) > 200_000
    assert text.words("A 2-D array, `np.sum` and x_axis.") == ["a", "d", "array", "np", "sum", "and", "x_axis"]


def test_unknown_text_gets_one_line():
    with pytest.raises(ValueError, match="unknown text 'novel'; valid: docs"):
        text.load("novel")


def test_text_does_not_depend_on_what_happened_before():
    prints = "from deepweeks.data import text; print(hash(text.load('docs').documents))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", f"{first}\n{prints}"],
            env=os.environ | {"PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for first in ("", "import asyncio.subprocess, numpy.testing", "from matplotlib import pyplot; pyplot.figure()")
    }
    assert len(answers) == 1
