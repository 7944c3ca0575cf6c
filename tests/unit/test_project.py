"""The files of the project agree with one another, and importing the library has no side effects."""

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest
import yaml

import deepweeks
from deepweeks import course

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = sorted((ROOT / "lib/deepweeks").rglob("*.py"))
LIBRARY_LINES, MODULE_LINES = 2600, 350
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
REPOSITORY, BRANCH = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
WEEKS = sorted((ROOT / "notebooks").glob("week*.ipynb"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "book").glob("*.md"))]
# Written with brackets, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package registry or an index": r"pypi[.]org|python[h]osted|registry[.]npm|conda[.]anaconda|download[.]pytorch"
    r"|index[-]url|dev[p]i|artifactor[y]",
    "a path of one machine": r"(?<![\w.:/])/(?:wor[k]|hom[e]|roo[t]|User[s]|mn[t])/\w",
    "a left-over": r"\b(?:TO[D]O|FIXM[E]|XX[X]|HAC[K]|lorem ipsu[m])\b",
    "talk about how it was made": r"(?i)\b(?:sub[a]gent|helper sess[i]on|before[-]stop|shared/desig[n]|this sess[i]on"
    r"|contract[.]md)\b",
}


def tracked():
    """Files that git has or would add."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:  # an unpacked archive
        skip = {".venv", "build", "data", ".git", ".pytest_cache", ".ruff_cache", "__pycache__"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not skip & set(p.relative_to(ROOT).parts)]
    return [ROOT / name for name in ran.stdout.splitlines() if (ROOT / name).is_file()]


def text(path):
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def normal(requirement):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def in_python(code):
    """Run code in a fresh interpreter that writes no byte code; its output."""
    command = [sys.executable, "-B", "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "tests")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# Versions and environments


def test_version_is_the_same_everywhere():
    newest = re.search(r"^## (\S+)", text(ROOT / "CHANGELOG.md"), re.M)[1]
    assert deepweeks.__version__ == PROJECT["project"]["version"] == newest


def test_constraints_pin_every_requirement():
    lines = text(ROOT / "constraints.txt").split("\n")
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+(\s*;.*)?", line) for line in pins), "name==version on every line"
    known = {normal(line) for line in pins}
    wanted = PROJECT["project"]["dependencies"] + sum(PROJECT["project"]["optional-dependencies"].values(), [])
    missing = {normal(line) for line in wanted} - known - {PROJECT["project"]["name"]}
    assert not missing, f"not in constraints.txt: {', '.join(sorted(missing))}"


def test_conda_environment_follows_the_project():
    environment = yaml.safe_load(text(ROOT / "environment.yml"))
    project = PROJECT["project"]
    assert environment["name"] == project["name"]
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    constraints = next(line.split(maxsplit=1)[1] for line in pip if line.startswith("-c"))
    assert (ROOT / constraints).is_file()
    extras = re.fullmatch(r"-e \.\[(.*)\]", next(line for line in pip if line.startswith("-e")))[1].split(",")
    assert set(extras) <= set(project["optional-dependencies"]) and {"book", "test"} <= set(extras)
    assert f"'.[{','.join(extras)}]'" in text(ROOT / "Makefile"), "make installs other extras than conda does"
    python = next(item for item in environment["dependencies"] if str(item).startswith("python="))
    asked, least = (tuple(map(int, re.findall(r"\d+", words))) for words in (python, project["requires-python"]))
    assert asked >= least
    tried = yaml.safe_load(text(ROOT / ".github/workflows/test.yml"))["jobs"]["cpu"]["strategy"]["matrix"]["python"]
    assert ".".join(map(str, asked)) in tried and ".".join(map(str, least)) in tried


# One address


def addresses():
    """(place, owner/name) for every link into a repository of the same owner or name."""
    owner, name = REPOSITORY.removeprefix("https://github.com/").split("/")
    for path in [*PAGES, *WEEKS, ROOT / "environment.yml", ROOT / "pyproject.toml", *sorted(ROOT.glob("lib/**/*.py"))]:
        for found in re.finditer(r"github(?:\.com)?/([\w.-]+)/([\w-]+)", text(path)):
            if found[1] in (owner, "deepweeks") or found[2] in (name, "deepweeks"):
                yield path, f"{found[1]}/{found[2]}"


def test_one_repository_everywhere():
    assert PROJECT["project"]["urls"]["Repository"] == REPOSITORY
    found = list(addresses())
    assert {path.name for path, _ in found} >= {"README.md", "pyproject.toml"}
    assert {name for _, name in found} == {REPOSITORY.removeprefix("https://github.com/")}
    for path in WEEKS:
        assert f"git+{REPOSITORY}" in text(path), f"{path.name} installs the library from elsewhere"


def test_colab_links_open_files_that_exist():
    prefix = "https://colab.research.google.com/github/"
    for path in [*PAGES, *WEEKS]:
        for link in re.findall(rf"{re.escape(prefix)}[^\s)\"'\\>]+", text(path)):
            rest = link.removeprefix(prefix)
            start = f"{REPOSITORY.removeprefix('https://github.com/')}/blob/{BRANCH}/"
            assert rest.startswith(start) and (ROOT / rest.removeprefix(start)).is_file(), f"{path.name}: {link}"
    assert prefix in text(ROOT / "README.md")


# The book and the README


def contents(node):
    """Every file named in _toc.yml."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("file", "root"):
                yield value
            else:
                yield from contents(value)
    elif isinstance(node, list):
        for item in node:
            yield from contents(item)


