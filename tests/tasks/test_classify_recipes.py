"""From a recipe to a classifier: what it learns, how sure it is, and its card."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import moody
from limelight.data import read_table
from limelight.data.opinions import Judged
from limelight.errors import InputError, RecipeError
from limelight.hub import Opened, open_model
from limelight.look.evidence import METHODS
from limelight.tasks.classify.classified import Classified, Part, Scored
from limelight.tasks.classify.task import Classify
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.classify.calibration import Read, best_temperature, cool
from limelight.tasks.recipes.classify.explaining import chosen, measured
from limelight.tasks.recipes.classify.scoring import Answers, accuracy, balanced, calibration_error, score
from limelight.tasks.recipes.classify.trade import EXPLAINED, Classifying, rates, read_parts
from limelight.train import ClassifyRecipe, Evaluated, Event, Finished, Started, Stepped, read_recipe

TRADE = Classifying()


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moody.written(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def recipe(beside: Path) -> ClassifyRecipe:
    found = read_recipe(beside / "mood.toml")
    assert isinstance(found, ClassifyRecipe)
    return found


@pytest.fixture(scope="module")
def learnt(recipe: ClassifyRecipe, beside: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path, list[Event]]:
    """A whole training, with the folder it left."""
    folder = tmp_path_factory.mktemp("run") / "mood"
    workshop = TRADE.prepare(recipe, beside, device="cpu")
    return workshop, folder, list(TRADE.learn(workshop, folder=folder))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Workshop, Path, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Its model folder, open."""
    path = TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "mood", beside=beside, trained="here and now")
    return open_model(path, device="cpu", dtype="fp32")


def test_preparing_twice_gives_the_same(recipe: ClassifyRecipe, beside: Path) -> None:
    one = TRADE.prepare(recipe, beside, device="cpu")
    torch.randn(5)
    two = TRADE.prepare(recipe, beside, device="cpu")
    assert one.text.to_json() == two.text.to_json()
    assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values(), strict=True))
    assert [b.tolist() for b in one.batches.order(3)] == [b.tolist() for b in two.batches.order(3)]


def test_capitals_are_read_as_small_letters(learnt: tuple[Workshop, Path, list[Event]]) -> None:
    text = learnt[0].text
    assert text.encode("A GOOD Phone").ids == text.encode("a good phone").ids
    assert text.encode("A GOOD Phone").offsets[0][0] == 0


def test_texts_are_read_as_often_as_the_recipe_says(recipe: ClassifyRecipe, beside: Path) -> None:
    train = read_parts(recipe, beside).train
    found = rates(recipe, train)
    times = Counter[tuple[str, str]]()
    for each, rate in zip(train, found, strict=True):
        times[each.of, each.label] += rate
    sizes = Counter(each.of for each in train)
    assert times["lines", "positive"] == pytest.approx(times["lines", "negative"])
    assert sum(times[one] for one in times if one[0] == "lines") == pytest.approx(2.0 * sizes["lines"])
    assert {rate for each, rate in zip(train, found, strict=True) if each.of == "folders"} == {0.5}


