"""Cells are measured once, kept whole, and found again after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from limelight import InputError
from limelight.claims import Lab, Progress

KILLED = """
import os, sys
from pathlib import Path
from limelight.claims import Lab
folder = Path(sys.argv[1])
def make(n):
    with (folder / "made.txt").open("a") as file:
        file.write(f"{n} ")
    if n == 2 and "die" in sys.argv:
        os.kill(os.getpid(), 9)
    return {"n": n}
lab = Lab(folder)
print([lab.cell(f"cell {n}", {"n": n}, lambda n=n: make(n))["n"] for n in range(4)])
"""


def test_a_cell_is_made_once(tmp_path: Path) -> None:
    told: list[Progress] = []
    lab, made = Lab(tmp_path, tell=told.append), []

    def make() -> dict[str, float]:
        made.append(1)
        return {"nats": 1.25}

    first, again = lab.cell("x", {"a": 1}, make), Lab(tmp_path).cell("x", {"a": 1}, make)
    assert first == again == {"nats": 1.25}
    assert made == [1]
    assert [(each.what, each.done) for each in told] == [("x", 0), ("x", 1)]
    assert lab.cells == 1
    assert lab.seconds > 0


def test_what_decides_tells_cells_apart(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    assert [lab.cell("x", {"seed": seed}, lambda seed=seed: {"n": seed})["n"] for seed in (0, 1)] == [0, 1]
    assert lab.cell("another name", {"seed": 1}, lambda: {"n": 9}) == {"n": 1}


def test_what_is_made_is_what_is_read(tmp_path: Path) -> None:
    assert Lab(tmp_path).cell("x", {}, lambda: {"pair": (1, 2), "by number": {1: 2}}) == {"pair": [1, 2], "by number": {"1": 2}}


def test_a_killed_run_repeats_no_finished_cell(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert subprocess.run([*command, "die"], env=environment, check=False).returncode == -9
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, 1, 2, 3]
    assert (tmp_path / "made.txt").read_text().split() == ["0", "1", "2", "2", "3"]


def test_a_torn_file_is_made_anew(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.cell("x", {}, lambda: {"n": 1})
    (path,) = (tmp_path / "cells").glob("*.json")
    path.write_text(path.read_text()[:30])
    assert lab.cell("x", {}, lambda: {"n": 2}) == {"n": 2}


def test_a_figure_that_is_no_number_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not finite"):
        Lab(tmp_path).cell("a loss", {}, lambda: {"nats": float("nan")})
    assert list((tmp_path / "cells").glob("*")) == []


def test_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="seed"):
        Lab(tmp_path, seeds=())
    with pytest.raises(InputError, match="cannot be made"):
        Lab(tmp_path / "file").cell("x", {}, dict)
