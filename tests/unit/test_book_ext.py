"""The book's extensions: what they make of small notebooks and reports."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
pytest.importorskip("sphinx")

import executed  # noqa: E402
import tables  # noqa: E402


def md(source, **deepweeks):
    return {
        "cell_type": "markdown",
        "metadata": {"deepweeks": deepweeks} if deepweeks else {},
        "source": source,
    }


def code(source, *outputs, tags=()):
    meta = {"tags": list(tags)}
    return {
        "cell_type": "code",
        "metadata": meta,
        "source": source,
        "outputs": list(outputs),
        "execution_count": None,
    }


def html(markup, **more):
    return {
        "output_type": "display_data",
        "data": {"text/html": markup, "text/plain": "x", **more},
        "metadata": {},
    }


def book(*cells, **metadata):
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


REPORT = {
    "week": 3,
    "parameters": {"profile": "cpu", "device": "auto", "seed": 0, "data": "auto"},
    "runs": [{"device": "cpu"}],
    "wall_s": 74.4,
    "cpu_s": 118.2,
    "peak_bytes": 1.21e9,
    "threads": 2,
    "data": [{"name": "digits", "source": "embedded"}, {"name": "shapes", "source": "embedded"}],
    "claims": [
        {
            "name": "test | accuracy",
            "value": 0.98765,
            "bound": "at least 0.98",
            "judged": True,
            "holds": True,
        },
        {"name": "gap", "value": 3.0, "bound": "at most 1", "judged": False, "holds": False},
    ],
}


def test_run_line():
    assert executed.run_line(REPORT) == (
        "Ran in 74 s (118 CPU seconds, peak 1.2 GB) on 2 CPU cores with profile cpu, data embedded, seed 0; "
        "2 claims checked."
    )


def test_run_line_leaves_out_what_was_not_measured():
    bare = {key: REPORT[key] for key in ("parameters", "wall_s", "claims")}
    said = executed.run_line(bare)
    assert said == "Ran in 74 s on the CPU with profile cpu, data auto, seed 0; 2 claims checked."
    assert "on a GPU" in executed.run_line(REPORT | {"runs": [{"device": "cuda"}]})


def test_page_shows_outputs_of_the_copy_and_metadata_of_the_source():
    clean = book(md("# Week 3"), code("1 + 1", tags=["hide-input"]), widgets={"state": 1}, keep="me")
    ran = book(md("# Week 3"), code("1 + 1", html("<b>2</b>")))
    shown = executed.page(clean, ran, REPORT)
    assert shown["cells"][1]["source"] == f'<p class="dw-run">{executed.run_line(REPORT)}</p>'
    assert shown["cells"][2]["outputs"][0]["data"]["text/html"] == "<b>2</b>"
    assert shown["cells"][2]["metadata"]["tags"] == ["hide-input"]
    assert shown["metadata"] == {"keep": "me"}
    assert clean["cells"][1]["outputs"] == [] and len(clean["cells"]) == 2


def test_injected_parameters_become_one_line():
    given = code('# Parameters\nprofile = "gpu"\nseed = 1\n', tags=["injected-parameters"])
    clean = book(md("# W"), code("seed = 0", tags=["parameters"]), code("seed"))
    ran = book(md("# W"), code("seed = 0", tags=["parameters"]), given, code("seed"))
    assert executed.words(ran) == executed.words(clean)
    sources = [cell["source"] for cell in executed.page(clean, ran, None)["cells"]]
    assert sources == ["# W", "seed = 0", 'This page was run with `profile = "gpu"`, `seed = 1`.', "seed"]


@pytest.mark.parametrize("edited", [book(md("# W, edited"), code("1")), book(md("# W"), code("2")), book(md("# W"))])
def test_an_edit_after_the_run_is_seen(edited):
    ran = book(md("# W"), code("1", html("<b>1</b>")))
    assert executed.words(ran) != executed.words(edited)
    assert len(executed.page(edited, ran, None)["cells"]) == 2


def test_without_a_copy_the_source_is_shown():
    shown = executed.page(book(md("# W", label="w3-top"), code("1")), None, None)
    assert [cell["source"] for cell in shown["cells"]] == ["(w3-top)=\n# W", "1"]


def test_words_of_a_link_to_an_equation_are_kept():
    cells = (md("# W", label="w3-top"), md("By [the\nsize formula](#eq-w3-size), see [pooling](#w3-pool)."))
    shown = executed.page(book(*cells), None, None)
    assert shown["cells"][0]["source"] == "(w3-top)=\n# W"
    assert shown["cells"][1]["source"] == "By the\nsize formula [equation](#eq-w3-size), see [pooling](#w3-pool)."


def test_smoke_has_a_banner():
    smoke = REPORT | {"parameters": REPORT["parameters"] | {"profile": "smoke"}}
    cells = executed.page(book(md("# W")), book(md("# W")), smoke)["cells"]
    assert "smoke" in cells[1]["source"] and cells[1]["source"].startswith(":::")


def test_widgets_leave_their_static_fallback():
    view = {executed.WIDGET: {"model_id": "x"}}
    kept = executed.still(html("<figure></figure>", **view))
    assert kept["data"] == {"text/html": "<figure></figure>"}
    assert executed.still({"output_type": "display_data", "data": {**view, "text/plain": "HBox()"}}) is None
    stream = {"output_type": "stream", "name": "stdout", "text": "hello"}
    assert executed.still(stream) == stream


def test_stylesheets_of_other_hosts_are_removed():
    kept = executed.still(html('<link rel="stylesheet" href="https://cdn.example/x.css"><p>a</p>'))
    assert kept["data"]["text/html"] == "<p>a</p>"


def test_folded_code_says_what_it_is():
    cells = [code("1", tags=["check"]), code("1", tags=["solution"]), code("1")]
    shown = executed.page(book(*cells), None, None)["cells"]
    assert [c["metadata"]["mystnb"]["code_prompt_show"] for c in shown] == [
        "Show the check",
        "Show the solution",
        "Show the code",
    ]


def test_plain_keeps_code_and_escapes_the_rest():
    assert tables.plain("a|b `x|y` *c*  d_1 <p> $2") == r"a\|b `x|y` \*c\* d\_1 \<p\> \$2"


def test_claims_table():
    lines = tables.claims([REPORT]).splitlines()
    assert lines[0] == "## Week 3"
    assert lines[-2:] == [r"| test \| accuracy | at least 0.98 | ✓ 0.9877 |", "| gap | at most 1 | · 3 |"]


def test_myths_link_to_the_proving_cell():
    notebook = book(
        md("## Pooling", label="w3-pool"),
        md("A text.", label="w3-myth", myths={"EA020": "Convolution is *invariant*."}),
        md("More.", myths={"EA023": "Pooling has no padding."}),
    )
    lines = tables.myths({3: notebook}).splitlines()
    assert lines[2] == r"| Convolution is \*invariant\*. | [Week 3: Pooling](#w3-myth) | EA020 |"
    assert lines[3] == "| Pooling has no padding. | [Week 3: Pooling](#w3-myth) | EA023 |"


WEEKS = [
    SimpleNamespace(number=n, title=title, stem=f"week0{n}_x", claim="It holds.", needs=needs)
    for n, title, needs in [(1, "One", ()), (2, "Two", (1,))]
]


def test_topics_say_which_weeks_are_not_written():
    rows = [{"id": "A1", "week": 1, "title": "a", "label": "w1-a"}, {"id": "A2", "week": 2, "title": "b"}]
    said = tables.topics(rows, WEEKS)
    assert "| [a](#w1-a) | A1 |" in said
    assert "## Week 2: Two\n\nNot written yet." in said and "* b" in said


def test_syllabus_links_written_weeks_only():
    lines = tables.syllabus(WEEKS, {1: "somewhere"}).splitlines()
    assert lines[2:] == [
        "| 1 | [One](/notebooks/week01_x.ipynb) | It holds. | none |",
        "| 2 | Two | It holds. | 1 |",
    ]


def test_figure_is_the_first_below_its_label():
    notebook = book(
        md("a", label="w1-a"),
        code("0", html("<figure>no</figure>")),
        md("b", label="w1-b"),
        code("1", html("<b>text</b>")),
        code("2", html("<figure>\nyes</figure>")),
    )
    assert tables.figure("w1-b", {1: notebook}) == "<figure> yes</figure>"
    with pytest.raises(LookupError, match="w1-c"):
        tables.figure("w1-c", {1: notebook})


def test_value_of_a_claim():
    assert tables.value("3", "gap", [REPORT]) == "3"
    with pytest.raises(LookupError, match="no claim named 'gup'"):
        tables.value("3", "gup", [REPORT])
