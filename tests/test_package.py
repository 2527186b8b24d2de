"""The package's own names: there, lazy, and `task`."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, limelight; limelight.LimelightError; print({'torch', 'numpy', 'typer', 'rich'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_all_is_what_dir_says_and_each_name_is_there() -> None:
    import limelight

    assert dir(limelight) == sorted(limelight.__all__)
    for name in limelight.__all__:
        assert getattr(limelight, name) is not None
    assert limelight.task.__module__ == "limelight.tasks"
    with pytest.raises(AttributeError, match="has no attribute 'tusk'"):
        _ = limelight.tusk  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_project() -> None:
    import limelight

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert limelight.__version__ == project["version"]


def test_a_task_is_ready_to_be_called(tmp_path: Path) -> None:
    import limelight
    import tiny

    pieces, model = tiny.untrained()
    from limelight.hub import save

    save(tmp_path / "m", model=model, text=pieces, manifest=tiny.manifest(pieces, model.spec), card="")
    translate = limelight.task("translate", tmp_path / "m", device="cpu", dtype="bf16")
    assert isinstance(translate, limelight.Translate)
    assert str(translate.opened.dtype) == "torch.bfloat16"
    assert isinstance(translate("Tom eats."), limelight.Result)


def test_an_unknown_task_or_model_names_the_known() -> None:
    import limelight

    with pytest.raises(limelight.TaskError, match=r'no task "translat".*Did you mean "translate"'):
        limelight.task("translat", "en-fr")
    with pytest.raises(limelight.TaskError, match='no model "nothing"'):
        limelight.task("translate", "nothing")
