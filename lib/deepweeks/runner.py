"""Run weeks and keep the results, on this machine or on a Dask cluster, through one executor interface.

Everything lands under ``build/``, each file replaced whole:

* ``notebooks/weekNN_slug.ipynb``: the executed copy, written only by a run that succeeded
* ``reports/weekNN.json``: parameters, versions, seconds, memory, claims, exercises, data
* ``reports/claims.json``: the claims of all reports in one list
* ``failed/weekNN.ipynb`` and ``.json``: what a failed run left, for inspection
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import json
import logging
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from pathlib import Path

from .course import DATA, DEVICES, PROFILES, CourseError, Week, notebook, one_of, root
from .execute import Result, error_report, library_hash, run_week, stop, versions


def read(week: Week) -> str:
    """The source of a week, checked to be a notebook.

    Raises:
        CourseError: It is not written yet, or its file is damaged.
    """
    path = notebook(week)
    try:
        text = path.read_text("utf-8")
        if not all({"cell_type", "source", "metadata"} <= set(cell) for cell in json.loads(text)["cells"]):
            raise ValueError("a cell lacks its type, source or metadata")
    except FileNotFoundError:
        raise CourseError(f"week {week.number} ({week.slug}) is not written yet") from None
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{path} is not a readable notebook: {error}") from None
    return text


def parameter_names(text: str) -> list[str]:
    """The names assigned in the cell tagged ``parameters``."""
    cells = [c for c in json.loads(text)["cells"] if "parameters" in c["metadata"].get("tags", ())]
    with suppress(SyntaxError):
        nodes = ast.walk(ast.parse("".join(cells[0]["source"]) if cells else ""))
        return sorted(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return []


def fingerprint(week: Week, text: str, parameters: dict) -> str:
    """SHA-256 over all that decides what a week shows: cells, library, quiz, versions, parameters."""
    files = [root() / "constraints.txt", Path(__file__).parent / "quizzes" / f"{week.name}.yml"]
    parts = [
        [[c["cell_type"], "".join(c["source"]), c["metadata"]] for c in json.loads(text)["cells"]],
        [path.read_text("utf-8") if path.is_file() else None for path in files],
        [library_hash(), versions(), parameters],
        parameters["data"] != "embedded" and os.environ.get("DEEPWEEKS_DATA"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def state(week: Week, out: Path, parameters: dict | None = None) -> tuple[str, dict]:
    """``"fresh"``, ``"stale"`` or ``"absent"``, and the last good report.

    Fresh: nothing that decides the copy has changed, and the copy is as it was written. With ``parameters``,
    it was also made with exactly these.
    """
    copy, report = out / "notebooks" / f"{week.stem}.ipynb", {}
    if not copy.is_file():
        return "absent", report
    with suppress(OSError, ValueError, KeyError, TypeError):
        report = json.loads((out / "reports" / f"{week.name}.json").read_text("utf-8"))
        key = fingerprint(week, read(week), parameters or report["parameters"])
        if report["key"] == key and report["copy"] == hashlib.sha256(copy.read_bytes()).hexdigest():
            return "fresh", report
    return "stale", report


def run_all(
    weeks,
    *,
    profile: str = "cpu",
    device: str = "auto",
    seed: int = 0,
    data: str = "auto",
    extra: dict | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    force: bool = False,
    timeout: float | None = None,
    out: Path | None = None,
    say=lambda week, report: None,
) -> dict[int, dict]:
    """Run weeks, several at a time, and store each as soon as it is done; fresh ones are left as they are.

    Args:
        weeks: The weeks, from :func:`deepweeks.course.parse_weeks`.
        profile: See :data:`deepweeks.course.PROFILES`.
        device: See :data:`deepweeks.course.DEVICES`.
        seed: A whole number from 0 to 2**32 - 1.
        data: See :data:`deepweeks.course.DATA`.
        extra: More parameters, by name; each notebook must have them all.
        jobs: Notebooks at a time on this machine; the cores are shared out between them.
        scheduler: Address of a Dask scheduler whose workers do the work instead.
        force: Run fresh weeks again.
        timeout: Most seconds for one cell.
        out: Where results go; the checkout's ``build/`` by default.
        say: Called with each week and its report, in the order in which they are done.

    Returns:
        The report of each week by its number; ``report["status"]`` is ``ok``, ``unchanged`` or ``failed``.

    Raises:
        CourseError: A setting is not valid, a notebook is missing or damaged, or another run holds ``out``.
    """
    for what, value, valid in (("profile", profile, PROFILES), ("device", device, DEVICES), ("data", data, DATA)):
        one_of(what, value, valid)
    if not 0 <= seed < 2**32:
        raise CourseError(f"seed is {seed}; it must be a whole number from 0 to 2**32 - 1")
    if jobs < 1:
        raise CourseError(f"jobs is {jobs}; it must be at least 1")
    if timeout is not None and not timeout > 0:
        raise CourseError(f"the limit of a cell is {timeout:g}; it must be more than 0 seconds")
    parameters = {"profile": profile, "device": device, "seed": seed, "data": data, **(extra or {})}
    texts = {week: read(week) for week in weeks}
    for week, text in texts.items():
        names = parameter_names(text)
        if not names:
            raise CourseError(f"{notebook(week)} has no readable cell tagged parameters")
        for name in parameters:
            one_of("parameter", name, names)
    out = Path(out or root() / "build")
    reports, owner = {}, uuid.uuid4().hex
    share = None if scheduler or "OMP_NUM_THREADS" in os.environ else max(1, (os.cpu_count() or 1) // jobs)
    options = {"threads": share, "timeout": timeout, "owner": owner}
    with locked(out):
        for week in texts:
            condition, report = state(week, out, parameters)
            if condition == "fresh" and not force:
                reports[week.number] = report | {"status": "unchanged"}
                say(week, reports[week.number])
        todo = [week for week in texts if week.number not in reports]
        with _pool(jobs, scheduler, owner) as (executor, end):
            if device == "cuda" and not executor.submit(_sees_gpu).result():
                raise CourseError("device 'cuda' was asked for, but PyTorch sees no GPU; use auto or cpu")
            futures = {executor.submit(run_week, texts[week], parameters, **options): week for week in todo}
            try:
                for future in as_completed(futures):
                    week = futures[future]
                    reports[week.number] = _store(week, texts[week], parameters, _result(future), out)
                    say(week, reports[week.number])
            except BaseException:  # Ctrl-C, a full disk: leave nothing running
                for future in futures:
                    future.cancel()
                end()
                while not all(future.done() for future in futures):
                    wait(futures, timeout=0.2)
                    end()
                raise
        _merge_claims(out)
    return reports


def _sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _result(future) -> Result:
    try:
        result = future.result()
    except Exception as error:
        message = f"it could not be started: {type(error).__name__}: {error}"
    else:
        if result.report["library"] == library_hash():
            return result
        message = "the worker has another version of deepweeks; install the same one everywhere"
    return Result(None, {"error": error_report("RunnerError", message)})


def _store(week: Week, text: str, parameters: dict, result: Result, out: Path) -> dict:
    failed = result.report["error"] is not None
    report = {"week": week.number, "slug": week.slug, "title": week.title, "status": "failed" if failed else "ok"}
    report |= {"finished": time.strftime("%Y-%m-%d %H:%M:%S"), "parameters": parameters, **result.report}
    places = [out / "failed" / f"{week.name}.ipynb", out / "failed" / f"{week.name}.json"]
    for path in places:
        path.unlink(missing_ok=True)
    if not failed:
        report |= {"key": fingerprint(week, text, parameters)}
        report |= {"copy": hashlib.sha256(result.notebook.encode()).hexdigest()}
        places = [out / "notebooks" / f"{week.stem}.ipynb", out / "reports" / f"{week.name}.json"]
    if result.notebook is not None:
        _write(places[0], result.notebook)
    _write(places[1], json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return report


def _merge_claims(out: Path) -> None:
    claims = []
    for path in sorted((out / "reports").glob("week*.json")):
        with suppress(ValueError, KeyError):  # a damaged report counts as none; its week is stale
            report = json.loads(path.read_text("utf-8"))
            claims += [{"week": report["week"], **report["parameters"]} | claim for claim in report["claims"]]
    _write(out / "reports" / "claims.json", json.dumps(claims, indent=1, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, "utf-8")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(out: Path, seconds: float = 3):
    """Hold ``out`` for one run; a second one gives up after a few seconds and says who holds it."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    holder, lock = out / ".holder", FileLock(out / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        who = holder.read_text("utf-8") if holder.is_file() else "just started"
        raise CourseError(f"another run is using {out} ({who}); wait for it or stop it") from None
    try:
        _write(holder, f"pid {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
    finally:
        lock.release()


@contextmanager
def _pool(jobs: int, scheduler: str | None, owner: str):
    """An executor, here or on a cluster, and a function that ends what it is running."""
    if scheduler is None:
        with ThreadPoolExecutor(jobs) as executor:
            yield executor, lambda: stop(owner)
        return
    try:
        from distributed import Client, comm
    except ImportError:
        raise CourseError("--scheduler needs Dask: pip install 'deepweeks[cluster]'") from None
    if not re.fullmatch(r"\w+://\S+:\d+", scheduler):
        raise CourseError(f"{scheduler!r} is no address of a Dask scheduler; one looks like tcp://host:8786")
    logging.getLogger("distributed").setLevel("CRITICAL")

    async def greet():
        await (await comm.connect(scheduler, timeout=5)).close()

    try:
        asyncio.run(asyncio.wait_for(greet(), 6))  # Client's own limit does not cover a port of something else
        client = Client(scheduler, timeout=5, set_as_default=False)
    except (OSError, ValueError):
        raise CourseError(f"no Dask scheduler answers at {scheduler}; start one: dask scheduler") from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise CourseError(f"the scheduler at {scheduler} has no workers; start one: dask worker {scheduler}")
        yield client.get_executor(), lambda: client.run(stop, owner)
