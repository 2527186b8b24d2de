"""The model of spoken digits that comes with the package hears what was said, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

import limelight
from limelight.hub import bundled
from limelight.tasks.recipes import trade_of
from limelight.tasks.recipes.transcribe.hearing import Recorded
from limelight.train import read_recipe
from limelight.train.recipes.reading import data_root

RECIPE = Path(__file__).parents[1] / "recipes" / "digits-en.toml"
FEW = 60

pytestmark = [pytest.mark.slow, pytest.mark.skipif("digits-en" not in bundled(), reason="the model digits-en is not bundled")]


@pytest.fixture(scope="module")
def said() -> list[Recorded]:
    if not (data_root() / "free_spoken_digits").is_dir():
        pytest.skip("the recordings are not here: set LIMELIGHT_DATA")
    recipe = read_recipe(RECIPE)
    return trade_of(recipe.task).held_out(recipe, RECIPE.parent, "test")[:FEW]


def test_digits_are_heard_when_they_are_said(said: list[Recorded]) -> None:
    transcribe = limelight.task("transcribe", "digits-en")
    heard = transcribe([each.sound for each in said], words=True)
    right = [found for found, each in zip(heard, said, strict=True) if found.text == each.said.text]
    assert len(right) > 0.75 * FEW  # strings of up to eight words, all of them right
    found = {each.name: each.value for each in trade_of("transcribe").scores(said, heard)}
    assert found["word error rate"] < 8
    assert found["word times within 50 ms"] > 75


def test_the_card_says_how_well_it_hears() -> None:
    scores = limelight.open("digits-en").manifest.card.scores
    assert float(scores["word error rate"]) < 6
