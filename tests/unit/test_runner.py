"""What the runner keeps, skips, refuses and resumes; the notebooks are not really executed here."""

import errno
import json
import threading

import minicourse
import pytest

from deepweeks import course, runner
from deepweeks.course import CourseError, weeks
from deepweeks.execute import Result

WEEKS = weeks()
CLAIM = {"name": "a", "value": 1.0, "bound": "at least 0", "judged": True, "holds": True}


class Fake:
    """Stands for run_week: remembers its calls and does what ``plan`` says for a notebook's title."""

    def __init__(self):
        self.calls, self.plan = [], {}

    def __call__(self, text, parameters, *, threads):
        title = json.loads(text)["cells"][1]["source"]
        self.calls.append((title, threads))
        act = self.plan.get(title)
        if isinstance(act, BaseException):
            raise act
        report = {"library": runner.library_hash(), "wall_s": 1.0, "cpu_s": 2.0, "peak_bytes": 3, "error": None}
        report |= {"runs": [], "claims": [CLAIM], "exercises": [], "data": []} | (act or {})
        return Result(json.dumps({"ran": title, **parameters}), report)


BROKEN = {"error": "ValueError: no"}
LEFT = "build/failed/week01_foundations.ipynb"


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(runner, "run_week", Fake())
    return runner.run_week


