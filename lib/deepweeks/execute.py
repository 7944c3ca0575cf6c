"""Execute one notebook by papermill in a process of its own: text in, text and a report out.

:func:`run_week` is the unit of work of :mod:`deepweeks.runner`. It needs no shared disk, so it is the same on
this machine and on a worker of a cluster. ``python -m deepweeks.execute`` is its fresh process.
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
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

EVENTS = {"run": "runs", "claim": "claims", "exercise": "exercises", "data": "data"}
_live: set[subprocess.Popen] = set()


class Result(NamedTuple):
    """What came of one notebook: its text as far as it was executed, and the report."""

    notebook: str
    report: dict


def run_week(text: str, parameters: dict, *, threads: int | None = None) -> Result:
    """Execute one notebook in an empty folder and report what it cost and what it recorded.

    Args:
        text: The notebook as JSON; outputs that it already has are dropped.
        parameters: Values for its parameters cell.
        threads: ``OMP_NUM_THREADS`` for the kernel; None leaves the environment alone.

    Returns:
        The executed notebook and its report. A failure is told in ``report["error"]``, never raised.
    """
    with tempfile.TemporaryDirectory(prefix="deepweeks-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "week.ipynb").write_text(text, "utf-8")
        # The user's own start-up files and kernels stay out.
        env = os.environ | {"IPYTHONDIR": name, "JUPYTER_RUNTIME_DIR": name, "JUPYTER_PREFER_ENV_PATH": "1"}
        env["DEEPWEEKS_REPORT"] = f"{name}/events"
        if "DEEPWEEKS_DATA" in env:  # relative to here, not to where the kernel runs
            env["DEEPWEEKS_DATA"] = os.path.abspath(os.path.expanduser(env["DEEPWEEKS_DATA"]))
        if threads:
            env["OMP_NUM_THREADS"] = str(threads)
        command = [sys.executable, "-m", "deepweeks.execute", name, json.dumps(parameters)]
        with (folder / "log").open("wb") as log:
            # A session of its own, so that Ctrl-C reaches only us; its standard input ends when we do.
            options = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log, "start_new_session": True}
            with subprocess.Popen(command, env=env, **options) as child:
                _live.add(child)
                code = child.wait()
        _live.discard(child)
        report = {"library": library_hash(), "versions": versions(), "threads": threads}
        try:
            report |= json.loads((folder / "report.json").read_text("utf-8"))
        except OSError:
            last = ((folder / "log").read_text("utf-8", "replace").strip() or "no message").splitlines()[-1]
            report["error"] = f"the notebook's process ended with code {code}: {last}"
        return Result((folder / "week.ipynb").read_text("utf-8"), report | _events(folder / "events"))


def stop() -> None:
    """End every :func:`run_week` of this process, kernels included."""
    for child in list(_live):
        with suppress(OSError):
            child.stdin.close()


def _events(path: Path) -> dict:
    """What the library appended line by line; a kernel that was killed may leave the last line cut off."""
    found = {key: [] for key in EVENTS.values()}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        with suppress(ValueError, KeyError):
            event = json.loads(line)
            found[EVENTS[event.pop("kind")]].append(event)
    return found


def _execute(folder: Path, parameters: dict) -> None:
    """The life of the fresh process: papermill, what it cost, and a copy that is the same after an equal run."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import resource

    import papermill

    path, error, began = folder / "week.ipynb", None, time.monotonic()
    options = {"kernel_name": "python3", "language": "python", "cwd": folder, "progress_bar": False}
    try:
        papermill.execute_notebook(path, path, parameters, **options)
    except Exception as problem:
        error = problem
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    notebook = json.loads(path.read_text("utf-8"))
    report = {
        "wall_s": round(time.monotonic() - began, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "error": diagnose(notebook["cells"], error),
    }
    notebook["metadata"].pop("papermill", None)
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        if "injected-parameters" in metadata.get("tags", ()):
            cell["id"] = "injected-parameters"
        cell["metadata"] = {k: v for k, v in metadata.items() if k not in ("papermill", "execution") and v != []}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    (folder / "report.json").write_text(json.dumps(report), "utf-8")


def _end_with_parent() -> None:
    """Wait for the end of standard input: the parent stops us or died. Then leave nothing running."""
    sys.stdin.buffer.read()
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()
    os._exit(1)


def diagnose(cells: list[dict], error: Exception | None) -> str | None:
    """In one line, where and why a notebook failed: heading, line, exception and message. None: it did not."""
    started = [n for n, cell in enumerate(cells) if cell["metadata"].get("papermill", {}).get("start_time")]
    sources = ["".join(cell["source"]) for cell in cells]
    at = started[-1] if started else 0
    output = next((o for o in cells[at].get("outputs", ()) if o["output_type"] == "error"), {})
    if error is None and not output:
        return None
    kind, why = output.get("ename", type(error).__name__), output.get("evalue", str(error)).strip()
    if kind == "DeadKernelError":
        why = "the kernel died; too little memory is the usual cause"
    headings = [text.splitlines()[0].lstrip("# ") for text in sources[:at] if text.startswith("#")]
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.get("traceback", ())))
    line = re.search(r"Cell In\[\d+\], line (\d+)", trace)
    where = f'under "{headings[-1]}", ' if headings else ""
    where += f"line {line[1]} ({sources[at].splitlines()[int(line[1]) - 1].strip()}), " if line else ""
    return f"{where}{kind}: {why.partition(chr(10))[0] or 'no message'}"


def versions() -> dict[str, str]:
    """Versions of Python, PyTorch and NumPy, read without importing them."""
    return {"python": sys.version.split()[0], "torch": version("torch"), "numpy": version("numpy")}


@cache
def library_hash() -> str:
    """SHA-256 over what this package holds for every notebook: its code and looks, not the quizzes."""
    home, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(path for path in home.rglob("*") if path.suffix in (".html", ".mplstyle", ".py", ".toml")):
        digest.update(f"{path.relative_to(home).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


if __name__ == "__main__":
    _execute(Path(sys.argv[1]), json.loads(sys.argv[2]))
