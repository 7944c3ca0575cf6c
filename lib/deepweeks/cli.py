"""The command line: ``deepweeks list | run | book | doctor``."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .course import DATA, DEVICES, PROFILES, WEEKS, CourseError, parse_weeks, root, written
from .runner import locked, run_all, state


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise CourseError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("deepweeks", description="Run and build a deep-learning course of weekly notebooks.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("list", help="show every week and the state of its executed copy").set_defaults(go=_list)
    run = commands.add_parser("run", help="execute weeks: deepweeks run 3, run 1-3, run --all")
    run.set_defaults(go=_run)
    run.add_argument("weeks", nargs="*", metavar="WEEK", help="3, 1-3, week03 or convolution")
    run.add_argument("--all", action="store_true", help="every week that is written")
    run.add_argument("--out", type=Path, metavar="FOLDER", help="keep the results here instead of in build")
    book = commands.add_parser("book", help="execute every week, then build the site in build/site")
    book.set_defaults(go=_book)
    book.add_argument("--no-run", action="store_true", help="build from the executed copies as they are")
    for command in (run, book):
        add = command.add_argument
        add("--profile", choices=PROFILES, default="cpu", help="smoke: seconds; cpu: minutes; gpu: bigger")
        add("--device", choices=DEVICES, default="auto")
        add("--seed", type=int, default=0)
        default = "auto" if os.environ.get("DEEPWEEKS_DATA") else "embedded"
        add("--data", choices=DATA, default=default, help="default: embedded; auto where DEEPWEEKS_DATA is set")
        add("-p", dest="extra", action="append", default=[], metavar="NAME=VALUE", help="another parameter")
        add("--jobs", type=int, default=1, metavar="N", help="notebooks at a time")
        add("--scheduler", metavar="ADDRESS", help="use this Dask cluster, such as tcp://host:8786")
        add("--cell-timeout", type=float, metavar="SECONDS", help="most seconds that one cell may take")
        add("--force", action="store_true", help="run again what is unchanged")
    doctor = commands.add_parser("doctor", help="check the installation and say what to do about a problem")
    doctor.set_defaults(go=_doctor)
    return parser


def main(argv=None) -> int:
    """Entry point; returns 0, 1 (a notebook, the book or a check failed), 2 (a mistake in the call) or 130."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        args = _parser().parse_args(argv)
        return args.go(args)
    except (CourseError, OSError) as error:
        print("deepweeks:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("deepweeks: interrupted; finished weeks are kept, the same command goes on from here", file=sys.stderr)
        return 130


def _list(args) -> int:
    there = written()
    for week in WEEKS:
        text = "not written"
        if week in there:
            condition, report = state(week, root() / "build")
            made = report.get("parameters", {})
            text = f"{condition} ({made['profile']}, {made['data']} data)" if made else condition
        print(f"{week.number:3}  {week.slug:20} {week.title:38} {text}")
    return 0


def _extra(pairs) -> dict:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise CourseError(f"-p {pair} is not of the form NAME=VALUE")
        if name in ("profile", "device", "seed", "data"):
            raise CourseError(f"-p {pair}: use --{name} {value}")
        try:
            found[name] = json.loads(json.dumps(ast.literal_eval(value)))
        except (ValueError, SyntaxError, TypeError):
            found[name] = value
    return found


def _say(week, report) -> None:
    line = f"week {week.number:<2} {week.slug:20}"
    if report["status"] == "failed":
        error = report["error"]
        where = f' under "{error["heading"]}"' if error["heading"] else ""
        where += f", line {error['line']} ({error['text']})" if error["line"] else ""
        why = re.sub(r" \(\d+\.py, line \d+\)$", "", error["message"].strip().partition("\n")[0])
        print(f"{line} FAILED{where}: {error['type']}: {why or 'no message'}", flush=True)
        return
    counts = [
        f"{len(report[key])} {key.removesuffix('s' * (len(report[key]) == 1))}" for key in ("claims", "exercises")
    ]
    line += f" {report['wall_s']:5.0f} s {report['cpu_s']:5.0f} CPU s  {report['peak_bytes'] / 1e9:.1f} GB  "
    print(line + "  ".join(counts) + "  unchanged" * (report["status"] == "unchanged"), flush=True)


def _execute(args, weeks, out: Path) -> int:
    same = {key: getattr(args, key) for key in ("profile", "device", "seed", "data", "jobs", "scheduler", "force")}
    reports = run_all(weeks, extra=_extra(args.extra), timeout=args.cell_timeout, out=out, say=_say, **same)
    failed = [str(number) for number, report in sorted(reports.items()) if report["status"] == "failed"]
    if failed:
        what = f"{len(failed)} of {len(reports)} weeks failed: {', '.join(failed)}"
        print(f"deepweeks: {what}; what they left is in {out / 'failed'}", file=sys.stderr)
    return 1 if failed else 0


def _run(args) -> int:
    if args.all == bool(args.weeks):
        raise CourseError("name the weeks to run, such as 3 or 1-3, or say --all; not both")
    return _execute(args, _all() if args.all else parse_weeks(args.weeks), args.out or root() / "build")


def _all():
    weeks = written()
    if not weeks:
        raise CourseError(f"there is no notebook in {root() / 'notebooks'}")
    return weeks


def _book(args) -> int:
    build = root() / "build"
    script = Path(sys.executable).with_name("jupyter-book")
    if not script.is_file():
        raise CourseError("jupyter-book is not installed: pip install 'deepweeks[book]'")
    with locked(build):
        if not args.no_run and _execute(args, _all(), build):
            return 1
        command = [script, "build", root(), "--path-output", build, "-W", "-n", "--keep-going"]
        html = build / "_build" / "html"
        if subprocess.run(command, cwd=root()).returncode or not (html / "index.html").is_file():
            print("deepweeks: the book was not built; the reasons are above, build/site is as before", file=sys.stderr)
            return 1
        new, old, site = build / ".site.new", build / ".site.old", build / "site"
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(html, new)
        if site.exists():
            site.rename(old)
        new.rename(site)
        shutil.rmtree(old, ignore_errors=True)
    print(f"the book is ready: open {(site / 'index.html').as_uri()}")
    return 0


def _doctor(args) -> int:
    broken = 0
    for good, what, remedy in _checks():
        essential = not good and remedy.startswith("!")
        broken += essential
        word = "OK     " if good else "PROBLEM" if essential else "note   "
        print(f"{word}  {what}" + ("" if good else f": {remedy.lstrip('!')}"))
    return 1 if broken else 0


def _checks():
    """Yield (good, what, remedy); a remedy that begins with "!" belongs to something the course cannot do without."""
    yield sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "!install Python 3.11 or later"
    extras = {"torch": "", "numpy": "", "matplotlib": "", "papermill": "run", "ipykernel": "run", "filelock": "run"}
    for name, extra in (extras | {"jupyter-book": "book", "distributed": "cluster"}).items():
        wish = f"pip install 'deepweeks[{extra}]'" if extra else "pip install deepweeks"
        try:
            yield True, f"{name} {version(name)}", ""
        except PackageNotFoundError:
            yield False, f"{name} is missing", wish if extra == "cluster" else f"!{wish}"
    try:
        import torch

        device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU, device cpu"
        yield True, f"PyTorch works: {torch.get_num_threads()} threads, {device}", ""
    except Exception as error:
        yield False, f"PyTorch does not start ({type(error).__name__})", "!install it again, see pytorch.org"
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
        same = python in ("python", "python3") or Path(python).parent == Path(sys.executable).parent
        yield (
            same,
            f"kernel python3 runs {sys.executable if same else python}",
            "!python -m ipykernel install --sys-prefix",
        )
    except Exception as error:
        yield False, f"kernel python3 ({type(error).__name__})", "!python -m ipykernel install --sys-prefix"
    try:
        top = root()
    except CourseError as error:
        yield False, "course", f"!{error}"
        return
    yield True, f"course in {top}: {len(written())} of {len(WEEKS)} weeks are written", ""
    home = Path(os.environ.get("DEEPWEEKS_DATA") or top / "data")
    known = {"MNIST": "MNIST", "FashionMNIST": "Fashion-MNIST", "cifar-10-batches-py": "CIFAR-10"}
    real = [name for folder, name in known.items() if (home / folder).is_dir()]
    yield True, f"data in {home}: {', '.join(real) or 'nothing real yet, the embedded sets are used'}", ""
    try:
        with locked(top / "build", 0):
            yield True, "build/ is writable and no other run holds it", ""
    except CourseError as error:
        yield False, "build/", str(error)
    except OSError as error:
        yield False, f"build/ is not writable ({error.strerror})", f"!make {top / 'build'} writable"
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    yield bool(browser), f"browser {browser or 'chromium is missing'}", "only the site tests need one; install chromium"
