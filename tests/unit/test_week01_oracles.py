"""What week 1 states about gradient descent and about four losses, against closed forms and scikit-learn."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from deepweeks.train import fit


def problem(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(60, 3, generator=generator, dtype=torch.float64)
    y = torch.where(x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.3 > 0, 1.0, -1.0).double()
    y[:6] = -y[:6]  # no line is right about everything, so every loss has its minimum
    return x, y


def minimise(loss, x, y, penalty, lr, shrink=0.0, steps=1500):
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for k in range(steps):
        cost = loss(y * (x @ w + b)).mean() + penalty / 2 * (w @ w)
        slopes = torch.autograd.grad(cost, (w, b))
        with torch.no_grad():
            for parameter, slope in zip((w, b), slopes, strict=True):
                parameter -= lr / (1 + shrink * k) * slope
    return torch.cat([w.detach(), b.detach()[None]])


@pytest.mark.parametrize("seed", range(2))
def test_squared_loss_on_a_line_is_least_squares(seed):
    x, y = problem(seed)
    exact = torch.linalg.lstsq(torch.cat([x, torch.ones(60, 1)], 1), y[:, None]).solution[:, 0]
    assert torch.allclose(minimise(lambda m: (1 - m) ** 2, x, y, 0.0, lr=0.1), exact, atol=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_logistic_loss_is_logistic_regression(seed):
    x, y = problem(seed)
    oracle = LogisticRegression(C=1 / (0.05 * 60), tol=1e-10, max_iter=10_000).fit(x.numpy(), y.numpy())
    want = torch.tensor([*oracle.coef_[0], *oracle.intercept_])
    assert torch.allclose(minimise(lambda m: F.softplus(-m), x, y, 0.05, lr=0.5), want, atol=1e-5)


@pytest.mark.parametrize("seed", range(2))
def test_hinge_loss_with_a_penalty_is_a_linear_svm(seed):
    x, y = problem(seed)
    oracle = SVC(kernel="linear", C=1 / (0.05 * 60), tol=1e-9).fit(x.numpy(), y.numpy())
    want = torch.tensor([*oracle.coef_[0], *oracle.intercept_])
    got = minimise(lambda m: F.relu(1 - m), x, y, 0.05, lr=0.5, shrink=0.01)

    def cost(v):
        return (F.relu(1 - y * (x @ v[:3] + v[3])).mean() + 0.025 * (v[:3] @ v[:3])).item()

    assert cost(want) <= cost(got) + 1e-9
    assert cost(got) == pytest.approx(cost(want), rel=2e-3)


@pytest.mark.parametrize(("share", "converges"), [(0.98, True), (1.02, False)])
def test_two_over_the_curvature_is_the_limit_of_the_learning_rate(share, converges):
    x = torch.linspace(0.1, 3, 30)[:, None]
    y = 12 + 4 * x
    columns = torch.cat([x, torch.ones(30, 1)], 1)
    limit = 2 / torch.linalg.eigvalsh(2 * columns.T @ columns / 30).max().item()
    model = torch.nn.Linear(1, 1)
    history = fit(
        model, (x, y), steps=300, batch_size=30, lr=share * limit, optimizer=torch.optim.SGD, loss=F.mse_loss,
        metric=None, show=False,
    )  # fmt: skip
    assert (history.loss[-1] < history.loss[0]) == converges
