"""The attacks of week 6 against a published attack library, and the properties that any attack must have."""

import foolbox
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks import attacks

EPS = 0.1


def network(dtype=torch.float32):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 5, 2, 2), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(4 * 14 * 14, 10)]
    return nn.Sequential(*layers).to(dtype).eval()


def batch(n=6, dtype=torch.float32, low=0.0, high=1.0):
    g = torch.Generator().manual_seed(1)
    x = low + (high - low) * torch.rand(n, 1, 28, 28, generator=g, dtype=dtype)
    x[:, :, :4] = low  # pixels at the edges of the range, where clipping matters
    x[:, :, -4:] = high
    return x, torch.randint(10, (n,), generator=g)


def attack(name, model, x, y, eps=EPS, **options):
    return getattr(attacks, name)(model, x, y, eps, **options)


# A published library gives the same images


def criterion(y, targeted):
    return foolbox.criteria.TargetedMisclassification(y) if targeted else foolbox.criteria.Misclassification(y)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 2.0)])
@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_agrees_with_foolbox(targeted, bounds):
    model, (x, y) = network(torch.float64), batch(dtype=torch.float64, low=bounds[0], high=bounds[1])
    wrapped = foolbox.PyTorchModel(model, bounds=bounds, device="cpu")
    theirs = foolbox.attacks.LinfPGD(rel_stepsize=1, steps=1, random_start=False)  # its FGSM refuses targets
    theirs, _, _ = theirs(wrapped, x, criterion(y, targeted), epsilons=EPS)
    ours = attacks.fgsm(model, x, y, EPS, targeted=targeted, bounds=bounds)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    if not targeted:
        named = foolbox.attacks.FGSM(random_start=False)
        same, _, _ = named(wrapped, x, criterion(y, False), epsilons=EPS)
        torch.testing.assert_close(ours, same, rtol=0, atol=1e-12)


@pytest.mark.parametrize("step", [None, 0.015])
@pytest.mark.parametrize("targeted", [False, True])
def test_pgd_from_the_clean_image_agrees_with_foolbox(targeted, step):
    model, (x, y) = network(torch.float64), batch(dtype=torch.float64)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    relative = {"rel_stepsize": 2.5 / 20} if step is None else {"abs_stepsize": step}
    theirs = foolbox.attacks.LinfPGD(steps=20, random_start=False, **relative)
    theirs, _, _ = theirs(wrapped, x, criterion(y, targeted), epsilons=EPS)
    ours = attacks.pgd(model, x, y, EPS, step=step, steps=20, start="clean", targeted=targeted)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


# Properties

BOTH = pytest.mark.parametrize("name", ["fgsm", "pgd"])


@BOTH
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("eps", [0.0, 0.03, 0.3, 2.0])
def test_inside_the_ball_and_the_bounds(name, targeted, eps):
    model, (x, y) = network(), batch()
    got = attack(name, model, x, y, eps, targeted=targeted)
    assert got.shape == x.shape and got.dtype == x.dtype
    assert (got - x).abs().max() <= eps + 1e-6
    assert got.min() >= 0 and got.max() <= 1
    if eps == 0:
        assert torch.equal(got, x)


@BOTH
@pytest.mark.parametrize("training", [False, True])
def test_the_model_and_the_inputs_are_left_alone(name, training):
    model, (x, y) = network().train(training), batch()
    F.cross_entropy(model(x), y).backward()
    before = [(p.detach().clone(), p.grad.clone()) for p in model.parameters()]
    kept = x.clone()
    got = attack(name, model, x, y)
    assert not got.requires_grad and not x.requires_grad and x.grad is None
    assert torch.equal(x, kept)
    assert all(layer.training == training for layer in model.modules())
    for p, (value, grad) in zip(model.parameters(), before, strict=True):
        assert torch.equal(p, value) and torch.equal(p.grad, grad) and p.requires_grad


@BOTH
def test_no_gradient_appears_where_there_was_none(name):
    model, (x, y) = network(), batch()
    attack(name, model, x, y)
    assert all(p.grad is None for p in model.parameters())


