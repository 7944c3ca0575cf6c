"""What week 11 writes by hand, against SciPy, scikit-learn, PyTorch and closed forms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linprog
from scipy.spatial.distance import jensenshannon

LOG2 = math.log(2)


def generator(seed):
    return torch.Generator().manual_seed(seed)


# P: value function, optimal discriminator, matrix games


def value(real, fake):
    return F.logsigmoid(real).mean() + F.logsigmoid(-fake).mean()


def best(p, q, prior=0.5):
    real, fake = prior * p, (1 - prior) * q
    total = real + fake
    score = torch.special.xlogy(real, real / total) + torch.special.xlogy(fake, fake / total)
    return real / total, score[total > 0].sum()


def solve(A):
    def cautious(A):
        n, m = A.shape
        out = linprog(
            [0] * n + [1],
            A_ub=np.c_[A.T, -np.ones(m)],
            b_ub=np.zeros(m),
            A_eq=[[1] * n + [0]],
            b_eq=[1],
            bounds=[(0, 1)] * n + [(None, None)],
        )
        return out.x[:n], out.x[n]

    (r, v), (c, w) = cautious(A), cautious(-A.T)
    return r, c, v, -w


def test_value_is_minus_twice_the_cross_entropy_of_a_balanced_batch():
    g = generator(0)
    real, fake = (3 * torch.randn(64, 1, generator=g, dtype=torch.float64) for _ in range(2))
    labels = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    both = F.binary_cross_entropy_with_logits(torch.cat([real, fake]), labels)
    assert value(real, fake).item() == pytest.approx(-2 * both.item(), abs=1e-12)


def test_best_score_is_the_jensen_shannon_divergence_of_scipy():
    g = generator(1)
    for size in (2, 5, 40):
        p, q = torch.rand(2, size, generator=g, dtype=torch.float64)
        p, q = p / p.sum(), q / q.sum()
        want = jensenshannon(p.numpy(), q.numpy()) ** 2  # SciPy returns the square root
        assert 2 * best(p, q)[1].item() == pytest.approx(2 * want - math.log(4), abs=1e-10)


def test_no_other_discriminator_scores_higher():
    g = generator(2)
    p, q = torch.rand(2, 12, generator=g, dtype=torch.float64)
    p, q = p / p.sum(), q / q.sum()
    for prior in (0.2, 0.5, 0.8):
        top = best(p, q, prior)[1]
        for _ in range(200):
            d = torch.rand(12, generator=g, dtype=torch.float64)
            assert (prior * p * d.log() + (1 - prior) * q * (1 - d).log()).sum() < top


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_logistic_regression_finds_the_best_discriminator(share):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(3)
    n = 40_000
    real = rng.random(n) < share
    x = rng.normal(np.where(real, 0.0, 2.0), 1.0)[:, None]
    model = LogisticRegression(C=1e6).fit(x, real)
    at = torch.linspace(-1, 3, 9, dtype=torch.float64)
    p, q = (torch.exp(-((at - mean) ** 2) / 2) for mean in (0.0, 2.0))
    got = torch.tensor(model.predict_proba(at.numpy()[:, None])[:, 1])
    torch.testing.assert_close(got, best(p, q, share)[0], atol=0.02, rtol=0)


def test_trained_saddle_of_the_game_is_the_data_distribution():
    """Descend on C(G) over free logits of p_g, with the best D in closed form."""
    p = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    free = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-12)

    def loss():
        opt.zero_grad()
        out = 2 * best(p, free.softmax(0))[1]
        out.backward()
        return out

    opt.step(loss)
    torch.testing.assert_close(free.softmax(0).detach(), p, atol=1e-4, rtol=0)
    assert loss().item() == pytest.approx(-math.log(4), abs=1e-9)


def test_mixed_equilibria_of_small_games_agree_with_the_formula():
    rng = np.random.default_rng(4)
    tried = 0
    while tried < 50:
        (a, b), (c, d) = A = rng.normal(size=(2, 2))
        if max(A.min(1)) < min(A.max(0)) - 1e-6 and max(A.min(0)) < min(A.max(1)) - 1e-6:  # no pure equilibrium
            r, col, v, w = solve(A)
            assert v == pytest.approx((a * d - b * c) / (a + d - b - c), abs=1e-7)
            assert w == pytest.approx(v, abs=1e-7)
            assert r[0] == pytest.approx((d - c) / (a + d - b - c), abs=1e-6)
            assert col[0] == pytest.approx((d - b) / (a + d - b - c), abs=1e-6)
            tried += 1


def test_nobody_gains_by_deviating_in_random_games():
    rng = np.random.default_rng(5)
    for shape in ((2, 3), (4, 4), (5, 2)):
        A = rng.normal(size=shape)
        r, c, v, w = solve(A)
        assert abs(v - w) < 1e-7 and (A @ c).min() >= v - 1e-7 and (r @ A).max() <= v + 1e-7


def test_best_response_to_a_fixed_discriminator_is_a_corner():
    rng = np.random.default_rng(6)
    for _ in range(20):
        D = rng.uniform(0.05, 0.95, size=6)
        out = linprog(np.log(1 - D), A_eq=np.ones((1, 6)), b_eq=[1], bounds=[(0, 1)] * 6)
        assert out.x[D.argmax()] == pytest.approx(1, abs=1e-9)


def test_random_trials_point_along_the_gradient_as_theory_says():
    g, P, M = generator(7), 400, 300
    true, cosines = torch.randn(P, generator=g), []
    for _ in range(20):
        v = torch.randn(M, P, generator=g)
        cosines.append(F.cosine_similarity((v * (v @ true)[:, None]).sum(0), true, dim=0))
    assert torch.stack(cosines).mean().item() == pytest.approx(math.sqrt(M / (M + P)), abs=0.03)


def test_the_sampler_of_the_diffusion_model_recovers_a_gaussian():
    """With the exact noise of a Gaussian in place of a network; x cos t + noise sin t."""
    mean, std, n = 1.0, 0.3, 20_000
    x, times = torch.randn(n, generator=generator(8)), torch.linspace(math.pi / 2 - 0.02, 0, 401)
    for t, s in zip(times[:-1], times[1:], strict=True):
        c, w = t.cos(), t.sin()
        noise = w * (x - c * mean) / (c**2 * std**2 + w**2)  # the mean of the noise, given x
        x = (x - noise * w) / c * s.cos() + noise * s.sin()
    assert x.mean().item() == pytest.approx(mean, abs=0.03)
    assert x.std().item() == pytest.approx(std, abs=0.02)


# Q: one step of each player, the bilinear game


def linear_games(seed, n=9):
    """A linear G (u, b) and D (w, c), their data and the loss of D."""
    u, b, w, c = torch.randn(4, generator=generator(seed), dtype=torch.float64).requires_grad_().unbind()
    x, z = torch.randn(2, n, generator=generator(seed + 1), dtype=torch.float64)
    return (u, b, w, c), x + 1, z


@pytest.mark.parametrize("seed", range(4))
def test_gradients_of_both_players_by_hand(seed):
    """The formulas with which the check of exercise 11.3 does one turn of linear players."""
    (u, b, w, c), x, z = linear_games(seed)
    fake = u * z + b
    a_real, a_fake = w * x + c, w * fake.detach() + c
    miss, hit = -torch.sigmoid(-a_real), torch.sigmoid(a_fake)
    dw, dc = torch.autograd.grad(-value(a_real, a_fake), (w, c))
    assert dw.item() == pytest.approx(((miss * x).mean() + (hit * fake).mean()).item(), abs=1e-12)
    assert dc.item() == pytest.approx((miss.mean() + hit.mean()).item(), abs=1e-12)
    a = w * fake + c
    pull = -torch.sigmoid(-a) * w
    du, db = torch.autograd.grad(-F.logsigmoid(a).mean(), (u, b))
    assert du.item() == pytest.approx((pull * z).mean().item(), abs=1e-12)
    assert db.item() == pytest.approx(pull.mean().item(), abs=1e-12)


def test_example_of_one_turn():
    assert 2 * math.log1p(math.exp(-2)) == pytest.approx(0.254, abs=5e-4)
    w = 1 + 0.5 * 2 * 2 / (1 + math.exp(2))  # both terms pull by x and by -fake, with the same weight
    assert w == pytest.approx(1.238, abs=5e-4)
    assert math.log1p(math.exp(2 * w)) == pytest.approx(2.557, abs=5e-4)
    assert 0.5 * w / (1 + math.exp(-2 * w)) == pytest.approx(0.571, abs=5e-4)


BILINEAR = {
    "simultaneous": lambda e: np.array([[1, -e], [e, 1]]),
    "alternating": lambda e: np.array([[1, -e], [e, 1 - e * e]]),
    "optimistic": lambda e: np.array([[1, -2 * e, 0, e], [2 * e, 1, -e, 0], [1, 0, 0, 0], [0, 1, 0, 0]]),
}
FACTORS = {
    "simultaneous": lambda e: math.sqrt(1 + e * e),
    "alternating": lambda e: 1.0,
    "optimistic": lambda e: math.sqrt((1 + math.sqrt(1 - 4 * e * e)) / 2),
}


@pytest.mark.parametrize("how", BILINEAR)
@pytest.mark.parametrize("eta", [0.01, 0.1, 0.3, 0.45])
def test_growth_factors_of_the_bilinear_game(how, eta):
    found = np.abs(np.linalg.eigvals(BILINEAR[how](eta))).max()
    assert found == pytest.approx(FACTORS[how](eta), abs=1e-9)


@pytest.mark.parametrize(("eta", "stable"), [(0.1, True), (1.9, True), (2.1, False)])
def test_alternating_play_stays_on_an_ellipse_up_to_two(eta, stable):
    w, M = np.array([1.0, 1.0]), BILINEAR["alternating"](eta)
    form = np.array([[1, -eta / 2], [-eta / 2, 1]])
    assert M.T @ form @ M == pytest.approx(form, abs=1e-12)
    far = max(np.linalg.norm(np.linalg.matrix_power(M, n) @ w) for n in range(200))
    assert (far < 20) == stable
    if eta < 0.5:
        radius = [np.linalg.norm(np.linalg.matrix_power(M, n) @ w) for n in range(500)]
        assert max(radius) / min(radius) == pytest.approx(math.sqrt((1 + eta / 2) / (1 - eta / 2)), abs=1e-3)


def test_eigenvalues_of_the_games():
    def jacobian(loss_G, loss_D):
        def field(w):
            return torch.stack([torch.func.grad(loss_G)(w)[0], torch.func.grad(loss_D)(w)[1]])

        return torch.func.jacrev(field)(torch.zeros(2, dtype=torch.float64))

    tiny = jacobian(lambda w: F.softplus(-w[0] * w[1]), lambda w: F.softplus(w[0] * w[1]))
    torch.testing.assert_close(tiny, torch.tensor([[0, -0.5], [0.5, 0]], dtype=torch.float64))

    def V(w):
        return w[0] * w[1] - 0.1 * w[0] ** 2 - 0.3 * w[1] ** 2

    J = jacobian(V, lambda w: -V(w))
    torch.testing.assert_close(J, torch.tensor([[-0.2, 1], [-1, 0.6]], dtype=torch.float64))
    assert J[0, 0] < 0 and (torch.linalg.eigvals(J).real > 0).all()  # attracts, and G would gain alone


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0])
def test_best_accuracy_is_half_of_one_plus_total_variation(gap):
    axis = torch.linspace(-12, 12, 4001, dtype=torch.float64)
    p, q = (torch.exp(-((axis - m) ** 2) / 2) for m in (0.0, gap))
    p, q = p / p.sum(), q / q.sum()
    best_accuracy = torch.maximum(p, q).sum() / 2
    assert best_accuracy.item() == pytest.approx((1 + (p - q).abs().sum().item() / 2) / 2, abs=1e-12)
    assert best_accuracy.item() == pytest.approx(0.5 * (1 + math.erf(gap / 2 / math.sqrt(2))), abs=1e-3)


# R: transposed convolution, the hard exercise


def frechet(a, b):
    (m, S), (n, T) = ((f.mean(0), torch.cov(f.T)) for f in (a, b))
    root = torch.linalg.eigvals(S @ T).real.clamp(min=0).sqrt().sum()
    return ((m - n).square().sum() + S.trace() + T.trace() - 2 * root).item()


def test_transposed_convolution_is_the_gradient_of_the_convolution():
    g = generator(50)
    for s, p, d, o in ((1, 0, 1, 0), (2, 1, 1, 1), (3, 2, 2, 2), (2, 0, 3, 1)):
        w = torch.randn(4, 3, 3, 3, generator=g, dtype=torch.float64)
        y = torch.randn(2, 4, 5, 6, generator=g, dtype=torch.float64)
        up = F.conv_transpose2d(y, w, stride=s, padding=p, output_padding=o, dilation=d)
        x = torch.randn(up.shape, generator=g, dtype=torch.float64, requires_grad=True)
        down = F.conv2d(x, w, stride=s, padding=p, dilation=d)
        assert down.shape == y.shape
        torch.testing.assert_close(torch.autograd.grad(down, x, y)[0], up)
        assert (down * y).sum().item() == pytest.approx((x * up).sum().item(), abs=1e-9)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_size_formula_inverts_that_of_the_convolution(stride):
    """By output padding, the transposed convolution reaches each size that the convolution maps to H."""
    for k in (2, 3, 5):
        for d in (1, 2):
            for p in (0, 1):
                for H in (3, 6):
                    got = {(H - 1) * stride - 2 * p + d * (k - 1) + o + 1 for o in range(stride)}
                    want = {
                        n
                        for n in range(1, 60)
                        if n + 2 * p >= d * (k - 1) + 1 and (n + 2 * p - d * (k - 1) - 1) // stride + 1 == H
                    }
                    assert got == want


def test_frechet_distance_against_scipy_and_a_closed_form():
    from scipy.linalg import sqrtm

    g = generator(51)
    a = torch.randn(500, 12, generator=g, dtype=torch.float64)
    b = (
        torch.randn(400, 12, generator=g, dtype=torch.float64) @ torch.randn(12, 12, generator=g, dtype=torch.float64)
        + 1
    )
    S, T = np.cov(a.numpy().T), np.cov(b.numpy().T)
    want = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(S + T - 2 * np.real(sqrtm(S @ T)))
    assert frechet(a, b) == pytest.approx(want, rel=1e-6)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet(a, 3 * a) == pytest.approx(4 * (a.mean(0).square().sum() + torch.cov(a.T).trace()).item(), rel=1e-9)


def test_masks_of_the_autoregressive_network_forbid_a_look_ahead():
    d, hidden = 9, 24
    pixel, unit = torch.arange(d), torch.arange(hidden) % (d - 1)
    see, tell = (unit[:, None] >= pixel).float(), (pixel[:, None] > unit).float()
    g = generator(52)
    first, second = torch.randn(hidden, d, generator=g), torch.randn(d, hidden, generator=g)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: F.linear(F.linear(x, first * see).tanh(), second * tell), torch.randn(d, generator=g)
    )
    assert (jacobian.triu() == 0).all() and (jacobian.tril(-1) != 0).sum() == d * (d - 1) // 2


def test_the_arc_between_two_latent_vectors():
    g = generator(53)
    z, w = F.normalize(torch.randn(2, 7, 32, generator=g, dtype=torch.float64), dim=-1)
    angle = torch.acos((z * w).sum(1))[:, None]
    for t in (0.0, 0.25, 0.5, 1.0):
        v = (torch.sin((1 - t) * angle) * z + torch.sin(t * angle) * w) / torch.sin(angle)
        torch.testing.assert_close(v.norm(dim=1), torch.ones(7, dtype=torch.float64))
        torch.testing.assert_close(torch.acos((z * v).sum(1).clamp(-1, 1)), t * angle[:, 0], atol=1e-6, rtol=0)


def test_nearest_image_agrees_with_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    g = generator(54)
    x, train = torch.rand(20, 1, 6, 5, generator=g), torch.rand(50, 1, 6, 5, generator=g)
    wide = F.pad(x, (1,) * 4)
    windows = torch.stack([wide[..., i : i + 6, j : j + 5] for i in range(3) for j in range(3)], 1)
    table = torch.cdist(windows.flatten(2), train.flatten(1)[None]) / math.sqrt(30)  # (N, 9, M)
    near = NearestNeighbors(n_neighbors=1).fit(train.flatten(1).numpy())
    distance, index = near.kneighbors(windows.flatten(2).reshape(180, 30).numpy())
    distance, index = distance.reshape(20, 9) / math.sqrt(30), index.reshape(20, 9)
    best_move = distance.argmin(1)
    np.testing.assert_allclose(table.amin((1, 2)).numpy(), distance.min(1), atol=1e-4)
    assert (table.amin(1).argmin(1).numpy() == index[np.arange(20), best_move]).all()
