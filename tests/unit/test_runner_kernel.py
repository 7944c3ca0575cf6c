"""Notebooks that are really executed: what is recorded, how they fail, how they are stopped."""

import json
import signal
import subprocess
import sys
import threading
import time

import minicourse
import psutil
import pytest

from deepweeks import execute, runner
from deepweeks.course import WEEKS

VALUES = {"profile": "smoke", "device": "cpu", "seed": 5, "data": "embedded"}
GATE = """
import os, pathlib, subprocess, time
helper = subprocess.Popen(["sleep", "100"])
pathlib.Path("pid").write_text(f"{os.getpid()} {helper.pid}.")
while not pathlib.Path("go").exists():
    time.sleep(0.05)
helper.kill()
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
    path = folder / "notebooks" / "pid"
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
    return tmp_path


def test_a_good_notebook(mini, monkeypatch):
    text = minicourse.book("# One", EVENT, "import time\nblob = bytearray(300_000_000)\nprint(seed, os.getcwd())")
    made = json.loads(text)
    stale = {"output_type": "error", "ename": "Old", "evalue": "", "traceback": []}
    made["cells"][3] |= {"outputs": [stale], "execution_count": 9}
    made["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    result = execute.run_week(json.dumps(made), VALUES, threads=1)
    report, ran = result.report, json.loads(result.notebook)
    assert report["error"] is None
    assert ran["cells"][-1]["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": [f"5 {mini / 'notebooks'}\n"]}
    ]
    assert [len(report[key]) for key in ("runs", "claims", "exercises", "data")] == [1, 1, 1, 1]
    assert report["claims"] == [{"name": "claim"}]
    assert 0.1 < report["cpu_s"] < 60 and report["wall_s"] > 0.1
    assert 300e6 < report["peak_bytes"] < 2e9
    assert [cell["id"] for cell in ran["cells"]][1] == "injected-parameters"
    assert "widgets" not in ran["metadata"] and ran["metadata"]["papermill"] == {"parameters": VALUES}
    assert all(set(cell["metadata"]) <= {"tags"} for cell in ran["cells"])
    monkeypatch.chdir("/")
    monkeypatch.setattr(execute, "root", lambda: (_ for _ in ()).throw(execute.CourseError("none")))
    again = json.loads(execute.run_week(json.dumps(made), VALUES).notebook)
    assert again["cells"][:-1] == ran["cells"][:-1]
    assert "deepweeks-" in again["cells"][-1]["outputs"][0]["text"][0]


def test_how_notebooks_fail(mini):
    """Four weeks at a time: a plain error in a call, a killed kernel, a cell without end, an early exit."""
    prose = "# Top\n## Where it breaks\n```\n# no heading\n```"
    books = {
        "week01": minicourse.book(prose, "def f():\n    return 1 / 0", "x = 1\n\nf()", "## Later"),
        "week02": minicourse.book("# Top", "import os\nos.kill(os.getpid(), 9)", "1"),
        "week03": minicourse.book("# Top", "import time\n\ntime.sleep(600)"),
        "week04": minicourse.book("# Top", "import sys\nsys.exit(0)", "1"),
    }
    minicourse.course(mini, **books)
    reports = runner.run_all(WEEKS[:4], jobs=4, timeout=3)
    assert {report["status"] for report in reports.values()} == {"failed"}
    errors = {n: tuple(reports[n]["error"].values()) for n in reports}
    assert errors[1] == ("Where it breaks", 3, "f()", "ZeroDivisionError", "division by zero")
    assert errors[2][:4] == ("Top", None, None, "DeadKernelError") and "memory" in errors[2][4]
    assert errors[3] == ("Top", 3, "time.sleep(600)", "CellTimeoutError", "the cell took longer than 3 s")
    assert errors[4][3:] == ("SystemExit", "0")
    for week in WEEKS[:4]:
        left = (mini / "build/failed" / f"{week.name}.ipynb").read_text()
        assert len(json.loads(left)["cells"]) == len(json.loads(books[week.name])["cells"]) + 1
        assert "papermill-error" not in left
    assert not (mini / "build/notebooks").exists()
    assert json.loads((mini / "build/reports/claims.json").read_text()) == []


def test_a_process_that_cannot_start_is_one_line(mini, monkeypatch):
    monkeypatch.setattr(execute.sys, "executable", "/bin/false")
    result = execute.run_week(minicourse.book("# One"), VALUES)
    assert result.notebook is None
    assert result.report["error"]["message"] == "the notebook's process ended with code 1: no message"


def begin(mini, *words):
    process = subprocess.Popen(
        minicourse.command("run", *words), cwd=mini, env=minicourse.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    return process, kernel(mini)


def test_control_c_ends_everything_and_the_next_run_goes_on(mini):
    minicourse.course(mini, week01=minicourse.book("# 1"), week02=minicourse.book("# 2", GATE))
    process, pids = begin(mini, "1-2")
    assert all(map(alive, pids))
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=150)
    assert process.returncode == 130
    assert complaint.count("\n") == 1 and complaint.startswith("deepweeks: interrupted; finished weeks are kept")
    assert said.startswith("week 1 ") and said.count("\n") == 1
    until(lambda: not any(map(alive, pids)))
    left = sorted(str(path.relative_to(mini / "build")) for path in (mini / "build").rglob("*.*"))
    assert left == [".holder", ".lock", "notebooks/week01_foundations.ipynb", "reports/week01.json"]
    (mini / "notebooks/go").touch()
    after = minicourse.deepweeks(mini, "run", "1-2")
    assert (after.returncode, after.stderr) == (0, "")
    first, second = after.stdout.splitlines()
    assert first.endswith("unchanged") and not second.endswith("unchanged")


def test_a_killed_runner_leaves_no_kernel_and_no_lock(mini):
    minicourse.course(mini, week01=minicourse.book("# 1", GATE))
    process, pids = begin(mini, "1")
    second = minicourse.deepweeks(mini, "run", "1")
    assert second.returncode == 2 and second.stdout == ""
    assert second.stderr.startswith(f"deepweeks: another run is using {mini / 'build'} (pid {process.pid}, since 20")
    assert second.stderr.count("\n") == 1
    process.kill()
    process.communicate(timeout=150)
    until(lambda: not any(map(alive, pids)))
    with runner.locked(mini / "build", 1):
        pass


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
            runner.run_all([WEEKS[0], WEEKS[2]], scheduler=cluster.scheduler_address, say=interrupt)
        until(lambda: not execute._live)
        until(lambda: not any(map(alive, pids)))
    assert minicourse.report(mini, "week01")["status"] == "ok"
    assert minicourse.executed(mini, "week01")["cells"][-1]["outputs"][0]["text"] == ["42\n"]
    assert not list((mini / "build").rglob("week03*"))


def test_the_dask_scheduler_is_missing(mini, monkeypatch):
    pytest.importorskip("distributed")
    minicourse.course(mini, week01=minicourse.book("# 1"))
    with pytest.raises(runner.CourseError, match="no Dask scheduler answers at tcp://127.0.0.1:9; start one"):
        runner.run_all(WEEKS[:1], scheduler="tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(runner.CourseError, match=r"pip install 'deepweeks\[cluster\]'"):
        runner.run_all(WEEKS[:1], scheduler="tcp://127.0.0.1:9")


def test_a_port_that_is_not_dask_does_not_hang(mini):
    pytest.importorskip("distributed")
    import socket

    minicourse.course(mini, week01=minicourse.book("# 1"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        failure = []

        def attempt():
            try:
                runner.run_all(WEEKS[:1], scheduler=address)
            except runner.CourseError as error:
                failure.append(str(error))

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(30)
    assert failure and failure[0].startswith(f"no Dask scheduler answers at {address}")
