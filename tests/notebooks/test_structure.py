"""Every notebook keeps every rule, and every rule is able to fail."""

import copy
import re

import pytest
import rules
from weekly import ROOT, Notebook, none, paths

WEEKS = [Notebook.read(path) for path in paths()]


@pytest.mark.parametrize("rule", rules.RULES)
@pytest.mark.parametrize("notebook", WEEKS, ids=lambda notebook: notebook.name[:6])
def test_notebook_keeps_the_rule(notebook, rule):
    none(rules.RULES[rule](notebook))


def test_weeks_are_written_in_order():
    assert WEEKS, "no week is written"
    assert [notebook.week for notebook in WEEKS] == list(range(1, len(WEEKS) + 1)), "a week is missing or twice"


def pages():
    return {path.name: path.read_text("utf-8") for path in [ROOT / "index.md", *sorted((ROOT / "book").glob("*.md"))]}


def broken_links(notebooks, pages):
    """Links to labels that stand nowhere."""
    known = {label for notebook in notebooks for label in notebook.labels}
    targets = re.compile(r"^\(([\w-]+)\)=|\$\$\s*\(([\w-]+)\)", re.M)
    known |= {found[1] or found[2] for text in pages.values() for found in targets.finditer(text)}
    texts = {str(cell) + " of " + notebook.name: cell.prose for notebook in notebooks for cell in notebook.markdown}
    for place, text in {**texts, **pages}.items():
        for label in re.findall(r"\]\(#([^)\s]+)\)", text):
            if label not in known:
                yield f"{place}: #{label} leads nowhere"


def test_links_resolve():
    none(broken_links(WEEKS, pages()))


def test_labels_are_unique_in_the_book():
    labels = [label for notebook in WEEKS for label in notebook.labels]
    assert not {label for label in labels if labels.count(label) > 1}


# A notebook that keeps every rule, and one break for each rule.


def markdown(text, **own):
    return {"cell_type": "markdown", "metadata": {"deepweeks": own} if own else {}, "source": text}


def code(text, *tags, folded=False):
    metadata = {"tags": list(tags)} if tags else {}
    if folded:
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return {"cell_type": "code", "metadata": metadata, "source": text, "outputs": [], "execution_count": None}


def exercise(k):
    name, tag = f"1.{k}", f"ex-1.{k}"
    return [
        markdown(
            f"### Exercise {name} ●●●{'●' if k == 4 else '○'}○ 10 minutes\n\nDouble a number: 2 gives 4.\n\n"
            "<details>\n<summary>Hint</summary>\n\nAdd.\n\n</details>"
        ),
        code(f"def my_{k}(x):\n    raise NotImplementedError", "exercise", tag),
        code(
            f"# @title Check {name}\ndef test_{k}(f):\n    close(f(2), 4, 'double it')\n\n\n"
            f'check("{name}", my_{k}, test_{k})',
            "check",
            tag,
            "hide-input",
            folded=True,
        ),
        code(
            f"# @title Solution {name} - try it yourself first\ndef reference_{k}(x):\n    return x + x\n\n\n"
            f'double_{k} = pick("{name}", my_{k}, reference_{k}, test_{k})',
            "solution",
            tag,
            "hide-input",
            folded=True,
        ),
    ]


