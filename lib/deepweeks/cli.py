"""The command line: ``deepweeks list | run | book | bench | doctor``."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from .course import DATA, DEVICES, PROFILES, CourseError, notebook, parse_weeks, root, weeks, written
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
        add("--jobs", type=int, default=1, metavar="N", help="notebooks at a time")
        add("--scheduler", metavar="ADDRESS", help="use this Dask cluster, such as tcp://host:8786")
        add("--force", action="store_true", help="run again what is unchanged")
    bench = commands.add_parser("bench", help="compare the digit GAN with the usual one: deepweeks bench gan")
    bench.set_defaults(go=_bench)
    bench.add_argument("name", choices=["gan"])
    bench.add_argument("--seconds", type=float, default=240.0, metavar="S", help="CPU seconds of training for each")
    for command in (run, book, bench):
        command.add_argument("--seed", type=int, default=0)
        default = "auto" if os.environ.get("DEEPWEEKS_DATA") else "embedded"
        text = "default: embedded; auto where DEEPWEEKS_DATA is set"
        command.add_argument("--data", choices=DATA, default=default, help=text)
    doctor = commands.add_parser("doctor", help="check the installation and say what to do about a problem")
    doctor.set_defaults(go=_doctor)
    return parser


def main(argv=None) -> int:
    """Entry point; returns 0, 1 (a notebook, the book or a check failed), 2 (a mistake in the call) or 130."""
    try:
        args = _parser().parse_args(argv)
        return args.go(args)
    except (CourseError, OSError) as error:
        print("deepweeks:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("deepweeks: interrupted; finished weeks are kept, the same command goes on from here", file=sys.stderr)
        return 130


def _list(args) -> int:
    for week in weeks():
        text, report = state(week, root() / "build") if notebook(week).is_file() else ("not written", {})
        if made := report.get("parameters"):
            text += f" ({made['profile']}, {made['data']} data)"
        print(f"{week.number:3}  {week.slug:20} {week.title:38} {text}")
    return 0


def _say(week, report) -> None:
    line = f"week {week.number:<2} {week.slug:20}"
    if report["status"] == "failed":
        line += f" FAILED: {report['error']}"
    else:
        line += f" {report['wall_s']:5.0f} s {report['cpu_s']:5.0f} CPU s  {report['peak_bytes'] / 1e9:.1f} GB"
        line += f"  {len(report['claims'])} claims  {len(report['exercises'])} exercises"
        line += "  unchanged" * (report["status"] == "unchanged")
    print(line, flush=True)


def _execute(args, chosen, out: Path) -> int:
    parameters = {name: getattr(args, name) for name in ("profile", "device", "seed", "data")}
    reports = run_all(chosen, parameters, jobs=args.jobs, scheduler=args.scheduler, force=args.force, out=out, say=_say)
    failed = [str(number) for number, report in sorted(reports.items()) if report["status"] == "failed"]
    if failed:
        what = f"{len(failed)} of {len(reports)} weeks failed: {', '.join(failed)}"
        print(f"deepweeks: {what}; what they left is in {out / 'failed'}", file=sys.stderr)
    return 1 if failed else 0


def _run(args) -> int:
    if args.all == bool(args.weeks):
        raise CourseError("name the weeks to run, such as 3 or 1-3, or say --all; not both")
    return _execute(args, written() if args.all else parse_weeks(args.weeks), args.out or root() / "build")


def _book(args) -> int:
    build, script = root() / "build", Path(sys.executable).with_name("jupyter-book")
    if not script.is_file():
        raise CourseError("jupyter-book is not installed: pip install 'deepweeks[book]'")
    fresh, site = build / "book", build / "site"
    with locked(build):
        if not args.no_run and _execute(args, written(), build):
            return 1
        shutil.rmtree(fresh, ignore_errors=True)  # a second build of the same folder would not repeat its warnings
        command = [script, "build", root(), "--path-output", fresh, "-W", "-n", "--keep-going"]
        if subprocess.run(command, cwd=root()).returncode:
            print("deepweeks: the book was not built; the reasons are above, build/site is as before", file=sys.stderr)
            return 1
        if site.exists():
            site.rename(fresh / "replaced")
        (fresh / "_build" / "html").rename(site)
        shutil.rmtree(fresh)
    print(f"the book is ready: open {(site / 'index.html').as_uri()}")
    return 0


def _bench(args) -> int:
    from . import bench

    out = root() / "build" / "reports" / f"bench_{args.name}.json"
    report = getattr(bench, args.name)(seconds=args.seconds, data=args.data, seed=args.seed, out=out)
    print(f"the usual one's distance is {report['ratio']:.1f} times ours; written to {out}")
    return 0


def _torch() -> str:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU, device cpu"
    return f"{torch.__version__}, {torch.get_num_threads()} threads, {device}"


def _build() -> str:
    with locked(root() / "build"):
        return f"{root() / 'build'} can be written to, and no other run holds it"


def _data() -> str:
    home = Path(os.environ.get("DEEPWEEKS_DATA") or root() / "data")
    found = sorted({path.parent.name for path in home.glob("*/raw")} | {p.parent.name for p in home.glob("*/*_batch*")})
    return f"{', '.join(found) or 'none'} in {home}"


def _browser() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), "none, so the checks of the site are left out")


CHECKS = (
    ("PyTorch", _torch, "pip install deepweeks, or see pytorch.org"),
    ("papermill", lambda: f"{version('papermill')}, kernel {version('ipykernel')}", "pip install 'deepweeks[run]'"),
    ("jupyter-book", lambda: version("jupyter-book"), "pip install 'deepweeks[book]'"),
    ("course", lambda: f"{root()}: {len(written())} of {len(weeks())} weeks are written", "go to a clone"),
    ("build", _build, "free it, or make it writable"),
    ("real data", _data, "set DEEPWEEKS_DATA to a folder that can be read"),
    ("browser", _browser, "install chromium"),
)


def _doctor(args) -> int:
    problems = 0
    for what, check, remedy in CHECKS:
        try:
            print(f"OK       {what}: {check()}")
        except Exception as error:
            problems += 1
            print(f"PROBLEM  {what}: {error or type(error).__name__}; {remedy}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
