"""Execute one notebook by papermill in a process of its own: text in, text and a report out.

:func:`run_week` is the unit of work of :mod:`deepweeks.runner`. It needs no shared disk, so it is the same on
this machine and on a worker of a cluster. ``python -m deepweeks.execute FOLDER`` is its fresh process.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .course import CourseError, root

_live: dict[subprocess.Popen, str] = {}


@dataclass(frozen=True)
class Result:
    """What came of one notebook: its executed text (None when it never began) and the report."""

    notebook: str | None
    report: dict


def run_week(
    text: str, parameters: dict, *, threads: int | None = None, timeout: float | None = None, owner: str = ""
) -> Result:
    """Execute one notebook and report what it cost and what it recorded.

    Args:
        text: The notebook as JSON; outputs that it already has are dropped.
        parameters: Values for its parameters cell.
        threads: ``OMP_NUM_THREADS`` for the kernel; None leaves the environment alone.
        timeout: Most seconds that one cell may take; None for no limit.
        owner: Any text; :func:`stop` with the same text ends this call.

    Returns:
        The executed notebook and its report. A failure is in ``report["error"]``, never raised.
    """
    with tempfile.TemporaryDirectory(prefix="deepweeks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            cwd = str(root() / "notebooks")
        except CourseError:  # a worker far from the checkout
            cwd = name
        job = {"notebook": json.loads(text), "parameters": parameters, "timeout": timeout, "cwd": cwd}
        (folder / "job.json").write_text(json.dumps(job), "utf-8")
        env = os.environ | {"DEEPWEEKS_REPORT": f"{name}/events", "JUPYTER_PREFER_ENV_PATH": "1"}
        env |= {"IPYTHONDIR": name, "JUPYTER_RUNTIME_DIR": name}  # the user's own start-up files stay out
        if threads:
            env["OMP_NUM_THREADS"] = str(threads)
        with (folder / "log").open("wb") as log:
            # A session of its own, so that Ctrl-C reaches only us; its standard input ends when we do.
            command = [sys.executable, "-m", "deepweeks.execute", name]
            child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=env, start_new_session=True
            )
        _live[child] = owner
        try:
            code = child.wait()
        finally:
            del _live[child]
            child.stdin.close()
        report = {"library": library_hash(), "threads": threads}
        report |= dict.fromkeys(("wall_s", "cpu_s", "peak_bytes"))
        try:
            report |= json.loads((folder / "report.json").read_text("utf-8"))
        except OSError:
            last = ((folder / "log").read_text("utf-8", "replace").strip() or "no message").splitlines()[-1]
            report["error"] = error_report("RunnerError", f"the notebook's process ended with code {code}: {last}")
        report |= _events(folder / "events")
        ran = folder / "ran.ipynb"
        return Result(ran.read_text("utf-8") if ran.is_file() else None, report)


def stop(owner: str = "") -> None:
    """End every :func:`run_week` of this owner in this process, kernels included."""
    for child, whose in list(_live.items()):
        if whose == owner:
            with suppress(OSError):
                child.stdin.close()


def _events(path: Path) -> dict:
    """What the library appended line by line; a kernel that was killed may leave the last line cut off."""
    found = {"runs": [], "claims": [], "exercises": [], "data": []}
    keys = {"run": "runs", "claim": "claims", "exercise": "exercises", "data": "data"}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        with suppress(ValueError, KeyError):
            event = json.loads(line)
            found[keys[event.pop("kind")]].append(event)
    return found


def _execute(folder: Path) -> None:
    """The life of the fresh process: papermill, what it cost, and a copy without papermill's own marks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import resource

    import papermill

    job = json.loads((folder / "job.json").read_text("utf-8"))
    nb, values = job["notebook"], job["parameters"]
    nb["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "source.ipynb").write_text(json.dumps(nb), "utf-8")
    error, began, target = None, time.monotonic(), folder / "target.ipynb"
    options = {"kernel_name": "python3", "progress_bar": False, "execution_timeout": job["timeout"]}
    try:
        papermill.execute_notebook(folder / "source.ipynb", target, values, cwd=job["cwd"], **options)
    except Exception as problem:
        error = problem
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if target.is_file():
        nb = json.loads(target.read_text("utf-8"))
    nb["cells"] = [c for c in nb["cells"] if "papermill-error-cell-tag" not in c["metadata"].get("tags", ())]
    report = {
        "wall_s": round(time.monotonic() - began, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "versions": versions(),
        "error": diagnose(nb, error, job["timeout"]),
    }
    nb["metadata"]["papermill"] = {"parameters": values}
    for cell in nb["cells"]:
        for key in ("papermill", "execution"):  # times of day would make equal runs differ
            cell["metadata"].pop(key, None)
        if not cell["metadata"].get("tags"):
            cell["metadata"].pop("tags", None)
        elif "injected-parameters" in cell["metadata"]["tags"]:
            cell["id"] = "injected-parameters"
    ran = json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / "ran.ipynb").write_text(ran, "utf-8")
    (folder / "report.json").write_text(json.dumps(report), "utf-8")


def _end_with_parent() -> None:
    """Wait for the end of standard input: the parent stops us or died. Then leave nothing running."""
    sys.stdin.buffer.read()
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()
    os._exit(1)


def error_report(kind: str, message: str, heading=None, line=None, text=None) -> dict:
    return {"heading": heading, "line": line, "text": text, "type": kind, "message": message}


def diagnose(nb: dict, error: Exception | None, timeout: float | None) -> dict | None:
    """Where and why a notebook failed: heading, line number, the line, exception and message; or None."""
    cells = nb["cells"]
    started = [i for i, c in enumerate(cells) if c["metadata"].get("papermill", {}).get("start_time")]
    failed = [(i, o) for i in started for o in cells[i].get("outputs", ()) if o["output_type"] == "error"]
    if not failed and error is None:
        return None
    index, output = failed[0] if failed else ((started or [0])[-1], {})
    kind, message = output.get("ename", type(error).__name__), output.get("evalue", str(error).strip())
    if type(error).__name__ == "DeadKernelError":
        kind, message = "DeadKernelError", "the kernel died; too little memory is the usual cause"
    elif type(error).__name__ == "CellTimeoutError":
        kind, message = "CellTimeoutError", f"the cell took longer than {timeout:g} s"
    cell, trace = cells[index], re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", "\n".join(output.get("traceback", ())))
    above = ["".join(c["source"]) for c in cells[:index] if c["cell_type"] == "markdown"]
    headings = re.findall(r"(?m)^#{1,6} +(.+)$", re.sub(r"(?ms)^```.*?^```", "", "\n".join(above)))
    at = re.search(rf"Cell In\[{cell.get('execution_count')}\], line (\d+)", trace)
    line = int(at[1]) if at else None
    text = "".join(cell["source"]).splitlines()[line - 1].strip() if line else None
    return error_report(kind, message, headings[-1] if headings else None, line, text)


def versions() -> dict[str, str | None]:
    """Versions of Python, PyTorch and NumPy, read without importing them."""
    found = {"python": sys.version.split()[0], "torch": None, "numpy": None}
    for name in ("torch", "numpy"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@cache
def library_hash() -> str:
    """SHA-256 over the files of this package, quizzes apart: a notebook depends on its own quiz only."""
    home, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*")):
        if path.is_file() and not {"__pycache__", "quizzes"} & set(path.relative_to(home).parts):
            digest.update(f"{path.relative_to(home).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    _execute(Path(sys.argv[1]))