@pytest.fixture
def good(monkeypatch):
    """The smallest week that keeps every rule, as the JSON of a notebook."""
    monkeypatch.setattr(rules, "quiz_of", lambda week: {"quiz": [{}] * 10, "cards": [{}] * 10})
    monkeypatch.setattr(
        rules, "book_config", lambda: {"repository": {"url": "https://github.com/a/b", "branch": "main"}}
    )
    recall = "<details>\n<summary>Question</summary>\n\nAnswer.\n\n</details>\n\n"
    cells = [
        markdown(
            "# Week 1: One\n\n[Open this week in Colab]"
            "(https://colab.research.google.com/github/a/b/blob/main/notebooks/week01_one.ipynb)\n\n"
            "By the end you will have shown that one and one make two. 60 minutes. Needs nothing."
        ),
        markdown("## What you will be able to do\n\n" + "\n".join(f"- double (exercise 1.{k})" for k in range(1, 5))),
        markdown("## Warm-up\n\n" + 3 * recall),
        markdown("## Set-up"),
        code(rules.INSTALL, "setup", "hide-input"),
        code(rules.PARAMETERS, "setup", "parameters"),
        code("from deepweeks import start\n\nrun = start(profile, device, seed, data)", "setup"),
        markdown("## A puzzle\n\nPredict first. Predict first. Predict first."),
        code("1 + 1", "nbval-check-output"),
        code("2 + 2", "nbval-check-output"),
        markdown("## An idea\n\n$$ a = b $$ (eq-w1-a)\n\nSee [it](#eq-w1-a).\n\n" + "word " * 3000, label="w1-idea"),
        code("\n".join(f'claim("number {k}", {k}, at_least=0)' for k in range(8))),
        *[cell for k in range(1, 5) for cell in exercise(k)],
        markdown("## Myth\n\nText.", label="w1-myth", myths={"EA000": "One and one is always three."}),
        code("3 + 3"),
        markdown("## The result of the week"),
        code('with plots.figure(1, 1, alt="two lines that cross near the middle") as (fig, ax):\n    pass'),
        markdown("## Break it"),
        markdown("## Explore"),
        code('plots.live(draw, [1, 2], name="rate", alt=str)'),
        markdown("## Take away\n\n" + "- point\n" * 5 + "\n| symptom | cause | fix |\n|---|---|---|\n| a | b | c |"),
        markdown("## Check yourself"),
        code("quiz(week=1)\nflashcards(week=1)"),
        markdown("## Go further"),
        markdown("## Your progress"),
        code("report(1)"),
    ]
    for k, cell in enumerate(cells):
        cell["id"] = f"c{k}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


@pytest.mark.parametrize("rule", rules.RULES)
def test_a_good_notebook_keeps_the_rule(good, rule):
    none(rules.RULES[rule](Notebook(good, "week01_one.ipynb")))


def tags(cell):
    return cell["metadata"].get("tags", [])


def find(raw, text):
    return next(cell for cell in raw["cells"] if text in cell["source"])


def replace(old, new, count=-1):
    """A break that changes the first cell that holds a text."""

    def change(raw):
        cell = find(raw, old)
        cell["source"] = cell["source"].replace(old, new, count)

    return change


def edit(text, **changes):
    """A break that changes keys of the first cell that holds a text."""
    return lambda raw: find(raw, text).update(copy.deepcopy(changes))


def remove(text):
    return lambda raw: raw["cells"].remove(find(raw, text))


def append(text, into="## An idea"):
    def change(raw):
        find(raw, into)["source"] += "\n\n" + text

    return change


def insert(cell, position=12):
    return lambda raw: raw["cells"].insert(position, {**copy.deepcopy(cell), "id": "new"})


