"""What week 13 puts into the library: distances between real and generated pictures, against torchmetrics and
against cases whose answer is known."""

import math

import pytest
import torch
from torch import nn

from deepweeks import metrics

pytest.importorskip("torchmetrics")

from torchmetrics.functional.image.perceptual_path_length import perceptual_path_length  # noqa: E402
from torchmetrics.image.fid import FrechetInceptionDistance  # noqa: E402
from torchmetrics.image.inception import InceptionScore  # noqa: E402
from torchmetrics.image.kid import KernelInceptionDistance  # noqa: E402


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


class Pixels(nn.Module):
    """The extractor given to torchmetrics: the pixels of a small picture, mixed by a fixed matrix."""

    def __init__(self, width=12):
        super().__init__()
        g = torch.Generator().manual_seed(1)
        self.register_buffer("mix", torch.randn(3 * 8 * 8, width, generator=g) / 1000)

    def forward(self, x):
        return x.flatten(1).float() @ self.mix


REAL, FAKE = (torch.randint(low, 256, (300, 3, 8, 8), dtype=torch.uint8) for low in (0, 60))


def both(metric, **options):
    """The value of torchmetrics on REAL and FAKE."""
    metric = metric(feature=Pixels(), **options)
    metric.update(REAL, real=True)
    metric.update(FAKE, real=False)
    return metric.compute()


def test_frechet_distance_is_that_of_torchmetrics():
    theirs = both(FrechetInceptionDistance, input_img_size=(3, 8, 8)).item()
    mine = metrics.frechet_from_features(Pixels()(REAL), Pixels()(FAKE))
    assert mine == pytest.approx(theirs, rel=1e-3) and mine > 0.1


def test_kernel_distance_is_that_of_torchmetrics():
    theirs, _ = both(KernelInceptionDistance, subsets=1, subset_size=300)
    mine = metrics.kernel_distance(Pixels()(REAL), Pixels()(FAKE))
    assert mine == pytest.approx(theirs.item(), rel=1e-3) and mine > 0.01


def test_inception_score_is_that_of_torchmetrics():
    class Logits(Pixels):
        def forward(self, x):
            return 10 * super().forward(x)

    theirs = InceptionScore(feature=Logits(), splits=1)
    theirs.update(FAKE)
    mine = metrics.inception_score(Logits()(FAKE).softmax(1))
    assert mine == pytest.approx(theirs.compute()[0].item(), rel=1e-3) and mine > 1.05


def test_inception_score_of_known_cases():
    assert metrics.inception_score(torch.eye(10).repeat(3, 1)) == pytest.approx(10)
    assert metrics.inception_score(torch.full((5, 10), 0.1)) == pytest.approx(1)
    assert metrics.inception_score(torch.eye(10)[[3, 3, 3]]) == pytest.approx(1)
    assert metrics.inception_score(torch.eye(10)[[1, 7]]) == pytest.approx(2)


def test_frechet_distance_of_known_cases():
    one, zero = torch.eye(1), torch.zeros(1)
    assert metrics.frechet_distance(zero, one, zero + 3, one) == pytest.approx(9)
    assert metrics.frechet_distance(zero, one, zero, 4 * one) == pytest.approx(1)
    a, b = torch.tensor([1.0, 4.0, 9.0]), torch.tensor([4.0, 4.0, 1.0])
    assert metrics.frechet_distance(zero, a.diag(), zero, b.diag()) == pytest.approx(1 + 0 + 4)
    singular = torch.ones(3, 3)
    assert metrics.frechet_distance(zero, singular, zero, singular) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_is_symmetric_and_does_not_turn():
    a, b = torch.randn(200, 6) @ torch.randn(6, 6), torch.randn(150, 6) @ torch.randn(6, 6) + 1
    turn = torch.linalg.qr(torch.randn(6, 6)).Q
    value = metrics.frechet_from_features(a, b)
    assert metrics.frechet_from_features(b, a) == pytest.approx(value, rel=1e-5)
    assert metrics.frechet_from_features(a @ turn, b @ turn) == pytest.approx(value, rel=1e-4)


def test_frechet_distance_equals_the_matrix_square_root():
    a, b = (torch.cov(torch.randn(5, 40, dtype=torch.float64)) for _ in range(2))
    values = torch.linalg.eigvals(a @ b).real.clamp(min=0)
    want = a.trace() + b.trace() - 2 * values.sqrt().sum()
    zero = torch.zeros(5)
    assert metrics.frechet_distance(zero, a, zero, b) == pytest.approx(want.item(), rel=1e-9)


def test_kernel_distance_is_unbiased():
    """Of equal distributions it is 0 on average, at 20 samples as at 200; the Frechet distance is not."""
    for n in (20, 200):
        values = torch.tensor([metrics.kernel_distance(*torch.randn(2, n, 4)) for _ in range(400)])
        assert abs(values.mean()) < 4 * values.std() / 20
        assert (values < 0).any()
    assert metrics.frechet_from_features(*torch.randn(2, 20, 4)) > 0.1


