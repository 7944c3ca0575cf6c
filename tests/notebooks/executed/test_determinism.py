"""The same seed gives the same numbers, whatever order Python's hashing puts sets in."""

import json

import pytest
from weekly import Notebook, paths

from deepweeks.execute import run_week

WEEKS = [Notebook.read(path).week for path in paths()]
# One week proves the mechanism on every run; all of them take a second smoke run of the whole course.
CASES = [pytest.param(week, marks=[] if week == WEEKS[0] else pytest.mark.slow) for week in WEEKS]


@pytest.mark.xdist_group("smoke")
@pytest.mark.parametrize("week", CASES)
def test_same_seed_same_claims(smoke, week, monkeypatch):
    executed = smoke[week]
    source, settings = json.dumps(executed.source.raw), executed.report["parameters"]
    for hash_seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", hash_seed)
        report = run_week(source, settings, threads=executed.report["threads"]).report
        assert report["error"] is None
        assert report["claims"] == executed.report["claims"]


@pytest.mark.xdist_group("smoke")
def test_another_seed_gives_other_numbers(smoke):
    """Else the comparison above would compare constants."""
    executed = smoke[WEEKS[0]]
    settings = {**executed.report["parameters"], "seed": 1}
    report = run_week(json.dumps(executed.source.raw), settings, threads=executed.report["threads"]).report
    assert report["error"] is None
    assert [claim["value"] for claim in report["claims"]] != [claim["value"] for claim in executed.report["claims"]]
