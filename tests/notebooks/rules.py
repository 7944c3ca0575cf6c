"""The rules that every notebook keeps, each a function that yields what is wrong.

A rule is proven able to fail by a notebook that breaks it: see `BREAKS` in test_structure.py.
`python tests/notebooks/rules.py notebooks/week04*.ipynb` prints what is wrong with a week.
"""

import ast
import re
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import nbformat
import yaml
from weekly import ROOT, Notebook

INSTALL = """\
# Colab starts without the course's library: fetch it. Where it is installed, this does nothing.
try:
    import deepweeks
except ImportError:
    import importlib, os, subprocess, sys
    source = os.environ.get("DEEPWEEKS_SOURCE", "git+https://github.com/deepweeks/deepweeks")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", source, "num2words"], check=True)
    importlib.invalidate_caches()"""
PARAMETERS = """\
profile = "cpu"  # "smoke" (seconds), "cpu" (minutes) or "gpu"
device = "auto"  # "cpu", "cuda" or "auto"
seed = 0
data = "auto"  # "embedded", "real" or "auto\""""
HEADINGS = (
    "what you will be able to do",
    "warm-up",
    "set-up",
    "puzzle",
    "result of the week",
    "break it",
    "explore",
    "take away",
    "check yourself",
    "go further",
    "your progress",
)
LONG_WEEKS = (11, 12)  # they carry most topics
LEFT_OVER = re.compile(r"\b(TO[D]O|FIXM[E]|XX[X]|HAC[K]|lorem ipsu[m]|placeholde[r])\b", re.I)
MACHINE = re.compile(r"(?<![\w:/.])/(?:hom[e]|roo[t]|wor[k]|User[s]|mnt|opt|tmp)/\w|\b[A-Z]:\\\\?\w")
ALT_CALLS = {"figure", "grid", "curves", "slider", "live"}
RULES = {}


def rule(function):
    RULES[function.__name__] = function
    return function


def book_config():
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


def quiz_of(week):
    path = ROOT / f"lib/deepweeks/quizzes/week{week:02d}.yml"
    return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None


def calls(cell, *names):
    """The calls in a cell of a function or method with one of these names."""
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            if name in names:
                yield node


def keyword(call, name):
    return next((k.value for k in call.keywords if k.arg == name), None)


def headings(notebook):
    """(cell, level, words) of every heading."""
    for cell in notebook.markdown:
        for found in re.finditer(r"^(#{1,6})\s+(.+?)\s*#*$", cell.prose, re.M):
            yield cell, len(found[1]), found[2]


def section(notebook, words):
    """The Markdown from the heading that holds these words to the next heading."""
    text = "\n\n".join(cell.prose for cell in notebook.markdown)
    found = re.search(rf"^(#+)[^\n#]*{re.escape(words)}[^\n]*\n(.*?)(?=^#+ |\Z)", text, re.M | re.S | re.I)
    return found[2] if found else ""


# The file


