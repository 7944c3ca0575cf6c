"""Every week runs from top to bottom, untouched and with every answer right, and leaves outputs fit for a page."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import gate
import pytest
from weekly import ROOT, Notebook, none, paths, untimed

from deepweeks import course
from deepweeks.execute import run_week

WEEKS = [Notebook.read(path).week for path in paths()]
WIDGET = "application/vnd.jupyter.widget-view+json"


def text(value):
    return value if isinstance(value, str) else "".join(value)


def faults(cell):
    """What a reader of the page should not see below a cell."""
    for output in cell.raw["outputs"]:
        kind, data = output["output_type"], output.get("data", {})
        words = text(output.get("text", data.get("text/plain", "")))
        html = text(data.get("text/html", ""))
        if kind == "error" or "Traceback (most recent call last)" in words:
            yield f"{cell}: an error"
        if output.get("name") == "stderr":
            yield f"{cell}: a warning or log line: {words[:200]}"
        if kind == "stream" and words.count("\n") > 30:
            yield f"{cell}: {words.count(chr(10))} printed lines"
        if WIDGET in data and not html:
            yield f"{cell}: a control that the page cannot show"
        if "image/png" in data and not html:
            yield f"{cell}: a picture without alternative text; use deepweeks.plots"
        for tag in re.findall(r"<img\b[^>]*>", html):
            alt = re.search(r'\balt="([^"]*)"', tag)
            if not alt or len(alt[1]) < 20:
                yield f"{cell}: an image whose alternative text says too little: {alt and alt[1]!r}"
        for picture in re.findall(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", html):
            if (size := len(base64.b64decode(picture))) > 120_000:
                yield f"{cell}: a picture of {size / 1000:.0f} kB; at most 120 kB are wanted"
        if re.search(r"""\b(?:src|href)=["']?(?:https?:)?//""", html):
            yield f"{cell}: something fetched from another host"


@pytest.mark.parametrize("week", WEEKS)
def test_week_runs_and_shows_no_fault(smoke, week):
    executed = smoke[week]
    assert executed.report["error"] is None
    none(fault for cell in executed.copy.code for fault in faults(cell))
    assert all(cell.raw["execution_count"] for cell in executed.copy.code), "a cell was not run"


@pytest.mark.parametrize("week", WEEKS)
def test_copy_is_the_source_with_parameters(smoke, week):
    executed = smoke[week]
    copied = [cell.source for cell in executed.copy.cells if "injected-parameters" not in cell.tags]
    assert copied == [cell.source for cell in executed.source.cells]
    parameters = executed.report["parameters"]
    assert parameters["profile"] == "smoke"
    assert [{k: run[k] for k in ("profile", "seed", "data")} for run in executed.report["runs"]] == [
        {k: parameters[k] for k in ("profile", "seed", "data")}
    ], "start() did not get the parameters"


@pytest.mark.parametrize("week", WEEKS)
def test_claims_and_exercises_are_recorded(smoke, week):
    executed = smoke[week]
    claims = executed.report["claims"]
    names = [claim["name"] for claim in claims]
    assert len(names) >= 8
    assert not {name for name in names if names.count(name) > 1}, "two claims share a name"
    assert all(claim["holds"] for claim in claims if claim["judged"])
    assert sum(claim["judged"] for claim in claims) >= 3, "almost every claim depends on training"
    found = {entry["id"]: (entry["status"], entry["used"]) for entry in executed.report["exercises"]}
    assert found == dict.fromkeys(executed.source.exercises, ("not yet", "the course's"))


@pytest.mark.parametrize("week", WEEKS)
def test_week_runs_with_every_answer_right(smoke, week):
    """With the references pasted over the stubs, all is done and no number changes."""
    executed = smoke[week]
    raw = json.loads(json.dumps(executed.source.raw))
    for cell in Notebook(raw, executed.source.name).tagged("exercise"):
        cell.raw["source"] = gate.week(week).exercises[cell.exercise].right_answer
    parameters = executed.report["parameters"]
    result = run_week(json.dumps(raw), parameters, threads=executed.report["threads"])
    assert result.report["error"] is None
    found = {entry["id"]: (entry["status"], entry["used"]) for entry in result.report["exercises"]}
    assert found == dict.fromkeys(executed.source.exercises, ("done", "yours"))
    assert untimed(result.report) == untimed(executed.report)


def tiny(*sources):
    """A notebook of these code cells, the first of them its parameters."""
    cells = [
        {"cell_type": "code", "id": f"c{k}", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for k, source in enumerate(sources)
    ]
    cells[0]["metadata"]["tags"] = ["parameters"]
    heading = {"cell_type": "markdown", "id": "top", "metadata": {}, "source": "# Week 1: Canary"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [heading, *cells]}


def test_a_failing_cell_fails_the_run(tmp_path):
    """The canary: a false claim stops the week, the command fails, and no copy is left to be published."""
    week = course.weeks()[0]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "_config.yml").write_text("title: canary\n")
    notebook = tiny(
        'profile = "cpu"\ndevice = "auto"\nseed = 0\ndata = "auto"',
        "from deepweeks import claim",
        'claim("song", 1, at_least=2)',
    )
    path = tmp_path / "notebooks" / f"{week.stem}.ipynb"
    path.write_text(json.dumps(notebook))
    command = [Path(sys.executable).with_name("deepweeks"), "run", "1", "--profile", "smoke", "--data", "embedded"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert "song = 1, but the text says at least 2" in ran.stdout + ran.stderr
    assert not (tmp_path / "build" / "notebooks" / path.name).exists()


def html(markup):
    return {"output_type": "display_data", "data": {"text/html": markup}}


def stream(name, words):
    return {"output_type": "stream", "name": name, "text": words}


FAULTS = {
    "error": {"output_type": "error", "ename": "E", "evalue": "", "traceback": []},
    "traceback": stream("stdout", "Traceback (most recent call last)\n"),
    "warning": stream("stderr", "UserWarning: deprecated\n"),
    "many lines": stream("stdout", "step\n" * 40),
    "widget": {"output_type": "display_data", "data": {WIDGET: {}, "text/plain": "IntSlider()"}},
    "bare picture": {"output_type": "display_data", "data": {"image/png": "AAAA", "text/plain": "<Figure>"}},
    "no alt": html('<img src="data:image/png;base64,AAAA">'),
    "poor alt": html('<img alt="a plot" src="data:image/png;base64,AAAA">'),
    "heavy": html(f'<img alt="two lines that cross once" src="data:image/png;base64,{"A" * 200_000}">'),
    "other host": html('<script src="https://example.org/a.js"></script>'),
}


@pytest.mark.parametrize("output", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_seen(output):
    raw = tiny("1")
    raw["cells"][1]["outputs"] = [output]
    assert len([fault for cell in Notebook(raw, "week01_a.ipynb").code for fault in faults(cell)]) == 1


def test_there_are_weeks():
    assert WEEKS and (ROOT / "notebooks").is_dir()
