"""Notebooks that are really executed: what is recorded, how they fail, how they are stopped."""

import json
import signal
import socket
import subprocess
import sys
import time

import minicourse
import psutil
import pytest

from deepweeks import execute, runner
from deepweeks.course import CourseError, weeks

WEEKS = weeks()
VALUES = {"profile": "smoke", "device": "cpu", "seed": 5, "data": "embedded"}
GATE = """
import os, pathlib, subprocess, time
helper = subprocess.Popen(["sleep", "100"])
pathlib.Path(os.environ["PID_FILE"]).write_text(f"{os.getpid()} {helper.pid}.")
time.sleep(600)
"""
EVENT = """
import json, os
with open(os.environ["DEEPWEEKS_REPORT"], "a") as file:
    for kind in ("run", "claim", "exercise", "data"):
        print(json.dumps({"kind": kind, "name": kind}), file=file)
    print('{"kind": "claim", "na', end="", file=file)
"""


def until(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def kernel(folder):
    """The process ids of the kernel that waits in GATE and of its own child."""
    path = folder / "pid"
    until(lambda: path.is_file() and path.read_text().endswith("."))
    return [int(pid) for pid in path.read_text().rstrip(".").split()]


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def mini(tmp_path, monkeypatch):
    monkeypatch.chdir(minicourse.course(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PID_FILE", str(tmp_path / "pid"))
    return tmp_path


def test_a_good_notebook(mini, monkeypatch):
    text = minicourse.book(
        "# One",
        EVENT,
        "import time\nblob = bytearray(300_000_000)\nprint(seed, os.environ['DEEPWEEKS_DATA'], os.getcwd())",
    )
    made = json.loads(text)
    stale = {"output_type": "error", "ename": "Old", "evalue": "", "traceback": []}
    made["cells"][3] |= {"outputs": [stale], "execution_count": 9}
    monkeypatch.setenv("DEEPWEEKS_DATA", "../pictures")
    result = execute.run_week(json.dumps(made), VALUES, threads=1)
    report, ran = result.report, json.loads(result.notebook)
    assert report["error"] is None
    (output,) = ran["cells"][-1]["outputs"]
    assert output["text"][0].startswith(f"5 {mini.parent / 'pictures'} ") and "deepweeks-" in output["text"][0]
    assert [len(report[key]) for key in ("runs", "claims", "exercises", "data")] == [1, 1, 1, 1]
    assert report["claims"] == [{"name": "claim"}]
    assert 0.1 < report["cpu_s"] < 60 and report["wall_s"] > 0.1
    assert 300e6 < report["peak_bytes"] < 2e9
    assert [cell["id"] for cell in ran["cells"]][1] == "injected-parameters"
    assert "papermill" not in ran["metadata"]
    assert all(set(cell["metadata"]) <= {"tags"} for cell in ran["cells"])


def test_how_notebooks_fail(mini):
    """Three weeks at a time: a plain error in a call, a killed kernel, an early exit."""
    books = {
        "week01": minicourse.book(
            "# Top", "## Where it breaks\n\nText.", "def f():\n    return 1 / 0", "x = 1\n\nf()", "## Later"
        ),
        "week02": minicourse.book("# Top", "import os\nos.kill(os.getpid(), 9)", "1"),
        "week03": minicourse.book("# Top", "import sys\nsys.exit(0)", "1"),
    }
    minicourse.course(mini, **books)
    reports = runner.run_all(WEEKS[:3], {}, jobs=3)
    assert {report["status"] for report in reports.values()} == {"failed"}
    assert [reports[n]["error"] for n in (1, 2)] == [
        'under "Where it breaks", line 3 (f()), ZeroDivisionError: division by zero',
        'under "Top", DeadKernelError: the kernel died; too little memory is the usual cause',
    ]
    assert reports[3]["error"].endswith("SystemExit: 0")
    assert sorted(path.stem for path in (mini / "build/failed").iterdir()) == [week.stem for week in WEEKS[:3]]
    assert not (mini / "build/notebooks").exists()
    assert json.loads((mini / "build/reports/claims.json").read_text()) == []


def test_a_process_that_cannot_start_is_one_line(mini, monkeypatch):
    monkeypatch.setattr(execute.sys, "executable", "/bin/false")
    result = execute.run_week(minicourse.book("# One"), VALUES)
    assert result.report["error"] == "the notebook's process ended with code 1: no message"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_run_keeps_what_is_done_and_leaves_nothing_behind(mini, ending):
    minicourse.course(mini, week02=minicourse.book("# 2", GATE))
    if ending == signal.SIGINT:
        minicourse.course(mini, week01=minicourse.book("# 1"))
    words = minicourse.command("run", "--all")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, cwd=mini, env=minicourse.environment(), **pipes)
    pids = kernel(mini)
    assert all(map(alive, pids))
    with pytest.raises(CourseError, match=rf"another run is using .*build \(pid {process.pid}, since \d{{4}}-"):
        runner.run_all(WEEKS[1:2], {})
    process.send_signal(ending)
    said, complaint = process.communicate(timeout=150)
    until(lambda: not any(map(alive, pids)))
    with runner.locked(mini / "build"):
        pass
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert complaint.count("\n") == 1 and complaint.startswith("deepweeks: interrupted; finished weeks are kept")
        assert said.startswith("week 1 ") and said.count("\n") == 1
        left = sorted(str(path.relative_to(mini / "build")) for path in (mini / "build").rglob("*.*"))
        assert left == [".holder", ".lock", "notebooks/week01_foundations.ipynb", "reports/week01.json"]
        assert runner.state(WEEKS[0], mini / "build")[0] == "fresh"


def test_dask_runs_the_same_weeks_and_stops_them(mini):
    distributed = pytest.importorskip("distributed")
    minicourse.course(mini, week01=minicourse.book("# 1", "print(6 * 7)"), week03=minicourse.book("# 3", GATE))
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 3, "dashboard_address": None}
    pids = []

    def interrupt(week, report):
        pids.extend(kernel(mini))
        raise KeyboardInterrupt

    with distributed.LocalCluster(protocol="tcp://", host="127.0.0.1", **options) as cluster:
        with pytest.raises(KeyboardInterrupt):
            runner.run_all([WEEKS[0], WEEKS[2]], {}, scheduler=cluster.scheduler_address, say=interrupt)
        until(lambda: not execute._live)
        until(lambda: not any(map(alive, pids)))
    assert minicourse.report(mini, "week01")["status"] == "ok"
    assert minicourse.executed(mini, "week01")["cells"][-1]["outputs"][0]["text"] == ["42\n"]
    assert not list((mini / "build").rglob("week03*"))


def test_the_dask_scheduler_is_missing(mini, monkeypatch):
    pytest.importorskip("distributed")
    minicourse.course(mini, week01=minicourse.book("# 1"))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a port of something that is no scheduler
        for address in ("tcp://127.0.0.1:9", "host", f"tcp://127.0.0.1:{silent.getsockname()[1]}"):
            with pytest.raises(CourseError, match=f"no Dask scheduler answers at {address}; start one"):
                runner.run_all(WEEKS[:1], {}, scheduler=address)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"pip install 'deepweeks\[cluster\]'"):
        runner.run_all(WEEKS[:1], {}, scheduler="tcp://127.0.0.1:9")
