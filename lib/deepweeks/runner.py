"""Run weeks and keep the results, on this machine or on a Dask cluster, through one executor interface.

Everything lands under ``build/``, each file replaced whole:

* ``notebooks/weekNN_slug.ipynb``: the executed copy, written only by a run that succeeded
* ``reports/weekNN.json``: parameters, versions, seconds, memory, claims, exercises, data
* ``reports/claims.json``: the claims of all reports in one list
* ``failed/weekNN_slug.ipynb``: the notebook as far as a failed run came, for inspection
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from .course import CourseError, Week, check_settings, notebook, one_of, root
from .execute import library_hash, run_week, stop, versions


def read(week: Week) -> tuple[str, list[str]]:
    """The source of a week and the names of its parameters.

    Raises:
        CourseError: It is not written yet, or its file is damaged.
    """
    path = notebook(week)
    try:
        text = path.read_text("utf-8")
        cells = json.loads(text)["cells"]
        (code,) = ("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
        return text, sorted(compile(code, path, "exec").co_names)
    except FileNotFoundError:
        raise CourseError(f"week {week.number} ({week.slug}) is not written yet") from None
    except (ValueError, LookupError, TypeError, SyntaxError) as error:
        raise CourseError(f"{path} is no notebook with one cell tagged parameters: {error}") from None


def fingerprint(week: Week, text: str, parameters: dict) -> str:
    """SHA-256 over all that decides what a week shows: cells, library, quiz, versions, parameters."""
    files = [root() / "constraints.txt", Path(__file__).parent / "quizzes" / f"{week.name}.yml"]
    parts = [
        [[cell["cell_type"], "".join(cell["source"]), cell["metadata"]] for cell in json.loads(text)["cells"]],
        [path.read_text("utf-8") if path.is_file() else None for path in files],
        [library_hash(), versions(), parameters],
        parameters["data"] != "embedded" and os.environ.get("DEEPWEEKS_DATA"),
    ]
    return _sha(json.dumps(parts, sort_keys=True))


def state(week: Week, out: Path, parameters: dict | None = None) -> tuple[str, dict]:
    """``"fresh"``, ``"stale"`` or ``"absent"``, and the last good report.

    Fresh: nothing that decides the copy has changed, and the copy is as it was written. With ``parameters``,
    it was also made with exactly these. Absent: there is no report.
    """
    report = {}
    with suppress(OSError, ValueError, LookupError, TypeError):
        report = json.loads((out / "reports" / f"{week.name}.json").read_text("utf-8"))
        key = fingerprint(week, read(week)[0], parameters or report["parameters"])
        copy = (out / "notebooks" / f"{week.stem}.ipynb").read_text("utf-8")
        if (report["key"], report["copy"]) == (key, _sha(copy)):
            return "fresh", report
    return "stale" if report else "absent", report


def run_all(weeks, parameters, *, jobs=1, scheduler=None, force=False, out=None, say=lambda week, report: None):
    """Run weeks, several at a time, and store each as soon as it is done; fresh ones are left as they are.

    Args:
        weeks: The weeks, from :func:`deepweeks.course.parse_weeks`.
        parameters: Values by name, such as ``{"profile": "smoke", "seed": 1}``; each notebook must have them all.
            Those left out are ``cpu``, ``auto``, 0 and ``auto``.
        jobs: Notebooks at a time on this machine, one thread each unless ``OMP_NUM_THREADS`` says otherwise.
        scheduler: Address of a Dask scheduler whose workers do the work instead.
        force: Run fresh weeks again.
        out: Where results go; the checkout's ``build/`` by default.
        say: Called with each week and its report, in the order in which they are done.

    Returns:
        The report of each week by its number; ``report["status"]`` is ``ok``, ``unchanged`` or ``failed``.

    Raises:
        CourseError: A setting is not valid, a notebook is missing or damaged, or another run holds ``out``.
    """
    parameters = {"profile": "cpu", "device": "auto", "seed": 0, "data": "auto"} | parameters
    check_settings(*(parameters[name] for name in ("profile", "device", "seed", "data")))
    texts, reports, jobs, out = {}, {}, max(1, jobs), out or root() / "build"
    for week in weeks:
        texts[week], names = read(week)
        for name in parameters:
            one_of("parameter", name, names)
    # Networks this small gain nothing from a second thread, and lose minutes by it where other work runs beside them.
    threads = None if scheduler or "OMP_NUM_THREADS" in os.environ else 1
    with locked(out):
        for week in texts:
            condition, report = state(week, out, parameters)
            if condition == "fresh" and not force:
                reports[week.number] = report | {"status": "unchanged"}
                say(week, reports[week.number])
        todo = [week for week in texts if week.number not in reports]
        with _executor(jobs, scheduler) as (executor, end):
            if parameters["device"] == "cuda" and todo and not executor.submit(_sees_gpu).result():
                raise CourseError("device 'cuda' was asked for, but PyTorch sees no GPU; use auto or cpu")
            futures = {executor.submit(run_week, texts[week], parameters, threads=threads): week for week in todo}
            try:
                for future in as_completed(futures):
                    week = futures[future]
                    reports[week.number] = _store(week, texts[week], parameters, future, out)
                    say(week, reports[week.number])
            except BaseException:  # Ctrl-C, a full disk: leave nothing running
                for future in futures:
                    future.cancel()
                end()
                while wait(futures, timeout=0.2).not_done:
                    end()
                raise
        _merge_claims(out)
    return reports


def _sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _store(week: Week, text: str, parameters: dict, future, out: Path) -> dict:
    try:
        copy, report = future.result()
        if report["library"] != library_hash():
            raise CourseError("the worker has another version of deepweeks")
    except Exception as error:
        copy, report = text, {"error": f"it could not be run: {type(error).__name__}: {error}"}
    report |= {"week": week.number, "slug": week.slug, "title": week.title, "parameters": parameters}
    failed = out / "failed" / f"{week.stem}.ipynb"
    if report["error"]:
        _write(failed, copy)
        return report | {"status": "failed"}
    report |= {"status": "ok", "key": fingerprint(week, text, parameters), "copy": _sha(copy)}
    _write(out / "notebooks" / f"{week.stem}.ipynb", copy)
    _write(out / "reports" / f"{week.name}.json", report)
    failed.unlink(missing_ok=True)
    return report


def _merge_claims(out: Path) -> None:
    claims = []
    for path in sorted((out / "reports").glob("week*.json")):
        with suppress(ValueError, KeyError):  # a damaged report counts as none; its week is stale
            report = json.loads(path.read_text("utf-8"))
            claims += [{"week": report["week"], **report["parameters"]} | claim for claim in report["claims"]]
    _write(out / "reports" / "claims.json", claims)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, content) -> None:
    """Replace a file by a text, or by anything else as JSON, whole or not at all."""
    text = content if isinstance(content, str) else json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    finally:  # a full disk leaves no half file
        part.unlink(missing_ok=True)


@contextmanager
def locked(out: Path):
    """Hold ``out`` for one run; a second one gives up after a few seconds and says who holds it."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    holder = out / ".holder"
    try:
        with FileLock(out / ".lock", timeout=3, is_singleton=True):
            _write(holder, f"pid {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            yield
    except Timeout:
        raise CourseError(f"another run is using {out} ({holder.read_text()}); wait for it or stop it") from None


@contextmanager
def _executor(jobs: int, scheduler: str | None):
    """Threads here or a Dask cluster, and the function that ends what it is running."""
    if scheduler is None:
        with ThreadPoolExecutor(jobs) as executor:
            yield executor, stop
        return
    try:
        from distributed import Client, comm
    except ImportError:
        raise CourseError("--scheduler needs Dask: pip install 'deepweeks[cluster]'") from None
    logging.getLogger("distributed").setLevel("CRITICAL")

    async def greet():
        await (await comm.connect(scheduler, timeout=5)).close()

    try:
        asyncio.run(asyncio.wait_for(greet(), 6))  # Client's own limit does not cover a port of something else
        client = Client(scheduler, timeout=5, set_as_default=False)
    except (OSError, ValueError):
        raise CourseError(
            f"no Dask scheduler answers at {scheduler}; start one with `dask scheduler`, give tcp://host:8786"
        ) from None
    with client:
        yield client.get_executor(), partial(client.run, stop)
