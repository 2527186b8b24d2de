"""translate: texts in, results out, in order, and the same however they are batched."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.errors import InputError, TaskError
from limelight.hub import Opened
from limelight.spec import Classes
from limelight.tasks import task
from limelight.tasks.translate.task import Translate
from limelight.tasks.writing.generated import Generated

Learnt = list[tuple[str, str]]


def same(a: Generated, b: Generated) -> None:
    """Equal but for the time they took and the last digits of floating point."""
    assert (a.source, a.text, a.complete) == (b.source, b.text, b.complete)
    assert [c.text for c in a.nbest] == [c.text for c in b.nbest]
    assert [c.score for c in a.nbest] == pytest.approx([c.score for c in b.nbest], abs=1e-5)
    assert [s.piece for s in a.steps] == [s.piece for s in b.steps]
    assert [s.probability for s in a.steps] == pytest.approx([s.probability for s in b.steps], abs=1e-5)
    assert (a.cost.source_tokens, a.cost.target_tokens) == (b.cost.source_tokens, b.cost.target_tokens)
    assert a.alignment.links == b.alignment.links
    assert (a.alignment.source, a.alignment.target) == (b.alignment.source, b.alignment.target)
    one, two = (torch.tensor(x.alignment.weights) for x in (a, b))
    assert torch.allclose(one, two, atol=1e-5)


def test_it_knows_what_it_learnt(translate: Translate, learnt: Learnt) -> None:
    assert [str(r) for r in translate([source for source, _ in learnt])] == [target for _, target in learnt]


def test_a_text_gives_a_result_and_a_list_a_list_in_its_order(translate: Translate, learnt: Learnt) -> None:
    one = translate(learnt[3][0])
    assert isinstance(one, Generated)
    assert (one.source, one.text, one.task, one.model) == (*learnt[3], "translate", "tiny")
    order = [7, 3, 3, 15, 0]
    for several in ([learnt[i][0] for i in order], tuple(learnt[i][0] for i in order)):
        found = translate(several)
        assert isinstance(found, list)
        assert [r.text for r in found] == [learnt[i][1] for i in order]
    assert translate([]) == []
    assert [r.text for r in translate([learnt[0][0]])] == [learnt[0][1]]


@pytest.mark.parametrize("batch", [1, 3, 32])
@pytest.mark.parametrize("beam", [1, 4])
def test_in_batches_is_one_by_one(translate: Translate, learnt: Learnt, batch: int, beam: int) -> None:
    """With sources of many lengths, some unknown, so that rows are padded and end at different times."""
    sources = [source for source, _ in learnt[:3]]
    sources += ["Tom.", "", "A bird sees a bird sees a bird.", "My sister has a book. Tom wants an apple."]
    together = translate(sources, beam=beam, nbest=1, batch=batch)
    for source, found in zip(sources, together, strict=True):
        same(found, translate(source, beam=beam))


def test_the_folder_opens_as_a_task(tiny_folder: Any, learnt: Learnt) -> None:
    assert task("translate", tiny_folder, device="cpu", dtype="fp32")(learnt[0][0]).text == learnt[0][1]
    with pytest.raises(TaskError, match=r'no task "trasnlate"\.   Did you mean "translate"'):
        task("trasnlate", tiny_folder)


def test_a_model_made_for_another_task_is_refused(opened: Opened) -> None:
    spec = replace(opened.manifest.spec, heads=(Classes(labels=("a", "b")),))
    other = replace(opened, manifest=replace(opened.manifest, name="namer", spec=spec, source_language=None))
    with pytest.raises(TaskError, match=r'"namer" cannot translate: it has a head for 2 classes\.   It can classify, embed, sense\.'):
        Translate(other)


# --- several sentences -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("gap", [" ", "  ", "\n", "\n\n", " \t\n  ", "\u00a0"])
def test_the_white_space_between_sentences_is_kept(translate: Translate, learnt: Learnt, gap: str) -> None:
    (one, un), (two, deux), (three, trois) = learnt[:3]
    assert translate(f"{one}{gap}{two} {three}").text == f"{un}{gap}{deux} {trois}"


def test_white_space_around_a_text_is_not_kept(translate: Translate, learnt: Learnt) -> None:
    assert translate(f" \n{learnt[0][0]}\n ").text == learnt[0][1]


def test_all_sentences_are_in_the_result(translate: Translate, learnt: Learnt) -> None:
    text = f"{learnt[0][0]} {learnt[1][0]}"
    both, one, two = translate(text), translate(learnt[0][0]), translate(learnt[1][0])
    assert both.source == text
    assert [s.piece for s in both.steps] == [s.piece for s in (*one.steps, *two.steps)]
    assert both.cost.source_tokens == one.cost.source_tokens + two.cost.source_tokens
    assert both.cost.target_tokens == one.cost.target_tokens + two.cost.target_tokens == len(both.steps)
    assert both.nbest[0].score == pytest.approx(one.nbest[0].score + two.nbest[0].score, abs=1e-5)
    shift = (len(one.alignment.source), len(one.alignment.target))
    assert both.alignment.links == one.alignment.links + tuple((i + shift[0], j + shift[1]) for i, j in two.alignment.links)
    assert both.alignment.source == one.alignment.source + two.alignment.source
    assert len(both.alignments) == len(both.pictures) == 2
    json.dumps(both.to_json())


def test_a_sentence_of_control_characters_between_others_leaves_their_white_space(translate: Translate, learnt: Learnt) -> None:
    (one, un), (two, deux) = learnt[:2]
    assert translate(f"{one}\n\x07\x00\n{two}").text == f"{un}\n\n{deux}"


# --- texts that are none ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("blank", ["", " ", "\n\t \r\n", "\x00\x01\x1b", "\u00a0\u2003", "\u200b\ufeff", "\x07 \x00"])
def test_nothing_to_translate_is_an_empty_result(translate: Translate, blank: str) -> None:
    found = translate(blank)
    assert (found.text, found.source, found.complete) == ("", blank, True)
    assert found.nbest == found.steps == found.alignments == found.pictures == ()
    assert (found.cost.source_tokens, found.cost.target_tokens, found.cost.seconds) == (0, 0, 0)
    assert json.loads(json.dumps(found.to_json()))["translation_text"] == ""
    assert list(translate.stream(blank)) == [found]


def test_nothing_among_texts_stays_in_its_place(translate: Translate, learnt: Learnt) -> None:
    assert [r.text for r in translate(["", learnt[0][0], " ", learnt[1][0]])] == ["", learnt[0][1], "", learnt[1][1]]


@pytest.mark.parametrize("text", ["🙂", "黒い猫。", "שלום", "𝔘𝔫", "?!...", "a\ud800b", "\u0301", "</s>", "<pad></s>", "e\u0301te\u0301"])
def test_emoji_and_other_alphabets_are_translated_somehow(translate: Translate, text: str) -> None:
    found = translate(text)
    assert found.cost.target_tokens == len(found.steps) > 0
    assert found.source == text
    json.dumps(found.to_json())


@settings(deadline=None, max_examples=25)
@given(st.text(max_size=5))                            # at most four tokens a character: never too long
def test_no_text_makes_it_fall(translate: Translate, text: str) -> None:
    found = translate(text, beam=1, max_length=4)
    assert len(found.alignments) <= 5
    json.dumps(found.to_json())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "got NoneType"),
        (5, "got int"),
        (b"bytes", "got bytes"),
        ({"text": "a"}, "got dict"),
        ({"a"}, "got set"),
        (iter(["a"]), "got list_iterator"),
        (["Tom.", None], r"text 2 of 2 is no text: got NoneType None"),
        (["Tom.", "Mary.", 3.5], r"text 3 of 3 is no text: got float 3\.5"),
        ([["Tom."]], r"text 1 of 1 is no text: got list \['Tom\.'\]"),
        ((b"x" * 1000,), "text 1 of 1 is no text: got bytes b'xxx"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(translate: Translate, given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        translate(given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


# --- long texts ------------------------------------------------------------------------------------------------------
def test_a_sentence_that_is_too_long_is_refused_with_the_numbers(translate: Translate, opened: Opened) -> None:
    long = "Tom sees a bird " * 2_500
    tokens = len(opened.text.encode(long.strip()).ids)
    with pytest.raises(InputError, match=rf"a sentence has {tokens:,} tokens .*tiny has learnt from at most 24") as caught:
        translate(long)
    assert "full stops" in caught.value.hint
    assert len(str(caught.value)) < 300
    with pytest.raises(InputError, match=r"text 2 of 3: a sentence has"):
        translate(["Tom.", long, "Tom."])
    with pytest.raises(InputError, match="a sentence has"):
        translate.stream(long)
    with pytest.raises(InputError, match="a sentence has"):
        translate.check(long)


def test_as_long_as_the_model_has_learnt_is_translated(translate: Translate, opened: Opened) -> None:
    text, words = opened.text, ["Tom"]
    while len(text.encode(" ".join([*words, "Tom"])).ids) <= 24:
        words.append("Tom")
    assert len(text.encode(" ".join(words)).ids) == 24
    assert translate(" ".join(words)).cost.source_tokens == 24
    with pytest.raises(InputError, match="a sentence has 25 tokens"):
        translate(" ".join([*words, "Tom"]))


def test_positions_bound_a_sentence_whatever_the_folder_claims(opened: Opened) -> None:
    claims = replace(opened.manifest, generation=replace(opened.manifest.generation, max_source=10_000, max_length=10_000))
    boastful = Translate(replace(opened, manifest=claims))
    with pytest.raises(InputError, match="has learnt from at most 64"):
        boastful("Tom " * 80)
    assert boastful("Tom " * 60, beam=1).cost.target_tokens <= 64


def test_many_sentences_are_no_long_sentence(translate: Translate, learnt: Learnt) -> None:
    found = translate(" ".join([learnt[0][0], learnt[1][0]] * 30), beam=1, align=False)
    assert found.text == " ".join([learnt[0][1], learnt[1][1]] * 30)


def test_padding_and_start_are_never_said_however_likely(translate: Translate, learnt: Learnt, monkeypatch: pytest.MonkeyPatch) -> None:
    model, g = translate.opened.model, translate.opened.manifest.generation
    logits = model.logits

    def keen(*args: Any, **kwargs: Any) -> torch.Tensor:
        return logits(*args, **kwargs).index_fill(-1, torch.tensor([g.pad, g.start]), 1e4)

    monkeypatch.setattr(model, "logits", keen)
    for beam in (1, 3):
        pieces = {step.piece for step in translate(learnt[0][0], beam=beam).steps}
        assert not pieces & {"<pad>", "<s>"}


# --- one model, several callers --------------------------------------------------------------------------------------
def test_a_call_leaves_no_trace_in_the_model(translate: Translate, learnt: Learnt) -> None:
    first = translate(learnt[0][0])
    for options in ({"beam": 1, "nbest": 1}, {"max_length": 2}, {"align": False}, {"nbest": 3}):
        translate(learnt[1][0], **options)
    same(translate(learnt[0][0]), first)
    assert all(attention.eye is None for attention in translate.opened.model.attentions().values())


def test_a_failure_in_the_middle_leaves_the_model_usable(translate: Translate, learnt: Learnt, monkeypatch: pytest.MonkeyPatch) -> None:
    first, model = translate(learnt[0][0]), translate.opened.model
    calls = [0]
    logits = model.logits

    def breaks(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            raise RuntimeError("out of memory")
        return logits(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(model, "logits", breaks)
        with pytest.raises(RuntimeError, match="out of memory"):
            translate(learnt[0][0])
    same(translate(learnt[0][0]), first)
    assert all(attention.eye is None for attention in model.attentions().values())


def test_threads_do_not_meet(translate: Translate, learnt: Learnt) -> None:
    alone = [translate(source) for source, _ in learnt[:6]]
    found: dict[int, list[Generated]] = {}

    def work(n: int) -> None:
        found[n] = [translate(source) for source, _ in learnt[:6]]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for results in found.values():
        for a, b in zip(results, alone, strict=True):
            same(a, b)


def test_it_costs_what_it_says(translate: Translate, learnt: Learnt, opened: Opened) -> None:
    results = translate([source for source, _ in learnt[:4]])
    for (source, target), found in zip(learnt, results, strict=False):
        assert found.cost.source_tokens == len(opened.text.encode(source).ids)
        assert found.cost.target_tokens == len(opened.text.encode(target).ids)
        assert 0 < found.cost.seconds < 10
