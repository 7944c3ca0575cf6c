"""Read the weekly notebooks for the tests."""

import ast
import json
import re
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[`~]*[ \t]*$", re.M | re.S)


def paths():
    """Every week that is written, in order."""
    return sorted((ROOT / "notebooks").glob("week[0-9][0-9]_*.ipynb"))


def none(found):
    """Assert that nothing was found, and show every line of what was."""
    found = list(found)
    assert not found, "\n".join([f"{len(found)} found", *found])


class Cell:
    """One cell: its kind, source, tags and the course's own metadata. `number` counts from 1."""

    def __init__(self, raw, number):
        self.raw, self.number = raw, number
        self.is_code = raw["cell_type"] == "code"
        source = raw["source"]
        self.source = source if isinstance(source, str) else "".join(source)
        self.tags = raw["metadata"].get("tags", [])
        self.own = raw["metadata"].get("deepweeks", {})

    def __str__(self):
        return f"cell {self.number} ({self.raw.get('id', 'no id')})"

    @cached_property
    def exercise(self):
        """The number of the exercise that the cell belongs to, such as "3.1", or None."""
        return next((tag[3:] for tag in self.tags if tag.startswith("ex-")), None)

    @cached_property
    def tree(self):
        """The syntax tree of the code; an empty one when it does not parse (a rule reports that)."""
        try:
            return ast.parse(self.source if self.is_code else "")
        except SyntaxError:
            return ast.parse("")

    @cached_property
    def prose(self):
        """Markdown without fenced code."""
        return "" if self.is_code else FENCE.sub("", self.source)


class Notebook:
    def __init__(self, raw, name):
        self.raw, self.name = raw, name
        self.cells = [Cell(cell, number) for number, cell in enumerate(raw["cells"], 1)]
        self.code = [cell for cell in self.cells if cell.is_code]
        self.markdown = [cell for cell in self.cells if not cell.is_code]
        found = re.match(r"week(\d\d)_", name)
        self.week = int(found[1]) if found else None

    @classmethod
    def read(cls, path):
        return cls(json.loads(Path(path).read_text("utf-8")), Path(path).name)

    def tagged(self, tag):
        return [cell for cell in self.cells if tag in cell.tags]

    @cached_property
    def exercises(self):
        """{id: {"exercise": cell, "check": cell, "solution": cell}} in the order of the notebook."""
        found = {}
        for cell in self.code:
            if cell.exercise:
                for part in ("exercise", "check", "solution"):
                    if part in cell.tags:
                        found.setdefault(cell.exercise, {})[part] = cell
        return found

    @cached_property
    def labels(self):
        """Targets of links: the labels of cells, and of equations."""
        cells = [cell.own["label"] for cell in self.cells if "label" in cell.own]
        equations = [label for cell in self.markdown for label in re.findall(r"\$\$\s*\(([\w-]+)\)", cell.prose)]
        return cells + equations


def untimed(report):
    """The claims of a run, without the values that come from a clock and what follows from them."""
    return [{**claim, "value": None, "holds": None} if claim["timed"] else claim for claim in report["claims"]]