def test_contents_are_complete():
    files = list(contents(yaml.safe_load(text(ROOT / "_toc.yml"))))
    missing = [
        name for name in files if not any((ROOT / f"{name}{suffix}").is_file() for suffix in (".md", ".ipynb", ""))
    ]
    assert not missing, f"in _toc.yml but not there: {missing}"
    assert [name for name in files if name.startswith("notebooks/")] == [f"notebooks/{path.stem}" for path in WEEKS]
    assert len(files) == len(set(files))
    pages = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    assert pages <= set(files), f"not in _toc.yml: {pages - set(files)}"


def test_weeks_are_named_as_the_course_says():
    assert [path.stem for path in WEEKS] == [week.stem for week in course.written()]


def test_commands_in_the_text_exist():
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.M))
    assert {"book", "test", "lab", "gpu", "clean", "help"} <= targets
    commands = set(re.findall(r'add_parser\("(\w+)"', text(ROOT / "lib/deepweeks/cli.py")))
    seen = set()
    for path in PAGES:
        for tool, word in re.findall(r"(?:`|^|&& )(make|deepweeks) ([a-z]+)", text(path), re.M):
            seen.add(tool)
            assert word in (targets if tool == "make" else commands), f"{path.name}: {tool} {word}"
    assert seen == {"make", "deepweeks"}


def test_files_named_in_the_readme_exist():
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for name in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text(path)):
            assert (ROOT / name).exists(), f"{path.name}: {name}"
    assert len(text(ROOT / "README.md").splitlines()) <= 50, "the README is longer than a screen"


# Continuous integration


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflow_is_valid(path):
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", path]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    jobs = yaml.safe_load(text(path))["jobs"].values()
    assert all("timeout-minutes" in job for job in jobs), "a job without a time limit can run for hours"


def test_an_invalid_workflow_is_seen(tmp_path):
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs: {test: {runs-on: ubuntu-latest, step: []}}\n")
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", bad]
    assert subprocess.run(command, capture_output=True).returncode != 0


def test_there_is_a_workflow_for_each_purpose():
    assert {path.stem for path in (ROOT / ".github/workflows").glob("*.yml")} == {"test", "gpu", "pages", "newest"}


def test_ci_runs_the_command_of_the_readme():
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111, ".ci/run is not executable"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert re.search(r"^exec make test\b", text(script), re.M) and "CI=true" in text(script)
    assert "`make test`" in text(ROOT / "README.md")


# The library


def code_lines(source):
    """Lines that hold code: no blank lines, comments or docstrings."""
    quiet = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in quiet | {tokenize.ENDMARKER}:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_code_lines_leave_out_what_is_not_code():
    assert (
        code_lines(
            '"""Module."""\n\n# comment\nx = 1  # why\n\n\ndef f():\n    """Doc.\n\n    More."""\n    return x\n'
        )
        == 3
    )


def test_library_stays_small():
    lines = {str(path.relative_to(ROOT)): code_lines(text(path)) for path in LIBRARY}
    assert sum(lines.values()) <= LIBRARY_LINES, f"{sum(lines.values())} lines; at most {LIBRARY_LINES} are wanted"
    assert max(lines.values()) <= MODULE_LINES, {k: v for k, v in lines.items() if v > MODULE_LINES}