def test_it_learns_and_tells_how_far_it_is(learnt: tuple[Workshop, Path, list[Event]]) -> None:
    workshop, folder, events = learnt
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    losses = [each.nll for each in events if isinstance(each, Stepped)]
    assert losses[-1] < losses[0] / 2
    glance = [each.scores for each in events if isinstance(each, Evaluated)][-1]
    assert glance.keys() == {"lines", "folders"}
    assert glance["lines"] > 90
    assert read_recipe(folder / "recipe.toml") == workshop.recipe


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(
    recipe: ClassifyRecipe, beside: Path, learnt: tuple[Workshop, Path, list[Event]], tmp_path: Path
) -> None:
    first = TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu")
    events = TRADE.learn(first, folder=tmp_path)
    while not (isinstance(event := next(events), Stepped) and event.step >= 8):
        pass
    events.close()                                                   # after the checkpoint of step 6, as a kill would
    again = TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu")
    started = next(events := TRADE.learn(again, folder=tmp_path))
    assert isinstance(started, Started)
    assert started.step == 6
    assert isinstance(list(events)[-1], Finished)
    for a, b in zip(again.model.state_dict().values(), learnt[0].model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_what_is_shipped_is_calibrated_and_says_so(shipped: Opened, learnt: tuple[Workshop, Path, list[Event]]) -> None:
    m = shipped.manifest
    assert (m.task, m.generation.max_source) == ("classify", 24)
    found = m.calibration
    assert found is not None
    assert found.before.keys() == found.after.keys() == {"lines", "folders"}
    assert found.chosen_on == len(learnt[0].split.valid)
    assert found.temperature != 1.0
    assert float(m.card.scores["accuracy, lines"]) > 90
    card = (shipped.folder / "README.md").read_text(encoding="utf-8")
    for said in ("# mood", "temperature of", "| lines |", "near", "in windows", "limelight eval mood", "It is a toy."):
        assert said in card


def test_the_scores_of_the_card_come_again(shipped: Opened, recipe: ClassifyRecipe, beside: Path) -> None:
    examples = TRADE.held_out(recipe, beside, "test")
    for each in TRADE.evaluate(shipped, examples):
        assert shipped.manifest.card.scores[each.name] == round(each.value, 1)
    errors = {each.name.partition(", ")[2]: each.value for each in TRADE.evaluate(shipped, examples) if each.name.startswith("calibration")}
    assert shipped.manifest.calibration is not None
    assert errors == pytest.approx({name: 100 * value for name, value in shipped.manifest.calibration.after.items()}, abs=0.01)


def test_words_that_decided_are_shown(shipped: Opened) -> None:
    result = Classify(shipped)("The camera is GOOD at home 77.", why=True)
    assert result.label == "positive"
    assert result.why is not None
    assert {each.text: each.effect > 0 for each in result.why.words}["GOOD"]


def test_it_says_how_faithful_the_words_are(shipped: Opened, recipe: ClassifyRecipe, beside: Path) -> None:
    found = shipped.manifest.evidence
    assert found is not None
    assert {each.method for each in found.methods} == set(METHODS)
    assert (found.measured_on, found.texts) == ("lines, folders", EXPLAINED + 8)
    gains = [each.comprehensiveness - each.sufficiency for each in found.methods]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > found.random.comprehensiveness - found.random.sufficiency + 0.1
    again = TRADE.evidence(TRADE.held_out(recipe, beside, "test"), 2)(shipped, lambda _: None)
    assert (again.sets, again.evidence.texts) == (["lines", "lines", "folders", "folders"], 4)
    assert {each["method"] for each in again.aside.plain["evidence"]} == {*METHODS, "random order"}
    card = (shipped.folder / "README.md").read_text(encoding="utf-8")
    assert f"`--why` tells it by {found.methods[0].method}, the most faithful of 5 ways on {found.texts} texts" in card
    why = Classify(shipped)("The camera is GOOD at home 77.", why=True).why
    assert why is not None
    assert why.method == found.methods[0].method
    assert "best of 5" in why.trust[-1]


def test_the_first_of_each_set_are_explained_and_the_numbers_are_their_means(shipped: Opened) -> None:
    said = [f"the {thing} is {mood}" for thing in ("lens", "case", "box") for mood in ("good", "bad")]
    texts = [Judged(each, "positive", of) for of in "ab" for each in said]
    assert [each.of for each in chosen(texts, 2)] == ["a", "a", "b", "b"]
    done = list[int]()
    found = measured(shipped, [*texts, Judged(" ", "positive", "c")], each=4, tell=done.append)
    assert done == [0, 9]
    assert (found.sets, found.words, found.how) == (["a"] * 4 + ["b"] * 4, [4] * 8, "left out")
    for name, each in found.each.items():
        mean = sum(one.comprehensiveness for one in each) / 8
        assert found.comprehensiveness(name).mean == pytest.approx(mean)
        assert found.comprehensiveness(name, "a").mean == pytest.approx(sum(one.comprehensiveness for one in each[:4]) / 4)
        assert found.curve(name)[0].mean == pytest.approx(sum(one.curve[0] for one in each) / 8)
    assert found.beyond("attention", "attention").mean == 0
    with pytest.raises(InputError, match="none of the texts has a word"):
        measured(shipped, [Judged(" ", "positive", "c")], each=4)


def test_rows_of_a_table(shipped: Opened, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("said\tmood\nthe lens is good in may 7.\tPositive\nthe case is bad today 41.\tnegative\n")
    found = TRADE.of_table(shipped, read_table(path), ("said", "mood"))
    assert [(each.text, each.label) for each in found] == [
        ("the lens is good in may 7.", "positive"),
        ("the case is bad today 41.", "negative"),
    ]
    answers = TRADE.answers(shipped, found)
    row = TRADE.row(found[0], answers[0])
    assert row.keys() == TRADE.kept().keys()
    assert (row["answer"], row["label"]) == ("positive", "positive")
    path.write_text("said\tmood\ngood\tpositve\n")
    with pytest.raises(InputError, match=r"row 1: no label 'positve'.*Did you mean \"positive\""):
        TRADE.of_table(shipped, read_table(path), ("said", "mood"))
    path.write_text("said\tmood\n \tpositive\n")
    with pytest.raises(InputError, match="row 1: a text with nothing in it"):
        TRADE.of_table(shipped, read_table(path), ("said", "mood"))


def test_labels_that_the_model_does_not_know(shipped: Opened) -> None:
    with pytest.raises(InputError, match="the model knows no label 'angry'"):
        TRADE.evaluate(shipped, [Judged("the phone is good", "angry", "a")])


def test_a_rehearsal_reads_few_of_each_label(recipe: ClassifyRecipe, beside: Path) -> None:
    parts = read_parts(recipe, beside, few=40)
    assert len(parts.train) + len(parts.valid) + len(parts.test) <= 80
    assert {each.label for each in parts.train} == {"positive", "negative"}


def test_only_translations_are_aligned(recipe: ClassifyRecipe, beside: Path) -> None:
    with pytest.raises(RecipeError, match="--align is about translations; the recipe mood is for the task classify"):
        TRADE.alignment(recipe, beside)
    with pytest.raises(RecipeError, match=r'no model that was made to "summarise" is trained or scored here.*classify, .*translate'):
        trade_of("summarise")


# --- how right, and how sure -------------------------------------------------------------------------------------------
ODDS = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.45, 0.55]])
TRUTH = np.array([0, 1, 1, 1])


