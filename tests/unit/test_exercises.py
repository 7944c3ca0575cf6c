import numpy as np
import pytest
import torch

from deepweeks import exercises
from deepweeks.exercises import check, close, pick, report


def double(x):
    return 2 * x


def stub(x):
    raise NotImplementedError


def check_double(f):
    close(f(torch.tensor([1.0, 2.0])), torch.tensor([2.0, 4.0]), "Multiply by two.")


@pytest.fixture(autouse=True)
def empty_log(monkeypatch):
    monkeypatch.setattr(exercises, "_log", {})


@pytest.mark.parametrize(
    ("attempt", "status", "said"),
    [
        (double, "done", "✓ Exercise 1.1: done."),
        (stub, "not yet", "Write your answer"),
        (lambda x: x, "wrong", "expected [2., 4.], got [1., 2.]. Multiply by two."),
        (lambda x: None, "wrong", "got None: is a return statement missing?"),
        (lambda x: 2 * x[:1], "wrong", "expected shape (2,), got shape (1,)"),
        (lambda x: "2", "wrong", "got an object of type str"),
        (lambda x: torch.tensor([2.0, float("nan")]), "wrong", "nan"),
        (lambda x: 1 / 0, "error", "your code raised ZeroDivisionError: division by zero"),
        (lambda x: exit(), "error", "SystemExit"),
        (None, "error", "TypeError"),
        (lambda x, y: x, "error", "TypeError"),
    ],
)
def test_check_tells_each_state_apart_and_never_raises(attempt, status, said, capsys):
    check("1.1", attempt, check_double)
    assert exercises.log()["1.1"]["status"] == status
    line = capsys.readouterr().out
    assert said in line
    assert line.count("\n") == 1


def test_pick_takes_the_answer_that_passes(capsys):
    assert pick("1.1", double, lambda x: x + x, check_double) is double
    assert "your answer" in capsys.readouterr().out
    for bad in (stub, lambda x: x, None):
        reference = lambda x: x + x  # noqa: E731
        assert pick("1.1", bad, reference, check_double) is reference
        assert "the solution above" in capsys.readouterr().out


def test_a_broken_reference_stops_the_notebook():
    with pytest.raises(RuntimeError, match="the course's own answer to exercise 1.1 fails its check: expected"):
        pick("1.1", double, lambda x: x, check_double)


def test_an_answer_cannot_move_the_notebooks_random_numbers():
    def noisy(x):
        torch.rand(100), np.random.rand(100)
        return 2 * x

    torch.manual_seed(0)
    np.random.seed(0)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(0)
    np.random.seed(0)
    check("1.1", noisy, check_double)
    pick("1.1", noisy, double, check_double)
    assert (torch.rand(1), np.random.rand()) == expected


def test_close_compares_numbers_arrays_strings_and_shapes():
    close(3, 3.0, "x")
    close([1, 2], np.array([1.0, 2.0]), "x")
    close(torch.tensor(2), 2, "x")
    close("same", "same", "x")
    close(True, True, "x")
    with pytest.raises(AssertionError, match="expected 'same', got 'other'. x"):
        close("other", "same", "x")
    with pytest.raises(AssertionError, match="expected 1, got 1.1"):
        close(1.1, 1, "x", atol=0.05)
    close(1.1, 1, "x", atol=0.2)


def test_report_counts_the_week_only(capsys):
    check("1.1", double, check_double)
    check("1.2", stub, check_double)
    check("2.1", double, check_double)
    capsys.readouterr()
    report(1)
    out = capsys.readouterr().out
    assert "Week 1: 1 of 2 exercises done" in out
    assert "2.1" not in out
