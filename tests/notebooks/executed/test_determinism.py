"""The same seed gives the same numbers, whatever order Python's hashing puts sets in."""

import json

import pytest
from weekly import Notebook, paths, untimed

from deepweeks.execute import run_week

WEEKS = [Notebook.read(path).week for path in paths()]
# One week in the middle stands for all on every run; all of them would take two more smoke runs of the course.
CHECKED = WEEKS[len(WEEKS) // 2]
CASES = [pytest.param(week, marks=[] if week == CHECKED else pytest.mark.slow) for week in WEEKS]


@pytest.mark.parametrize("week", CASES)
def test_same_seed_same_claims(smoke, week, monkeypatch):
    executed = smoke[week]
    source, settings = json.dumps(executed.source.raw), executed.report["parameters"]
    for hash_seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        report = run_week(source, settings, threads=executed.report["threads"]).report
        assert report["error"] is None
        assert untimed(report) == untimed(executed.report)


def test_another_seed_gives_other_numbers(smoke):
    """Else the comparison above would compare constants."""
    executed = smoke[CHECKED]
    settings = {**executed.report["parameters"], "seed": 1}
    report = run_week(json.dumps(executed.source.raw), settings, threads=executed.report["threads"]).report
    assert report["error"] is None
    assert untimed(report) != untimed(executed.report)
