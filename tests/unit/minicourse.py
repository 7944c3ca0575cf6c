"""A course of tiny notebooks in a temporary folder, for the tests of the runner and the command line."""

import json
import os
import subprocess
import sys

from deepweeks.course import weeks

PARAMETERS = 'profile = "cpu"\ndevice = "auto"\nseed = 0\ndata = "auto"'


def book(*cells, parameters=PARAMETERS):
    """A notebook: a text that starts with # or ``` is markdown, any other is code."""
    made = [{"cell_type": "code", "source": parameters, "metadata": {"tags": ["parameters"]}}] if parameters else []
    for text in cells:
        made.append({"cell_type": "markdown" if text[:1] in "#`" else "code", "source": text, "metadata": {}})
    for number, cell in enumerate(made):
        cell["id"] = f"c{number}"
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def course(folder, **books):
    """A checkout in ``folder`` with the given notebooks, as in ``course(tmp_path, week01=book(...))``."""
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    (folder / "_config.yml").write_text("title: tiny\n")
    for week in weeks():
        if week.name in books:
            (folder / "notebooks" / f"{week.stem}.ipynb").write_text(books[week.name])
    return folder


def environment(**more):
    env = {key: value for key, value in os.environ.items() if key != "DEEPWEEKS_DATA"}
    return env | {"OMP_NUM_THREADS": "1"} | more


def command(*words):
    # A shell that runs the tests in its background makes them ignore SIGINT; a terminal does not.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from deepweeks.cli import main; sys.exit(main())"
    return [sys.executable, "-c", program, *map(str, words)]


def deepweeks(folder, *words, **more):
    """Run the command line in ``folder``; returns the finished process."""
    return subprocess.run(command(*words), cwd=folder, env=environment(**more), capture_output=True, text=True)


def executed(folder, name):
    (path,) = (folder / "build" / "notebooks").glob(f"{name}_*.ipynb")
    return json.loads(path.read_text())


def report(folder, name):
    return json.loads((folder / "build" / "reports" / f"{name}.json").read_text())
