"""What week 2 writes by hand, against closed forms and PyTorch in double precision."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks.models import MLP


def generator(seed):
    return torch.Generator().manual_seed(seed)


def parameters(model):
    return [(layer.weight, layer.bias) for layer in model if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("sizes", [[3, 2], [784, 256, 128, 10], [5, 7, 7, 1]])
def test_mlp_is_the_forward_pass_written_out(sizes):
    model = MLP(sizes, nn.Tanh).double()
    x = torch.randn(4, sizes[0], generator=generator(1), dtype=torch.float64)
    h = x
    for weight, bias in parameters(model)[:-1]:
        h = torch.tanh(h @ weight.T + bias)
    weight, bias = parameters(model)[-1]
    torch.testing.assert_close(model(x), h @ weight.T + bias)
    counted = sum(p.numel() for p in model.parameters())
    assert counted == sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))


def test_mlp_flattens_images_and_needs_two_sizes():
    assert MLP([28 * 28, 16, 10])(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    with pytest.raises(ValueError, match="an input and an output size"):
        MLP([784])


def test_layers_without_activation_are_one_affine_map():
    model = MLP([6, 5, 4, 3], nn.Identity).double()
    weight, bias = torch.eye(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    for w, b in parameters(model):
        weight, bias = w @ weight, w @ bias + b
    x = torch.randn(8, 6, generator=generator(2), dtype=torch.float64)
    torch.testing.assert_close(model(x), x @ weight.T + bias)


@pytest.mark.parametrize("classes", [2, 10])
def test_loss_floor_of_a_second_softmax(classes):
    perfect = F.one_hot(torch.tensor([1]), classes).double()
    floor = math.log(1 + (classes - 1) / math.e)
    assert F.cross_entropy(perfect, torch.tensor([1])).item() == pytest.approx(floor, abs=1e-12)
    logits = torch.randn(1000, classes, generator=generator(3), dtype=torch.float64) * 10
    labels = logits.argmax(1)
    assert F.cross_entropy(logits.softmax(1), labels, reduction="none").min() >= floor - 1e-12


def test_polygon_of_relus_meets_its_points():
    knots = torch.tensor([-1.0, -0.2, 0.5, 2.0], dtype=torch.float64)
    heights = torch.tensor([0.3, -1.0, 2.0, 0.0], dtype=torch.float64)
    climb = heights.diff() / knots.diff()
    changes = torch.cat([climb[:1], climb.diff()])
    x = torch.linspace(-1, 2, 301, dtype=torch.float64)
    drawn = torch.relu(x[:, None] - knots[:-1]) @ changes + heights[0]
    k = torch.searchsorted(knots, x, right=True).clamp(1, 3)
    share = (x - knots[k - 1]) / (knots[k] - knots[k - 1])
    torch.testing.assert_close(drawn, (1 - share) * heights[k - 1] + share * heights[k])
