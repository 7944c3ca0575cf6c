"""What week 7 writes by hand, against closed forms and PyTorch in double precision."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from deepweeks import models
from deepweeks.data import sequences

KINDS = [("RNN", 1), ("GRU", 3), ("LSTM", 4)]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("kind", "blocks"), KINDS)
@pytest.mark.parametrize(("d", "hidden"), [(5, 7), (1, 1), (3, 2)])
def test_parameters_have_two_biases_and_no_length(kind, blocks, d, hidden):
    cell = getattr(nn, kind)(d, hidden)
    assert sum(p.numel() for p in cell.parameters()) == blocks * (hidden**2 + hidden * d + 2 * hidden)


@pytest.mark.parametrize(("kind", "blocks"), KINDS)
def test_library_layers_equal_pytorch_forwards_and_backwards(kind, blocks):
    torch.manual_seed(0)
    theirs, ours = getattr(nn, kind)(4, 6, batch_first=True).double(), getattr(models, kind)(4, 6).double()
    ours.load_state_dict(theirs.state_dict())
    x, grads = random(3, 9, 4), []
    for cell in (theirs, ours):
        outputs, _ = cell(x)
        outputs.square().sum().backward()
        grads.append([outputs, *(dict(cell.named_parameters())[name].grad for name, _ in theirs.named_parameters())])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-10)


@pytest.mark.parametrize("u", [0.3, 0.8, 1.4, -0.9])
@pytest.mark.parametrize("steps", [1, 2, 6, 40])
def test_scalar_formula_of_backpropagation_through_time(u, steps):
    x, weight = random(steps, seed=1), torch.tensor(u, dtype=torch.float64, requires_grad=True)
    h = [torch.zeros((), dtype=torch.float64)]
    for x_t in x:
        h.append(torch.tanh(x_t + weight * h[-1]))
    h[-1].backward()
    h = [float(v.detach()) for v in h]
    total = sum(
        math.prod((1 - h[j] ** 2) * u for j in range(t + 1, steps + 1)) * (1 - h[t] ** 2) * h[t - 1]
        for t in range(1, steps + 1)
    )
    assert total == pytest.approx(weight.grad.item(), abs=1e-14)


def test_one_unit_keeps_a_sign_and_loses_the_gradient():
    h = fixed = 0.9575
    for _ in range(100):
        fixed = math.tanh(2 * fixed)
    assert fixed == pytest.approx(h, abs=1e-4)
    assert 1000 * math.log10(2 * (1 - fixed**2)) < -324  # below the smallest double


@pytest.mark.parametrize("s", [0.9, 1.0, 1.1])
def test_orthogonal_matrices_scale_linear_gradients_exactly(s):
    q = torch.linalg.qr(random(16, 16, seed=2))[0]
    v = random(16, seed=3)
    for _ in range(50):
        v_new = v @ (s * q)
        assert v_new.norm().item() == pytest.approx(s * v.norm().item(), rel=1e-10)
        v = v_new


def test_a_singular_value_below_one_bounds_every_tanh_gradient():
    u = random(8, 8, seed=4)
    u = 0.9 * u / torch.linalg.matrix_norm(u, 2)
    for seed in range(5):
        h0 = random(8, seed=seed)
        jacobian = torch.func.jacrev(lambda h: _steps(h, u, 20))(h0)
        assert torch.linalg.matrix_norm(jacobian, 2) <= 0.9**20


def _steps(h, u, n):
    for _ in range(n):
        h = torch.tanh(u @ h + 0.1)
    return h


def test_clipping_by_value_turns_the_gradient_and_by_norm_does_not():
    cosines = []
    for clip in (nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_):
        p = nn.Parameter(torch.zeros(2))
        p.grad = torch.tensor([30.0, 0.4])
        clip([p], 1.0)
        cosines.append(F.cosine_similarity(p.grad, torch.tensor([30.0, 0.4]), dim=0).item())
    assert cosines == pytest.approx([1.0, 0.933], abs=1e-3)


@pytest.mark.parametrize(("bias", "left"), [(0, 7.9e-31), (1, 2.5e-14), (3, 0.0078), (5, 0.51)])
def test_share_of_a_cell_after_a_hundred_steps(bias, left):
    assert torch.tensor(float(bias), dtype=torch.float64).sigmoid().item() ** 100 == pytest.approx(left, rel=0.02)


@pytest.mark.parametrize(("steps", "share"), [(1, 0.5), (100, 0.51), (1000, 0.5), (7, 0.001)])
def test_forget_bias_for_a_distance_inverts_the_power_of_the_sigmoid(steps, share):
    gate = share ** (1 / steps)
    bias = math.log(gate / (1 - gate))
    assert (1 / (1 + math.exp(-bias))) ** steps == pytest.approx(share, rel=1e-9)


def test_gradient_along_the_cell_is_the_product_of_forget_gates():
    f, i, g = random(30, 5, seed=5).sigmoid(), random(30, 5, seed=6).sigmoid(), random(30, 5, seed=7).tanh()
    c0 = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    c = c0
    for t in range(30):
        c = f[t] * c + i[t] * g[t]
    c.sum().backward()
    torch.testing.assert_close(c0.grad, f.prod(0))


@pytest.mark.parametrize(
    ("before", "flipped", "agrees"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_only_one_convention_of_the_gru_is_pytorchs(before, flipped, agrees):
    torch.manual_seed(1)
    cell, x = nn.GRU(5, 7, batch_first=True).double(), random(2, 11, 5, seed=8)
    (ur, uz, un), (cr, cz, cn) = cell.weight_hh_l0.chunk(3), cell.bias_hh_l0.chunk(3)
    h = x.new_zeros(2, 7)
    for t in range(11):
        xr, xz, xn = (x[:, t] @ cell.weight_ih_l0.T + cell.bias_ih_l0).chunk(3, 1)
        r, z = torch.sigmoid(xr + h @ ur.T + cr), torch.sigmoid(xz + h @ uz.T + cz)
        n = torch.tanh(xn + ((r * h) @ un.T + cn if before else r * (h @ un.T + cn)))
        h = z * n + (1 - z) * h if flipped else (1 - z) * n + z * h
    gap = (h - cell(x)[1][0]).abs().max().item()
    assert gap < 1e-12 if agrees else gap > 0.01


def test_stacked_and_bidirectional_layers_are_single_layers_put_together():
    torch.manual_seed(2)
    x = random(3, 9, 5, seed=9)

    def part(big, suffix, inputs):
        one = nn.RNN(inputs, 7, batch_first=True).double()
        one.load_state_dict(
            {f"{n}_l0": getattr(big, f"{n}_{suffix}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        )
        return one

    stack = nn.RNN(5, 7, num_layers=2, batch_first=True).double()
    torch.testing.assert_close(part(stack, "l1", 7)(part(stack, "l0", 5)(x)[0])[0], stack(x)[0])
    both = nn.RNN(5, 7, bidirectional=True, batch_first=True).double()
    there, back = part(both, "l0", 5)(x)[0], part(both, "l0_reverse", 5)(x.flip(1))[0].flip(1)
    torch.testing.assert_close(torch.cat([there, back], 2), both(x)[0])


def test_reversal_within_each_length_equals_packing():
    torch.manual_seed(3)
    lengths, x = torch.tensor([5, 2, 4]), random(3, 5, 3, seed=10)
    cell = nn.GRU(3, 4, batch_first=True).double()
    t = torch.arange(5)
    turn = torch.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)[:, :, None]
    turned = x.gather(1, turn.expand_as(x))
    packed = pack_padded_sequence(turned, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = cell(packed)
    padded = pad_packed_sequence(outputs, batch_first=True)[0]
    for row, n in enumerate(lengths):
        torch.testing.assert_close(padded[row, :n], cell(x[row : row + 1, :n].flip(1))[0][0])
        torch.testing.assert_close(last[0, row], padded[row, n - 1])


def test_always_answering_one_has_error_one_sixth_on_the_adding_problem():
    _, y = sequences.adding(200_000, 10, torch.Generator().manual_seed(0))
    assert (y - 1).square().mean().item() == pytest.approx(1 / 6, abs=2e-3)
