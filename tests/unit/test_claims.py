import json
import math
import warnings

import pytest
import torch

from deepweeks import claim, start
from deepweeks.claims import ClaimError, shown


@pytest.mark.parametrize(
    ("value", "bound", "holds"),
    [
        (0.95, {"at_least": 0.95}, True),
        (0.9499, {"at_least": 0.95}, False),
        (0.05, {"at_most": 0.05}, True),
        (0.0501, {"at_most": 0.05}, False),
        (0.5, {"at_least": 0.4, "at_most": 0.6}, True),
        (0.7, {"at_least": 0.4, "at_most": 0.6}, False),
        (0.3, {"at_least": 0.4, "at_most": 0.6}, False),
        (1.4612, {"close_to": 1.4612, "within": 1e-4}, True),
        (1.4, {"close_to": 1.4612, "within": 1e-4}, False),
        (61706, {"close_to": 61706, "within": 0}, True),
        (61707, {"close_to": 61706, "within": 0}, False),
        (math.nan, {"at_least": 0}, False),
        (math.nan, {"at_most": 0}, False),
        (math.inf, {"at_least": 0}, False),
    ],
)
def test_bounds(value, bound, holds, capsys):
    start("cpu")
    capsys.readouterr()
    if holds:
        claim("a number", value, **bound)
        assert capsys.readouterr().out.startswith("✓ a number = ")
    else:
        with pytest.raises(ClaimError, match="a number = .*, but the text says"):
            claim("a number", value, **bound)


@pytest.mark.parametrize(("value", "words"), [(61706, "= 61706 (exactly 61706)"), (0.97314, "= 0.9731 (")])
def test_counts_are_shown_whole(value, words, capsys):
    claim("a count", value, close_to=value, within=0)
    assert words in capsys.readouterr().out


def test_what_is_no_number_can_still_be_shown():
    assert [shown(value) for value in (math.nan, math.inf, 1e13)] == ["nan", "inf", "1e+13"]


def test_a_tensor_of_one_number_is_fine():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        claim("tensor", torch.tensor(2.0, requires_grad=True), close_to=2, within=0)


def test_smoke_judges_only_what_does_not_depend_on_training(capsys):
    start("smoke")
    claim("accuracy", 0.1, at_least=0.9, trained=True)
    assert "not judged in the smoke profile" in capsys.readouterr().out
    with pytest.raises(ClaimError):
        claim("a sum", 2, close_to=3, within=0)
    start("cpu")
    with pytest.raises(ClaimError):
        claim("accuracy", 0.1, at_least=0.9, trained=True)


def test_a_number_from_a_clock_is_marked_and_not_judged_in_smoke(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPWEEKS_REPORT", str(tmp_path / "report"))
    start("smoke")
    claim("speed-up", 0.5, at_least=2, timed=True)
    claim("a sum", 3, close_to=3, within=0)
    events = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [(e["judged"], e["timed"]) for e in events if e["kind"] == "claim"] == [(False, True), (True, False)]
    start("cpu")
    with pytest.raises(ClaimError):
        claim("speed-up", 0.5, at_least=2, timed=True)


@pytest.mark.parametrize("bound", [{}, {"close_to": 1}, {"within": 1}, {"within": 1, "at_least": 0}])
def test_a_claim_without_a_bound_is_an_error(bound):
    with pytest.raises(TypeError, match="claim 'x'"):
        claim("x", 1, **bound)
