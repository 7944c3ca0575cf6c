"""Show build/notebooks/NAME.ipynb, the executed copy, on the page of notebooks/NAME.ipynb.

The page keeps the name of its source, so the Colab, edit and download links lead to the clean notebook.
The environment variable DEEPWEEKS_BUILD names another folder than build.
"""

import json
import os
import re
import zlib
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

LOG = logging.getLogger(__name__)
WEEK = re.compile(r"notebooks/week(\d\d)_")
STYLESHEET = re.compile(r"<link\b[^>]*\bhref=[\"']?https?://[^>]*>")
EQUATION = re.compile(r"\[([^\]]+)\]\(#(eq-[\w-]+)\)")
WIDGET = "application/vnd.jupyter.widget-view+json"
PROMPTS = {"check": "check", "solution": "solution", "setup": "set-up code"}
SMOKE = """:::{warning}
:class: dw-smoke
This page was run in the `smoke` profile, which trains for seconds to prove that the code works. The numbers and
figures are not the results of the course. `deepweeks run N` runs the published profile.
:::"""


def build(app):
    """Where the runner left the executed copies and their reports."""
    return Path(app.srcdir, os.environ.get("DEEPWEEKS_BUILD", "build"))


def text(source):
    return source if isinstance(source, str) else "".join(source)


def tags(cell):
    return cell["metadata"].get("tags", [])


def own(notebook):
    """The cells that a person wrote: all but the one in which papermill puts the parameters."""
    return [cell for cell in notebook["cells"] if "injected-parameters" not in tags(cell)]


def words(notebook):
    return [(cell["cell_type"], text(cell["source"])) for cell in own(notebook)]


def note(source):
    return {"cell_type": "markdown", "id": f"note-{zlib.crc32(source.encode()):x}", "metadata": {}, "source": source}


def run_line(report):
    """One line on what the run cost, from the runner's report; what it did not measure is left out."""
    asked = report["parameters"]
    cost = [f"{report['cpu_s']:.0f} CPU seconds"] if report.get("cpu_s") else []
    cost += [f"peak {report['peak_bytes'] / 1e9:.1f} GB"] if report.get("peak_bytes") else []
    device = next((run["device"] for run in report.get("runs", [])), "cpu")
    threads = report.get("threads")
    cores = f"{threads} CPU core" + "s" * (threads > 1) if threads else "the CPU"
    data = ", ".join(sorted({row["source"] for row in report.get("data", []) if "source" in row}))
    spent = f" ({', '.join(cost)})" if cost else ""
    return (
        f"Ran in {report['wall_s']:.0f} s{spent} on "
        f"{cores if device == 'cpu' else 'a GPU'} with profile {asked['profile']}, data {data or asked['data']}, "
        f"seed {asked['seed']}; {len(report['claims'])} claims checked."
    )


def still(output):
    """The output without what asks a kernel or another host; None when nothing is left to show."""
    data = dict(output.get("data", {}))
    if data.pop(WIDGET, None) is not None:
        data.pop("text/plain", None)
        if not data:
            return None
    if "text/html" in data:
        data["text/html"] = STYLESHEET.sub("", text(data["text/html"]))
    return {**output, "data": data} if "data" in output else output


def page(clean, ran, report):
    """The notebook to render: the cells of the source, the outputs of the executed copy, the book's additions."""
    mine = own(ran) if ran else clean["cells"]
    given = [text(cell["source"]) for cell in ran["cells"] if cell not in mine] if ran else []
    metadata = [cell["metadata"] for cell in clean["cells"]]
    if words({"cells": mine}) != words(clean):
        metadata = [cell["metadata"] for cell in mine]
    cells = []
    for shown, meta in zip(mine, metadata, strict=True):
        cell = {**shown, "metadata": dict(meta)}
        label = meta.get("deepweeks", {}).get("label")
        if cell["cell_type"] == "code":
            cell["outputs"] = [kept for output in cell["outputs"] if (kept := still(output))]
            kind = next((PROMPTS[tag] for tag in PROMPTS if tag in tags(cell)), "code")
            cell["metadata"]["mystnb"] = {
                **meta.get("mystnb", {}),
                "code_prompt_show": f"Show the {kind}",
                "code_prompt_hide": f"Hide the {kind}",
            }
        else:
            # A link to an equation becomes its number alone, so the words of the link go before it.
            words_first = EQUATION.sub(r"\1 [equation](#\2)", text(cell["source"]))
            cell["source"] = f"({label})=\n{words_first}" if label else words_first
        cells.append(cell)
        if "parameters" in tags(cell) and given:
            lines = [line for line in "\n".join(given).splitlines() if line and not line.startswith("#")]
            cells.append(note("This page was run with " + ", ".join(f"`{line}`" for line in lines) + "."))
    if report:
        cells.insert(1, note(f'<p class="dw-run">{run_line(report)}</p>'))
        if report["parameters"]["profile"] == "smoke":
            cells.insert(1, note(SMOKE))
    kept = {key: value for key, value in clean["metadata"].items() if key != "widgets"}
    return {**clean, "metadata": kept, "cells": cells}


def swap(app, docname, source):
    week = WEEK.match(docname)
    if not week:
        return
    copy = build(app) / f"{docname}.ipynb"
    report = build(app) / "reports" / f"week{week[1]}.json"
    clean, ran, said = json.loads(source[0]), None, None
    for path in (copy, report):  # noted even when missing, so that the page is read again once they exist
        app.env.note_dependency(str(path))
    remedy = f"run it with: deepweeks run {int(week[1])}"
    if not (copy.is_file() and report.is_file()):
        gone = next(path for path in (copy, report) if not path.is_file()).relative_to(app.srcdir)
        LOG.warning("week %d has not been run (no %s); %s", int(week[1]), gone, remedy, location=docname)
    if copy.is_file():
        ran = json.loads(copy.read_text("utf-8"))
        if words(ran) != words(clean):
            LOG.warning("week %d was edited after it was run; %s", int(week[1]), remedy, location=docname)
    if report.is_file():
        said = json.loads(report.read_text("utf-8"))
    source[0] = json.dumps(page(clean, ran, said))


def frame(app, doctree):
    """Mark the section of an exercise, which ends with its solution; what follows belongs to the section around it."""
    for section in list(doctree.findall(nodes.section)):
        ends = [i for i, node in enumerate(section) if "tag_solution" in node.get("classes", ())]
        if ends and section[0].astext().startswith("Exercise"):
            section["classes"].append("dw-exercise")
            rest = section.children[ends[-1] + 1 :]
            del section[ends[-1] + 1 :]
            at = section.parent.index(section) + 1
            section.parent.insert(at, rest)


def setup(app):
    app.connect("source-read", swap)
    app.connect("doctree-read", frame, priority=400)  # before the contents of the page are collected
    return {"parallel_read_safe": True, "parallel_write_safe": True}
