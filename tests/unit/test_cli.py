"""The command line: what it prints, what it refuses, and with which exit code."""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import minicourse
import pytest

from deepweeks import cli, runner

REPORT = {
    "status": "ok",
    "wall_s": 74.2,
    "cpu_s": 118.4,
    "peak_bytes": 1.23e9,
    "claims": [{}] * 41,
    "exercises": [{}] * 6,
}


@pytest.fixture
def mini(tmp_path, monkeypatch):
    minicourse.course(tmp_path, week01=minicourse.book("# 1"), week03=minicourse.book("# 3"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPWEEKS_DATA", raising=False)
    monkeypatch.delenv("DEEPWEEKS_REPORT", raising=False)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """Stands for run_all: every week succeeds; what was asked is remembered."""
    calls = []

    def run_all(weeks, parameters, *, say, **options):
        calls.append({"weeks": [week.number for week in weeks], "parameters": parameters, **options})
        for week in weeks:
            say(week, REPORT)
        return {week.number: REPORT for week in weeks}

    monkeypatch.setattr(cli, "run_all", run_all)
    return calls


def refused(capsys, *words):
    assert cli.main(list(words)) == 2
    out, complaint = capsys.readouterr()
    assert out == "" and complaint.startswith("deepweeks: ") and complaint.count("\n") == 1
    return complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "COMMAND"),
        (["rnu"], "'rnu' (choose from 'list', 'run', 'book', 'bench', 'doctor'"),
        (["run"], "name the weeks to run, such as 3 or 1-3, or say --all"),
        (["run", "3", "--all"], "not both"),
        (["run", "19"], "unknown week '19'; valid: 1 to 18"),
        (["run", "convolutoin"], "unknown week 'convolutoin'; valid: "),
        (["run", "2"], "week 2 (feedforward) is not written yet"),
        (["run", "3", "--profile", "fast"], "'fast' (choose from 'smoke', 'cpu', 'gpu')"),
        (["run", "3", "--device", "tpu"], "'tpu' (choose from 'auto', 'cpu', 'cuda')"),
        (["run", "3", "--data", "mnist"], "'mnist' (choose from 'auto', 'embedded', 'real')"),
        (["run", "3", "--seed", "x"], "--seed: invalid int value: 'x'"),
        (["run", "3", "--seed", "-1"], "whole number from 0 to"),
        (["run", "3", "--sede", "1"], "unrecognized arguments: --sede"),
    ],
)
def test_mistakes_are_one_line_and_run_nothing(mini, capsys, monkeypatch, words, said):
    monkeypatch.setattr(runner, "run_week", None)
    assert said.replace("'", "") in refused(capsys, *words).replace("'", "")
    assert not (mini / "build/notebooks").exists()


def test_outside_a_checkout(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deepweeks.course.__file__", str(tmp_path / "course.py"))
    for words in (["list"], ["run", "3"], ["book"]):
        assert "go to a clone of the repository" in refused(capsys, *words)


def test_a_full_disk_is_one_line(mini, capsys, monkeypatch):
    def run_all(*_, **__):
        raise OSError(28, "No space left on device", "week03.ipynb")

    monkeypatch.setattr(cli, "run_all", run_all)
    assert "No space left on device: 'week03.ipynb'" in refused(capsys, "run", "3")


def test_build_that_is_no_folder(mini, capsys):
    (mini / "build").write_text("")
    assert "build" in refused(capsys, "run", "3")


def test_options_reach_the_runner(mini, asked, capsys):
    words = "run --all --profile smoke --jobs 2 --device cpu --seed 1 --data real --force --scheduler tcp://h:1 --out o"
    assert cli.main(words.split()) == 0
    parameters = {"profile": "smoke", "device": "cpu", "seed": 1, "data": "real"}
    wanted = {"weeks": [1, 3], "parameters": parameters, "jobs": 2, "scheduler": "tcp://h:1", "force": True}
    assert {**asked[0], "out": str(asked[0]["out"])} == {**wanted, "out": "o"}


def test_defaults(mini, asked, monkeypatch):
    cli.main(["run", "3"])
    monkeypatch.setenv("DEEPWEEKS_DATA", str(mini))
    cli.main(["run", "convolution"])
    assert [call["parameters"]["data"] for call in asked] == ["embedded", "auto"]
    assert (asked[0]["weeks"], asked[0]["parameters"]["profile"], asked[0]["out"]) == ([3], "cpu", mini / "build")


def test_one_line_per_notebook(mini, asked, capsys, monkeypatch):
    cli.main(["run", "3"])
    line = "week 3  convolution    74 s  118 CPU s  1.2 GB  41 claims  6 exercises"
    assert capsys.readouterr().out.split() == line.split()
    monkeypatch.setitem(REPORT, "status", "unchanged")
    cli.main(["run", "3"])
    assert capsys.readouterr().out.rstrip().endswith("6 exercises  unchanged")


def test_failures_are_told_and_end_with_1(mini, asked, capsys, monkeypatch):
    monkeypatch.setitem(REPORT, "status", "failed")
    monkeypatch.setitem(REPORT, "error", "ValueError: no")
    assert cli.main(["run", "--all"]) == 1
    out, complaint = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["week", "1", "foundations", "FAILED:", "ValueError:", "no"],
        ["week", "3", "convolution", "FAILED:", "ValueError:", "no"],
    ]
    assert complaint.startswith("deepweeks: 2 of 2 weeks failed: 1, 3; ") and complaint.count("\n") == 1


