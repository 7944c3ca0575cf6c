"""What week 12 puts into the library: losses of the game, the penalty, DCGAN's networks and the loop."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepweeks import losses, models
from deepweeks.train import fit_gan


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def bce(scores, label):
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label))


FORMULAS = {
    "minimax": (lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda f: -bce(f, 0.0)),
    "nonsaturating": (lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda f: bce(f, 1.0)),
    "lsgan": (lambda r, f: ((r - 1) ** 2).mean() + (f**2).mean(), lambda f: ((f - 1) ** 2).mean()),
    "wgan": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
    "hinge": (lambda r, f: (1 - r).clamp(min=0).mean() + (1 + f).clamp(min=0).mean(), lambda f: -f.mean()),
}


@pytest.mark.parametrize("kind", FORMULAS)
def test_losses_are_the_published_ones(kind):
    real, fake = 3 * torch.randn(2, 50, 1, dtype=torch.float64)
    for mine, theirs, scores in zip(losses.gan_loss(kind), FORMULAS[kind], ((real, fake), (fake,)), strict=True):
        torch.testing.assert_close(mine(*scores), theirs(*scores))


@pytest.mark.parametrize("kind", FORMULAS)
def test_every_player_pushes_its_way(kind):
    """D wants real scores up and fake ones down, G wants the fake ones up."""
    d_loss, g_loss = losses.gan_loss(kind)
    real, fake = (torch.zeros(4, requires_grad=True) for _ in range(2))
    d_real, d_fake = torch.autograd.grad(d_loss(real, fake), (real, fake))
    (g_fake,) = torch.autograd.grad(g_loss(fake), fake)
    assert (d_real < 0).all() and (d_fake >= 0).all() and (g_fake < 0).all()
    assert (d_fake > 0).all() or kind == "lsgan"  # a fake score of 0 is what LSGAN's discriminator wants


def test_an_unknown_loss_lists_the_known():
    with pytest.raises(ValueError, match="minimax, nonsaturating, lsgan, wgan, hinge"):
        losses.gan_loss("wasserstein")


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_penalty_of_a_linear_critic(norm):
    critic = nn.Linear(6, 1).double()
    with torch.no_grad():
        critic.weight *= norm / critic.weight.norm()
    real, fake = torch.randn(2, 20, 6, dtype=torch.float64)
    assert losses.gradient_penalty(critic, real, fake).item() == pytest.approx((norm - 1) ** 2, abs=1e-12)
    assert losses.gradient_penalty(critic, real).item() == pytest.approx(norm**2, abs=1e-12)


def test_penalty_passes_gradients_to_the_critic_only():
    critic = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    real, fake = torch.randn(2, 5, 4, dtype=torch.float64)
    fake.requires_grad_(True)
    weight = critic[0].weight

    def at(shift):
        weight.data[0, 0] += shift
        value = losses.gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))
        weight.data[0, 0] -= shift
        return value

    slope = (at(1e-5) - at(-1e-5)).item() / 2e-5
    at(0.0).backward()
    assert fake.grad is None and not real.requires_grad
    assert weight.grad[0, 0].item() == pytest.approx(slope, rel=1e-5)


def test_penalty_looks_between_real_and_fake():
    """A critic that is steep only half-way is caught there."""
    real, fake = torch.zeros(400, 1, dtype=torch.float64), torch.ones(400, 1, dtype=torch.float64)
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append(x.detach())
            return x.sum(1)

    losses.gradient_penalty(Spy(), real, fake, generator=torch.Generator().manual_seed(1))
    assert 0 < seen[0].min() < 0.05 and 0.95 < seen[0].max() < 1 and abs(seen[0].mean() - 0.5) < 0.05


def test_penalty_refuses_batch_normalisation_and_other_shapes():
    x = torch.randn(8, 1, 28, 28)
    with pytest.raises(ValueError, match="batch normalisation"):
        losses.gradient_penalty(models.DCGANDiscriminator(size=28, channels=1, width=4), x, x)
    with pytest.raises(ValueError, match="same shape"):
        losses.gradient_penalty(nn.Flatten(), x, x[:4])
    plain = models.DCGANDiscriminator(size=28, channels=1, width=4, batch_norm=False)
    assert torch.isfinite(losses.gradient_penalty(plain, x, -x))


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("upsample", ["transposed", "nearest", "bilinear"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_shapes_and_ranges(size, upsample, batch_norm):
    G = models.DCGANGenerator(latent=5, size=size, channels=2, width=4, upsample=upsample, batch_norm=batch_norm)
    D = models.DCGANDiscriminator(size=size, channels=2, width=4, batch_norm=batch_norm)
    x = G(10 * torch.randn(3, 5))
    assert x.shape == (3, 2, size, size) and x.abs().max() <= 1
    assert D(x).shape == (3, 1)


def test_the_published_pipeline():
    """Maps of 4x4x512, 8x8x256, 16x16x128, 32x32x64 and the picture of 64x64x3, and back."""
    G, D = models.DCGANGenerator(), models.DCGANDiscriminator()
    x, seen = torch.randn(2, 100), []
    for layer in (*G, *D):
        x = layer(x)
        if isinstance(layer, nn.Unflatten | nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and x.ndim == 4:
            seen.append(tuple(x.shape[1:]))
    path = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32)]
    assert seen == [*path, (3, 64, 64), *path[::-1]]
    assert isinstance(G[-1], nn.Tanh) and not isinstance(G[-2], nn.BatchNorm2d)
    assert isinstance(D[1], nn.LeakyReLU) and D[1].negative_slope == 0.2


def test_start_of_the_weights():
    for model in (models.DCGANGenerator(), models.DCGANDiscriminator()):
        for layer in model:
            if isinstance(layer, nn.BatchNorm2d):
                assert (layer.weight == 1).all() and (layer.bias == 0).all()
            elif hasattr(layer, "weight") and layer.weight.numel() > 5000:
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_wrong_sizes_are_refused():
    for size in (4, 30, 33):
        with pytest.raises(ValueError, match="power of two"):
            models.DCGANGenerator(size=size)
    with pytest.raises(ValueError, match="bicubic"):
        models.DCGANGenerator(upsample="bicubic")


class Shift(nn.Module):
    """The smallest generator: z moved by one number; a batch normalisation gives it a buffer."""

    def __init__(self):
        super().__init__()
        self.shift, self.norm = nn.Parameter(torch.zeros(1)), nn.BatchNorm1d(1)

    def forward(self, z):
        return 0.1 * z + self.shift + 0 * self.norm(z + 3)


def play(**options):
    torch.manual_seed(0)
    G, D = Shift(), nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    x = 2 + 0.1 * torch.randn(256, 1, generator=torch.Generator().manual_seed(1))
    given = {"latent": 1, "steps": 250, "lr": 0.02, "average": 0.9} | options
    return fit_gan(G, D, x, **given), G, D


def r1(D, real, fake):
    return losses.gradient_penalty(D, real)


@pytest.mark.parametrize("kind", FORMULAS)
def test_the_loop_moves_the_generator_to_the_data(kind):
    history, G, _ = play(kind=kind, penalty=r1)
    assert history.average.shift.item() == pytest.approx(2, abs=0.4), kind
    assert len(history.d_loss) == len(history.g_loss) == len(history.accuracy) == 250
    assert G.training and not history.average.training


def test_equal_seeds_play_equal_games():
    first, second, other = (play(steps=20, seed=seed)[0] for seed in (0, 0, 1))
    assert first.d_loss == second.d_loss != other.d_loss
    assert all(map(torch.equal, first.average.state_dict().values(), second.average.state_dict().values()))


def test_the_average_follows_weights_and_buffers():
    slow = {}

    def follow(step, average):
        slow[step] = copy.deepcopy(average.state_dict())

    history, G, _ = play(steps=3, average=0.25, callback=follow)
    assert set(slow) == {1, 2, 3}
    assert history.average.norm.running_mean.item() != 0
    torch.testing.assert_close(slow[3]["shift"], slow[2]["shift"].lerp(G.shift.detach(), 0.75))
    torch.testing.assert_close(
        slow[3]["norm.running_mean"], slow[2]["norm.running_mean"].lerp(G.norm.running_mean, 0.75)
    )


def test_the_players_keep_their_own_weights():
    """With a rate of 0 a player does not move, and the other one does."""
    for rates, moved in (((0.0, 0.02), 1), ((0.02, 0.0), 0)):
        _, *players = play(steps=5, lr=rates)
        _, *fresh = play(steps=1, lr=(0.0, 0.0))
        same = [all(map(torch.equal, a.parameters(), b.parameters())) for a, b in zip(players, fresh, strict=True)]
        assert same == [moved == 1, moved == 0]
        assert all(p.requires_grad for p in players[1].parameters())


def test_turns_and_lazy_penalties_are_counted():
    calls = []

    def penalty(D, real, fake):
        calls.append((real.shape, fake.shape, fake.requires_grad))
        return r1(D, real, fake)

    play(steps=6, d_steps=4, penalty=penalty, lazy=8, batch_size=16)
    assert calls == [((16, 1), (16, 1), False)] * 3


def test_a_callback_can_end_the_training():
    history, *_ = play(steps=50, callback=lambda step, average: step == 7)
    assert len(history.d_loss) == 7


def test_a_schedule_reaches_both_players():
    made = []

    def schedule(opt):
        made.append(opt)
        return torch.optim.lr_scheduler.StepLR(opt, 1, 0.5)

    play(steps=2, schedule=schedule)
    assert [opt.param_groups[0]["lr"] for opt in made] == [0.005, 0.005]


def test_a_loss_that_is_not_finite_stops():
    with pytest.raises(FloatingPointError, match="step 1 of"):
        play(steps=5, penalty=lambda D, real, fake: D(real).sum() * float("nan"), kind="wgan", lr=1e30)