def balls(real, fake, k):
    """Precision, recall, density and coverage with loops."""

    def radius(points, i):
        return sorted((points[i] - p).norm().item() for j, p in enumerate(points) if j != i)[k - 1]

    def hits(centres, points):
        return [[(c - p).norm().item() <= radius(centres, i) for p in points] for i, c in enumerate(centres)]

    around_real, around_fake = hits(real, fake), hits(fake, real)
    precision = sum(map(any, zip(*around_real, strict=True))) / len(fake)
    recall = sum(map(any, zip(*around_fake, strict=True))) / len(real)
    return precision, recall, sum(map(sum, around_real)) / k / len(fake), sum(map(any, around_real)) / len(real)


@pytest.mark.parametrize("k", [1, 3])
def test_balls_against_loops(k):
    real, fake = torch.randn(25, 2).double(), 2 * torch.randn(20, 2).double() + 1.5
    mine = metrics.precision_recall(real, fake, k=k) + metrics.density_coverage(real, fake, k=k)
    assert mine == pytest.approx(balls(real, fake, k))
    assert min(mine) > 0 and max(mine[0], mine[1], mine[3]) < 1


def test_noise_is_caught_by_coverage_and_not_by_recall():
    real, noise = torch.randn(500, 16), 20 * torch.randn(500, 16)
    assert metrics.precision_recall(real, noise) == (0.0, 1.0)
    assert metrics.density_coverage(real, noise) == (0.0, 0.0)


def test_fresh_real_data_have_density_and_coverage_near_one():
    density, coverage = metrics.density_coverage(*torch.randn(2, 1500, 3), k=5)
    assert density == pytest.approx(1, abs=0.06) and coverage == pytest.approx(1 - 0.5**5, abs=0.02)


def test_distances_to_neighbours():
    real, fake = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 4.0], [3.0, 1.0]])
    assert metrics.coverage_distance(real, fake) == pytest.approx((math.sqrt(10) + 1) / 2)
    assert metrics.coverage_distance(real, real) == pytest.approx(0, abs=1e-6)
    assert metrics.anomaly_score(real, fake, q=0.5) == 0.5  # the threshold is 3, the fakes lie 4 and 1 away
    assert metrics.anomaly_score(real, real) == 0


def test_the_anomaly_score_of_fresh_real_data():
    real, fresh = torch.randn(2, 4000, 3)
    for q in (0.8, 0.9):
        assert metrics.anomaly_score(real, fresh, q=q) == pytest.approx(1 - q, abs=0.025)
    assert metrics.anomaly_score(real, fresh, q=0.9, k=5) < 0.06


def test_path_length_of_known_generators():
    flat = nn.Flatten()
    assert metrics.path_length(lambda z: torch.ones(len(z), 1, 4, 4), flat, latent=8) == 0
    short, long = (metrics.path_length(lambda z, s=s: s * z, flat, latent=64, samples=4000) for s in (1.0, 3.0))
    assert long == pytest.approx(9 * short, rel=1e-3)
    assert short == pytest.approx(64 * (math.pi / 2) ** 2, rel=0.05)  # an arc of a right angle on a circle of radius 8


def test_path_length_is_near_that_of_torchmetrics():
    """Which takes every step at the beginning of a path, and maps pictures from [0, 255] to [-1, 1]."""

    class Linear(nn.Module):
        def forward(self, z):
            return 127.5 * (z.view(-1, 1, 4, 4).expand(-1, 3, 4, 4) + 1)

        def sample(self, n):
            return torch.randn(n, 16)

    class Squares(nn.Module):
        def forward(self, a, b):
            return (a - b).square().sum((1, 2, 3))

    options = {"num_samples": 4000, "epsilon": 1e-2, "resize": None, "lower_discard": None, "upper_discard": None}
    theirs, *_ = perceptual_path_length(Linear(), interpolation_method="slerp_any", sim_net=Squares(), **options)
    mine = metrics.path_length(lambda z: z.repeat(1, 3), nn.Flatten(), latent=16, samples=4000)
    assert mine == pytest.approx(theirs.item(), rel=0.05)


@pytest.mark.parametrize("k", [0, 5])
def test_wrong_neighbours_and_shapes_are_refused(k):
    with pytest.raises(ValueError, match="k must be from 1 to 4"):
        metrics.precision_recall(torch.randn(5, 2), torch.randn(9, 2), k=k)
    with pytest.raises(ValueError, match=r"shapes \(N, d\) and \(M, d\)"):
        metrics.frechet_from_features(torch.randn(5, 2), torch.randn(5, 3))
