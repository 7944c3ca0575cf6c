"""The exercise gate: every check knows the untouched stub, the right answer and every plausible wrong one."""

import re

import gate
import pytest
from weekly import Notebook, paths

WEEKS = [Notebook.read(path) for path in paths()]


CASES = [pytest.param(notebook.week, name, id=name) for notebook in WEEKS for name in notebook.exercises]
MUTANTS = [
    pytest.param(notebook.week, name, answer, id=f"{name}-{what}")
    for notebook in WEEKS
    for name, answers in gate.mutants(notebook.week).items()
    for what, answer in answers.items()
]


def exercise(week, name):
    return gate.week(week).exercises[name]


@pytest.mark.parametrize("notebook", WEEKS, ids=lambda notebook: notebook.name[:6])
def test_every_exercise_has_three_mutants(notebook):
    mutants = gate.mutants(notebook.week)
    assert set(mutants) == set(notebook.exercises)
    assert all(len(answers) >= 3 for answers in mutants.values())
    for answers in mutants.values():
        assert len(set(answers.values())) == len(answers), "two mutants are the same"


@pytest.mark.parametrize(("week", "name"), CASES)
def test_stub_is_not_yet(week, name):
    entry = exercise(week, name).attempt()
    assert entry.status == "not yet", entry.message


@pytest.mark.parametrize(("week", "name"), CASES)
def test_reference_is_done_and_quick(week, name):
    one = exercise(week, name)
    entry = one.attempt(one.right_answer)
    assert entry.status == "done", entry.message
    assert entry.seconds < 2, f"the check takes {entry.seconds:.1f} s of CPU time"


@pytest.mark.parametrize(("week", "name", "answer"), MUTANTS)
def test_mutant_is_rejected(week, name, answer):
    assert exercise(week, name).reader in answer, "the mutant does not define the reader's name"
    entry = exercise(week, name).attempt(answer)
    assert not gate.judge_mutant(entry), gate.judge_mutant(entry)
    assert entry.message in entry.printed
    assert entry.seconds < 2, f"the check takes {entry.seconds:.1f} s of CPU time"


@pytest.mark.parametrize(("week", "name"), CASES)
def test_no_answer_stops_the_notebook(week, name):
    one = exercise(week, name)
    for what, answer in one.bad_answers().items():
        entry = one.attempt(answer)
        assert entry.status in ("wrong", "error"), f"an answer that {what}: {entry.status}"
        assert gate.explains(entry), f"an answer that {what}: {entry.message!r}"
        assert one.go_on(answer)[0] != "yours"


@pytest.mark.parametrize(("week", "name"), CASES)
def test_the_notebook_goes_on_with_the_better_version(week, name):
    one = exercise(week, name)
    used, names = one.go_on()
    assert used == "the course's" and names[one.used] is names[one.reference]
    used, names = one.go_on(one.right_answer)
    assert used == "yours" and names[one.used] is names[one.reader]


# The gate itself can fail.

STUB = "def my_double(x):\n    raise NotImplementedError"
CHECK = """\
def test_double(f):
    close(f(2), 4, "add the number to itself")

check("1.1", my_double, test_double)"""
SOLUTION = """\
# @title Solution 1.1 - try it yourself first
def double_reference(x):
    return x + x

double = pick("1.1", my_double, double_reference, test_double)"""


def small(stub=STUB, check=CHECK, solution=SOLUTION):
    from deepweeks.exercises import check as judge
    from deepweeks.exercises import close, pick

    return gate.Exercise("1.1", stub, check, solution, {"check": judge, "pick": pick, "close": close})


def test_gate_sees_right_wrong_and_untouched():
    one = small()
    assert one.attempt().status == "not yet"
    assert one.attempt(one.right_answer).status == "done"
    assert gate.judge_mutant(one.attempt("def my_double(x):\n    return 2 * x")) == "a wrong answer was called 'done'"
    assert gate.judge_mutant(one.attempt("def my_double(x):\n    return x")) is None
    assert gate.judge_mutant(one.attempt("def my_double(x):\n    return y")) is None


@pytest.mark.parametrize(
    "check",
    [
        CHECK.replace('close(f(2), 4, "add the number to itself")', "assert f(2) == 4"),
        CHECK.replace('close(f(2), 4, "add the number to itself")', 'assert f(2) == 4, "not quite, please try again"'),
        CHECK.replace('close(f(2), 4, "add the number to itself")', 'assert f(2) == 4, "got 2"'),
        CHECK.replace('close(f(2), 4, "add the number to itself")', "f(2)"),
    ],
)
def test_gate_rejects_a_check_that_says_too_little(check):
    assert gate.judge_mutant(small(check=check).attempt("def my_double(x):\n    return x"))


def test_gate_stops_at_a_broken_reference():
    with pytest.raises(RuntimeError, match=r"1\.1"):
        small(solution=SOLUTION.replace("x + x", "x")).go_on()


def test_gate_stops_an_answer_that_hangs(monkeypatch):
    monkeypatch.setattr(gate, "SECONDS", 1)
    with pytest.raises(gate.Hangs, match="more than 1 s"):
        gate.execute("while True:\n    pass", {}, "<loop>")


def test_gate_tries_every_kind_of_bad_answer():
    one = small()
    assert len(one.bad_answers()) == 6
    for answer in one.bad_answers().values():
        assert one.attempt(answer).status in ("wrong", "error")
    klass = small(stub="class my_double:\n    def __call__(self, x):\n        raise NotImplementedError")
    assert klass.is_class and all(re.search("class my_double|my_double = ", a) for a in klass.bad_answers().values())
