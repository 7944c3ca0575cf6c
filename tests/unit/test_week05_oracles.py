"""What week 5 writes by hand, against closed forms and PyTorch in double precision."""

import copy
import io
import itertools
import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

from deepweeks.models import MLP
from deepweeks.train import EarlyStopping, evaluate, fit


def generator(seed):
    return torch.Generator().manual_seed(seed)


def gain(phi):
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    return ((phi(z).square() * density).sum() * (z[1] - z[0])).rsqrt().item()


def size(t):
    return t.square().mean().sqrt().item()


@pytest.mark.parametrize(
    ("phi", "wanted"),
    [
        (lambda z: z, 1.0),
        (torch.relu, math.sqrt(2)),
        (lambda z: F.leaky_relu(z, 0.2), nn.init.calculate_gain("leaky_relu", 0.2)),
        (torch.erf, (2 / math.pi * math.asin(2 / 3)) ** -0.5),
        (torch.abs, 1.0),
    ],
)
def test_gain_is_one_over_the_root_of_the_second_moment(phi, wanted):
    assert gain(phi) == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("phi", [torch.tanh, torch.relu, torch.sigmoid])
def test_weights_with_the_gain_keep_the_size_over_thirty_layers(phi):
    torch.manual_seed(0)
    n, sizes = 400, []
    h = torch.randn(50, n, dtype=torch.float64)
    for _ in range(30):
        h = phi(h @ (torch.randn(n, n, dtype=torch.float64) * gain(phi) / math.sqrt(n)).T)
        sizes.append(size(h))
    assert min(sizes) > 0.3 and max(sizes) < 3


def test_relu_halves_the_second_moment_and_the_gradient():
    z = torch.randn(1_000_000, generator=generator(1), dtype=torch.float64)
    assert z.relu().square().mean().item() == pytest.approx(0.5, abs=0.01)
    assert (z > 0).double().mean().item() == pytest.approx(0.5, abs=0.01)


def test_initialisers_of_pytorch_have_the_variances_of_the_formulas():
    torch.manual_seed(2)
    w = torch.empty(300, 700)
    for fill, variance in (
        (nn.init.xavier_normal_, 2 / 1000),
        (nn.init.xavier_uniform_, 2 / 1000),
        (lambda t: nn.init.kaiming_normal_(t, nonlinearity="relu"), 2 / 700),
    ):
        fill(w)
        assert w.var().item() == pytest.approx(variance, rel=0.02)
    assert nn.Linear(700, 300).weight.var().item() == pytest.approx(1 / 2100, rel=0.02)


@pytest.mark.parametrize(("n", "c", "eps"), [(16, 4, 1e-5), (3, 2, 0.5), (2, 1, 1e-3)])
def test_batch_norm_backward_formula(n, c, eps):
    g = generator(3)
    z, grad = torch.randn(2, n, c, generator=g, dtype=torch.float64)
    gamma, beta = torch.randn(2, c, generator=g, dtype=torch.float64)
    inputs = [t.clone().requires_grad_() for t in (z, gamma, beta)]
    y = F.batch_norm(inputs[0], None, None, inputs[1], inputs[2], training=True, eps=eps)
    want = torch.autograd.grad(y, inputs, grad)
    s = (z.var(0, correction=0) + eps).sqrt()
    z_hat = (z - z.mean(0)) / s
    through = gamma * grad
    dz = (through - through.mean(0) - z_hat * (through * z_hat).mean(0)) / s
    for got, expected in zip((dz, (grad * z_hat).sum(0), grad.sum(0)), want, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("momentum", [0.1, 0.2, 0.8, 1.0])
def test_running_statistics_weigh_the_new_batch_and_store_the_unbiased_variance(momentum):
    layer = nn.BatchNorm1d(1, momentum=momentum).double()
    z = torch.tensor([[1.0], [2], [3], [4]], dtype=torch.float64)
    y = layer(z)
    assert y.max().item() == pytest.approx(1.5 / math.sqrt(1.25 + 1e-5))
    assert layer.running_mean.item() == pytest.approx(momentum * 2.5)
    assert layer.running_var.item() == pytest.approx(1 - momentum + momentum * 5 / 3)


def test_batch_norm_takes_the_scale_of_the_weights_out():
    g = generator(4)
    x, w, t = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((32, 6), (3, 6), (32, 3)))
    grads = []
    for k in (1.0, 10.0):
        v = (k * w).requires_grad_()
        y = F.batch_norm(x @ v.T, None, None, training=True, eps=1e-14)
        grads.append(torch.autograd.grad((y * t).sum(), v)[0])
    torch.testing.assert_close(grads[0], 10 * grads[1])
    assert (grads[0] * w).sum(1).abs().max() < 1e-9