def test_scores_by_hand() -> None:
    assert accuracy(ODDS, TRUTH) == 0.75
    assert balanced(ODDS, TRUTH) == pytest.approx((1 + 2 / 3) / 2)
    assert balanced(ODDS[1:], TRUTH[1:]) == pytest.approx(2 / 3)
    # 0.9, 0.8, 0.7 and 0.55 fall into four of fifteen bins: |0.9 - 1|, |0.8 - 0|, |0.7 - 1|, |0.55 - 1|
    assert calibration_error(ODDS, TRUTH) == pytest.approx((0.1 + 0.8 + 0.3 + 0.45) / 4)
    assert calibration_error(np.array([[1.0, 0.0]] * 2), np.array([0, 0])) == 0.0
    together = np.array([[0.75, 0.25]] * 4)
    assert calibration_error(together, np.array([0, 0, 0, 1])) == pytest.approx(0.0)


def test_scores_have_intervals_and_names() -> None:
    found = score(Answers("lines", np.tile(ODDS, (25, 1)), np.tile(TRUTH, 25)))
    assert [each.name for each in found] == ["accuracy, lines", "balanced accuracy, lines", "calibration error, lines"]
    assert found[0].value == 75
    assert found[0].interval == pytest.approx(8.5, abs=1.0)          # 1.96 * sqrt(0.75 * 0.25 / 100)
    assert "100 texts" in found[0].signature
    with pytest.raises(InputError, match="Score at least one text"):
        Answers("lines", ODDS[:0], TRUTH[:0])


def classified(*windows: tuple[int, float]) -> Classified:
    """An answer of windows, each with its tokens and its probability of "b"."""
    parts = tuple(Part((0, 1), tokens, (Scored("b", p), Scored("a", 1 - p))) for tokens, p in windows)
    return Classified(task="classify", model="m", source="x", cost=moody.COST, labels=parts[0].labels, parts=parts)


def test_a_temperature_is_found_that_was_put_in() -> None:
    """Texts are drawn from probabilities; their logits are made three times too large; three is found, to the noise of the draw."""
    random = np.random.default_rng(0)
    right = random.uniform(0.02, 0.98, 4000)
    truth = (random.random(4000) < right).astype(int)
    told = 1 / (1 + np.exp(-3 * np.log(right / (1 - right))))
    read = Read.of([classified((5, p)) for p in told], ("a", "b"), [1.0] * 4000)
    assert best_temperature(read, truth) == pytest.approx(3.0, rel=0.08)


def test_windows_are_averaged_after_the_division() -> None:
    read = Read.of([classified((10, 0.9), (30, 0.2))], ("a", "b"), [1.0])
    assert read.at(1.0)[0] == pytest.approx([1 - (0.25 * 0.9 + 0.75 * 0.2), 0.25 * 0.9 + 0.75 * 0.2])
    hot = [1 / (1 + math.exp(-math.log(p / (1 - p)) / 2)) for p in (0.9, 0.2)]
    assert read.at(2.0)[0][1] == pytest.approx(0.25 * hot[0] + 0.75 * hot[1])


def test_a_cooled_head_gives_divided_logits(shipped: Opened) -> None:
    opened = open_model(shipped.folder, device="cpu", dtype="fp32")
    before = Classify(opened)("the phone is good")
    cool(opened.model, "classes", 2.0)
    after = Classify(opened)("the phone is good")
    assert before.score is not None
    assert after.score is not None
    assert math.log(after.score / (1 - after.score)) == pytest.approx(math.log(before.score / (1 - before.score)) / 2, rel=1e-4)