def test_list_shows_every_week(mini, capsys):
    copy, report = mini / "build/notebooks/week03_convolution.ipynb", mini / "build/reports/week03.json"
    for path in (copy, report):
        path.parent.mkdir(parents=True)
    copy.write_text("{}")
    asked = {"profile": "smoke", "data": "real"}
    report.write_text(json.dumps({"parameters": asked, "key": "", "copy": ""}))
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 18
    assert lines[0].split() == ["1", "foundations", "Machine", "learning", "and", "PyTorch", "absent"]
    assert lines[1].endswith("not written") and lines[2].endswith("stale (smoke, real data)")


def test_help_and_list_are_quick(mini):
    program = "import sys; from deepweeks.cli import main; main(['list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=minicourse.environment())
    assert done.returncode == 0, done.stderr
    heavy = {"torch", "numpy", "matplotlib", "papermill", "distributed", "IPython"}
    assert not heavy & set(done.stdout.split())


JUPYTER_BOOK = """#!/bin/sh
echo "$@" > asked
mkdir -p build/book/_build/html && cp page build/book/_build/html/index.html
exit $(cat code)
"""


@pytest.fixture
def sphinx(mini, monkeypatch):
    """A jupyter-book that copies the file ``page`` and ends with the number in the file ``code``."""
    (mini / "bin").mkdir()
    (mini / "bin/jupyter-book").write_text(JUPYTER_BOOK)
    (mini / "bin/jupyter-book").chmod(0o755)
    monkeypatch.setattr(cli.sys, "executable", str(mini / "bin/python"))
    (mini / "page").write_text("one")
    (mini / "code").write_text("0")
    return mini


def test_book_runs_every_week_and_replaces_the_site(sphinx, asked, capsys):
    assert cli.main(["book"]) == 0
    words = f"build {sphinx} --path-output {sphinx / 'build/book'} -W -n --keep-going"
    assert (sphinx / "asked").read_text().strip() == words
    assert (sphinx / "build/site/index.html").read_text() == "one"
    assert asked[0]["weeks"] == [1, 3] and asked[0]["parameters"]["data"] == "embedded"
    assert (sphinx / "build/site/index.html").as_uri() in capsys.readouterr().out
    (sphinx / "build/site/old.html").touch()
    (sphinx / "page").write_text("two")
    assert cli.main(["book", "--no-run"]) == 0
    assert len(asked) == 1
    assert [path.read_text() for path in (sphinx / "build/site").iterdir()] == ["two"]
    assert not (sphinx / "build/book").exists()


def test_a_book_with_warnings_leaves_the_site(sphinx, asked, capsys):
    cli.main(["book"])
    (sphinx / "page").write_text("two")
    (sphinx / "code").write_text("1")
    assert cli.main(["book", "--no-run"]) == 1
    assert (sphinx / "build/site/index.html").read_text() == "one"
    assert "deepweeks: the book was not built" in capsys.readouterr().err


def test_a_book_needs_every_week(sphinx, monkeypatch):
    monkeypatch.setattr(cli, "run_all", lambda *_, **__: {3: {"status": "failed"}})
    assert cli.main(["book"]) == 1
    assert not (sphinx / "asked").exists()


def test_a_book_without_jupyter_book(sphinx, asked, capsys):
    (sphinx / "bin/jupyter-book").unlink()
    assert "pip install 'deepweeks[book]'" in refused(capsys, "book")
    assert not asked


def test_doctor_finds_nothing_wrong(mini, capsys):
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("OK  ") for line in lines)
    assert f"course: {mini}: 2 of 18 weeks are written" in lines[3]
    assert f"none in {mini / 'data'}" in lines[5]


def test_doctor_sees_real_data_and_a_run_that_holds_the_build(mini, capsys, monkeypatch):
    (mini / "other" / "MNIST" / "raw").mkdir(parents=True)
    monkeypatch.setenv("DEEPWEEKS_DATA", str(mini / "other"))
    monkeypatch.setattr(cli, "CHECKS", cli.CHECKS[1:])
    held = subprocess.Popen(
        [sys.executable, "-c", "import sys; from deepweeks import runner; from pathlib import Path\n"
         "with runner.locked(Path('build')): print('held', flush=True); sys.stdin.read()"],
        cwd=mini, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert held.stdout.readline() == "held\n"
    assert cli.main(["doctor"]) == 1
    held.communicate()
    out = capsys.readouterr().out
    assert f"MNIST in {mini / 'other'}" in out
    assert f"PROBLEM  build: another run is using {mini / 'build'} (pid {held.pid}," in out


def test_doctor_says_what_is_missing(mini, capsys, monkeypatch):
    def version(name):
        if name == "papermill":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(cli, "version", version)
    monkeypatch.setattr(cli, "CHECKS", cli.CHECKS[1:])  # without PyTorch, which takes seconds to import
    assert cli.main(["doctor"]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("OK")]
    assert len(problems) == 1 and problems[0].startswith("PROBLEM  papermill: ")
    assert problems[0].endswith("; pip install 'deepweeks[run]'")