@pytest.mark.parametrize("limit", [0.1, 1.0, 1e6])
def test_clipping_by_norm_keeps_the_direction(limit):
    p = nn.Parameter(torch.zeros(50, dtype=torch.float64))
    g = torch.randn(50, generator=generator(5), dtype=torch.float64)
    p.grad = g.clone()
    nn.utils.clip_grad_norm_([p], limit)
    torch.testing.assert_close(p.grad, g * min(1, limit / g.norm().item()), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("normalised", [False, True])
def test_residual_blocks_double_the_second_moment_unless_normalised(normalised):
    torch.manual_seed(6)
    h = torch.randn(128, 256, dtype=torch.float64)
    for _ in range(12):
        w = torch.randn(256, 256, dtype=torch.float64) * math.sqrt(2 / 256)
        branch = F.batch_norm(h, None, None, training=True) if normalised else h
        h = h + branch.relu() @ w.T
    second = h.square().mean().item()
    assert second == pytest.approx(13 if normalised else 2**12, rel=0.3)


def test_bytes_survive_the_way_to_minus_one_and_one():
    levels = torch.arange(256, dtype=torch.uint8)
    scaled = (levels.float() - 127.5) / 127.5
    assert (scaled.min(), scaled.max()) == (-1, 1)
    assert torch.equal((scaled * 127.5 + 127.5).round().to(torch.uint8), levels)


# Regularisation


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_both_dropout_conventions_match_the_mean_before_the_activation_only(p):
    w = torch.tensor([3.0, -1, 2, -4, 1, -2, 1, -1], dtype=torch.float64)
    masks = torch.tensor(list(itertools.product([0.0, 1.0], repeat=8)), dtype=torch.float64)
    chance = ((1 - p) ** masks * p ** (1 - masks)).prod(1)
    assert chance.sum().item() == pytest.approx(1)
    torch.testing.assert_close(chance @ (masks @ w), (1 - p) * w.sum())
    torch.testing.assert_close(chance @ (masks @ w / (1 - p)), w.sum())
    assert chance @ (masks @ w).relu() > ((1 - p) * w.sum()).relu() + 0.5


def test_dropout_of_pytorch_scales_by_the_keep_probability():
    torch.manual_seed(0)
    out = F.dropout(torch.full((200_000,), 2.0), 0.2)
    assert out.unique().tolist() == [0, 2.5]
    assert out.mean().item() == pytest.approx(2, abs=0.02)
    assert (out == 0).double().mean().item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_decay_of_one_step(optimizer):
    w = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    before, g = w.detach().clone(), torch.tensor([0.5, 0.25], dtype=torch.float64)
    w.grad = g.clone()
    optimizer([w], lr=0.01, weight_decay=0.1).step()
    wanted = {
        torch.optim.SGD: (1 - 0.001) * before - 0.01 * g,
        torch.optim.Adam: before - 0.01 * (g + 0.1 * before).sign(),  # the first step of Adam is a sign
        torch.optim.AdamW: (1 - 0.001) * before - 0.01 * g.sign(),
    }
    torch.testing.assert_close(w.detach(), wanted[optimizer], atol=1e-8, rtol=0)


@pytest.mark.parametrize("v", [-1.3, -0.2, 0.0, 0.3, 2.0])
def test_soft_threshold_is_the_proximal_step(v):
    grid = torch.linspace(-3, 3, 600_001, dtype=torch.float64)
    best = grid[((grid - v) ** 2 / 2 + 0.3 * grid.abs()).argmin()].item()
    assert math.copysign(max(abs(v) - 0.3, 0), v) == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.5])
