"""The engine and the optimisers written in week 4, taken from the notebook, on problems that it does not show."""

import ast
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

NOTEBOOK = Path(__file__).parents[2] / "notebooks/week04_optimisation.ipynb"
NAMES = {
    "unbroadcast_reference", "mlp_gradients_reference", "adam_reference", "warmup_cosine_reference",
    "sharpness_reference", "Node", "node", "add", "multiply", "matmul", "transpose", "total", "pointwise", "tanh",
    "relu", "exp", "log", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam_uncorrected", "adamw",
    "rules", "Rule",
}  # fmt: skip


def defined(statement):
    """The names that a statement of the notebook gives a meaning to; for `Node.__add__, ... = ...` it is Node."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        parts = [part for target in statement.targets for part in getattr(target, "elts", [target])]
        return {getattr(part, "id", getattr(getattr(part, "value", None), "id", None)) for part in parts}
    return set()


@pytest.fixture(scope="module")
def week4():
    names = {"torch": torch, "F": F, "nn": nn, "np": np, "math": math, "f64": torch.float64}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            body = [s for s in ast.parse("".join(cell["source"])).body if defined(s) & NAMES]
            exec(compile(ast.Module(body, []), str(NOTEBOOK), "exec"), names)
            names.update({k[:-10]: v for k, v in names.items() if k.endswith("_reference")})
    assert set(names) >= NAMES
    return names


def normal(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
def test_engine_on_a_graph_with_shared_nodes_and_broadcasts(week4, seed):
    values = [normal(*shape, seed=seed + i) for i, shape in enumerate([(4, 3), (5, 3), (5,), (4, 1), ()])]

    def graph(x, w, b, column, scale, transpose, tanh, relu, exp, log, total):
        h = tanh(x @ transpose(w) + b)
        h = h * column + h * h  # h is used three times
        return total(log(total(exp(h), dim=1) + 1.0) * scale - relu(total(h, dim=1)) * 0.5)

    ours = [week4["Node"](v) for v in values]
    loss = graph(*ours, *(week4[k] for k in ("transpose", "tanh", "relu", "exp", "log", "total")))
    loss.backward()
    theirs = [v.clone().requires_grad_() for v in values]
    wanted = graph(*theirs, torch.t, torch.tanh, torch.relu, torch.exp, torch.log,
                   lambda a, dim=None: a.sum() if dim is None else a.sum(dim, keepdim=True))  # fmt: skip
    wanted.backward()
    torch.testing.assert_close(loss.value, wanted.detach(), rtol=0, atol=1e-12)
    for mine, yours in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, yours.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [[2, 2], [784, 20, 10], [3, 4, 5, 6, 7, 3]])
def test_gradients_by_hand(week4, sizes):
    layers = [nn.Linear(a, b).double() for a, b in zip(sizes[:-1], sizes[1:], strict=True)]
    x, y = normal(9, sizes[0], seed=1), torch.arange(9) % sizes[-1]
    h = x
    for layer in layers[:-1]:
        h = torch.tanh(layer(h))
    F.cross_entropy(layers[-1](h), y).backward()
    weights, biases = ([getattr(m, part).detach().numpy() for m in layers] for part in ("weight", "bias"))
    _, dw, db = week4["mlp_gradients"](x.numpy(), y.numpy(), weights, biases)
    for got, want in zip(dw + db, [m.weight.grad for m in layers] + [m.bias.grad for m in layers], strict=True):
        torch.testing.assert_close(torch.tensor(got), want, rtol=0, atol=1e-10)


OFFICIAL = {
    "SGD": torch.optim.SGD,
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "AdaGrad": torch.optim.Adagrad,
    "RMSprop": torch.optim.RMSprop,
    "Adam": torch.optim.Adam,
    "AdamW": lambda p, lr: torch.optim.AdamW(p, lr=lr, weight_decay=0.01),
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", OFFICIAL)
def test_optimisers_under_a_schedule_on_wild_gradients(week4, name, seed):
    """Gradients over eight powers of ten, zeros among them, and a rate that changes in every step."""
    ends = []
    for make in (lambda p, lr: week4["Rule"](p, lr, week4["rules"][name]), OFFICIAL[name]):
        p = [normal(4, 3, seed=seed).requires_grad_(), normal(3, seed=seed + 1).requires_grad_()]
        opt = make(p, lr=0.01)
        plan = torch.optim.lr_scheduler.LambdaLR(opt, lambda t: week4["warmup_cosine"](t, 10, 120))
        for t in range(100):
            for k, q in enumerate(p):
                q.grad = normal(*q.shape, seed=7 * t + k) * 10.0 ** (t % 8 - 4) * (t % 5 > 0)
            opt.step()
            plan.step()
        ends.append(torch.cat([q.detach().flatten() for q in p]))
    torch.testing.assert_close(*ends, rtol=1e-9, atol=1e-9)


def test_uncorrected_adam_is_adam_with_another_rate(week4):
    """Kingma and Ba (2015), section 2: the corrections fold into the rate and into epsilon."""
    plain, state, fixed, memory = normal(6, seed=3), {}, normal(6, seed=3), {}
    for t in range(1, 101):
        g, root = normal(6, seed=100 + t), math.sqrt(1 - 0.999**t)
        plain = week4["adam"](plain, g, state, 0.01 * root / (1 - 0.9**t), eps=1e-8 * root, correct=False)
        fixed = week4["adam"](fixed, g, memory, 0.01)
        torch.testing.assert_close(plain, fixed, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_sharpness_is_the_extreme_eigenvalue_of_a_network(week4, seed):
    torch.manual_seed(seed)
    x, y, theta = normal(30, 2, seed=seed), torch.arange(30) % 2, normal(22, seed=seed + 9)

    def loss(t):
        hidden = torch.tanh(x @ t[:8].view(2, 4) + t[8:12])
        return F.cross_entropy(hidden @ t[12:20].view(4, 2) + t[20:], y)

    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta))
    extreme = eigenvalues[eigenvalues.abs().argmax()].item()
    assert week4["sharpness"](loss, theta, 2000) == pytest.approx(extreme, rel=1e-3)
