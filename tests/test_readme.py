"""Every command and every snippet of the README runs, in order, as a new user would type it.

The first of each kind are started as a user starts them, the others out of one warm process (see warm.py).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from limelight.hub import bundled
from limelight.train.recipes.reading import data_root

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
COLD = {next(n for n, (each, _) in enumerate(BLOCKS) if each == kind) for kind in ("bash", "python")}
NEEDS_DATA = ("recipes/", "claims run")
CONTRACT = "This agreement is made between the seller and the buyer. The buyer pays within thirty days of delivery.\n"
pytestmark = [pytest.mark.slow, pytest.mark.skipif("en-fr" not in bundled(), reason="the model en-fr is not bundled yet")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it: the recipes beside, a shelf of models, a long document, nothing else."""
    from shelf import shelf

    folder = tmp_path_factory.mktemp("desk")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    shelf(folder)
    (folder / "contract.txt").write_text(CONTRACT * 60, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the commands of the warm process lie."""
    from warm import commands

    with commands(tmp_path_factory.mktemp("warm")) as folder:
        yield folder


def run(command: list[str], folder: Path, scripts: Path) -> None:
    """Run it with these scripts first on the path; it must end well and say something."""
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "LIMELIGHT_DATA": str(data_root())}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
    assert (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(number: int, desk: Path, request: pytest.FixtureRequest) -> None:
    kind, text = BLOCKS[number]
    if any(each in text for each in NEEDS_DATA) and not (data_root() / "tatoeba_eng_fra").is_dir():
        pytest.skip("the data sets are not here: set LIMELIGHT_DATA")
    scripts = Path(sys.executable).parent if number in COLD else request.getfixturevalue("scripts")
    command = ["bash", "-euo", "pipefail", "-c", text] if kind == "bash" else [str(scripts / "python"), "-c", text]
    run(command, desk, scripts)


def test_the_readme_shows_something_of_each_kind() -> None:
    assert {kind for kind, _ in BLOCKS} == {"bash", "python"}
    assert len(BLOCKS) >= 6
