"""The model of blood cells that comes with the package finds them in pictures that it never saw."""

from __future__ import annotations

from pathlib import Path

import pytest

import limelight
from limelight.hub import bundled
from limelight.inputs.pictures import read
from limelight.tasks.recipes import trade_of
from limelight.train import read_recipe
from limelight.train.recipes.reading import data_root

RECIPE = Path(__file__).parents[1] / "recipes" / "blood-cells.toml"
FEW = 12

pytestmark = [pytest.mark.slow, pytest.mark.skipif("blood-cells" not in bundled(), reason="the model blood-cells is not bundled")]


def test_cells_are_found_where_they_are() -> None:
    if not (data_root() / "bccd_detection").is_dir():
        pytest.skip("the pictures are not here: set LIMELIGHT_DATA")
    recipe = read_recipe(RECIPE)
    trade = trade_of(recipe.task)
    some = trade.held_out(recipe, RECIPE.parent, "test")[:FEW]
    found = trade.answers(limelight.open("blood-cells"), some)
    assert {each.name: each.value for each in trade.scores(some, found)}["mAP50"] > 70
    picture = read(some[0].path)
    result = limelight.task("detect", "blood-cells")(picture, threshold=0.5)
    assert {one.label for one in result.found} <= {"RBC", "WBC", "Platelets"}
    rows, columns = picture.size
    for left, top, right, bottom in (one.box for one in result.found):
        assert 0 <= left < right <= columns
        assert 0 <= top < bottom <= rows


def test_the_card_says_how_much_it_finds_of_each_kind() -> None:
    scores = limelight.open("blood-cells").manifest.card.scores
    assert float(scores["mAP50"]) > 75