@pytest.fixture
def mini(tmp_path, monkeypatch):
    minicourse.course(tmp_path, week01=minicourse.book("# 1", "x = 1"), week02=minicourse.book("# 2", "x = 2"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPWEEKS_DATA", raising=False)
    return tmp_path


def go(*numbers, parameters=None, **options):
    asked = [WEEKS[n - 1] for n in numbers or (1,)]
    reports = runner.run_all(asked, {"data": "embedded"} | (parameters or {}), **options)
    return {n: report["status"] for n, report in reports.items()}


def edit(path, change):
    made = json.loads(path.read_text())
    change(made)
    path.write_text(json.dumps(made))


def test_results_are_stored_and_claims_merged(mini, fake):
    told = []
    assert go(1, 2, say=lambda week, report: told.append((week.number, report["status"]))) == {1: "ok", 2: "ok"}
    assert sorted(told) == [(1, "ok"), (2, "ok")]
    assert minicourse.executed(mini, "week01")["ran"] == "# 1"
    report = minicourse.report(mini, "week02")
    assert report["parameters"] == {"profile": "cpu", "device": "auto", "seed": 0, "data": "embedded"}
    assert (report["week"], report["slug"], report["wall_s"], report["error"]) == (2, "feedforward", 1.0, None)
    claims = json.loads((mini / "build/reports/claims.json").read_text())
    assert [(claim["week"], claim["name"], claim["profile"]) for claim in claims] == [(1, "a", "cpu"), (2, "a", "cpu")]
    assert not list((mini / "build").rglob("*.part"))


def test_unchanged_weeks_are_skipped(mini, fake):
    assert go() == {1: "ok"}
    assert go() == {1: "unchanged"}
    assert len(fake.calls) == 1
    assert go(force=True) == {1: "ok"}


def test_outputs_in_the_source_do_not_make_it_stale(mini, fake):
    go()
    stream = {"output_type": "stream", "name": "stdout", "text": ["old"]}
    edit(course.notebook(WEEKS[0]), lambda nb: nb["cells"][2].update(outputs=[stream], execution_count=7))
    assert go() == {1: "unchanged"}


NOTEBOOK = "notebooks/week01_foundations.ipynb"
COPY = "build/notebooks/week01_foundations.ipynb"
CHANGES = {
    "code": lambda top, patch: edit(top / NOTEBOOK, lambda nb: nb["cells"][2].update(source="x = 3")),
    "prose": lambda top, patch: edit(top / NOTEBOOK, lambda nb: nb["cells"][1].update(source="# other")),
    "tags": lambda top, patch: edit(top / NOTEBOOK, lambda nb: nb["cells"][2]["metadata"].update(tags=["check"])),
    "constraints": lambda top, patch: (top / "constraints.txt").write_text("torch==0\n"),
    "library": lambda top, patch: patch.setattr(runner, "library_hash", lambda: "another"),
    "versions": lambda top, patch: patch.setattr(runner, "versions", lambda: {"torch": "0"}),
    "copy edited": lambda top, patch: (top / COPY).write_text("{}"),
    "copy lost": lambda top, patch: (top / COPY).unlink(),
    "report lost": lambda top, patch: (top / "build/reports/week01.json").unlink(),
    "report cut off": lambda top, patch: (top / "build/reports/week01.json").write_text('{"key": "a'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_runs_it_again(mini, fake, monkeypatch, change):
    go()
    assert runner.state(WEEKS[0], mini / "build")[0] == "fresh"
    CHANGES[change](mini, monkeypatch)
    assert runner.state(WEEKS[0], mini / "build")[0] == ("absent" if change.startswith("report") else "stale")
    assert go() == {1: "ok"}
    assert len(fake.calls) == 2


@pytest.mark.parametrize("other", [{"seed": 1}, {"profile": "smoke"}, {"device": "cpu"}, {"data": "auto"}])
def test_other_parameters_run_it_again(mini, fake, other):
    go()
    assert go(parameters=other) == {1: "ok"}


def test_the_data_folder_matters_only_where_it_is_read(mini, fake, monkeypatch):
    go(1)
    go(2, parameters={"data": "auto"})
    monkeypatch.setenv("DEEPWEEKS_DATA", "elsewhere")
    assert go(1) == {1: "unchanged"}
    assert go(2, parameters={"data": "auto"}) == {2: "ok"}


def test_the_library_counts_apart_from_the_quizzes_of_other_weeks(mini, tmp_path, monkeypatch):
    home = tmp_path / "lib"
    (home / "quizzes").mkdir(parents=True)
    (home / "quizzes" / "week01.yml").write_text("a")
    (home / "train.py").write_text("a")
    monkeypatch.setattr(runner, "__file__", str(home / "runner.py"))
    monkeypatch.setattr("deepweeks.execute.__file__", str(home / "execute.py"))
    monkeypatch.setattr(runner, "library_hash", runner.library_hash.__wrapped__)

    def prints():
        parameters = {"data": "embedded"}
        return [runner.fingerprint(week, runner.read(week)[0], parameters) for week in WEEKS[:2]]

    first = prints()
    (home / "quizzes" / "week01.yml").write_text("b")
    second = prints()
    assert (second[0] != first[0], second[1] != first[1]) == (True, False)
    (home / "train.py").write_text("b")
    third = prints()
    assert third[0] != second[0] and third[1] != second[1]
    (home / "house.mplstyle").write_text("a")
    fourth = prints()
    assert fourth[0] != third[0] and fourth[1] != third[1]


def test_a_failure_leaves_the_good_copy_alone(mini, fake):
    go()
    good = [(path, path.read_bytes()) for path in (mini / COPY, mini / "build/reports/week01.json")]
    fake.plan["# 1"] = BROKEN
    assert go(force=True) == {1: "failed"}
    assert all(path.read_bytes() == content for path, content in good)
    assert json.loads((mini / LEFT).read_text())["ran"] == "# 1"
    fake.plan.clear()
    assert go(force=True) == {1: "ok"}
    assert not list((mini / "build/failed").iterdir())


def test_one_failure_does_not_stop_the_others(mini, fake):
    fake.plan["# 1"] = BROKEN
    assert go(1, 2) == {1: "failed", 2: "ok"}
    assert not (mini / COPY).exists()
    assert [c["week"] for c in json.loads((mini / "build/reports/claims.json").read_text())] == [2]


@pytest.mark.parametrize("act", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_run_goes_on_where_it_stopped(mini, fake, act):
    fake.plan["# 2"] = act
    with pytest.raises(type(act)):
        go(1, 2)
    assert not list((mini / "build/notebooks").glob("week02*"))
    fake.plan.clear()
    assert go(1, 2) == {1: "unchanged", 2: "ok"}


def test_a_full_disk_leaves_the_good_copy(mini, fake, monkeypatch):
    go()
    good = (mini / COPY).read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runner.Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        go(force=True)
    monkeypatch.undo()
    monkeypatch.chdir(mini)
    assert (mini / COPY).read_bytes() == good
    assert runner.state(WEEKS[0], mini / "build")[0] == "fresh"


def test_a_copy_without_its_report_is_not_taken_for_the_last_one(mini, fake, monkeypatch):
    """A run killed between the two files leaves the new copy beside the old report."""
    go()
    old = (mini / "build/reports/week01.json").read_bytes()
    go(parameters={"seed": 1})
    (mini / "build/reports/week01.json").write_bytes(old)
    assert go() == {1: "ok"}


def test_each_notebook_gets_one_thread_unless_told_otherwise(mini, fake, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    go(1, 2, jobs=4)
    go(1, force=True)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    go(1, force=True)
    assert [threads for _, threads in fake.calls] == [1, 1, 1, None]


def test_jobs_run_at_the_same_time(mini, fake, monkeypatch):
    both, plain = threading.Barrier(2, timeout=20), runner.run_week

    def meet(*args, **options):
        both.wait()
        return plain(*args, **options)

    monkeypatch.setattr(runner, "run_week", meet)
    assert go(1, 2, jobs=2) == {1: "ok", 2: "ok"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"profile": "fast"}, "unknown profile 'fast'; valid: smoke, cpu, gpu"),
        ({"device": "tpu"}, "unknown device 'tpu'; valid: auto, cpu, cuda"),
        ({"data": "mnist"}, "unknown data 'mnist'; valid: auto, embedded, real"),
        ({"seed": -1}, "seed is -1; it must be"),
        ({"seed": 2**32}, "it must be"),
        ({"profil": 1}, "unknown parameter 'profil'; valid: data, device, profile, seed"),
    ],
)
def test_settings_that_are_not_valid(mini, fake, parameters, said):
    with pytest.raises(CourseError, match=said):
        go(parameters=parameters)
    assert not fake.calls


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "week 1 .foundations. is not written yet"),
        ("", "is no notebook"),
        ('{"cells": [{"cell_type": "code"', "is no notebook"),
        ("[]", "is no notebook"),
        ('{"cells": [{"cell_type": "code"}]}', "is no notebook"),
        (minicourse.book("# 1", parameters=None), "is no notebook with one cell tagged parameters"),
        (minicourse.book("# 1", parameters="seed = = 1"), "is no notebook with one cell tagged parameters"),
        (minicourse.book("# 1", parameters="profile = 1"), "unknown parameter 'device'; valid: profile"),
    ],
)
def test_notebooks_that_cannot_be_run(mini, fake, text, said):
    course.notebook(WEEKS[0]).unlink()
    if text is not None:
        course.notebook(WEEKS[0]).write_text(text)
    with pytest.raises(CourseError, match=said):
        go(2, 1)
    assert not fake.calls


