"""Benchmarks that set the course's recipes beside the usual ones in a single run: ``deepweeks bench gan``."""

from __future__ import annotations

import json
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from . import losses, metrics, models
from .data import images
from .train import evaluate, fit, fit_gan

LATENT = 64


def ours() -> tuple[nn.Module, nn.Module]:
    """The generator and discriminator of week 12's digits: few channels, resize and convolve, D without norm."""
    return (
        models.DCGANGenerator(latent=LATENT, size=28, channels=1, width=12, upsample="nearest"),
        models.DCGANDiscriminator(size=28, channels=1, width=12, batch_norm=False),
    )


def teaching_dcgan() -> tuple[nn.Module, nn.Module]:
    """What tutorials call a DCGAN: 32 pixels, channels 128-128-64, discriminator 16-32-64-128 with dropout."""

    def double(a, b):
        return nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b, 0.8), nn.LeakyReLU(0.2)

    def halve(a, b):
        norm = [nn.BatchNorm2d(b, 0.8)] if a > 1 else []
        return nn.Conv2d(a, b, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25), *norm

    start = nn.Linear(LATENT, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128)
    end = nn.Conv2d(64, 1, 3, padding=1), nn.Tanh()
    maps = [block for a, b in ((1, 16), (16, 32), (32, 64), (64, 128)) for block in halve(a, b)]
    players = (
        nn.Sequential(*start, *double(128, 128), *double(128, 64), *end),
        nn.Sequential(*maps, nn.Flatten(), nn.Linear(128 * 2 * 2, 1)),
    )
    return tuple(map(models.small_weights, players))


RECIPES = {
    "ours": (ours, 28, {"lr": 2e-3, "betas": (0.5, 0.99), "lazy": 8}),
    "teaching_dcgan": (teaching_dcgan, 32, {"lr": 2e-4, "betas": (0.5, 0.999), "average": 0.0}),
}


def gan(*, seconds: float = 240.0, samples: int = 5000, data: str = "auto", seed: int = 0, out: Path) -> dict:
    """Train both digit GANs for the same CPU time, a core each, and measure their Frechet distances to the digits.

    As usual with this distance, the reference are digits that the GANs have learned from; whether they repeat them is
    another question.

    Args:
        seconds: CPU seconds of training for each.
        samples: Drawings, and real digits, that are compared.
        data: "embedded", "real" or "auto".
        seed: Of weights, codes and order.
        out: The JSON file that is written.

    Returns:
        What is written: for each GAN the Frechet distance in the features of a digit classifier, how many of the
        drawings it takes for each digit, and steps; the distance between two halves of the real digits; the ratio.
    """
    digits = images.load("digits", source=data, test=10_000)
    torch.manual_seed(seed)
    judge = models.LeNet()
    fit(judge, digits.train, test=digits.test, steps=1500, seed=seed, show=False)
    judge.eval()

    @torch.no_grad()
    def features(pictures):
        return torch.cat([judge[:-1](part) for part in pictures.split(500)])

    real = torch.cat([digits.x, digits.x_test])
    real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))]
    reference, other = (features(part) for part in real[: 2 * samples].chunk(2))
    report = {
        "digits": digits.source,
        "samples": samples,
        "cpu_seconds": seconds,
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "judge_accuracy": evaluate(judge, digits.test)[1],
        "real_frechet": metrics.frechet_from_features(reference, other),
    }
    with ProcessPoolExecutor(len(RECIPES), get_context("spawn")) as pool:
        runs = {name: pool.submit(_train, name, real, seconds, samples, seed) for name in RECIPES}
        for name, run in runs.items():
            drawn, steps, spent = run.result()
            found = features(drawn)
            report[name] = {
                "frechet": metrics.frechet_from_features(reference, found),
                "classes": judge[-1](found).argmax(1).bincount(minlength=10).tolist(),
                "precision_recall": metrics.precision_recall(reference, found),
                "steps": steps,
                "train_cpu_s": spent,
            }
            print(
                f"{name}: Frechet distance {report[name]['frechet']:.1f}, digits {report[name]['classes']}", flush=True
            )
    report["ratio"] = report["teaching_dcgan"]["frechet"] / report["ours"]["frechet"]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _train(name, real, seconds, samples, seed):
    """Drawings (samples, 1, 28, 28) in [0, 1] of one GAN after so many CPU seconds, its steps, and the seconds."""
    torch.set_num_threads(1)  # threads that wait for each other are charged for it
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    make, size, recipe = RECIPES[name]
    generator, discriminator = make()
    if size != 28:
        real = F.interpolate(real, size, mode="bilinear")
    if name == "ours":
        recipe = recipe | {"penalty": _r1, "schedule": lambda opt: LambdaLR(opt, lambda _: _falling(share()))}
    began = time.process_time()

    def share():
        return (time.process_time() - began) / seconds

    history = fit_gan(
        generator,
        discriminator,
        2 * real - 1,
        latent=LATENT,
        steps=10**6,
        seed=seed,
        callback=lambda step, average: share() >= 1,
        **recipe,
    )
    spent = time.process_time() - began
    z = torch.randn(samples, LATENT, generator=torch.Generator().manual_seed(seed + 1))
    with torch.no_grad():
        drawn = torch.cat([history.average(part) for part in z.split(500)]) / 2 + 0.5
    return drawn if size == 28 else F.interpolate(drawn, 28, mode="bilinear"), len(history.d_loss), spent


def _r1(discriminator, real, fake):
    return 0.1 * losses.gradient_penalty(discriminator, real)


def _falling(share):
    """Constant in the first half of the time, then linearly to a fiftieth."""
    return max(0.02, min(1.0, 2 - 2 * share))
