"""That the recipes of docs/recipes.md are recipes, one of each task that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from limelight.train import read_recipe

PAGE = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## (\w+)\n.*?^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_there_is_one_of_each() -> None:
    assert list(BLOCKS) == ["Translate", "Classify", "Reply", "Caption", "Detect", "Transcribe", "Draw"]


@pytest.mark.parametrize("task", BLOCKS)
def test_it_is_a_recipe_of_its_task(task: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BLOCKS[task], encoding="utf-8")
    assert read_recipe(path).task == task.lower()
