"""The models that come with the package do what the README shows, and say how well."""

from __future__ import annotations

from pathlib import Path

import pytest

import limelight
from limelight.claims.faithful import kept
from limelight.hub import bundled
from limelight.look.evidence import METHODS
from limelight.tasks.classify.task import Classify
from limelight.tasks.recipes import trade_of
from limelight.tasks.recipes.classify.explaining import measured
from limelight.tasks.translate.task import Translate
from limelight.train import read_recipe

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).parents[1] / "recipes"

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
    assert m.aligner.aer < 0.32
    assert m.aligner.pairs > 300
    assert float(m.card.scores["BLEU"]) > 50
    assert m.card.attribution
    assert m.card.license


@pytest.fixture(scope="module")
def classify() -> Classify:
    return limelight.task("classify", "sentiment-en")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("I love my new iPhone, the camera is amazing", "positive"),
        ("I hate my new iPhone, the camera is terrible", "negative"),
        ("It is not good at all.", "negative"),
        ("A waste of money: it broke after two days.", "negative"),
        ("Works great, I highly recommend it!", "positive"),
        ("A moving film with wonderful actors.", "positive"),
        ("The plot is dull and the acting is bad.", "negative"),
    ],
)
def test_everyday_opinions(classify: Classify, said: str, wanted: str) -> None:
    assert classify(said).label == wanted


def test_both_sides_of_a_mixed_review_are_shown(classify: Classify) -> None:
    result = classify("The camera quality is excellent, but the battery life is disappointing", why=True)
    assert result.why is not None
    side = 1 if result.label == "positive" else -1
    effects = {each.text: side * each.effect for each in result.why.words}
    assert effects["excellent"] == max(effects.values()) > 0
    assert effects["disappointing"] == min(effects.values()) < 0


def test_a_long_review_is_read_to_its_end(classify: Classify) -> None:
    result = classify("I wore it on Monday, and it was blue. " * 60 + "It is a terrible, awful waste of money. " * 60)
    assert len(result.parts) > 1
    assert result.parts[-1].span[1] == len(result.source)
    assert {each.label: each.score for each in result.parts[-1].labels}["negative"] > 0.9


def test_how_sure_it_is_was_measured(classify: Classify) -> None:
    found = classify.opened.manifest.calibration
    assert found is not None
    assert set(found.after) == {each.name for each in read_recipe(RECIPES / "sentiment-en.toml").data.sets}
    assert sum(found.after.values()) / len(found.after) < 0.06


def test_how_its_words_are_told_was_chosen_by_measurement(classify: Classify) -> None:
    found = classify.opened.manifest.evidence
    assert found is not None
    page = next(each for each in kept(RECIPES.parent / "docs" / "evidence") if each.model == "sentiment-en")
    rows = {row[0]: row for row in page.tables[0].rows}
    assert list(rows) == [*(each.method for each in found.methods), found.random.method]
    for each in (*found.methods, found.random):
        assert (rows[each.method][1].mean, rows[each.method][2].mean) == pytest.approx((each.comprehensiveness, each.sufficiency), abs=1e-4)
    assert (page.best, page.texts) == (found.methods[0].method, found.texts)
    assert {each.method for each in found.methods} == set(METHODS)
    why = classify("The camera quality is excellent, but the battery life is disappointing", why=True).why
    assert why is not None
    assert why.method == found.methods[0].method
    first = found.methods[0]
    assert f"comprehensiveness {first.comprehensiveness:.2f} ± {first.within[0]:.2f}" in why.trust[-1]
    assert "best of 5" in why.trust[-1]


def test_the_ways_rank_again_as_they_were_measured(data_sets: Path, classify: Classify) -> None:
    """On twelve texts of one set; `limelight eval sentiment-en --evidence 100` does it for all."""
    recipe = read_recipe(RECIPES / "sentiment-en.toml")
    if not all((data_sets / each.path.removeprefix("$LIMELIGHT_DATA/")).exists() for each in recipe.data.sets):
        pytest.skip(f"not all sets of {recipe.name} are in {data_sets}")
    some = [each for each in trade_of("classify").held_out(recipe, RECIPES, "test") if each.of == "product sentences"]
    found = measured(classify.opened, some, each=12)
    assert set(found.ranked[:3]) == {"leave-one-out", "integrated-gradients", "gradient-x-input"}
    assert found.beyond(found.ranked[0], "random order").low > 0


def test_the_scores_of_its_card_come_again(data_sets: Path) -> None:
    """On the smallest sets; `limelight eval sentiment-en` does it for all of them, in half a minute."""
    recipe = read_recipe(RECIPES / "sentiment-en.toml")
    if not all((data_sets / each.path.removeprefix("$LIMELIGHT_DATA/")).exists() for each in recipe.data.sets):
        pytest.skip(f"not all sets of {recipe.name} are in {data_sets}")
    some = [each for each in trade_of("classify").held_out(recipe, RECIPES, "test") if each.of in ("product sentences", "film sentences")]
    exact = limelight.open("sentiment-en", dtype="fp32")
    for score in trade_of("classify").evaluate(exact, some):
        assert round(score.value, 1) == exact.manifest.card.scores[score.name]


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_model_is_small_and_has_its_recipe(name: str) -> None:
    folder = bundled()[name]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 25e6
    assert (Path(__file__).parents[1] / limelight.open(name).manifest.card.recipe).is_file()
