"""Options of translate: what each does, what is refused, and that none of them lasts longer than its call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from limelight.decode import Sample
from limelight.errors import LimelightError, RecipeError
from limelight.hub import Opened
from limelight.tasks.translate.task import Translate, TranslateOptions

Learnt = list[tuple[str, str]]
HARD = "Mary Mary sees red."                   # nothing that it learnt: many translations are about as good


@pytest.mark.parametrize("nbest", [1, 2, 5])
def test_the_nbest_are_sorted_and_each_stands_once(translate: Translate, nbest: int) -> None:
    for text in (HARD, "The dog wants a bird.", f"{HARD} Tom sees."):
        found = translate(text, nbest=nbest)
        assert len(found.nbest) == nbest
        assert [c.score for c in found.nbest] == sorted((c.score for c in found.nbest), reverse=True)
        assert len({c.text for c in found.nbest}) == nbest
        assert found.nbest[0].text == found.text
        assert all(c.score < 0 for c in found.nbest)


def test_the_first_of_many_is_the_only_one_of_one(translate: Translate) -> None:
    assert translate(HARD, beam=5, nbest=5).text == translate(HARD, beam=5).text


def test_a_wider_beam_finds_nothing_worse(translate: Translate) -> None:
    for text in (HARD, "The dog wants a bird."):
        scores = [translate(text, beam=beam).nbest[0].score for beam in (1, 3, 8)]
        assert scores[-1] >= scores[0] - 1e-6


def test_one_text_spelled_in_two_ways_is_given_once(translate: Translate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all answers read alike, one is left, the best of them."""
    best = translate(HARD, nbest=3)
    monkeypatch.setattr(translate.opened.text, "decode", lambda ids: "all the same" if ids else "")
    found = translate(HARD, nbest=3, align=False)
    assert [(c.text, c.score) for c in found.nbest] == [("all the same", pytest.approx(best.nbest[0].score, abs=1e-5))]


def test_the_length_penalty_moves_the_scores(translate: Translate, learnt: Learnt) -> None:
    plain, divided = translate(learnt[0][0], length_penalty=0.0), translate(learnt[0][0], length_penalty=1.0)
    tokens = len(plain.steps)
    assert plain.nbest[0].score == pytest.approx(divided.nbest[0].score * tokens, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "most"),
    # a wide beam may find a shorter answer that is whole, unless one token is all there is room for
    [({}, 1), ({"beam": 4, "nbest": 4}, 1), ({"beam": 1}, 1), ({"beam": 1}, 3), ({"sample": Sample(top_k=1)}, 2)],
)
def test_a_translation_that_is_cut_off_says_so(translate: Translate, learnt: Learnt, options: dict[str, Any], most: int) -> None:
    found = translate(learnt[0][0], max_length=most, **options)
    assert found.complete is False
    assert found.cost.target_tokens == len(found.steps) == most
    assert found.to_json()["complete"] is False
    assert len(found.alignment.target) >= 1


def test_one_cut_sentence_makes_the_text_incomplete(translate: Translate, learnt: Learnt) -> None:
    short, long = min(learnt, key=lambda p: len(p[1].split())), max(learnt, key=lambda p: len(p[1].split()))
    most = translate(short[0]).cost.target_tokens
    assert translate(long[0]).cost.target_tokens > most
    assert [translate(t, max_length=most).complete for t in (short[0], f"{long[0]} {short[0]}")] == [True, False]


def test_a_sample_with_a_seed_comes_again_and_another_seed_draws_otherwise(translate: Translate) -> None:
    drawn = [translate(HARD, sample=Sample(temperature=2.0, seed=seed), max_length=12).text for seed in (1, 2, 3, 4)]
    again = [translate(HARD, sample=Sample(temperature=2.0, seed=seed), max_length=12).text for seed in (1, 2, 3, 4)]
    assert drawn == again
    assert len(set(drawn)) > 1


def test_a_sample_does_not_depend_on_its_batch(translate: Translate, learnt: Learnt) -> None:
    hot = Sample(temperature=1.5, seed=3)
    texts = [HARD, learnt[0][0], "Tom.", HARD]
    together = translate(texts, sample=hot, max_length=12)
    assert [r.text for r in together] == [translate(t, sample=hot, max_length=12).text for t in texts]