BREAKS = [
    ("valid", edit("1 + 1", id="c0")),
    ("valid", lambda raw: find(raw, "1 + 1").pop("outputs")),
    ("clean", edit("1 + 1", outputs=[{"output_type": "stream", "name": "stdout", "text": "2"}])),
    ("clean", edit("1 + 1", execution_count=3)),
    ("clean", lambda raw: raw["metadata"].update(widgets={})),
    ("kernel", lambda raw: raw["metadata"]["kernelspec"].update(name="deepweeks")),
    ("parameters", replace("seed = 0", "seed = 1")),
    ("parameters", edit("profile = ", metadata={})),
    ("set_up", replace("import deepweeks\n", "import deepweeks  # the library\n")),
    ("set_up", replace("start(profile, device, seed, data)", "start()")),
    ("set_up", insert(markdown("more"), 4)),
    ("boilerplate", lambda raw: [insert(code("0", "hide-input"))(raw) for _ in range(3)]),
    ("installs_nothing_else", insert(code("import pip"))),
    ("title", append("# Another title")),
    ("title", replace("# Week 1: One", "# Week 2: One")),
    ("title_card", replace("60 minutes.", "")),
    ("title_card", replace("By the end you will have shown that", "You will see that")),
    ("title_card", replace("Needs nothing.", "")),
    ("colab_link", replace("blob/main", "blob/master")),
    ("colab_link", replace("github/a/b", "github/a/fork")),
    ("colab_link", append("https://colab.research.google.com/github/a/b/blob/main/notebooks/week02_two.ipynb")),
    ("order", replace("## Break it", "## Stop")),
    ("order", replace("## A puzzle", "## Your progress")),
    ("order", replace("## Warm-up", "### Warm-up")),
    ("levels", append("### Part\n\n##### Deep")),
    ("abilities", replace("(exercise 1.2)", "")),
    ("abilities", replace("- double (exercise 1.2)\n", "")),
    ("abilities", replace("exercise 1.2", "exercise 1.22")),
    ("warm_up", replace("<details>\n<summary>Question</summary>\n\nAnswer.\n\n</details>", "", 1)),
    (
        "warm_up",
        edit(
            "## Warm-up",
            source="## Warm-up\n\n1. A?\n2. B?\n\n<details>\n<summary>Answers</summary>\n\nC\n\n</details>",
        ),
    ),
    ("predictions", replace("Predict first. Predict first.", "")),
    ("symptom_table", replace("symptom", "thing")),
    ("symptom_table", replace("- point\n", "", 1)),
    ("details", replace("</summary>\n\n", "</summary>\n", 1)),
    ("details", replace("\n\n</details>", "\n</details>", 1)),
    ("details", replace("</details>", "", 1)),
    ("plain_markdown", append("```{note}\nText\n```")),
    ("plain_markdown", append(":::note\nText\n:::")),
    ("plain_markdown", append("See {eq}`eq-w1-a`.")),
    ("plain_markdown", append("![a picture](https://example.org/a.png)")),
    ("plain_markdown", append('<img src="a.png" alt="a picture">')),
    ("python_only", insert(code("%matplotlib inline"))),
    ("python_only", insert(code("!ls"))),
    ("python_only", insert(code("x = = 1"))),
    ("python_only", insert(code("print?"))),
    ("size", lambda raw: [insert(markdown("x"))(raw) for _ in range(60)]),
    ("size", insert(code("x = 1\n" * 41))),
    ("size", insert(code("  "))),
    ("length", replace("word " * 3000, "word " * 2500)),
    ("length", append("word " * 2500)),
    ("nothing_left_over", append("TO" + "DO: write")),
    ("nothing_left_over", insert(code('open("/ho' + 'me/me/a.txt")'))),
    ("labels", lambda raw: find(raw, "## Myth")["metadata"]["deepweeks"].update(label="w1-idea")),
    ("labels", lambda raw: find(raw, "## Myth")["metadata"]["deepweeks"].update(label="w2-myth")),
    ("labels", append("$$ c = d $$ (eq-w1-a)", "## A puzzle")),
    ("labels", edit("1 + 1", metadata={"deepweeks": {"label": "w1-code"}})),
    ("myths", lambda raw: find(raw, "## Myth")["metadata"]["deepweeks"].pop("label")),
    ("myths", lambda raw: find(raw, "## Myth")["metadata"]["deepweeks"].update(myths={"EA000": "wrong"})),
    ("myths", lambda raw: [insert(markdown("more"), raw["cells"].index(find(raw, "3 + 3")))(raw) for _ in range(3)]),
    ("exercise_numbers", lambda raw: raw.update(cells=[c for c in raw["cells"] if "ex-1.4" not in tags(c)])),
    ("exercise_numbers", replace("●●●●○", "●●●○○")),
    ("exercise_numbers", lambda raw: [tags(c).__setitem__(1, "ex-1.9") for c in raw["cells"] if "ex-1.4" in tags(c)]),
    ("exercise_cells", remove("# @title Check 1.2")),
    ("exercise_cells", lambda raw: insert(markdown("x"), raw["cells"].index(find(raw, "# @title Check 1.2")))(raw)),
    ("exercise_cells", lambda raw: find(raw, "def my_2")["metadata"]["tags"].remove("ex-1.2")),
    ("exercise_statement", replace("### Exercise 1.2", "### Double")),
    ("exercise_statement", replace("●●●○○ ", "")),
    ("exercise_statement", replace("10 minutes", "")),
    ("exercise_statement", edit("### Exercise 1.2", source="### Exercise 1.2 ●●●○○ 10 minutes")),
    ("exercise_stub", replace("def my_2(x):\n    raise NotImplementedError", "raise NotImplementedError")),
    ("exercise_stub", replace("raise NotImplementedError", "pass")),
    ("exercise_stub", replace("raise NotImplementedError", "raise ValueError")),
    ("exercise_hidden_cells", lambda raw: find(raw, "# @title Check 1.2")["metadata"].pop("cellView")),
    ("exercise_hidden_cells", lambda raw: find(raw, "# @title Solution 1.2")["metadata"]["tags"].remove("hide-input")),
    ("exercise_hidden_cells", replace("# @title Solution 1.2", "# Solution 1.2")),
    ("exercise_calls", replace('check("1.2"', 'check("1.3"')),
    ("exercise_calls", replace("double_2 = pick", "my_2 = pick")),
    ("exercise_calls", replace("double_2 = pick", "pick")),
    ("exercise_calls", replace("reference_2, test_2)", "reference_2, test_1)")),
    ("exercise_calls", replace("my_2, reference_2, test_2", "my_2, lambda x: 2 * x, test_2")),
    ("answers_stay_put", insert(code("my_2(3)"), -1)),
    ("quiz", replace("quiz(week=1)", "")),
    ("quiz", replace("flashcards(week=1)", "flashcards(week=2)")),
    ("claims", replace("number 2", "number 1")),
    ("claims", remove("claim(")),
    ("alternatives", replace('alt="two lines that cross near the middle"', "")),
    ("alternatives", replace("two lines that cross near the middle", "a plot")),
    ("alternatives", insert(code("plt.show()"))),
    ("explore", remove("plots.live")),
    ("progress", remove("report(1)")),
    ("compared_output", remove("2 + 2")),
    ("quiet_code", insert(code("from tqdm.auto import tqdm"))),
    ("quiet_code", insert(code("0", "hidden"))),
]