def test_no_gpu_is_told_before_anything_runs(mini, fake, monkeypatch):
    monkeypatch.setattr(runner, "_sees_gpu", lambda: False)
    with pytest.raises(CourseError, match="'cuda' was asked for, but PyTorch sees no GPU; use auto or cpu"):
        go(parameters={"device": "cuda"})
    assert not fake.calls
    monkeypatch.setattr(runner, "_sees_gpu", lambda: True)
    assert go(parameters={"device": "cuda"}) == {1: "ok"}


@pytest.mark.parametrize(
    ("act", "said"),
    [({"library": "other"}, "another version of deepweeks"), (ModuleNotFoundError("x"), "ModuleNotFoundError: x")],
)
def test_a_worker_that_cannot_do_it(mini, fake, act, said):
    fake.plan["# 1"] = act
    (report,) = runner.run_all(WEEKS[:1], {}).values()
    assert report["status"] == "failed" and said in report["error"]


def test_a_damaged_report_of_another_week_is_no_obstacle(mini, fake):
    go(2)
    (mini / "build/reports/week02.json").write_text('{"cut')
    assert go(1) == {1: "ok"}
    assert [c["week"] for c in json.loads((mini / "build/reports/claims.json").read_text())] == [1]


def test_a_full_disk_leaves_no_half_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    runner._write(tmp_path / "report.json", "old")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(tmp_path), "replace", full)
    with pytest.raises(OSError, match="No space left"):
        runner._write(tmp_path / "report.json", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
