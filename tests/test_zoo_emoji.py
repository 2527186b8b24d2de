"""The models of emoji that come with the package tell names that they never learnt apart, and draw by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import limelight
from limelight.hub import bundled
from limelight.tasks.recipes import trade_of
from limelight.train import read_recipe
from limelight.train.recipes.reading import data_root

RECIPES = Path(__file__).parents[1] / "recipes"
FEW = 100

pytestmark = pytest.mark.slow


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(name not in bundled(), reason=f"the model {name} is not bundled")


@needs("emoji-caption")
def test_held_out_emoji_are_told_apart_by_their_names() -> None:
    if not (data_root() / "noto_emoji").is_dir():
        pytest.skip("the pictures are not here: set LIMELIGHT_DATA")
    recipe = read_recipe(RECIPES / "emoji-caption.toml")
    trade = trade_of(recipe.task)
    some = trade.held_out(recipe, RECIPES, "test")[:FEW]
    found = trade.answers(limelight.open("emoji-caption"), some)
    assert {each.name: each.value for each in trade.scores(some, found)}["own text, median place"] < FEW / 3  # by chance: half of them


@needs("emoji-draw")
def test_what_is_drawn_depends_on_the_name_and_on_the_seed_alone() -> None:
    draw = limelight.task("draw", "emoji-draw")
    cat, again, other, heart = (
        np.asarray(draw(text, seeds=(seed,)).pictures[0].image, float)
        for text, seed in (("cat face", 0), ("cat face", 0), ("cat face", 1), ("red heart", 0))
    )
    assert (cat == again).all()
    assert (cat != other).any()
    red, green = heart[..., 0].mean(), heart[..., 1].mean()
    assert red > 1.2 * green  # hearts are red; cats are not
    assert cat[..., 0].mean() < 1.2 * cat[..., 1].mean()


@needs("emoji-caption")
def test_the_card_says_how_far_names_are_told_apart() -> None:
    scores = limelight.open("emoji-caption").manifest.card.scores
    assert float(scores["own text, median place"]) < 50


@needs("emoji-draw")
def test_the_card_says_how_far_drawings_are_told_apart() -> None:
    drawn = limelight.open("emoji-draw").manifest.card.scores
    assert float(drawn["drawing's text, median place"]) < 100  # of 200; by chance 100
