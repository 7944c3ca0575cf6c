"""Fill the markers `<!-- dw:NAME ... -->` of the book's pages from the notebooks, the reports and the library."""

import json
import re
from pathlib import Path

import yaml
from executed import build, text
from sphinx.util import logging

from deepweeks import course
from deepweeks.claims import shown

SYLLABUS = Path(course.__file__).with_name("course.yml")
LOG = logging.getLogger(__name__)
MARKER = re.compile(r"<!-- dw:(\w+) ?(.*?) ?-->")
HEADING = re.compile(r"^#+\s+(.+)", re.M)
SPECIAL = re.compile(r"([\\*_\[\]<>|$#~])")


def plain(words):
    """Words as Markdown that shows them unchanged (`code` stays code)."""
    return "".join(
        part if part.startswith("`") else SPECIAL.sub(r"\\\1", part)
        for part in re.split(r"(`[^`]*`)", " ".join(str(words).split()))
    )


def table(*rows):
    """A Markdown table; the first row is the head."""
    rows = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def claims(reports):
    """Every claim of every report: its name, its bound, what was measured."""
    parts = []
    for report in reports:
        rows = []
        for claim in report["claims"]:
            sign = "·" if not claim.get("judged", True) else "✓" if claim["holds"] else "✗"
            rows.append([plain(claim["name"]), plain(claim["bound"]), f"{sign} {shown(claim['value'])}"])
        asked = report["parameters"]
        parts += [
            f"## Week {report['week']}",
            f"{len(rows)} claims, profile {asked['profile']}, seed {asked['seed']}.",
        ]
        parts += [table(["Claim", "Bound", "Measured"], *rows)]
    return "\n\n".join(parts)


def cells(notebook):
    """(label, heading, cell) for every cell; label and heading are those of the nearest cell above that has one."""
    label, heading = None, ""
    for cell in notebook["cells"]:
        label = cell["metadata"].get("deepweeks", {}).get("label", label)
        if cell["cell_type"] == "markdown" and (found := HEADING.search(text(cell["source"]))):
            heading = found[1]
        yield label, heading, cell


def myths(notebooks):
    rows = []
    for week, notebook in notebooks.items():
        for label, heading, cell in cells(notebook):
            for erratum, sentence in cell["metadata"].get("deepweeks", {}).get("myths", {}).items():
                rows.append(
                    [plain(sentence), f"[Week {week}: {heading.removeprefix('Myth, tested: ')}](#{label})", erratum]
                )
    return table(["Commonly taught", "Tested in", "Id"], *rows)


def topics(rows, weeks):
    """By week; a row with a label links to the place that covers it."""
    parts = []
    for week in weeks:
        mine = [row for row in rows if row["week"] == week.number]
        lines = [f"[{plain(r['title'])}](#{r['label']})" if r.get("label") else plain(r["title"]) for r in mine]
        parts.append(f"## Week {week.number}: {week.title}")
        if any(row.get("label") for row in mine):
            parts.append(table(["Topic", "Id"], *([link, row["id"]] for link, row in zip(lines, mine, strict=True))))
        else:
            fold = f"<details>\n<summary>The {len(mine)} topics of week {week.number}</summary>"
            parts += ["Not written yet.", fold, "\n".join(f"* {line}" for line in lines), "</details>"]
    return "\n\n".join(parts)


def syllabus(weeks, written):
    rows = []
    for week in weeks:
        title = f"[{week.title}](/notebooks/{week.stem}.ipynb)" if week.number in written else week.title
        rows.append([week.number, title, week.claim, ", ".join(map(str, week.needs)) or "none"])
    return table(["Week", "Title", "What it shows", "Builds on"], *rows)


def figure(label, notebooks):
    """The first figure below the cell with this label."""
    for notebook in notebooks.values():
        for at, _, cell in cells(notebook):
            for output in cell.get("outputs", []):
                markup = text(output.get("data", {}).get("text/html", ""))
                if at == label and "<figure" in markup:
                    return " ".join(markup.splitlines())
    raise LookupError(f"no figure below a cell labelled {label!r}")


def value(week, name, reports):
    """The measured value of one claim."""
    for report in reports:
        for claim in report["claims"]:
            if (str(report["week"]), claim["name"]) == (week, name):
                return shown(claim["value"])
    raise LookupError(f"week {week} has no claim named {name!r}")


def fill(app, docname, source):
    if not MARKER.search(source[0]):
        return
    root = Path(app.srcdir)
    clean = {int(path.name[4:6]): path for path in sorted(root.glob("notebooks/week*.ipynb"))}
    ran = {week: build(app) / "notebooks" / path.name for week, path in clean.items()}
    reports = {week: build(app) / f"reports/week{week:02d}.json" for week in clean}
    index = root / "book/topics.yml"
    for path in (*clean.values(), *ran.values(), *reports.values(), index, SYLLABUS):
        app.env.note_dependency(str(path))

    def read(paths):
        return {week: json.loads(path.read_text("utf-8")) for week, path in paths.items() if path.is_file()}

    known = {
        "claims": lambda _: claims(read(reports).values()),
        "myths": lambda _: myths(read(clean)),
        "topics": lambda _: topics(yaml.safe_load(index.read_text("utf-8")), course.weeks()),
        "syllabus": lambda _: syllabus(course.weeks(), clean),
        "figure": lambda label: figure(label, read(ran)),
        "value": lambda rest: value(*rest.split(" ", 1), read(reports).values()),
    }

    def marker(found):
        try:
            return known[found[1]](found[2])
        except (LookupError, OSError) as error:
            LOG.warning("%s cannot be filled: %s", found[0], error, location=docname)
            return ""

    source[0] = MARKER.sub(marker, source[0])


def setup(app):
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
