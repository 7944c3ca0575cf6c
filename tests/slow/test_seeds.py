"""Five seeds keep every claim of every week in the published profile. Minutes a week: `pytest -m slow tests/slow`.

DEEPWEEKS_SLOW_WEEKS (such as "2,3") and DEEPWEEKS_SLOW_DATA (embedded or real) narrow or move the run.
"""

import os

import pytest

from deepweeks import course
from deepweeks.execute import run_week

ASKED = os.environ.get("DEEPWEEKS_SLOW_WEEKS", "")
WEEKS = [week for week in course.written() if not ASKED or week in course.parse_weeks([ASKED])]
DATA = os.environ.get("DEEPWEEKS_SLOW_DATA", "embedded")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("week", WEEKS, ids=lambda week: week.name)
def test_claims_hold(week, seed):
    parameters = {"profile": "cpu", "device": "cpu", "seed": seed, "data": DATA}
    report = run_week(course.notebook(week).read_text("utf-8"), parameters, threads=1).report
    assert report["error"] is None, report["error"]
    assert all(claim["judged"] and claim["holds"] for claim in report["claims"])
