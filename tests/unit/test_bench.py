"""The benchmark of the digit GANs, on few digits and for a moment: its report, not its numbers."""

import json

import torch

from deepweeks import bench, cli
from deepweeks.data import images


def test_both_are_trained_for_the_same_time_and_judged_alike(monkeypatch, tmp_path):
    load, fit = images.load, bench.fit
    few = {"train": 300, "test": 200}
    monkeypatch.setattr(bench.images, "load", lambda name, source, test: load(name, source=source, **few))
    monkeypatch.setattr(bench, "fit", lambda *args, steps, **options: fit(*args, steps=20, **options))
    out = tmp_path / "reports" / "bench_gan.json"
    report = bench.gan(seconds=0.5, samples=200, data="embedded", out=out)
    assert json.loads(out.read_text()) == json.loads(json.dumps(report))
    for name in bench.RECIPES:
        part = report[name]
        assert 0.5 <= part["train_cpu_s"] < 5 and part["steps"] >= 1
        assert len(part["classes"]) == 10 and sum(part["classes"]) == 200
        assert part["frechet"] > 0 < report["real_frechet"]
    assert report["ratio"] == report["teaching_dcgan"]["frechet"] / report["ours"]["frechet"]
    assert report["digits"] == "embedded"


def test_the_command_passes_on_what_it_was_told(monkeypatch, tmp_path, capsys):
    asked = {}
    monkeypatch.setattr(cli, "root", lambda: tmp_path)
    monkeypatch.setattr(bench, "gan", lambda **options: asked.update(options) or {"ratio": 31.25})
    assert cli.main(["bench", "gan", "--seconds", "2.5", "--data", "embedded", "--seed", "3"]) == 0
    out = tmp_path / "build" / "reports" / "bench_gan.json"
    assert asked == {"seconds": 2.5, "data": "embedded", "seed": 3, "out": out}
    assert "31.2 times" in capsys.readouterr().out


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