def test_label_smoothing_spreads_over_all_classes(classes, eps):
    logits = torch.randn(20, classes, generator=generator(1), dtype=torch.float64)
    y = torch.randint(classes, (20,), generator=generator(2))
    target = (1 - eps) * F.one_hot(y, classes).double() + eps / classes
    torch.testing.assert_close(F.cross_entropy(logits, target), F.cross_entropy(logits, y, label_smoothing=eps))


def test_five_percent_each_is_smoothing_by_fifteen():
    logits = torch.randn(1, 3, generator=generator(3), dtype=torch.float64)
    soft = F.cross_entropy(logits, torch.tensor([[0.05, 0.9, 0.05]], dtype=torch.float64))
    y = torch.tensor([1])
    torch.testing.assert_close(soft, F.cross_entropy(logits, y, label_smoothing=0.15))
    assert abs(soft - F.cross_entropy(logits, y, label_smoothing=0.1)) > 1e-3


def test_loss_of_mixed_labels_is_the_mix_of_the_losses():
    logits = torch.randn(9, 5, generator=generator(4), dtype=torch.float64)
    a, b = (torch.randint(5, (9,), generator=generator(k)) for k in (5, 6))
    mixed = 0.3 * F.one_hot(a, 5).double() + 0.7 * F.one_hot(b, 5).double()
    wanted = 0.3 * F.cross_entropy(logits, a) + 0.7 * F.cross_entropy(logits, b)
    torch.testing.assert_close(F.cross_entropy(logits, mixed), wanted)


def blobs(n):
    y = torch.arange(n) % 3
    return torch.randn(n, 4, generator=generator(n)) + y[:, None], y


def test_best_weights_survive_training_and_the_file():
    torch.manual_seed(1)
    model, held, stopping = MLP([4, 64, 3]), blobs(60), EarlyStopping(patience=3)
    history = fit(model, blobs(30), steps=400, lr=1e-2, every=10, test=held, early_stopping=stopping, show=False)
    assert len(history.loss) < 400 and min(history.test_loss) == stopping.best
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "step": history.best_step}, file)
    file.seek(0)
    again = MLP([4, 64, 3])
    again.load_state_dict(torch.load(file, weights_only=True)["model"])
    assert evaluate(again, held)[0] == pytest.approx(stopping.best, abs=1e-6)


@pytest.mark.parametrize("with_optimizer", [True, False])
def test_a_run_resumes_exactly_with_the_state_of_its_optimiser(with_optimizer):
    x, y = blobs(30)

    def step(model, optimizer, times):
        for _ in range(times):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    torch.manual_seed(2)
    through = MLP([4, 8, 3])
    resumed = copy.deepcopy(through)
    adam = torch.optim.Adam(through.parameters(), lr=0.01)
    step(through, adam, 20)
    first = torch.optim.Adam(resumed.parameters(), lr=0.01)
    step(resumed, first, 10)
    second = torch.optim.Adam(resumed.parameters(), lr=0.01)
    if with_optimizer:
        second.load_state_dict(first.state_dict())
    step(resumed, second, 10)
    gap = max((a - b).abs().max().item() for a, b in zip(through.parameters(), resumed.parameters(), strict=True))
    assert (gap < 1e-7) == with_optimizer


# Compression


