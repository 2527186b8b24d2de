"""From a recipe to a model: the same every time, and seen as it goes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from limelight.errors import InputError, WeightError
from limelight.hub import open_model, save
from limelight.inputs import Text
from limelight.tasks.recipes import Workshop
from limelight.tasks.recipes.translate.trade import Translating, read_split
from limelight.tasks.translate.task import Translate
from limelight.train import Evaluated, Event, Finished, Recipe, Saved, Started, Stepped, read_recipe

TRADE = Translating()
prepare, learn, translations, evaluate = TRADE.prepare, TRADE.learn, TRADE.answers, TRADE.evaluate
RECIPE = """
name = "small"
[data]
path = "pairs.tsv"
test = 12
valid = 8
[tokenizer]
vocab = 380
[model]
dim = 32
heads = 4
encoder_depth = 1
decoder_depth = 1
hidden = 32
length = 40
dropout = 0.1
[batches]
tokens = 400
max_length = 30
[plan]
steps = 6
warmup = 2
lr = 3e-3
log_every = 2
eval_every = 3
save_every = 4
precision = "fp32"
average = { kind = "ema", decay = 0.9 }
[eval]
beam = 2
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in tiny.ALL), encoding="utf-8")
    (folder / "small.toml").write_text(RECIPE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def recipe(beside: Path) -> Recipe:
    return read_recipe(beside / "small.toml")


@pytest.fixture(scope="module")
def events(recipe: Recipe, beside: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path, list[Event]]:
    """A whole training, with the folder it left."""
    folder = tmp_path_factory.mktemp("run") / "small"
    workshop = prepare(recipe, beside, device="cpu")
    return workshop, folder, list(learn(workshop, folder=folder))


def weights(workshop: Workshop) -> list[torch.Tensor]:
    return list(workshop.model.state_dict().values())


def test_preparing_twice_gives_the_same(recipe: Recipe, beside: Path) -> None:
    one = prepare(recipe, beside, device="cpu")
    torch.manual_seed(99)
    torch.randn(5)
    two = prepare(recipe, beside, device="cpu")
    assert one.text.to_json() == two.text.to_json()
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))
    assert (one.split.train, one.split.valid, one.split.test) == (two.split.train, two.split.valid, two.split.test)
    assert [b.tolist() for b in one.batches.order(3)] == [b.tolist() for b in two.batches.order(3)]


def test_another_seed_gives_other_weights_and_the_same_parts(recipe: Recipe, beside: Path) -> None:
    one = prepare(recipe, beside, device="cpu")
    two = prepare(replace(recipe, plan=replace(recipe.plan, seed=1)), beside, device="cpu")
    assert not all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))
    assert one.split.test == two.split.test


def test_parts_have_their_sizes_and_share_no_source(recipe: Recipe, beside: Path) -> None:
    split = read_split(recipe, beside)
    parts = [{p.source for p in split.train}, {e.source for e in split.valid}, {e.source for e in split.test}]
    assert [len(p) for p in parts] == [180, 8, 12]
    assert all(not a & b for a, b in itertools.combinations(parts, 2))


def test_pieces_are_learnt_from_the_training_part_alone(recipe: Recipe, beside: Path) -> None:
    found = prepare(recipe, beside, device="cpu")
    assert found.text.to_json() == Text.train((side for pair in found.split.train for side in pair), vocab=380).to_json()
    assert found.model.spec == recipe.spec(len(found.text))


def test_a_run_that_goes_on_keeps_its_pieces(recipe: Recipe, beside: Path, tmp_path: Path) -> None:
    kept = Text.train(["other words than those of the data"] * 5, vocab=290)
    (tmp_path / "tokenizer.json").write_text(kept.to_json(), encoding="utf-8")
    found = prepare(recipe, beside, folder=tmp_path, device="cpu")
    assert found.text.to_json() == kept.to_json()
    assert found.model.spec.encoder is not None
    assert found.model.spec.encoder.input.vocab == len(kept)
    assert prepare(recipe, beside, folder=tmp_path / "new", device="cpu").text.to_json() != kept.to_json()


def test_pieces_that_were_damaged_are_not_learnt_anew(recipe: Recipe, beside: Path, tmp_path: Path) -> None:
    """New pieces would not fit the checkpoints that stand beside them."""
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(WeightError, match=r"tokenizer\.json is not a tokenizer"):
        prepare(recipe, beside, folder=tmp_path, device="cpu")