MODULES = [".".join(path.relative_to(ROOT / "lib").with_suffix("").parts).removesuffix(".__init__") for path in LIBRARY]
AUDIT = """
import json, os, random, sys
import matplotlib, matplotlib.pyplot, numpy, torch, torchvision, sklearn, scipy.ndimage, yaml, IPython.display
before = dict(matplotlib.rcParams), random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()
environment = dict(os.environ)
seen, on = [], True
def watch(event, args):
    if not on:
        return
    if event == "open":
        mode, flags = args[1] or "", args[2] or 0
        if set("wax+") & set(mode) or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            seen.append(f"writes {args[0]}")
    elif event.startswith(("socket.", "urllib.", "subprocess.", "shutil.", "os.mkdir", "os.remove", "os.rename")):
        seen.append(f"{event} {args!r}"[:120])
sys.addaudithook(watch)
for module in sys.argv[1:]:
    __import__(module)
on = False
after = dict(matplotlib.rcParams), random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()
for name, a, b in zip(("rcParams", "random", "numpy.random", "torch"), before, after):
    if a != b:
        seen.append(f"changes {name}")
if environment != dict(os.environ):
    seen.append("changes os.environ")
json.dump(seen, sys.stderr)
"""


def audit(*modules, cwd=ROOT / "tests"):
    """What importing modules prints, and what else it does."""
    ran = subprocess.run([sys.executable, "-B", "-c", AUDIT, *modules], capture_output=True, text=True, cwd=cwd)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout, json.loads(ran.stderr)


def test_import_has_no_side_effects():
    assert audit(*MODULES) == ("", [])


def test_side_effects_are_seen(tmp_path):
    """One module for each side effect; all are imported at once, since starting PyTorch takes seconds."""
    effects = {
        "print('hello')": None,
        "open('note.txt', 'w').close()": "writes note.txt",
        "import socket; socket.getaddrinfo('localhost', 80)": "socket.getaddrinfo",
        "import torch; torch.manual_seed(3)": "changes torch",
        "import numpy; numpy.random.seed(3)": "changes numpy.random",
        "import random; random.seed(3)": "changes random",
        "import matplotlib; matplotlib.rcParams['lines.linewidth'] = 9": "changes rcParams",
        "import os; os.environ['X_TEST'] = '1'": "changes os.environ",
    }
    for k, code in enumerate(effects):
        (tmp_path / f"loud{k}.py").write_text(code + "\n")
    printed, found = audit(*(f"loud{k}" for k in range(len(effects))), cwd=tmp_path)
    assert printed == "hello\n"
    for seen in filter(None, effects.values()):
        assert any(line.startswith(seen) for line in found), seen


def test_import_is_lazy():
    heavy = ["matplotlib", "sklearn", "torchvision", "yaml", "IPython", "scipy", "papermill", "distributed"]
    code = f"import deepweeks, sys; print([name for name in {heavy} if name in sys.modules])"
    assert in_python(code).strip() == "[]"


# What no file holds


def findings(path, words):
    """What a file holds that none should."""
    for what, pattern in FORBIDDEN.items():
        if found := re.search(pattern, words):
            yield f"{path.relative_to(ROOT)}: {what}: {found[0]!r}"


def test_no_file_holds_what_does_not_belong():
    found = [line for path in tracked() for line in findings(path, text(path))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "words",
    ["https://pypi" + ".org/simple", "see /ho" + "me/me/x", "# TO" + "DO later", "the sub" + "agent wrote"],
)
def test_what_does_not_belong_is_found(words):
    assert list(findings(ROOT / "README.md", words))


def test_no_big_or_built_file_is_tracked():
    files = tracked()
    assert not [str(path) for path in files if path.stat().st_size > 1_000_000]
    built = {"build", ".venv", "__pycache__", ".ipynb_checkpoints"}
    assert not [str(path) for path in files if built & set(path.relative_to(ROOT).parts)]


@pytest.mark.parametrize("page", ["README.md", "index.md", "CHANGELOG.md", "book/glossary.md", "book/formulas.md"])
def test_pages_say_how_many_weeks_are_ready(page):
    said = re.findall(r"(?i)weeks 1 to (\d+)", text(ROOT / page))
    assert said and {int(n) for n in said} == {len(course.written())}
