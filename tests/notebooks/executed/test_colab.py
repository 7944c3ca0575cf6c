"""One notebook alone in an empty folder of an environment without the library: it fetches the library and runs.

Stands for Colab: PyTorch, Matplotlib and Jupyter's kernel are there, deepweeks and everything that only builds the
book is not. The library comes from a local git repository, with no network.
"""

import json
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from weekly import ROOT, paths

HIDDEN = re.compile(
    r"_*(editable__*)?(deepweeks|sphinx|myst|jupyter_book|jupyter_cache|papermill|dask|distributed|playwright|pytest"
    r"|nbval|ruff)",
    re.I,
)
DRIVER = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
client = nbclient.NotebookClient(notebook, kernel_name="python3", timeout=300)
client.execute()
nbformat.write(notebook, sys.argv[1])
"""


def git(folder, *words):
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """The interpreter and the variables of an environment that lacks the library."""
    folder = tmp_path_factory.mktemp("colab")
    library = folder / "library"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "lib", library / "lib", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, library)
    git(library, "init", "-q")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "the library as it is now")

    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    there = folder / "there"  # the installed packages but for those that Colab lacks
    there.mkdir()
    for package in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not HIDDEN.match(package.name) and package.suffix != ".pth":
            (there / package.name).symlink_to(package)
    asks = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = subprocess.run([python, "-c", asks], capture_output=True, text=True, check=True).stdout.strip()
    Path(site, "there.pth").write_text(f"{there}\n")

    keep = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PIP_", "PYTHON", "JUPYTER", "DEEPWEEKS"))
    }
    environment = keep | {
        "HOME": str(folder),
        "PATH": f"{python.parent}{os.pathsep}{keep['PATH']}",
        "VIRTUAL_ENV": str(folder / "env"),
        "DEEPWEEKS_SOURCE": f"git+file://{library}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's own inversion: 0 switches isolation off, so that no download is needed
        "PIP_CONFIG_FILE": os.devnull,
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "OMP_NUM_THREADS": "1",
    }
    return python, environment


def test_library_is_absent(colab):
    python, environment = colab
    command = [python, "-c", "import torch, matplotlib, ipykernel, deepweeks"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "No module named 'deepweeks'" in ran.stderr


def test_one_notebook_alone(colab, tmp_path):
    python, environment = colab
    path = tmp_path / "Untitled.ipynb"
    notebook = json.loads(paths()[-1].read_text("utf-8"))
    cell = next(c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", []))
    source = "".join(cell["source"])
    cell["source"] = source.replace('"cpu"', '"smoke"', 1).replace('data = "auto"', 'data = "embedded"')
    assert 'profile = "smoke"' in cell["source"] and 'data = "embedded"' in cell["source"]
    path.write_text(json.dumps(notebook))
    command = [python, "-c", DRIVER, str(path)]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr[-3000:]
    executed = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(c["execution_count"] for c in executed)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Untitled.ipynb"], "the notebook left files behind"
    asks = [python, "-c", "import deepweeks; print(deepweeks.__file__)"]
    where = subprocess.run(asks, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert str(python.parents[1]) in where


def test_a_source_that_cannot_be_reached_stops_the_notebook(colab, tmp_path):
    python, environment = colab
    notebook = json.loads(paths()[0].read_text("utf-8"))
    install = "".join(next(c for c in notebook["cells"] if c["cell_type"] == "code")["source"])
    wrong = environment | {"DEEPWEEKS_SOURCE": f"git+file://{tmp_path}/nothing"}
    code = "import sys; sys.modules['deepweeks'] = None\n" + install
    ran = subprocess.run([python, "-c", code], env=wrong, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode != 0 and "nothing" in ran.stderr