@pytest.mark.parametrize(("rule", "change"), BREAKS, ids=[f"{name}-{k}" for k, (name, _) in enumerate(BREAKS)])
def test_the_rule_can_fail(good, rule, change):
    change(good)
    found = list(rules.RULES[rule](Notebook(good, "week01_one.ipynb")))
    assert found and all(len(message) > 10 for message in found)


def test_every_rule_has_a_break():
    assert set(rules.RULES) == {name for name, _ in BREAKS}


def test_outputs_are_named_with_the_remedy(good):
    find(good, "1 + 1")["execution_count"] = 1
    message = next(rules.clean(Notebook(good, "week01_one.ipynb")))
    assert "week01_one.ipynb" in message and "cells 9" in message and "--clear-output" in message


def test_a_broken_link_is_found(good):
    notebook = Notebook(good, "week01_one.ipynb")
    assert not list(broken_links([notebook], {}))
    assert list(broken_links([notebook], {"page.md": "[x](#w1-nowhere)"}))
    assert not list(broken_links([notebook], {"page.md": "(here)=\n# A\n[x](#here) [y](#w1-idea)"}))


def test_words_leave_out_code_formulas_and_targets_of_links():
    cell = markdown("Two words [here](#w1-a).\n\n```python\nx = 1\n```\n\n$$ a b c $$\n\n<b>bold</b>")
    assert rules.words(Notebook({"cells": [cell], "metadata": {}}, "week01_a.ipynb")) == 4
