"""Evidence for any answer: classes, masked words and what was written; each against reading the text again by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
from limelight.errors import InputError, RecipeError, TaskError
from limelight.inputs import Batch
from limelight.look.evidence import METHODS
from limelight.manifest import Evidence, Faithfulness
from limelight.tasks.evidence import explain, methods
from published import published
from reviews import IPHONE, blank, reader

MEASURED = Evidence(
    methods=(
        Faithfulness(method="integrated-gradients", comprehensiveness=0.412, sufficiency=-0.083, within=(0.031, 0.019)),
        Faithfulness(method="leave-one-out", comprehensiveness=0.4, sufficiency=0.01, within=(0.03, 0.02)),
    ),
    random=Faithfulness(method="random order", comprehensiveness=0.1, sufficiency=0.3, within=(0.01, 0.01)),
    measured_on="reviews of telephones",
    texts=1400,
)
EFFECTS = ("leave-one-out", "integrated-gradients", "gradient-x-input")


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The model that was set by hand: see reviews.MOODS for what decides."""
    return limelight.open(reader(tmp_path_factory.mktemp("reader")), device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def guesses(learnt_words: Callable[[str], Path]) -> Any:
    """A BERT that has learnt which words go together."""
    return limelight.open(learnt_words("bert"), device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def goes_on(learnt_words: Callable[[str], Path]) -> Any:
    """A GPT-2 that has learnt the same."""
    return limelight.open(learnt_words("gpt2"), device="cpu", dtype="fp32")


# --- classes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", EFFECTS)
def test_the_word_that_was_planted_is_found(moods: Any, name: str) -> None:
    why = explain(moods, IPHONE, method=name, curve=True)
    assert (why.label, why.method) == ("POSITIVE", name)
    assert why.strongest[0].text == "amazing"
    if name != "gradient-x-input":                                   # which sees nothing behind what is cut off at nought
        assert {word.text for word in why.words if word.effect < -0.05} == {"drains", "fast"}
    assert [share for share, _ in why.curve] == pytest.approx([n / 10 for n in range(11)])
    scores = [score for _, score in why.curve]
    assert scores[0] == pytest.approx(why.score)
    assert scores[1] < 0.5 < scores[0]                               # without the word that is named first
    assert scores[-1] == pytest.approx(why.bare)
    against = explain(moods, IPHONE, method=name, answer="NEGATIVE")
    assert (against.label, against.score) == ("NEGATIVE", pytest.approx(1 - why.score))
    assert [word.effect for word in against.words] == pytest.approx([-word.effect for word in why.words], abs=1e-4)


@pytest.mark.parametrize("name", ["attention", "rollout"])
def test_attention_misses_it_and_the_curve_says_so(moods: Any, name: str) -> None:
    why = explain(moods, IPHONE, method=name, curve=True)
    assert why.strongest[0].text == "."
    assert why.curve[1][1] == pytest.approx(why.score, abs=1e-3)


def test_a_pair_and_a_text_that_is_tokens_already(tmp_path: Path) -> None:
    blank(tmp_path, "Bert", ("other", "same"))
    opened = limelight.open(tmp_path, device="cpu", dtype="fp32")
    why = explain(opened, "the price", other="is great")
    assert [(word.text, word.part) for word in why.words] == [("the", 0), ("price", 0), ("is", 1), ("great", 1)]
    assert explain(opened, opened.text.encode("the price", "is great")).words == why.words


@pytest.mark.parametrize("name", METHODS)
def test_several_texts_at_once_are_as_each_alone(moods: Any, name: str) -> None:
    classify = limelight.task("classify", moods, dtype="fp32")
    texts = [IPHONE, "", "so great !", "my phone is so so . " * 12 + "terrible !"]
    for text, together in zip(texts, classify(texts, why=name, batch=3), strict=True):
        if not text:
            assert together.why is None
            continue
        alone = explain(moods, text, method=name, batch=1)
        assert [word.effect for word in together.why.words] == pytest.approx([word.effect for word in alone.words], abs=1e-5)
        assert together.why.score == pytest.approx(alone.score, abs=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_answers_are_the_same_after_as_before(moods: Any, name: str) -> None:
    classify = limelight.task("classify", moods, dtype="fp32")
    before = classify(IPHONE).labels
    explain(moods, IPHONE, method=name, curve=True)
    assert classify(IPHONE).labels == before
    assert all(each.grad is None for each in moods.model.parameters())


# --- masked words -------------------------------------------------------------------------------------------------------
TEXT = "the [MASK] did not cross the street because the animal was too tired ."


def log_probability(opened: Any, ids: list[int], place: int, token: int) -> float:
    with torch.no_grad():
        hidden = opened.model.hidden(Batch(torch.tensor([ids])))
        return float(opened.model.logits(hidden)[0, place].log_softmax(-1)[token])


def test_a_masked_word(guesses: Any) -> None:
    whole = list(guesses.text.encode(TEXT, named=True).ids)
    place, token = whole.index(guesses.text.mask), guesses.text.engine.id("animal")
    why = explain(guesses, TEXT, answer="animal")
    assert why.to_json()["of"] == 'log-probability of "animal"'
    assert (why.how, why.method) == ("masked", "leave-one-out")
    assert [word.text for word in why.words] == [word for word in TEXT.split() if word != "[MASK]"]
    assert why.score == pytest.approx(log_probability(guesses, whole, place, token), abs=1e-5)
    for i, word in enumerate(why.words):
        at = i + 1 if i < 1 else i + 2                               # [CLS] before it, and the mask before all but the first
        gone = [guesses.text.mask if j == at else each for j, each in enumerate(whole)]
        assert word.score == pytest.approx(log_probability(guesses, gone, place, token), abs=1e-4)
        assert word.effect == pytest.approx(why.score - word.score, abs=1e-4)
    assert why.strongest[0].text in ("animal", "tired")              # which is what the grammar says
    assert "encoder.1.self, from the mask, mean of 4 heads" in why.measured


def test_the_best_guess_is_explained_unless_told(guesses: Any) -> None:
    best = limelight.task("fill", guesses, dtype="fp32")(TEXT).guesses[0][0]
    for way in METHODS:
        found = explain(guesses, TEXT, method=way)
        assert found.label == best.piece.strip()
        assert found.score == pytest.approx(math.log(best.score), abs=1e-4)
    assert explain(guesses, TEXT, answer=best.token).score == found.score
    assert methods(guesses) == tuple(METHODS)


def test_masks_that_are_none_or_two(guesses: Any) -> None:
    with pytest.raises(InputError, match="there is no mask in the text"):
        explain(guesses, "the animal was tired .")
    with pytest.raises(InputError, match="2 masks stand in the text; one is explained at a time"):
        explain(guesses, "the [MASK] was too [MASK] .")
    with pytest.raises(InputError, match=r"the text has .* tokens; .* reads 40 at once"):
        explain(guesses, "the [MASK] was" + " too" * 60)
    with pytest.raises(InputError, match=r"what stands for a mask is a word or one token: got \(1, 2\)"):
        explain(guesses, TEXT, answer=(1, 2))


# --- what was written ---------------------------------------------------------------------------------------------------
def test_a_translation(opened: Any) -> None:
    answer = opened.text.encode("Tom mange une pomme.").ids
    source = list(opened.text.encode("Tom eats an apple.").ids)

    def said(ids: list[int]) -> float:
        memory = opened.model.encode(Batch(torch.tensor([ids])))
        given = torch.tensor([[opened.manifest.generation.start, *answer[:-1]]])
        with torch.no_grad():
            logs = opened.model.logits(opened.model.decode(given, memory=memory))[0].log_softmax(-1)
        return sum(float(logs[i, token]) for i, token in enumerate(answer))

    why = explain(opened, "Tom eats an apple.", answer=answer, curve=True)
    assert (why.of, why.how) == ("the log-probability of the answer", "left out")
    assert why.label == "Tom mange une pomme."
    assert why.score == pytest.approx(said(source), abs=1e-4)
    offsets = opened.text.encode("Tom eats an apple.").offsets
    for word in why.words:
        left = [i for i, (a, b) in zip(source, offsets, strict=True) if not (a < word.span[1] and b > word.span[0])]
        assert word.score == pytest.approx(said(left), abs=1e-3)
        assert word.effect == pytest.approx(why.score - word.score, abs=1e-3)
    assert methods(opened) == tuple(METHODS)
    for name in METHODS:
        found = explain(opened, opened.text.encode("Tom eats an apple."), answer=answer, method=name)
        assert [word.text for word in found.words] == ["Tom", "eats", "an", "apple", "."]
        assert any(word.effect for word in found.words)
        assert "decoder.1.cross, from all of the answer" in found.measured


def test_a_text_that_was_gone_on_with(goes_on: Any) -> None:
    prompt, more = "the animal did not cross the street because the", " animal was"
    answer = goes_on.text.encode(more, marks=False).ids
    source = list(goes_on.text.encode(prompt, marks=False).ids)

    def said(ids: list[int]) -> float:
        with torch.no_grad():
            logs = goes_on.model.logits(goes_on.model.decode(torch.tensor([[*ids, *answer]])))[0].log_softmax(-1)
        return sum(float(logs[len(ids) - 1 + i, token]) for i, token in enumerate(answer))

    why = explain(goes_on, prompt, answer=answer)
    assert why.score == pytest.approx(said(source), abs=1e-4)
    offsets = goes_on.text.encode(prompt, marks=False).offsets
    assert [word.text for word in why.words] == prompt.split()
    for word in why.words:
        left = [i for i, (a, b) in zip(source, offsets, strict=True) if not (a < word.span[1] and b > word.span[0])]
        assert word.score == pytest.approx(said(left), abs=1e-3)
    start = next(each for each in (goes_on.text.marks.start, goes_on.text.marks.end) if each is not None)
    assert why.bare == pytest.approx(said([start]), abs=1e-3)       # something must stand before an answer
    for name in METHODS:
        found = explain(goes_on, prompt, answer=answer, method=name, batch=2)
        assert found.words[0].attention is not None
        assert sum(word.attention for word in found.words) <= 1 + 1e-6


def test_what_an_answer_must_be(opened: Any, moods: Any) -> None:
    for wrong in (None, "Tom mange.", (), 7):
        with pytest.raises(InputError, match="the tokens that were written are wanted as answer"):
            explain(opened, "Tom eats.", answer=wrong)
    with pytest.raises(InputError, match=r"the model has tokens 0 to .*: got 99999"):
        explain(opened, "Tom eats.", answer=(5, 99999))
    with pytest.raises(InputError, match="there is no word in the text: ''"):
        explain(opened, "", answer=(5,))
    with pytest.raises(InputError, match="a second text is for models that tell classes of pairs apart"):
        explain(opened, "Tom eats.", answer=(5,), other="Tom.")
    with pytest.raises(InputError, match=r"the model knows no label 'POSITVE'.*Did you mean \"POSITIVE\""):
        explain(moods, IPHONE, answer="POSITVE")
    with pytest.raises(InputError, match="a classifier's answer is the name of a label: got 3"):
        explain(moods, IPHONE, answer=3)
    with pytest.raises(InputError, match="there is no word in the text"):
        explain(moods, " \n")


def test_ways_and_models_that_there_are_not(moods: Any, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r'which words decided is called "gradient".*Did you mean "gradient-x-input"'):
        explain(moods, IPHONE, method="gradient")
    with pytest.raises(RecipeError, match='is called "lime"'):
        limelight.task("classify", moods)(IPHONE, why="lime")
    published("bert-ForTokenClassification", tmp_path)
    tags = limelight.open(tmp_path, device="cpu", dtype="fp32")
    assert methods(tags) == ()
    with pytest.raises(TaskError, match="has nothing that gives one number for a text") as caught:
        explain(tags, "The cat sees the mouse.")
    assert "classes" in caught.value.hint


FAMILIES = ("bart-ForSequenceClassification", "t5-ForSequenceClassification", "llama-ForSequenceClassification")
WRITERS = ("t5-ForConditionalGeneration", "marian-MTModel", "qwen3-ForCausalLM")


@pytest.mark.parametrize("name", [*FAMILIES, *WRITERS])
def test_every_family_has_all_ways(name: str, tmp_path: Path) -> None:
    published(name, tmp_path)
    opened = limelight.open(tmp_path, device="cpu", dtype="fp32")
    answer = (5, 6, 7) if name in WRITERS else None
    assert methods(opened) == tuple(METHODS)
    for way in METHODS:
        why = explain(opened, "The cat sees the mouse.", answer=answer, method=way)
        assert [word.text for word in why.words] == ["The", "cat", "sees", "the", "mouse", "."]
        assert all(math.isfinite(word.effect) for word in why.words)
        assert len({round(word.effect, 9) for word in why.words}) > 3
    slopes = explain(opened, "The cat sees the mouse.", answer=answer, method="integrated-gradients")
    whole, off = map(float, re.findall(r"[+-]\d+\.\d+", slopes.says))
    assert slopes.total == pytest.approx(whole + off, abs=2e-3)
    assert abs(off) < 0.1


# --- how far to trust it ------------------------------------------------------------------------------------------------
def test_what_was_measured_stands_beside_it_and_chooses(moods: Any) -> None:
    assert methods(moods) == tuple(METHODS)
    assert explain(moods, IPHONE).trust[-1] == "Faithfulness of leave-one-out: not measured for this model."
    known = replace(moods, manifest=replace(moods.manifest, evidence=MEASURED))
    assert methods(known)[:2] == ("integrated-gradients", "leave-one-out")
    assert set(methods(known)) == set(METHODS)
    why = limelight.task("classify", known, dtype="fp32")(IPHONE, why=True).why
    assert why.method == "integrated-gradients"
    assert why.trust[-1] == (
        "Faithfulness of integrated-gradients: comprehensiveness 0.41 ± 0.03, sufficiency -0.08 ± 0.02 on 1,400 texts of reviews of "
        "telephones; best of 2."
    )
    assert why.to_json()["faithfulness"] == {
        "comprehensiveness": 0.412, "comprehensiveness_within": 0.031, "sufficiency": -0.083, "sufficiency_within": 0.019,
        "measured_on": "reviews of telephones", "n": 1400, "rank": 1, "of": 2,
    }  # fmt: skip
    assert explain(known, IPHONE, method="leave-one-out").trust[-1].endswith("; number 2 of 2.")
    assert explain(known, IPHONE, method="rollout").standing is None


def test_labels_of_ones_own_were_never_measured(tmp_path: Path) -> None:
    blank(tmp_path, "Bert", ("contradiction", "neutral", "entailment"))
    opened = limelight.open(tmp_path, device="cpu", dtype="fp32")
    known = replace(opened, manifest=replace(opened.manifest, evidence=MEASURED))
    why = limelight.task("classify", known, dtype="fp32")("the camera is great .", labels=("camera", "price"), why=True).why
    assert (why.method, why.standing) == ("leave-one-out", None)


def test_as_json_it_says_all(moods: Any) -> None:
    said = explain(moods, IPHONE, method="gradient-x-input", curve=True).to_json()
    assert {"method", "words", "of", "agreement", "faithfulness", "said", "curve"} <= said.keys()
    assert (said["method"], said["of"], said["faithfulness"]) == ("gradient-x-input", "log-odds of POSITIVE", None)
    assert said["words"][0]["score"] is None
    assert said["said"][0].startswith("Effect: the slope of the log-odds of POSITIVE with the word's vectors, times these. Attention: ")
    assert len(said["said"]) == 4
    assert len(said["curve"]) == 11
    assert explain(moods, IPHONE).to_json()["curve"] == []
    alone = explain(moods, IPHONE, method="attention").to_json()
    assert alone["agreement"] is None
    assert len(alone["said"]) == 3
