"""Judge the exercises of a week as readers meet them: untouched, right, wrong, crashing.

The cells tagged `setup` run once, in this process, in the smoke profile with embedded data; each attempt at an
exercise then runs in a copy of their names, and what the library logged is compared with what it should say.
"""

import ast
import contextlib
import importlib.util
import io
import linecache
import re
import signal
import time
from dataclasses import dataclass, field
from functools import cache

import torch
from weekly import Notebook, paths

from deepweeks import exercises

SETTINGS = {"profile": "smoke", "device": "cpu", "seed": 0, "data": "embedded"}
SECONDS = 20  # after which an attempt counts as hanging


class Hangs(BaseException):
    """An attempt does not end."""


def execute(source, names, title):
    """Run code as a cell would, in `names`; what it prints is returned."""
    linecache.cache[title] = (len(source), None, source.splitlines(keepends=True), title)

    def stop(*_):
        raise Hangs(f"{title} runs for more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, title, "exec"), names)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return printed.getvalue()


@dataclass
class Entry:
    """What the library says about one attempt."""

    status: str
    message: str
    printed: str
    seconds: float


@dataclass
class Exercise:
    """One exercise with the names that its cells may use."""

    name: str
    stub: str
    check: str
    solution: str
    names: dict = field(repr=False)

    def __post_init__(self):
        self.tree = ast.parse(self.solution)
        self.pick = next(node for node in self.tree.body if "pick(" in ast.unparse(node).split("\n")[0])
        self.reader, self.reference = (arg.id for arg in self.pick.value.args[1:3])
        self.used = self.pick.targets[0].id

    @property
    def right_answer(self):
        """The reference, under the reader's name."""
        body = self.tree.body[: self.tree.body.index(self.pick)]
        return ast.unparse(ast.Module(body, [])) + f"\n{self.reader} = {self.reference}\n"

    @property
    def is_class(self):
        return any(isinstance(n, ast.ClassDef) and n.name == self.reader for n in ast.parse(self.stub).body)

    def _run(self, answer, names):
        execute(self.stub if answer is None else answer, names, f"<answer to {self.name}>")

    def attempt(self, answer=None):
        """Check an answer (the untouched stub by default)."""
        names = dict(self.names)
        self._run(answer, names)
        exercises.log().pop(self.name, None)
        began = time.process_time()
        printed = execute(self.check, names, f"<check {self.name}>")
        seconds = time.process_time() - began
        entry = exercises.log()[self.name]
        return Entry(entry["status"], entry["message"], printed, seconds)

    def go_on(self, answer=None):
        """Run check and solution after an answer: whose version is used, and the names afterwards."""
        names = dict(self.names)
        self._run(answer, names)
        execute(self.check, names, f"<check {self.name}>")
        execute(self.solution, names, f"<solution {self.name}>")
        return exercises.log()[self.name]["used"], names

    def bad_answers(self):
        """Answers that no test expects: None, nonsense, a crash, a number in place of a function."""
        names = {
            "returns None": "return None",
            "returns text": "return 'five'",
            "crashes": "raise ValueError('boom')",
            "exits": "raise SystemExit",
        }
        if self.is_class:
            bodies = {
                what: f"class {self.reader}:\n    def __init__(self, *args, **kwargs):\n        pass\n"
                f"    def __getattr__(self, name):\n        return lambda *args, **kwargs: self._do()\n"
                f"    def __call__(self, *args, **kwargs):\n        return self._do()\n"
                f"    def _do(self):\n        {do}\n"
                for what, do in names.items()
            }
        else:
            bodies = {what: f"def {self.reader}(*args, **kwargs):\n    {do}\n" for what, do in names.items()}
        return {**bodies, "is a number": f"{self.reader} = 5\n", "is None": f"{self.reader} = None\n"}


class Week:
    """The exercises of a notebook, ready to be judged."""

    def __init__(self, notebook):
        torch.set_num_threads(1)
        self.notebook, names = notebook, {"__name__": "__main__"}
        for cell in notebook.tagged("setup"):
            source = cell.source
            if "parameters" in cell.tags:
                source = "\n".join(f"{name} = {value!r}" for name, value in SETTINGS.items())
            execute(source, names, f"<{cell}>")
        self.exercises = {}
        for name, parts in notebook.exercises.items():
            sources = [parts[kind].source for kind in ("exercise", "check", "solution")]
            self.exercises[name] = one = Exercise(name, *sources, names)
            with contextlib.suppress(Exception):  # a broken reference fails its own tests, not the week's
                names = one.go_on()[1]  # later exercises may use what this one defines


@cache
def week(number):
    return Week(next(n for n in map(Notebook.read, paths()) if n.week == number))


def mutants(number):
    """{exercise: {what is wrong: source of the stub cell}} for a week; empty when its file is not there."""
    name = f"mutants.week{number:02d}"
    return importlib.import_module(name).MUTANTS if importlib.util.find_spec(name) else {}


def explains(entry):
    """Whether the message tells a reader what was expected and what was got, or which error was raised."""
    text = entry.message.lower()
    if entry.status == "error":
        return len(text) >= 20 and "raised" in text
    says = (r"\b(expected|should|must)\b", r"\bgot\b")
    return len(text) >= 20 and all(re.search(pattern, text) for pattern in says)


def judge_mutant(entry):
    """Complaints about how a wrong answer was received."""
    if entry.status not in ("wrong", "error"):
        return f"a wrong answer was called {entry.status!r}"
    if not explains(entry):
        return f"the message does not say what was expected and got: {entry.message!r}"
    return None
