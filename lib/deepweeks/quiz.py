"""Multiple-choice questions and flashcards as plain HTML: no kernel, no other host, readable with scripts off.

The questions of a week are in ``deepweeks/quizzes/weekNN.yml``::

    quiz:
      - question: "What does nn.Linear(3, 2) hold?"
        options:
          - right: "a weight of shape (2, 3) and a bias of shape (2,)"
            why: "Rows of the weight are outputs, columns are inputs."
          - wrong: "a weight of shape (3, 2)"
            why: "That is the transpose of what is stored."
    cards:
      - front: "one-hot vector"
        back: "All zeros but for a single one at the index of the class."

Text may hold ``code`` in backticks and *emphasis* in asterisks; formulas are written in Unicode, since a cell's
HTML output is not typeset everywhere.
"""

from __future__ import annotations

from hashlib import sha256
from importlib import resources

from .page import key, macros, publish


def load(week: int) -> dict:
    """The checked questions and cards of a week.

    Raises:
        ValueError: No file, bad YAML, or a malformed question; one line that names the file, the place and what
            is wanted there.
    """
    name = f"week{week:02d}.yml"
    file = resources.files(__package__) / "quizzes" / name
    if not file.is_file():
        raise ValueError(f"there is no quiz for week {week}: deepweeks/quizzes/{name} does not exist")
    return parse(file.read_text(encoding="utf-8"), name)


def parse(text: str, name: str) -> dict:
    """Read and check the YAML of a quiz.

    Args:
        text: The file's content.
        name: The file's name, for messages.

    Returns:
        ``{"quiz": [...], "cards": [...]}`` as in the module's example.

    Raises:
        ValueError: As for :func:`load`.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise ValueError(f"{name}{place}: not valid YAML ({getattr(error, 'problem', error)})") from None
    good = isinstance(content, dict) and set(content) <= {"quiz", "cards"}
    _want(good, name, "needs the lists quiz and cards")
    content = {part: content.get(part) or [] for part in ("quiz", "cards")}
    for part, items in content.items():
        _want(isinstance(items, list), name, f"{part} must be a list")
        for i, item in enumerate(items, 1):
            (_check_question if part == "quiz" else _check_card)(item, f"{name} {part} item {i}")
    return content


def _want(condition, place, message):
    if not condition:
        raise ValueError(f"{place}: {message}")


def _text(value) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_question(item, place):
    _want(isinstance(item, dict) and _text(item.get("question")), place, "needs a question (text)")
    options = item.get("options")
    _want(isinstance(options, list) and 2 <= len(options) <= 5, place, "needs 2 to 5 options")
    for option in options:
        good = isinstance(option, dict) and set(option) in ({"right", "why"}, {"wrong", "why"})
        _want(good and all(map(_text, option.values())), place, "every option is right: or wrong: with a why:")
    _want(sum("right" in option for option in options) == 1, place, "exactly one option must be right")


def _check_card(item, place):
    good = isinstance(item, dict) and set(item) == {"front", "back"} and all(map(_text, item.values()))
    _want(good, place, "needs a front and a back (text)")


def quiz(week: int) -> None:
    """Show a week's questions. Choosing an option says at once whether it is right, and why.

    Args:
        week: Number of the week.

    Raises:
        ValueError: As for :func:`load`.
    """
    questions = load(week)["quiz"]
    for item in questions:
        item["key"] = start = key(item["question"])
        # A fixed shuffle, so that the right answer's place in the file does not give it away.
        item["options"].sort(key=lambda option, start=start: sha256((start + str(option)).encode()).digest())
    publish(macros.quiz(week, questions), f"{len(questions)} questions")


def flashcards(week: int) -> None:
    """Show a week's flashcards: the front is seen, the back opens by click, Enter or Space.

    Args:
        week: Number of the week.

    Raises:
        ValueError: As for :func:`load`.
    """
    cards = load(week)["cards"]
    publish(macros.flashcards(week, cards), f"{len(cards)} flashcards")