@rule
def valid(notebook):
    """Notebook format 4.5 with unique cell ids."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbformat mends cell ids and warns; they are judged below
        try:
            nbformat.validate(nbformat.from_dict(notebook.raw))
        except nbformat.ValidationError as error:
            yield f"not a valid notebook: {error.message}"
    ids = [cell.raw.get("id") for cell in notebook.cells]
    for twice in sorted({str(i) for i in ids if i is None or ids.count(i) > 1}):
        yield f"cell id {twice} is missing or used twice"


@rule
def clean(notebook):
    """Sources are committed without outputs."""
    dirty = [c.number for c in notebook.code if c.raw.get("outputs") or c.raw.get("execution_count") is not None]
    if dirty:
        yield (
            f"notebooks/{notebook.name}: outputs or execution counts in cells {', '.join(map(str, dirty))}; "
            f"remove them with `jupyter nbconvert --clear-output --inplace notebooks/{notebook.name}`"
        )
    if extra := {"widgets", "papermill"} & set(notebook.raw["metadata"]):
        yield f"notebooks/{notebook.name}: metadata of a run left behind: {', '.join(sorted(extra))}"


@rule
def kernel(notebook):
    name = notebook.raw["metadata"].get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"the kernel is {name!r}; it must be 'python3', which every machine has"


# Set-up


@rule
def parameters(notebook):
    """One cell with the four settings, the same in every week."""
    cells = notebook.tagged("parameters")
    if len(cells) != 1:
        yield f"{len(cells)} cells are tagged parameters; exactly one is wanted"
    yield from (f"{cell}: the parameters differ from\n{PARAMETERS}" for cell in cells if cell.source != PARAMETERS)


@rule
def set_up(notebook):
    """Three cells: library, parameters, run and data; the first two are the same in every week."""
    if len(notebook.code) < 3:
        yield "fewer than three code cells"
        return
    first, second, third = notebook.code[:3]
    if first.source != INSTALL or set(first.tags) != {"setup", "hide-input"}:
        yield f"{first}: the first code cell must be, with the tags setup and hide-input,\n{INSTALL}"
    if set(second.tags) != {"setup", "parameters"}:
        yield f"{second}: the second code cell must have the tags setup and parameters, not {second.tags}"
    if "setup" not in third.tags or "run = start(profile, device, seed, data)" not in third.source:
        yield f"{third}: the third code cell must be tagged setup and call run = start(profile, device, seed, data)"
    if third.number > 7:
        yield f"{third}: the first idea must come by cell 8, so the set-up must end by cell 7"


@rule
def boilerplate(notebook):
    """At most 15 % of the code cells are set-up or hidden from the reader (checks and solutions aside)."""
    kept = {"check", "solution"}
    extra = [c for c in notebook.code[3:] if "hide-input" in c.tags and not kept & set(c.tags)]
    share = (3 + len(extra)) / max(len(notebook.code), 1)
    if share > 0.15:
        yield f"{share:.0%} of the code cells are boilerplate; at most 15 % is wanted"


@rule
def installs_nothing_else(notebook):
    for cell in notebook.code[1:]:
        if re.search(r"\bpip\b|\bconda\b|subprocess|os\.system", cell.source):
            yield f"{cell}: only the first code cell may install or start anything"


# The title card and the order of the parts


@rule
def title(notebook):
    """One first-level heading, at the top, that names the week."""
    tops = [(cell, words) for cell, level, words in headings(notebook) if level == 1]
    if len(tops) != 1 or tops[0][0].number != 1:
        yield f"{len(tops)} first-level headings; exactly one is wanted, in cell 1"
    elif not re.fullmatch(rf"Week {notebook.week}: \S.*", tops[0][1]):
        yield f"the title is {tops[0][1]!r}; it must be 'Week {notebook.week}: ...'"


@rule
def title_card(notebook):
    card = notebook.cells[0].source
    for wanted in ("By the end you will have shown that", "minute"):
        if wanted not in card:
            yield f"the title card does not say {wanted!r}"
    if not re.search(r"\bneeds?\b", card, re.I):
        yield "the title card does not say what the week needs"


@rule
def colab_link(notebook):
    """The link opens this file in the repository that the book names."""
    book = book_config()["repository"]
    repository, branch = book["url"].removeprefix("https://github.com/"), book.get("branch", "main")
    wanted = f"https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{notebook.name}"
    links = [url for cell in notebook.markdown for url in re.findall(r"https://colab\.[^\s)\"'>]+", cell.source)]
    if wanted not in notebook.cells[0].source:
        yield f"the title card lacks the Colab link {wanted}"
    yield from (f"this Colab link does not open this notebook: {url}" for url in links if url != wanted)


@rule
def order(notebook):
    """The parts of a week, each as a heading, in their order."""
    seen = [words.lower() for _, level, words in headings(notebook) if level == 2]
    place = -1
    for wanted in HEADINGS:
        found = [i for i, words in enumerate(seen) if wanted in words]
        if not found:
            yield f"no second-level heading holds {wanted!r}"
        elif not any(i > place for i in found):
            yield f"the heading {wanted!r} comes too early"
        else:
            place = next(i for i in found if i > place)


@rule
def levels(notebook):
    """Headings go down one level at a time."""
    for (_, above, _), (cell, level, words) in pairwise(headings(notebook)):
        if level > above + 1:
            yield f"{cell}: {words!r} jumps from level {above} to level {level}"


@rule
def abilities(notebook):
    """Four to six things the reader will be able to do, each naming an exercise that tests it."""
    items = re.findall(r"^(?:[-*]|\d+\.)\s+(.+(?:\n[ \t]+.+)*)", section(notebook, "what you will be able to do"), re.M)
    if not 4 <= len(items) <= 6:
        yield f"{len(items)} items under 'What you will be able to do'; four to six are wanted"
    for item in items:
        if not any(re.search(rf"(?<![\d.]){re.escape(name)}(?!\.?\d)", item) for name in notebook.exercises):
            yield f"this ability names no exercise of the week: {item[:60]!r}"


@rule
def warm_up(notebook):
    """Three questions; their answers folded one by one, or together below a numbered list."""
    text = section(notebook, "warm-up")
    folded, listed = text.count("<details>"), re.findall(r"^\d+\.\s", text.partition("<details>")[0], re.M)
    if folded != 3 and (folded, len(listed)) != (1, 3):
        yield f"the warm-up has {len(listed) or folded} questions with answers in <details>; three are wanted"


@rule
def predictions(notebook):
    if (n := sum(cell.prose.lower().count("predict first") for cell in notebook.markdown)) < 3:
        yield f"'Predict first' appears {n} times; every idea has one, at least three in all"


@rule
def symptom_table(notebook):
    text = section(notebook, "take away")
    if not all(word in text.lower() for word in ("symptom", "cause", "fix")):
        yield "'Take away' has no table of symptom, cause and fix"
    if (n := len(re.findall(r"^[-*]\s", text, re.M))) != 5:
        yield f"'Take away' has {n} bullets; five are wanted"


# Text


@rule
def details(notebook):
    """Without the blank lines, what is inside <details> is shown raw."""
    for cell in notebook.markdown:
        text = cell.prose
        if text.count("<details") != text.count("</details>") or text.count("<summary") != text.count("</summary>"):
            yield f"{cell}: <details> or <summary> is not closed"
        if re.search(r"</summary>(?!\s*?\n[ \t]*\n)", text):
            yield f"{cell}: a blank line is missing after </summary>"
        if re.search(r"(?<!\n)\n[ \t]*</details>|[^\s][ \t]*</details>", text):
            yield f"{cell}: a blank line is missing before </details>"


@rule
def plain_markdown(notebook):
    """No directives, roles or images from elsewhere: they show raw or break in Jupyter and Colab."""
    for cell in notebook.markdown:
        if re.search(r"^ {0,3}(?:```+|~~~+)\s*\{|^:::", cell.source, re.M):
            yield f"{cell}: a directive"
        if re.search(r"\{[a-z][\w:-]*\}`", cell.prose):
            yield f"{cell}: a role"
        if re.search(r"!\[[^\]]*\]\((?!attachment:|data:)|<img\b(?![^>]*src=[\"']data:)", cell.prose):
            yield f"{cell}: an image from a file or another host; draw it in a cell"


@rule
def python_only(notebook):
    """Code is Python: no magics, no shell, nothing that only a kernel understands."""
    for cell in notebook.code:
        if re.search(r"^\s*[%!]|get_ipython|^\s*\?|\?\s*$", cell.source, re.M):
            yield f"{cell}: a magic, a shell command or a help request"
            continue
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"{cell}: line {error.lineno} is not Python: {error.msg}"


@rule
def size(notebook):
    """Cells and lines that a reader can take in."""
    most = 120 if notebook.week in LONG_WEEKS else 90
    if len(notebook.cells) > most:
        yield f"{len(notebook.cells)} cells; at most {most} are wanted"
    for cell in notebook.code:
        lines = len(cell.source.splitlines())
        if lines > 40 and "hide-input" not in cell.tags:
            yield f"{cell}: {lines} lines of visible code; at most 40 are wanted"
        if not cell.source.strip():
            yield f"{cell}: empty"


def words(notebook):
    """Words of prose: no code, no displayed formulas, no table rules, no HTML tags."""
    text = "\n".join(cell.prose for cell in notebook.markdown)
    text = re.sub(r"\$\$.*?\$\$|</?\w[^>]*>|\]\([^)]*\)", " ", text, flags=re.S)
    return sum(any(c.isalnum() for c in word) for word in text.split())


@rule
def length(notebook):
    if not 3000 <= (n := words(notebook)) <= 5000:
        yield f"{n} words of prose; 3,000 to 5,000 are wanted"


@rule
def nothing_left_over(notebook):
    for cell in notebook.cells:
        text = cell.prose or cell.source
        if found := LEFT_OVER.search(text):
            yield f"{cell}: {found[0]!r} is left over"
        if found := MACHINE.search(text):
            yield f"{cell}: the path of one machine: {text[found.start() : found.start() + 30]!r}"


@rule
def labels(notebook):
    """Link targets are well formed, of this week and unique in it."""
    for label in notebook.labels:
        if not re.fullmatch(rf"(eq-)?w{notebook.week}-[a-z0-9]+(-[a-z0-9]+)*", label):
            yield f"label {label!r} must look like w{notebook.week}-some-words (equations: eq-w{notebook.week}-...)"
        if notebook.labels.count(label) > 1:
            yield f"label {label!r} is used twice"
    for cell in notebook.code:
        if cell.own.get("label") or cell.own.get("myths"):
            yield f"{cell}: only Markdown cells carry labels and myths"


@rule
def myths(notebook):
    """A myth has a label to link to and is followed by an experiment."""
    for cell in notebook.markdown:
        if not cell.own.get("myths"):
            continue
        if "label" not in cell.own:
            yield f"{cell}: it tests a myth but has no label"
        if not any(c.is_code for c in notebook.cells[cell.number : cell.number + 3]):
            yield f"{cell}: no experiment in the three cells after this myth"
        for erratum, sentence in cell.own["myths"].items():
            if len(sentence.split()) < 4 or not sentence.rstrip().endswith((".", "!", "?")):
                yield f"{cell}: the myth of {erratum} is not a sentence: {sentence!r}"


# Exercises, quiz, claims, figures


@rule
def exercise_numbers(notebook):
    """Four to six exercises, numbered in order, one of them hard."""
    names = list(notebook.exercises)
    if names != [f"{notebook.week}.{k}" for k in range(1, len(names) + 1)]:
        yield f"exercises are numbered {', '.join(names)}"
    if not 4 <= len(names) <= 6:
        yield f"{len(names)} exercises; four to six are wanted"
    dots = [statement_dots(notebook, name) for name in names]
    if dots and max(dots) < 4:
        yield "no exercise is hard (four or five dots)"


def statement(notebook, name):
    """The Markdown cell above the stub."""
    stub = notebook.exercises[name].get("exercise")
    above = notebook.cells[stub.number - 2] if stub and stub.number > 1 else None
    return above if above and not above.is_code else None


def statement_dots(notebook, name):
    cell = statement(notebook, name)
    found = re.search(r"●*○*", cell.prose[cell.prose.find("●") :]) if cell and "●" in cell.prose else None
    return found[0].count("●") if found and len(found[0]) == 5 else 0


@rule
def exercise_cells(notebook):
    """Statement, stub, check, solution: four cells in a row."""
    for name, parts in notebook.exercises.items():
        if set(parts) != {"exercise", "check", "solution"}:
            yield f"exercise {name} has only {', '.join(sorted(parts))}"
            continue
        stub, check, solution = parts["exercise"], parts["check"], parts["solution"]
        if not stub.number == check.number - 1 == solution.number - 2:
            yield f"exercise {name}: stub, check and solution are not three cells in a row"
        for kind in ("exercise", "check", "solution"):
            if (n := sum(kind in c.tags for c in notebook.code if c.exercise == name)) != 1:
                yield f"exercise {name} has {n} cells tagged {kind}"
    for cell in notebook.code:
        if {"exercise", "check", "solution"} & set(cell.tags) and not cell.exercise:
            yield f"{cell}: tagged as part of an exercise without the tag ex-N.M"


@rule
def exercise_statement(notebook):
    for name in notebook.exercises:
        cell = statement(notebook, name)
        if cell is None:
            yield f"exercise {name}: no statement above the stub"
            continue
        if f"Exercise {name}" not in cell.prose:
            yield f"{cell}: the statement does not name exercise {name}"
        if not statement_dots(notebook, name):
            yield f"{cell}: no difficulty in five dots, such as ●●○○○"
        if not re.search(r"\d+\s*min", cell.prose):
            yield f"{cell}: no number of minutes"
        if "<details>" not in cell.prose:
            yield f"{cell}: no hint in <details>"


@rule
def exercise_stub(notebook):
    """Running an untouched stub never fails; calling it says that it is not written."""
    for name, parts in notebook.exercises.items():
        if "exercise" not in parts:
            continue
        cell = parts["exercise"]
        body = cell.tree
        inside = [
            node
            for function in ast.walk(body)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Raise)
        ]
        every = [node for node in ast.walk(body) if isinstance(node, ast.Raise)]
        if not every or {id(n) for n in every} != {id(n) for n in inside}:
            yield f"exercise {name}: the stub must raise NotImplementedError, and only inside a function"
        if any("NotImplementedError" not in ast.unparse(node) for node in every):
            yield f"exercise {name}: the stub raises something other than NotImplementedError"
        if "hide-input" in cell.tags:
            yield f"exercise {name}: the stub is hidden"


@rule
def exercise_hidden_cells(notebook):
    """Check and solution are folded in the book, in Jupyter and in Colab."""
    for name, parts in notebook.exercises.items():
        for kind in ("check", "solution"):
            if kind not in parts:
                continue
            cell = parts[kind]
            folded = cell.raw["metadata"].get("cellView") == "form"
            folded &= cell.raw["metadata"].get("jupyter", {}).get("source_hidden") is True
            if not folded or "hide-input" not in cell.tags:
                yield f"{cell}: needs the tag hide-input, cellView form and jupyter.source_hidden"
            wanted = f"# @title Solution {name} - try it yourself first" if kind == "solution" else "# @title "
            if not cell.source.startswith(wanted):
                yield f"{cell}: the first line must be {wanted!r}"


@rule
def exercise_calls(notebook):
    """check(id, reader's name, test) and name = pick(id, reader's name, reference, test), with three names."""
    for name, parts in notebook.exercises.items():
        if set(parts) != {"exercise", "check", "solution"}:
            continue
        checks, picks = list(calls(parts["check"], "check")), list(calls(parts["solution"], "pick"))
        for call, count, kind in [(checks, 3, "check"), (picks, 4, "pick")]:
            good = len(call) == 1 and len(call[0].args) == count and not call[0].keywords
            good = good and getattr(call[0].args[0], "value", None) == name
            if not (good and all(isinstance(arg, ast.Name) for arg in call[0].args[1:])):
                yield f"exercise {name}: one call {kind}({name!r}, ...) with {count - 1} names is wanted"
                break
        else:
            reader, test = (arg.id for arg in checks[0].args[1:])
            mine, reference, again = (arg.id for arg in picks[0].args[1:])
            used = [
                target.id
                for node in parts["solution"].tree.body
                if isinstance(node, ast.Assign) and node.value in picks
                for target in node.targets
                if isinstance(target, ast.Name)
            ]
            if (reader, test) != (mine, again):
                yield f"exercise {name}: check and pick judge different names or by different tests"
            if len({reader, reference, *used}) < 3 or not used:
                yield f"exercise {name}: the reader's name, the reference and the name used afterwards must differ"


@rule
def answers_stay_put(notebook):
    """Only the exercise's own cells use the reader's name, so that no answer can stop the notebook."""
    readers = {}
    for name, parts in notebook.exercises.items():
        for node in parts["exercise"].tree.body if "exercise" in parts else []:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                readers[node.name] = name
    for cell in notebook.code:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.Name) and (name := readers.get(node.id)) and cell.exercise != name:
                yield f"{cell}: uses {node.id}, which a reader may have left unwritten; use what pick returned"


@rule
def quiz(notebook):
    """Ten questions and ten cards, each option explained; both shown by the notebook."""
    for name in ("quiz", "flashcards"):
        weeks = [
            getattr(keyword(call, "week") or (call.args or [None])[0], "value", None)
            for cell in notebook.code
            for call in calls(cell, name)
        ]
        if weeks != [notebook.week]:
            yield f"the notebook must call {name}(week={notebook.week}) exactly once"
    content = quiz_of(notebook.week)
    if content is None:
        yield f"lib/deepweeks/quizzes/week{notebook.week:02d}.yml does not exist"
        return
    for name, least in (("quiz", 10), ("cards", 10)):
        if (n := len(content.get(name) or [])) < least:
            yield f"{n} entries under {name}; at least {least} are wanted"


@rule
def claims(notebook):
    """The numbers of the text are claims, with names that are not used twice."""
    found = [call for cell in notebook.code for call in calls(cell, "claim")]
    if len(found) < 8:
        yield f"{len(found)} claims; every number in the text needs one, at least 8 in all"
    names = [call.args[0].value for call in found if call.args and isinstance(call.args[0], ast.Constant)]
    yield from (f"two claims are named {name!r}" for name in sorted({n for n in names if names.count(n) > 1}))


@rule
def alternatives(notebook):
    """Every figure says in words what is seen."""
    for cell in notebook.code:
        for call in calls(cell, *ALT_CALLS):
            if not (isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", None) == "plots"):
                continue
            alt = keyword(call, "alt")
            if alt is None and not (call.func.attr == "curves" and keyword(call, "ax")):
                yield f"{cell}: plots.{call.func.attr} without alt"
            elif isinstance(alt, ast.Constant) and len(str(alt.value)) < 20:
                yield f"{cell}: the alt text {alt.value!r} says too little"
        if re.search(r"\bplt\.show\(|\bplt\.figure\(|\bplt\.savefig\(", cell.source):
            yield f"{cell}: use plots.figure, which gives the picture an alternative text"


@rule
def explore(notebook):
    if not any(list(calls(cell, "live")) for cell in notebook.code):
        yield "no plots.live: every week has one control to move"


@rule
def progress(notebook):
    if not (notebook.code and list(calls(notebook.code[-1], "report"))):
        yield "the last code cell must call report(week)"


@rule
def compared_output(notebook):
    """A few cells whose text is compared on every run."""
    n = len(notebook.tagged("nbval-check-output"))
    if not 2 <= n <= 6:
        yield f"{n} cells are tagged nbval-check-output; two to four, at most six, are wanted"


@rule
def quiet_code(notebook):
    """No progress bars, and only tags that something reads."""
    known = {"setup", "parameters", "hide-input", "exercise", "check", "solution", "nbval-check-output"}
    for cell in notebook.cells:
        if cell.is_code and re.search(r"\btqdm\b", cell.source):
            yield f"{cell}: a progress bar"
        if unknown := [tag for tag in cell.tags if tag not in known and not re.fullmatch(r"ex-\d+\.\d+", tag)]:
            yield f"{cell}: unknown tag {', '.join(unknown)}"


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        found = [(name, words) for name, rule in RULES.items() for words in rule(Notebook.read(path))]
        print(f"{path}: {len(found)} complaints", *(f"  {name}: {words}" for name, words in found), sep="\n")
