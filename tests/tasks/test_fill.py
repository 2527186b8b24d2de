"""fill: the numbers of transformers' own pipeline, masks however they are written, and what a small model has learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
import wordy
from limelight.errors import InputError, RecipeError, TaskError
from limelight.tasks.fill.filled import Filled
from limelight.tasks.fill.task import Fill

TEXT = "the {} did not cross the street because the animal was too tired ."


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Fill]]:
    """Transformers' pipeline and ours over one random model of a kind."""
    held: dict[str, tuple[Any, Fill]] = {}

    def make(kind: str) -> tuple[Any, Fill]:
        if kind not in held:
            folder = tmp_path_factory.mktemp("fill") / kind
            theirs = wordy.made(kind, folder)
            pipe = wordy.hf.pipeline("fill-mask", model=theirs, tokenizer=wordy.tokens(kind), device="cpu")
            held[kind] = pipe, limelight.task("fill", folder, device="cpu", dtype="fp32")
        return held[kind]

    return make


@pytest.fixture(scope="module")
def fill(both: Callable[[str], tuple[Any, Fill]]) -> Fill:
    """A random BERT."""
    return both("bert")[1]


@pytest.fixture(scope="module")
def learnt(learnt_words: Callable[[str], Path]) -> Fill:
    """A BERT that has learnt the grammar."""
    return limelight.task("fill", learnt_words("bert"), device="cpu", dtype="fp32")


