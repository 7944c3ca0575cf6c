"""Executed copies of the weeks in the smoke profile, for the tests that read them."""

import json
from dataclasses import dataclass

import pytest
from weekly import ROOT, Notebook, paths

from deepweeks import course, runner

SMOKE = ROOT / "build" / "smoke"


@dataclass
class Executed:
    """One week as it ran in smoke: its source, its executed copy, and the runner's report."""

    source: Notebook
    copy: Notebook
    report: dict


@pytest.fixture(scope="session")
def smoke():
    """{week: Executed}; weeks whose copies in build/smoke are stale or absent are run first."""
    weeks = course.written()
    out_of_date = []
    for week in weeks:
        state, report = runner.state(week, SMOKE)
        if state != "fresh" or report["parameters"]["profile"] != "smoke":
            out_of_date.append(week)
    if out_of_date:
        ran = runner.run_all(out_of_date, profile="smoke", device="cpu", data="embedded", jobs=2, out=SMOKE)
        failed = {number: report["error"] for number, report in ran.items() if report["status"] == "failed"}
        assert not failed, failed
    executed = {}
    for source in map(Notebook.read, paths()):
        report = json.loads((SMOKE / f"reports/week{source.week:02d}.json").read_text("utf-8"))
        executed[source.week] = Executed(source, Notebook.read(SMOKE / "notebooks" / source.name), report)
    return executed