def test_learning_tells_what_it_does(events: tuple[Workshop, Path, list[Event]]) -> None:
    workshop, folder, told = events
    assert [type(e) for e in told] == [Started, Stepped, Evaluated, Stepped, Saved, Stepped, Saved, Evaluated, Finished]
    assert [e.step for e in told] == [0, 2, 3, 4, 4, 6, 6, 6, 6]
    losses = [e.nll for e in told if isinstance(e, Stepped)]
    assert losses[-1] < losses[0]
    assert (folder / "tokenizer.json").read_text(encoding="utf-8") == workshop.text.to_json()
    assert read_recipe(folder / "recipe.toml") == workshop.recipe


def test_a_glance_goes_with_each_evaluation(events: tuple[Workshop, Path, list[Event]]) -> None:
    glances = [e.scores for e in events[2] if isinstance(e, Evaluated)]
    for scores in glances:
        assert {"BLEU", "chrF"} <= scores.keys()
        assert all(0 <= value <= 100 for value in scores.values())
    assert len(glances) == 2


def test_a_glance_does_not_change_what_is_learnt(recipe: Recipe, beside: Path, events: tuple[Workshop, Path, list[Event]]) -> None:
    blind = prepare(replace(recipe, plan=replace(recipe.plan, eval_every=0)), beside, device="cpu")
    for _ in learn(blind, folder=None):
        pass
    assert all(torch.equal(a, b) for a, b in zip(weights(blind), weights(events[0]), strict=True))


def test_a_finished_run_that_is_taken_up_has_nothing_to_do(
    recipe: Recipe, beside: Path, events: tuple[Workshop, Path, list[Event]]
) -> None:
    workshop, folder, _ = events
    again = prepare(recipe, beside, folder=folder, device="cpu")
    told = list(learn(again, folder=folder))
    assert [type(e) for e in told] == [Started, Evaluated, Finished]
    assert all(torch.equal(a, b) for a, b in zip(weights(again), weights(workshop), strict=True))


def test_a_trained_model_answers_without_dropout(events: tuple[Workshop, Path, list[Event]]) -> None:
    """A training leaves its model in training mode; two answers to one question must not differ."""
    workshop = events[0]
    workshop.model.train()
    ask = Translate(workshop.opened())
    assert len({ask("Tom sees a book.").nbest[0].score for _ in range(3)}) == 1


def test_a_workshop_says_what_its_model_is(events: tuple[Workshop, Path, list[Event]], tmp_path: Path) -> None:
    workshop = events[0]
    m = workshop.manifest
    assert (m.name, m.task, m.source_language, m.target_language) == ("small", "translate", "en", "fr")
    assert (m.generation.max_source, m.generation.max_length, m.generation.beam) == (30, 60, 2)
    assert (m.generation.pad, m.generation.start, m.generation.end) == (workshop.text.pad, workshop.text.start, (workshop.text.end,))
    save(tmp_path / "m", model=workshop.model, text=workshop.text, manifest=m, card="")
    assert open_model(tmp_path / "m", device="cpu", dtype="fp32").manifest == m


def test_held_out_sentences_are_translated_in_order_and_scored(events: tuple[Workshop, Path, list[Event]]) -> None:
    workshop = events[0]
    opened, examples = workshop.opened(), workshop.split.test
    found = translations(opened, examples)
    assert found == [r.text for r in Translate(opened)([e.source for e in examples])]
    assert [s.name for s in evaluate(opened, examples)][:2] == ["BLEU", "chrF"]
    assert translations(opened, examples, beam=1) == [r.text for r in Translate(opened)([e.source for e in examples], beam=1)]


def test_a_long_sentence_does_not_end_an_evaluation(events: tuple[Workshop, Path, list[Event]]) -> None:
    """A user is told that it is longer than the training's; after hours of training, a score is wanted all the same."""
    opened = events[0].opened()
    example = replace(events[0].split.test[0], source="Tom " * 34)
    with pytest.raises(InputError, match="has learnt from at most 30"):
        Translate(opened)(example.source)
    assert len(translations(opened, [example], beam=1)) == 1
