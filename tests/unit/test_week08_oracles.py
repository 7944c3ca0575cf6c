"""What week 8 writes by hand, against gensim, PyTorch, scikit-learn and closed forms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks import losses, models


def generator(seed):
    return torch.Generator().manual_seed(seed)


# word2vec


def language(n, seed=0, items=20, roles=4):
    """Sentences of four words about one of `items` things in one of `roles` roles, and the table of their names."""
    g = np.random.default_rng(seed)
    name = np.arange(items * roles).reshape(items, roles)
    person = items * roles + np.arange(items * 5).reshape(items, 5)
    frame = person.max() + 1 + np.arange(roles * 5).reshape(roles, 5)
    filler = frame.max() + 1 + np.arange(20)
    i, r = g.integers(items, size=n), g.integers(roles, size=n)
    about = (
        frame[r, g.integers(5, size=n)],
        name[i, r],
        person[i, g.integers(5, size=n)],
        filler[g.integers(20, size=n)],
    )
    one, two = (
        np.stack([about[0], about[3], about[1], about[2]], 1),
        np.stack([about[2], about[1], about[0], about[3]], 1),
    )
    return np.where(g.random((n, 1)) < 0.5, one, two), name, int(filler.max()) + 1


def own_vectors(sentences, size, seed, steps=700, k=5):
    """SGNS with a window of two, as week 8 trains it."""
    torch.manual_seed(seed)
    pairs = np.concatenate([sentences[:, [i, j]] for i in range(4) for j in range(4) if i != j and abs(i - j) <= 2])
    pairs = torch.as_tensor(pairs)
    weight = torch.as_tensor(np.bincount(sentences.ravel(), minlength=size) ** 0.75)
    given = ((torch.rand(size, 32) - 0.5) / 32).requires_grad_()
    guessed = torch.zeros(size, 32, requires_grad=True)
    opt = torch.optim.Adam([given, guessed], 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(opt, 1, 0, steps)
    for _ in range(steps):
        centre, context = pairs[torch.randint(len(pairs), (512,))].T
        drawn = torch.multinomial(weight, 512 * k, replacement=True).view(512, k)
        loss = losses.skipgram_loss(given[centre], guessed[context], guessed[drawn])
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
    return given.detach().numpy()


def solved(vectors, name, n=500):
    g = np.random.default_rng(1)
    e, right = vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 0
    for _ in range(n):
        (i, j), (r, q) = g.choice(name.shape[0], 2, replace=False), g.choice(name.shape[1], 2, replace=False)
        score = e @ (e[name[i, q]] - e[name[i, r]] + e[name[j, r]])
        score[[name[i, q], name[i, r], name[j, r]]] = -np.inf
        right += score.argmax() == name[j, q]
    return right / n


def similarities(vectors, words):
    e = vectors[words] - vectors[words].mean(0)
    e = e / np.linalg.norm(e, axis=1, keepdims=True)
    return (e @ e.T)[np.triu_indices(len(words), 1)]


def test_vectors_agree_with_gensim_on_the_same_sentences():
    """Both solve the analogies, and call the same pairs of words alike; shuffled words are the control."""
    word2vec = pytest.importorskip("gensim.models.word2vec")
    sentences, name, size = language(12_000)
    ours = own_vectors(sentences, size, seed=0)
    model = word2vec.Word2Vec(
        [[str(w) for w in row] for row in sentences.tolist()],
        vector_size=32, window=2, sg=1, negative=5, ns_exponent=0.75, shrink_windows=False, sample=0, min_count=1,
        alpha=0.05, epochs=8, workers=1, seed=1,
    )  # fmt: skip
    theirs = np.stack([model.wv[str(w)] for w in range(size)])
    assert solved(ours, name) > 0.9
    assert solved(theirs, name) > 0.9
    words = name.ravel()
    agreement = np.corrcoef(similarities(ours, words), similarities(theirs, words))[0, 1]
    control = np.corrcoef(similarities(ours, np.random.default_rng(2).permutation(words)), similarities(theirs, words))[
        0, 1
    ]
    assert agreement > 0.65
    assert abs(control) < 0.2


def test_skipgram_loss_is_binary_cross_entropy():
    e, u, n = (torch.randn(*s, generator=generator(1), dtype=torch.float64) for s in ((6, 4), (6, 4), (6, 3, 4)))
    logits = torch.cat([(e * u).sum(1, keepdim=True), torch.einsum("nd,nkd->nk", e, n)], 1)
    target = torch.zeros_like(logits)
    target[:, 0] = 1
    wanted = F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean()
    torch.testing.assert_close(losses.skipgram_loss(e, u, n), wanted)


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("power", [1.0, 0.75])
def test_free_scores_end_at_pmi_minus_log_k(k, power):
    joint = torch.rand(6, 6, generator=generator(2), dtype=torch.float64) ** 2
    joint /= joint.sum()
    word, noise = joint.sum(1, keepdim=True), joint.sum(0, keepdim=True) ** power
    noise = noise / noise.sum()
    wanted = (joint / (word * noise)).log() - math.log(k)
    gradient = -joint * torch.sigmoid(-wanted) + k * word * noise * torch.sigmoid(wanted)
    assert gradient.abs().max() < 1e-12


def test_king_is_nearer_than_queen_exactly_under_the_condition():
    k, m, w, q = F.normalize(torch.randn(4, 5000, 10, generator=generator(3), dtype=torch.float64), dim=-1)
    t = k - m + w
    nearer = (t * k).sum(1) > (t * q).sum(1)
    assert ((((k - q) * (m - w)).sum(1) < 1 - (k * q).sum(1)) == nearer).all()


# Retrieval, twins and triplets


def test_dot_cosine_and_distance_agree_for_unit_vectors():
    u, v = (F.normalize(torch.randn(n, 8, generator=generator(4), dtype=torch.float64), dim=1) for n in (200, 300))
    best = (u @ v.T).argmax(1)
    assert (torch.cdist(u, v).argmin(1) == best).all()
    assert (torch.cdist(u, 0.1 * v).argmin(1) == (u @ (0.1 * v).T).argmax(1)).all()


def test_shared_weights_get_the_sum_of_the_branches_gradients():
    torch.manual_seed(0)
    net = nn.Linear(5, 3).double()
    left, right = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    left.load_state_dict(net.state_dict())
    right.load_state_dict(net.state_dict())
    a, b = torch.randn(2, 7, 5, generator=generator(5), dtype=torch.float64)
    same = torch.tensor([1, 0, 1, 0, 0, 1, 1])
    losses.contrastive_loss(net(a), net(b), same).backward()
    losses.contrastive_loss(left(a), right(b), same).backward()
    torch.testing.assert_close(net.weight.grad, left.weight.grad + right.weight.grad)
    assert (left.weight.grad - right.weight.grad).abs().max() > 1e-3


@pytest.mark.parametrize("squared", [False, True])
def test_triplet_loss_is_pytorchs(squared):
    a, p, n = torch.randn(3, 50, 8, generator=generator(6), dtype=torch.float64)
    theirs = nn.TripletMarginLoss(margin=0.2, eps=0)
    if squared:
        theirs = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).square().sum(1), margin=0.2)
    ours = losses.triplet_loss(a, p, n, margin=0.2, squared=squared)
    torch.testing.assert_close(ours, theirs(a, p, n), atol=1e-9, rtol=1e-9)


def test_error_rates_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    g = generator(7)
    distance, same = torch.rand(300, generator=g, dtype=torch.float64), torch.rand(300, generator=g) < 0.3
    far, accepted, minus = metrics.roc_curve(same.numpy(), -distance.numpy(), drop_intermediate=False)
    taus = torch.as_tensor(-minus[1:])
    passes = (distance <= taus[:, None]).double()
    np.testing.assert_allclose(passes[:, ~same].mean(1), far[1:], atol=1e-12)
    np.testing.assert_allclose(passes[:, same].mean(1), accepted[1:], atol=1e-12)


# Autoencoders


def test_closed_form_of_the_kl():
    mean, log_variance = torch.randn(2, 9, 4, generator=generator(8), dtype=torch.float64)
    normal = torch.distributions.Normal
    theirs = torch.distributions.kl_divergence(
        normal(mean, (log_variance / 2).exp()), normal(torch.zeros(9, 4), torch.ones(9, 4))
    ).sum(1)
    torch.testing.assert_close(0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1), theirs)


@pytest.mark.parametrize("seed", range(5))
def test_elbo_lies_below_the_importance_sampled_likelihood(seed):
    """Also for networks that were never trained, with draws of their own."""
    torch.manual_seed(seed)
    vae = models.VAE(4, inputs=20, hidden=16)
    x = (torch.rand(60, 20, generator=generator(seed)) < 0.5).float()
    with torch.no_grad():
        elbo = torch.stack([vae.elbo(x, generator(100 + i)) for i in range(50)]).mean(0)
    assert elbo.mean() < vae.log_likelihood(x, 300, generator(seed)).mean()


def test_importance_sampling_finds_a_sum_over_all_codes():
    """With a decoder that ignores its code the likelihood is known: independent pixels."""
    torch.manual_seed(0)
    vae = models.VAE(3, inputs=12, hidden=8)
    for layer in vae.decoder.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
    x = (torch.rand(5, 12, generator=generator(9)) < 0.5).float()
    exact = -F.binary_cross_entropy_with_logits(vae.decode(torch.zeros(5, 3)), x, reduction="none").sum(1)
    torch.testing.assert_close(vae.log_likelihood(x, 3000, generator(10)), exact.detach(), atol=0.05, rtol=0)