def same(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    assert [each["token"] for each in ours] == [each["token"] for each in theirs]
    for key in ("token_str", "sequence"):
        assert [each[key] for each in ours] == [each[key] for each in theirs]
    assert [each["score"] for each in ours] == pytest.approx([each["score"] for each in theirs], abs=1e-6, rel=1e-5)


KINDS = ("bert", "distilbert", "roberta", "bart")


@pytest.mark.parametrize("kind", KINDS)
def test_one_mask_is_guessed_as_the_pipeline_does(kind: str, both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both(kind)
    text = TEXT.format(pipe.tokenizer.mask_token)
    found = ours(text, top_k=7).to_json()
    wanted = pipe(text, top_k=7)
    same(found["all"], wanted)
    assert found == found | {key: wanted[0][key] for key in ("token", "token_str", "sequence")}


@pytest.mark.parametrize("kind", KINDS)
def test_several_masks_give_a_list_for_each(kind: str, both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both(kind)
    mask = pipe.tokenizer.mask_token
    text = f"the {mask} did not cross the {mask} because it was {mask} ."
    found, wanted = ours(text, top_k=3).to_json(), pipe(text, top_k=3)
    assert len(found["all"]) == len(wanted) == len(found["places"]) == 3
    assert all(text[a:b] == mask for a, b in found["places"])
    for row, theirs in zip(found["all"], wanted, strict=True):
        same(row, theirs)


def test_targets_are_scored_among_all_tokens_as_the_pipeline_does(both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both("bert")
    found = ours(TEXT.format("[MASK]"), targets=("dog", "street", "paris"))
    same([{**guess.to_json()} for guess in found.guesses[0]], pipe(TEXT.format("[MASK]"), targets=["dog", "street", "paris"]))
    assert sorted(guess.target for guess in found.guesses[0]) == ["dog", "paris", "street"]
    assert found.notes == ()
    assert len(ours(TEXT.format("[MASK]"), targets=["dog", "street"], top_k=1).guesses[0]) == 1


def test_a_target_is_the_token_that_it_would_be_in_that_place(both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both("roberta")
    (guess,) = ours(TEXT.format("<mask>"), targets=["horse"]).guesses[0]
    assert (guess.piece, guess.whole) == (" horse", True)
    same([guess.to_json()], pipe(TEXT.format("<mask>"), targets=["Ġhorse"]))


def test_of_a_target_of_several_tokens_the_first_is_scored_and_that_is_said(fill: Fill) -> None:
    found = fill(TEXT.format("[MASK]"), targets=["apples", "dog"])
    (apple,) = [guess for guess in found.guesses[0] if guess.target == "apples"]
    assert (apple.piece, apple.whole) == ("apple", False)
    assert found.notes == ('"apples" is no single token here: the score is that of its first, "apple".',)
    assert found.to_json()["notes"] == list(found.notes)
    assert found.to_json()["all"][0].keys() >= {"target", "whole"}


@pytest.mark.parametrize("target", ["", " ", "☃"])
def test_a_target_without_a_token_is_refused(target: str, fill: Fill) -> None:
    with pytest.raises(InputError, match="has no token for the target"):
        fill(TEXT.format("[MASK]"), targets=[target])


@pytest.mark.parametrize("mask", ["[MASK]", "<mask>", "___", "_____", "<MASK>"])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_mask_may_be_written_as_other_models_and_people_write_it(mask: str, kind: str, both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both(kind)
    text = TEXT.format(mask)
    found = ours(text)
    assert found.guesses == ours(TEXT.format(pipe.tokenizer.mask_token)).guesses
    ((a, b),) = found.places
    assert text[a:b] == mask
    assert found.source == text


def test_the_model_s_own_mask_is_the_only_one_where_it_stands(fill: Fill) -> None:
    assert len(fill("the [MASK] is ___ a <mask> .").places) == 1


def test_what_was_learnt_is_guessed(learnt: Fill) -> None:
    for animal, place in (("dog", "river"), ("horse", "street")):
        words = f"the {animal} did not cross the {place} because the ___ was too "
        assert {guess.piece for guess in learnt(words + "tired .", top_k=4).guesses[0]} == {*wordy.ANIMALS}
        assert {guess.piece for guess in learnt(words + "wide .", top_k=4).guesses[0]} == {*wordy.PLACES}
        assert [learnt(f"{words}{state} .", targets=[animal, place]).guesses[0][0].piece for state in ("hungry", "old")] == [animal, place]


def test_the_text_stays_as_it_was_written_but_for_the_mask(learnt: Fill) -> None:
    text = 'The  DOG did not cross the river because the (___) was "too" wide.'
    assert learnt(text, targets=["river"]).text == text.replace("___", "river")
    assert learnt("the dog and the ___ .", targets=["Cat"]).text == "the dog and the cat ."


def test_the_end_of_a_word_is_put_to_it(fill: Fill) -> None:
    found = fill("the apple [MASK] is", targets=["##s"])
    (guess,) = found.guesses[0]
    assert (found.text, guess.sequence, guess.piece, guess.whole) == ("the apples is", "the apples is", "##s", True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_says_what_single_texts_say_in_order(kind: str, both: Callable[[str], tuple[Any, Fill]]) -> None:
    fill = both(kind)[1]
    texts = [TEXT.format("___"), "the ___ is ___ .", "___", "paris is the ___ and the dog was juicy ."]
    many = fill(texts, batch=3)
    for text, found in zip(texts, many, strict=True):
        alone = fill(text)
        assert [[g.token for g in row] for row in found.guesses] == [[g.token for g in row] for row in alone.guesses]
        assert [g.score for row in found.guesses for g in row] == pytest.approx([g.score for row in alone.guesses for g in row], abs=1e-6)
        assert found.source == text
    assert fill([]) == []


def test_in_half_precision_much_the_same_is_said(both: Callable[[str], tuple[Any, Fill]]) -> None:
    full = both("bert")[1]
    half = limelight.task("fill", full.opened.folder, device="cpu", dtype="bf16")
    for text in (TEXT.format("___"), "the ___ is ___ ."):
        one, other = (task(text, targets=["dog", "paris"]).guesses[0] for task in (half, full))
        assert sorted(guess.score for guess in one) == pytest.approx(sorted(guess.score for guess in other), rel=0.1)


def test_a_long_text_is_read_in_a_window_around_each_mask(both: Callable[[str], tuple[Any, Fill]]) -> None:
    pipe, ours = both("bert")
    one = "the dog did not cross the river because the cat was too tired . "
    long = one * 4 + one.replace("cat", "___") + one * 4 + one.replace("dog", "___")
    found = ours(long, top_k=1)
    assert [long[a:b] for a, b in found.places] == ["___", "___"]
    assert found.guesses[0][0].sequence.count("did not cross") == 10
    ids = torch.tensor(ours.opened.text.encode(long.replace("___", "[MASK]"), named=True).ids)
    for (place,), row in zip((ids == 4).nonzero().tolist(), found.guesses, strict=True):
        depths = []                                                  # of all windows that would have said this
        for first in range(max(1, place - 37), place + 1):
            window = torch.cat([ids[:1], ids[first : min(first + 38, len(ids) - 1)], ids[-1:]])
            with torch.no_grad():
                chances = pipe.model(window[None]).logits[0, 1 + place - first].softmax(-1)
            if float(chances[row[0].token]) == pytest.approx(row[0].score, abs=1e-6):
                depths.append(min(place - first, len(window) - 3 - place + first))
        assert depths
        assert max(depths) >= min(10, len(ids) - 2 - place)          # and much was seen on either side


def test_more_guesses_than_there_are_tokens_are_all(fill: Fill) -> None:
    found = fill("the [MASK] .", top_k=10_000).guesses[0]
    assert len(found) == len(fill.opened.text)
    assert sum(guess.score for guess in found) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("text", ["", " \n", "no mask here", "\x00\x07", "[mask", "__"])
def test_a_text_without_a_mask_is_refused(text: str, fill: Fill) -> None:
    with pytest.raises(InputError, match="there is no mask in the text") as caught:
        fill(text)
    assert "[MASK] or ___" in caught.value.hint
    with pytest.raises(InputError, match="text 2 of 2: there is no mask"):
        fill(["a [MASK]", text])
    with pytest.raises(InputError, match="no mask"):
        fill.check(text)


ODD = ["🙂 [MASK] 🇫🇷", "[MASK]" * 3, "\x07[MASK]\x1b[31m", "x" * 5000 + " [MASK] ", "\ud83d [MASK]", "[CLS] [MASK] [SEP]"]


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_have_sane_answers(text: str, fill: Fill) -> None:
    found = fill(text)
    assert len(found.places) == text.count("[MASK]")
    assert all(0 <= guess.score <= 1 for row in found.guesses for guess in row)
    assert "\x1b" not in str(found)
    assert json.loads(json.dumps(found.to_json()))["source"] == text


def test_wrong_options_and_models_are_refused_in_one_line(fill: Fill, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match='fill has no option "topk"'):
        fill("[MASK]", topk=3)
    with pytest.raises(RecipeError, match="top_k"):
        fill("[MASK]", top_k=0)
    wordy.made("gpt2", tmp_path / "gpt2")
    with pytest.raises(TaskError, match="cannot fill"):
        limelight.task("fill", tmp_path / "gpt2")


def test_what_is_no_number_is_refused(both: Callable[[str], tuple[Any, Fill]], tmp_path: Path) -> None:
    theirs = wordy.made("bert", tmp_path / "model")
    assert theirs is not None
    ours = limelight.task("fill", tmp_path / "model", device="cpu", dtype="fp32")
    ours.opened.model.encoder.blocks[0].ff.up.weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match=r"gave what is no number .* in float32"):
        ours("the [MASK] .")


def test_a_result_is_for_people_tables_and_notebooks(fill: Fill) -> None:
    found = fill("a <b> [MASK]", top_k=2)
    assert isinstance(found, Filled)
    assert [line.split()[0] for line in str(found).splitlines()] == [f"{guess.score:.4f}" for guess in found.guesses[0]]
    assert found._repr_html_().startswith("<pre>")
    assert "<b>" not in found._repr_html_()
    cells = found.cells()
    assert cells.keys() == fill.columns(Fill.Options()).keys()
    assert cells["words"] == [found.guesses[0][0].piece]
    several = str(fill("[MASK] [MASK]", top_k=1)).splitlines()
    assert [line[0] for line in several] == ["1", "2"]