def test_several_draws_are_sorted_and_unique_and_told_by_either_option(translate: Translate) -> None:
    hot = Sample(temperature=2.0, seed=5)
    found = translate(HARD, sample=hot, nbest=4, max_length=12)
    assert 1 < len(found.nbest) <= 4
    assert len({c.text for c in found.nbest}) == len(found.nbest)
    assert found.text == found.nbest[0].text
    same = translate(HARD, sample=replace(hot, nbest=4), max_length=12)
    assert [c.text for c in same.nbest] == [c.text for c in found.nbest]


def test_a_cold_sample_is_greedy(translate: Translate, learnt: Learnt) -> None:
    assert translate(learnt[0][0], sample=Sample(top_k=1)).text == translate(learnt[0][0], beam=1).text


def test_alignment_is_there_unless_it_is_not_wanted_or_not_measured(translate: Translate, opened: Opened, learnt: Learnt) -> None:
    assert len(translate(learnt[0][0]).alignments) == 1
    bare = translate(learnt[0][0], align=False)
    assert bare.alignments == bare.pictures == ()
    assert "alignment" not in bare.to_json()
    unmeasured = Translate(replace(opened, manifest=replace(opened.manifest, aligner=None)))
    assert unmeasured(learnt[0][0]).alignments == ()
    assert unmeasured(learnt[0][0]).text == bare.text == learnt[0][1]
    asked = unmeasured([learnt[0][0], learnt[1][0]], align=True)
    assert all("not measured" in each.pictures[0].trust for each in asked)
    assert asked[0].alignment.target == translate(learnt[0][0]).alignment.target
    assert asked[0].pictures[0].how == asked[1].pictures[0].how
    assert unmeasured("", align=True).alignments == ()


def test_options_are_a_value_or_names_or_both(translate: Translate, learnt: Learnt) -> None:
    value = TranslateOptions(beam=4, nbest=2, align=False)
    found = translate(learnt[0][0], value)
    assert (len(found.nbest), found.alignments) == (2, ())
    assert len(translate(learnt[0][0], value, nbest=4).nbest) == 4
    assert value == TranslateOptions(beam=4, nbest=2, align=False)
    assert len(translate(learnt[0][0]).nbest) == 1, "options do not outlive their call"
    assert Translate.Options is TranslateOptions


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"beem": 4}, r'translate has no option "beem"', 'Did you mean "beam"?'),
    ({"lenght_penalty": 1.0}, r'translate has no option "lenght_penalty"', 'Did you mean "length_penalty"?'),
    ({"temperature": 0.5}, r'translate has no option "temperature"', "Known: align, batch, beam"),
    ({"beam": 0}, "beam.*got 0", ""),
    ({"beam": "many"}, "beam.*got 'many'", ""),
    ({"nbest": 0}, "nbest.*got 0", ""),
    ({"max_length": -1}, "max_length.*got -1", ""),
    ({"batch": 0}, "batch.*got 0", ""),
    ({"length_penalty": float("nan")}, "length_penalty.*got nan", ""),
    ({"length_penalty": float("inf")}, "length_penalty.*got inf", ""),
    ({"length_penalty": 1000.0}, "length_penalty.*got 1000", ""),
    ({"length_penalty": -1000.0}, "length_penalty.*got -1000", ""),
    ({"align": "perhaps"}, "align.*got 'perhaps'", ""),
    ({"sample": {"temperature": -1}}, "temperature", ""),
    ({"beam": 4, "sample": Sample()}, "a beam searches and a sample draws: got both", "Give a beam, or a temperature."),
    ({"length_penalty": 1.0, "sample": Sample()}, "got length_penalty as well", "Leave one out."),
    ({"beam": 2, "nbest": 3}, "nbest=3 needs a beam at least as wide: got beam=2", "Use beam=3."),
]


@pytest.mark.parametrize(("options", "said", "hint"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_a_wrong_option_is_refused_in_one_line_before_anything_runs(
    translate: Translate, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str, hint: str
) -> None:
    monkeypatch.setattr(translate.opened.model, "encode", lambda *_: pytest.fail("it ran"))
    for ask in (translate, translate.stream):
        with pytest.raises(RecipeError, match=said) as caught:
            ask("Tom.", **options)
        assert hint in caught.value.hint
        assert "\n" not in str(caught.value)


def test_a_value_with_a_wrong_option_cannot_be_made() -> None:
    with pytest.raises(LimelightError, match='unknown key "beem"'):
        TranslateOptions(beem=4)                # pyright: ignore[reportCallIssue]
