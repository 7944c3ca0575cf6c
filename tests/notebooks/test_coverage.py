"""Every topic has its place, and every statement that needs correcting is tested exactly once."""

from collections import Counter

import pytest
import yaml
from weekly import ROOT, Notebook, none, paths

WEEKS = {notebook.week: notebook for notebook in map(Notebook.read, paths())}
ROWS = {1: 15, 2: 30, 3: 37, 4: 29, 5: 45, 6: 25, 7: 28, 8: 18, 9: 34, 10: 13, 11: 94, 12: 131, 13: 38, 14: 57, 15: 13,
        16: 19, 17: 38, 18: 7}  # fmt: skip
ERRATA = {1: 4, 2: 13, 3: 16, 4: 17, 5: 23, 6: 15, 7: 10, 8: 7, 9: 14, 10: 5, 11: 22, 12: 42, 13: 19, 14: 18, 15: 7,
          16: 8, 17: 18, 18: 1}  # fmt: skip


def load(name):
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


TOPICS = load("book/topics.yml")
LIVE = load("tests/data/errata.yml")


def unplaced(topics, labels):
    """Topics of a written week without a label that stands in that week's notebook. `labels`: {week: labels}."""
    for row in topics:
        if row["week"] in labels and row.get("label") not in labels[row["week"]]:
            yield f"{row['id']} ({row['title']}): label {row.get('label')!r} is not in week {row['week']}"


def misplaced(errata, shown):
    """Corrections missing, shown twice, in the wrong week or unknown. `shown`: {week: ids in its cells}."""
    home = {row["id"]: row["week"] for row in errata}
    places = [(erratum, week) for week, ids in shown.items() for erratum in ids]
    for erratum, week in home.items():
        if week in shown and (n := sum(erratum == other for other, _ in places)) != 1:
            yield f"{erratum} of week {week} is shown {n} times"
    for erratum, week in places:
        if home.get(erratum) != week:
            yield f"{erratum} is shown in week {week} but belongs to {home.get(erratum, 'no week')}"


def test_every_topic_is_listed():
    assert len(TOPICS) == 671 == len({row["id"] for row in TOPICS})
    assert Counter(row["week"] for row in TOPICS) == ROWS
    assert [row["week"] for row in TOPICS] == sorted(row["week"] for row in TOPICS)
    for row in TOPICS:
        assert set(row) <= {"id", "week", "title", "label"} and 3 <= len(row["title"]) <= 70


def test_every_correction_is_listed():
    assert len(LIVE) == 259 == len({row["id"] for row in LIVE})
    assert Counter(row["week"] for row in LIVE) == ERRATA
    assert {row["grade"] for row in LIVE} == {"wrong", "misleading", "imprecise", "unsourced"}


def test_every_topic_of_a_written_week_has_a_place():
    none(unplaced(TOPICS, {week: set(notebook.labels) for week, notebook in WEEKS.items()}))


def test_only_written_weeks_have_places():
    assert not [row["id"] for row in TOPICS if row.get("label") and row["week"] not in WEEKS]


def test_every_correction_of_a_written_week_is_shown_once():
    shown = {w: [e for cell in notebook.cells for e in cell.own.get("myths", {})] for w, notebook in WEEKS.items()}
    none(misplaced(LIVE, shown))


@pytest.mark.parametrize("label", [None, "w1-elsewhere"])
def test_an_unplaced_topic_is_found(label):
    row = {"id": "A003", "week": 1, "title": "The neuron", "label": label}
    assert len(list(unplaced([row], {1: {"w1-neuron"}}))) == 1
    assert not list(unplaced([row], {2: set()})), "weeks that are not written are not judged"


@pytest.mark.parametrize("shown", [{1: []}, {1: ["EA1", "EA1"]}, {1: ["EA1"], 2: ["EA1"]}, {1: ["EA1", "EA9"]}])
def test_a_misplaced_correction_is_found(shown):
    assert list(misplaced([{"id": "EA1", "week": 1}], shown))
    assert not list(misplaced([{"id": "EA1", "week": 1}], {1: ["EA1"]}))
