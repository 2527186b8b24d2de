"""The models that come with the package do what the README shows, and say how well."""

from __future__ import annotations

from pathlib import Path

import pytest

import limelight
from limelight.hub import bundled
from limelight.tasks.translate.task import Translate

MOUSE = "The black cat ate the mouse."


@pytest.fixture(scope="module")
def translate() -> Translate:
    return limelight.task("translate", "en-fr")


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("beam", [1, 4])
def test_the_black_cat_ate_the_mouse(beam: int, dtype: str) -> None:
    result = Translate(limelight.open("en-fr", dtype=dtype))(MOUSE, beam=beam)
    assert result.text == "Le chat noir a mangé la souris."
    assert {("cat", "chat"), ("black", "noir"), ("ate", "mangé"), ("mouse", "souris")} <= set(result.alignment.pairs)
    assert result.complete


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("I love you.", ("Je t'aime.", "Je vous aime.")),
        ("She lost her keys.", ("Elle a perdu ses clés.", "Elle perdit ses clés.")),
        ("Good morning.", ("Bonjour.",)),
        ("It is raining.", ("Il pleut.",)),
        ("My brother's house is bigger than mine.", ("La maison de mon frère est plus grande que la mienne.",)),
    ],
)
def test_everyday_sentences(translate: Translate, said: str, wanted: tuple[str, ...]) -> None:
    assert translate(said).text in wanted


def test_the_manifest_says_what_was_measured(translate: Translate) -> None:
    m = translate.opened.manifest
    assert m.aligner is not None
    assert m.aligner.aer < 0.5
    assert m.aligner.pairs > 300
    assert float(m.card.scores["BLEU"]) > 50
    assert m.card.attribution
    assert m.card.license


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_model_is_small_and_has_its_recipe(name: str) -> None:
    folder = bundled()[name]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 25e6
    assert (Path(__file__).parents[1] / limelight.open(name).manifest.card.recipe).is_file()
