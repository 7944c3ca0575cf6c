"""A notebook with a failing cell, from the command line to the files: the failure is seen, nothing is spoilt."""

import json
from pathlib import Path

import minicourse

CANARY = Path(__file__).parents[1] / "notebooks" / "canary.ipynb"


def kept(folder):
    return {
        path: path.read_bytes() for part in ("notebooks", "reports") for path in (folder / "build" / part).iterdir()
    }


def test_the_canary_dies_and_is_seen(tmp_path):
    canary = CANARY.read_text()
    healed = canary.replace("expected = 46", "expected = 45")
    assert healed != canary

    minicourse.course(tmp_path, week03=healed)
    well = minicourse.deepweeks(tmp_path, "run", "3")
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.startswith("week 3  convolution ")
    good = kept(tmp_path)
    assert {path.name for path in good} == {"week03_convolution.ipynb", "week03.json", "claims.json"}
    assert "this must not be on any page" in (tmp_path / "build/notebooks/week03_convolution.ipynb").read_text()

    minicourse.course(tmp_path, week03=canary)
    ill = minicourse.deepweeks(tmp_path, "run", "--all")
    assert ill.returncode == 1
    told = ill.stdout.splitlines()
    assert len(told) == 1 and told[0].startswith("week 3  convolution ")
    assert 'FAILED: under "A sum that does not hold", line 3 (assert total == expected,' in told[0]
    assert told[0].endswith("AssertionError: the sum is 45, not 46")
    assert ill.stderr == f"deepweeks: 1 of 1 weeks failed: 3; what they left is in {tmp_path / 'build/failed'}\n"
    assert kept(tmp_path) == good
    left = json.loads((tmp_path / "build/failed/week03_convolution.ipynb").read_text())
    outputs = [cell["outputs"] for cell in left["cells"] if cell["cell_type"] == "code"]
    assert outputs[2][0]["text"] == ["45\n"] and outputs[3][0]["ename"] == "AssertionError" and outputs[4] == []