def quantise(w, bits=8):
    low, high = w.amin(1, keepdim=True).clamp(max=0), w.amax(1, keepdim=True).clamp(min=0)
    s = (high - low) / (2**bits - 1)
    s = torch.where(s == 0, torch.ones_like(s), s)
    z = (-low / s).round()
    return ((w / s).round() + z).clamp(0, 2**bits - 1).to(torch.uint8), s, z


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_ruler_for_each_row_is_pytorchs_per_channel_quantiser():
    w = torch.randn(7, 40, generator=generator(7)) * torch.logspace(-2, 1, 7)[:, None]
    q, s, z = quantise(w)
    theirs = torch.fake_quantize_per_channel_affine(w, s[:, 0], z[:, 0].int(), 0, 0, 255)
    torch.testing.assert_close(s * (q - z), theirs)
    assert ((s * (q - z) - w).abs() <= s * 0.5001 + 1e-6).double().mean() > 0.99
    assert (quantise(torch.zeros(2, 3))[0] == 0).all()


def test_whole_numbers_multiply_like_the_rounded_floats():
    x, w = torch.rand(5, 30, generator=generator(8)), torch.randn(4, 30, generator=generator(9))
    (qx, sx, zx), (qw, sw, zw) = quantise(x.reshape(1, -1)), quantise(w)
    whole = (qx.view_as(x).int() - zx.int()) @ (qw.int() - zw.int()).T
    rounded = (sx * (qx - zx)).view_as(x) @ (sw * (qw - zw)).T
    torch.testing.assert_close(whole * sx * sw.T, rounded, atol=1e-5, rtol=1e-5)
    assert (whole * sx * sw.T - x @ w.T).abs().max() < 0.1


def test_dynamic_quantisation_of_pytorch_has_errors_of_the_same_size():
    ao = pytest.importorskip("torch.ao.quantization")
    if not hasattr(ao, "quantize_dynamic"):
        pytest.skip("this PyTorch no longer has torch.ao's dynamic quantisation")
    torch.manual_seed(3)
    layer, x = nn.Linear(64, 32), torch.rand(50, 64, generator=generator(10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in favour of the package torchao
        theirs = ao.quantize_dynamic(nn.Sequential(layer), {nn.Linear}, dtype=torch.qint8)(x)
    (qx, sx, zx), (qw, sw, zw) = quantise(x.reshape(1, -1)), quantise(layer.weight.detach())
    ours = (sx * (qx - zx)).view_as(x) @ (sw * (qw - zw)).T + layer.bias
    exact = layer(x)
    error, reference = size((ours - exact).detach()), size((theirs - exact).detach())
    assert error < 1.5 * reference < 0.02


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_global_pruning_keeps_the_largest_weights_and_their_zeros(share):
    torch.manual_seed(4)
    model = MLP([4, 32, 3])
    old = torch.cat([model[i].weight.detach().flatten() for i in (1, 3)])
    prune.global_unstructured([(model[1], "weight"), (model[3], "weight")], prune.L1Unstructured, amount=share)
    fit(model, blobs(30), steps=20, show=False)
    new = torch.cat([model[i].weight.detach().flatten() for i in (1, 3)])
    kept = new != 0
    assert kept.sum() == len(old) - round(share * len(old))
    assert old[kept].abs().min() >= old[~kept].abs().max()


def test_soft_targets_at_a_high_temperature_compare_logits():
    z, teacher = (torch.randn(6, 5, generator=generator(k), dtype=torch.float64) for k in (11, 12))
    z, teacher = z - z.mean(1, keepdim=True), teacher - teacher.mean(1, keepdim=True)
    z.requires_grad_()
    T = 1000.0
    (T**2 * F.cross_entropy(z / T, (teacher / T).softmax(1), reduction="sum")).backward()
    torch.testing.assert_close(z.grad, (z.detach() - teacher) / 5, atol=2e-3, rtol=0)
