"""Executed copies of the weeks in the smoke profile, for the tests that read them."""

import json
from dataclasses import dataclass

import pytest
from filelock import FileLock
from weekly import ROOT, Notebook, paths

from deepweeks import course, runner

SMOKE = ROOT / "build" / "smoke"


@dataclass
class Executed:
    """One week as it ran in smoke: its source, its executed copy, and the runner's report."""

    source: Notebook
    copy: Notebook
    report: dict


def is_fresh(week):
    state, report = runner.state(week, SMOKE)
    return state == "fresh" and report["parameters"]["profile"] == "smoke"


@pytest.fixture(scope="session")
def smoke():
    """{week: Executed}; weeks whose copies in build/smoke are stale or absent are run first."""
    SMOKE.mkdir(parents=True, exist_ok=True)
    with FileLock(ROOT / "build" / ".smoke.lock"):  # the tests of two files may run side by side
        weeks = [week for week in course.written() if not is_fresh(week)]
        settings = {"profile": "smoke", "device": "cpu", "data": "embedded"}
        ran = runner.run_all(weeks, settings, jobs=2, out=SMOKE) if weeks else {}
    failed = {number: report["error"] for number, report in ran.items() if report["status"] == "failed"}
    assert not failed, failed
    executed = {}
    for source in map(Notebook.read, paths()):
        report = json.loads((SMOKE / f"reports/week{source.week:02d}.json").read_text("utf-8"))
        executed[source.week] = Executed(source, Notebook.read(SMOKE / "notebooks" / source.name), report)
    return executed