@BOTH
def test_an_attack_raises_the_loss_and_a_targeted_one_lowers_it(name):
    model, (x, y) = network(), batch()

    def loss(inputs):
        return F.cross_entropy(model(inputs), y).item()

    assert loss(attack(name, model, x, y)) > loss(x)
    assert loss(attack(name, model, x, y, targeted=True)) < loss(x)


def test_fgsm_maximises_the_linearised_loss():
    model, (x, y) = network(torch.float64), batch(dtype=torch.float64)
    x = x.clamp(0.2, 0.8)  # nothing is clipped
    inputs = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(model(inputs), y, reduction="sum"), inputs)
    gain = (g * (attacks.fgsm(model, x, y, EPS) - x)).sum((1, 2, 3))
    torch.testing.assert_close(gain, EPS * g.abs().sum((1, 2, 3)))


def test_fgsm_is_one_step_from_the_clean_image():
    model, (x, y) = network(), batch()
    one = attacks.pgd(model, x, y, EPS, step=EPS, steps=1, start="clean")
    assert torch.equal(attacks.fgsm(model, x, y, EPS), one)


def test_examples_do_not_depend_on_their_batch():
    model, (x, y) = network(torch.float64), batch(dtype=torch.float64)
    together = attacks.pgd(model, x, y, EPS, start="clean")
    alone = torch.cat([attacks.pgd(model, x[i : i + 1], y[i : i + 1], EPS, start="clean") for i in range(len(x))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


def test_the_random_start_comes_from_the_generator():
    model, (x, y) = network(), batch()
    first, again, other = (
        attacks.pgd(model, x, y, EPS, steps=3, generator=torch.Generator().manual_seed(k)) for k in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    clean = [attacks.pgd(model, x, y, EPS, steps=3, start="clean") for _ in range(2)]
    assert torch.equal(*clean)


def test_a_step_of_zero_shows_the_random_start():
    model, (x, y) = network(), batch()
    x = x.clamp(0.2, 0.8)
    start = attacks.pgd(model, x, y, EPS, step=0.0, steps=1, generator=torch.Generator().manual_seed(0)) - x
    assert start.abs().max() <= EPS + 1e-6
    assert start.std() == pytest.approx(EPS / 3**0.5, rel=0.05)  # uniform on the ball


def test_the_default_step_is_two_and_a_half_eps_over_steps():
    model, (x, y) = network(), batch()
    default = attacks.pgd(model, x, y, EPS, steps=8, start="clean")
    assert torch.equal(default, attacks.pgd(model, x, y, EPS, step=2.5 * EPS / 8, steps=8, start="clean"))


def test_eps_is_in_the_units_of_the_image():
    """The same network behind images of 0 to 255 wants 255 times the eps, and gives 255 times the change."""
    model, (x, y) = network(torch.float64), batch(dtype=torch.float64)
    in_bytes = nn.Sequential(Scale(1 / 255), model)
    small = attacks.fgsm(model, x, y, EPS)
    large = attacks.fgsm(in_bytes, 255 * x, y, 255 * EPS, bounds=(0, 255))
    torch.testing.assert_close(large, 255 * small, rtol=0, atol=1e-9)


class Scale(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


# Wrong arguments


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fgsm", {"eps": -0.1}, "eps"),
        ("pgd", {"eps": -0.1}, "eps"),
        ("pgd", {"steps": 0}, "steps"),
        ("pgd", {"start": "zero"}, "start"),
        ("fgsm", {"bounds": (0, 0.5)}, "bounds"),
        ("pgd", {"bounds": (0.5, 1)}, "bounds"),
    ],
)
def test_a_bad_argument_gets_one_clear_line(name, options, words):
    with pytest.raises(ValueError, match=words) as error:
        attack(name, network(), *batch(), **options)
    assert "\n" not in str(error.value)


def test_bytes_meant_for_unit_pixels_are_noticed():
    x, y = batch()
    with pytest.raises(ValueError, match="scale them"):
        attacks.fgsm(network(), 255 * x, y, EPS)


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_attacks_work_where_gradients_are_off(name):
    model, (x, y) = network(), batch()
    with torch.no_grad():
        found = attack(name, model, x, y)
    assert not torch.equal(found, x)
    assert not found.requires_grad
