import re
from html.parser import HTMLParser

import pytest

from deepweeks import course, quiz

GOOD = """
quiz:
  - question: "What is `1 < 2` & *why*?"
    options:
      - {right: "true", why: "one is less"}
      - {wrong: "false", why: "it is <not>"}
cards:
  - {front: "one", back: "1"}
"""


@pytest.fixture
def shown(monkeypatch):
    pages = []
    monkeypatch.setattr(quiz, "publish", lambda markup, plain: pages.append(markup))
    return pages


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quiz: [", "week99.yml line 1: not valid YAML"),
        ("- a list", "needs the lists quiz and cards"),
        ("quiz: {}\nquizz: []", "needs the lists quiz and cards"),
        ("quiz: text", "quiz must be a list"),
        ("quiz: [{}]", "quiz item 1: needs a question"),
        ("quiz: [{question: 3, options: []}]", "quiz item 1: needs a question"),
        ("quiz: [{question: a, options: []}]", "needs 2 to 5 options"),
        ("quiz: [{question: a, options: [{right: b, why: c}]}]", "needs 2 to 5 options"),
        ("quiz: [{question: a, options: [{right: b, why: c}, {wrong: d}]}]", "right: or wrong: with a why:"),
        ("quiz: [{question: a, options: [{right: b, why: c}, {wrong: d, why: ''}]}]", "with a why:"),
        (
            "quiz: [{question: a, options: [{wrong: b, why: c}, {wrong: d, why: e}]}]",
            "exactly one option must be right",
        ),
        (
            "quiz: [{question: a, options: [{right: b, why: c}, {right: d, why: e}]}]",
            "exactly one option must be right",
        ),
        ("cards: [{front: a}]", "cards item 1: needs a front and a back"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_malformed_quiz_is_one_line_with_the_place(text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        quiz.parse(text, "week99.yml")
    assert str(error.value).startswith("week99.yml")
    assert "\n" not in str(error.value)


def test_a_missing_quiz_names_the_file():
    with pytest.raises(ValueError, match="there is no quiz for week 77: deepweeks/quizzes/week77.yml"):
        quiz.load(77)


class Balance(HTMLParser):
    void = {"input", "br", "img"}

    def __init__(self):
        super().__init__()
        self.open, self.count = [], {}

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_markup_is_balanced_escaped_and_readable_without_scripts(shown, monkeypatch):
    monkeypatch.setattr(quiz, "load", lambda week: quiz.parse(GOOD, "week99.yml"))
    quiz.quiz(99)
    quiz.flashcards(99)
    for page in shown:
        parser = Balance()
        parser.feed(page)
        assert parser.open == []
    questions, cards = shown
    assert "<code>1 &lt; 2</code> &amp; <em>why</em>" in questions
    assert "it is &lt;not&gt;" in questions.split("<details>")[1]
    assert questions.count('type="radio"') == 2
    assert 'role="status"' in questions
    assert "http" not in questions + cards


@pytest.mark.parametrize("week", [week.number for week in course.written()])
def test_every_weeks_quiz_is_well_formed(week, shown):
    items = quiz.load(week)
    assert len(items["quiz"]) >= 10
    assert len(items["cards"]) >= 10
    texts = [item["question"] for item in items["quiz"]]
    assert len(set(texts)) == len(texts)
    quiz.quiz(week)
    first = shown[0]
    quiz.quiz(week)
    assert shown[1] == first
    assert "$" not in first, "formulas in a quiz are written in Unicode"


@pytest.mark.parametrize("week", [week.number for week in course.written()])
def test_the_right_answers_are_spread_over_the_letters(week, shown):
    quiz.quiz(week)
    letters = re.findall(r"<li><b>([A-E])</b> is right", shown[0])
    assert max(letters.count(letter) for letter in "ABCDE") <= 0.6 * len(letters)
