"""The benchmark of the digit GANs, on few digits and for a moment: its report, not its numbers."""

import json

import pytest
import torch

from deepweeks import bench, cli
from deepweeks.data import images


@pytest.fixture
def quick(monkeypatch, tmp_path):
    load, fit = images.load, bench.fit
    monkeypatch.setattr(bench.images, "load", lambda name, source: load(name, source=source, train=300, test=120))
    monkeypatch.setattr(bench, "fit", lambda *args, steps, **options: fit(*args, steps=20, **options))
    monkeypatch.setattr(cli, "root", lambda: tmp_path)
    return tmp_path / "build/reports/bench_gan.json"


def test_both_are_trained_for_the_same_time_and_judged_alike(quick, capsys):
    assert cli.main(["bench", "gan", "--seconds", "0.5", "--data", "embedded"]) == 0
    report = json.loads(quick.read_text())
    for name in ("ours", "teaching_dcgan"):
        part = report[name]
        assert 0.5 <= part["train_cpu_s"] < 5 and part["steps"] >= 1
        assert len(part["classes"]) == 10 and sum(part["classes"]) == 5000
        assert part["frechet"] > report["real_frechet"] > 0
    assert report["ratio"] == report["teaching_dcgan"]["frechet"] / report["ours"]["frechet"]
    assert report["digits"] == "embedded" and str(quick) in capsys.readouterr().out


def test_the_usual_one_is_the_usual_one():
    generator, discriminator = bench.teaching_dcgan()
    x = generator(torch.randn(2, bench.LATENT))
    assert x.shape == (2, 1, 32, 32) and discriminator(x).shape == (2, 1)
    widths = [layer.out_channels for layer in (*generator, *discriminator) if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [128, 64, 1, 16, 32, 64, 128]
    assert {layer.p for layer in discriminator if isinstance(layer, torch.nn.Dropout2d)} == {0.25}


def test_ours_is_small():
    generator, discriminator = bench.ours()
    counts = [sum(p.numel() for p in model.parameters()) for model in (generator, discriminator)]
    assert max(counts) < 200_000 and discriminator(generator(torch.randn(2, bench.LATENT))).shape == (2, 1)
