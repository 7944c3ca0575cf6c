import json
import random
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

import deepweeks
from deepweeks import run as run_module


def test_settings_are_kept_and_read_only(capsys):
    run = deepweeks.start("smoke", "cpu", 3, "embedded")
    assert (run.profile, run.device, run.seed, run.data) == ("smoke", torch.device("cpu"), 3, "embedded")
    assert run_module.current() is run
    with pytest.raises(FrozenInstanceError):
        run.seed = 4
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert torch.__version__.split("+")[0] in line


def test_seed_reaches_all_three_generators():
    def draw(seed):
        deepweeks.start("smoke", seed=seed)
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw(1) == draw(1)
    assert all(a != b for a, b in zip(draw(1), draw(2), strict=True))


@pytest.mark.parametrize(
    ("setting", "value", "valid"),
    [("profile", "fast", "smoke, cpu, gpu"), ("device", "tpu", "auto, cpu, cuda"), ("data", "mnist", "auto, embedded")],
)
def test_unknown_setting_is_one_line_with_the_valid_ones(setting, value, valid):
    with pytest.raises(ValueError, match=valid) as error:
        deepweeks.start(**{setting: value})
    assert "\n" not in str(error.value)
    assert repr(value) in str(error.value)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "0", True])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="whole number"):
        deepweeks.start(seed=seed)


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match='use device="auto" or "cpu"'):
        deepweeks.start(device="cuda")


@pytest.mark.parametrize(("profile", "expected"), [("smoke", 1), ("cpu", 2), ("gpu", 3)])
def test_steps_by_profile(profile, expected):
    run = deepweeks.start(profile)
    assert run.steps(smoke=1, cpu=2, gpu=3) == expected
    assert run.steps(smoke=1, cpu=2) == min(expected, 2)


def test_generators_are_reproducible_and_independent():
    def draws(seed, k):
        return torch.rand(4, generator=deepweeks.Run("smoke", torch.device("cpu"), seed, "auto").generator(k))

    assert torch.equal(draws(0, 1), draws(0, 1))
    for other in (draws(0, 2), draws(1, 1), draws(1, 0)):
        assert not torch.equal(draws(0, 1), other)


def test_events_go_to_the_report_and_nowhere_without_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPWEEKS_REPORT", str(tmp_path / "events"))
    deepweeks.start("smoke", seed=5)
    deepweeks.claim("two", 2, close_to=2, within=0)
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [event["kind"] for event in events] == ["run", "claim"]
    assert events[0]["seed"] == 5
    assert events[1] | {"value": 2.0, "judged": True, "holds": True} == events[1]
    monkeypatch.delenv("DEEPWEEKS_REPORT")
    monkeypatch.chdir(tmp_path)
    deepweeks.claim("two", 2, close_to=2, within=0)
    assert len(list(tmp_path.iterdir())) == 1
