"""The syllabus as data and the names of weeks."""

import pytest

from deepweeks import course
from deepweeks.course import CourseError, parse_weeks, weeks

WEEKS = weeks()


def numbers(*texts):
    return [week.number for week in parse_weeks(texts)]


def test_eighteen_weeks_each_built_on_earlier_ones():
    assert [week.number for week in WEEKS] == list(range(1, 19))
    assert len({week.slug for week in WEEKS}) == 18
    for week in WEEKS:
        assert all(1 <= need < week.number for need in week.needs)
        assert week.needs or week.number == 1
        assert week.claim.endswith(".") and 30 < len(week.claim) < 110
    assert (WEEKS[2].name, WEEKS[2].stem) == ("week03", "week03_convolution")


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["3"], [3]),
        (["1-3"], [1, 2, 3]),
        (["week03"], [3]),
        (["week01-week03"], [1, 2, 3]),
        (["foundations"], [1]),
        (["18", "2", "1-2"], [1, 2, 18]),
        (["1,5"], [1, 5]),
    ],
)
def test_weeks_are_named_in_many_ways(texts, wanted):
    assert numbers(*texts) == wanted


@pytest.mark.parametrize(
    "text", ["0", "19", "3-1", "17-19", "convolutions", "", "-1", "1.5", "week3x", "1-2-3", "1-", "x-3"]
)
def test_an_unknown_week_lists_the_valid_ones(text):
    with pytest.raises(CourseError, match=r"unknown week .*valid: 1 to 18, .*foundations.*scaling"):
        numbers(text)


def test_root_is_the_nearest_checkout_above(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    (tmp_path / "_config.yml").touch()
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert course.root() == tmp_path
    assert course.written() == ()
    (tmp_path / "notebooks" / "week02_feedforward.ipynb").touch()
    assert [week.number for week in course.written()] == [2]


def test_no_checkout_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course, "__file__", str(tmp_path / "course.py"))
    with pytest.raises(CourseError, match="go to a clone"):
        course.root()
