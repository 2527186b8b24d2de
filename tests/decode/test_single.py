"""Greedy search and sampling against loops that know no cache, no batch and no padding."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import opinionated as tiny
from limelight.decode import Beam, Ending, Greedy, MinLength, NoRepeat, Sample, Suppress, generate, stream
from limelight.errors import SpecError
from limelight.inputs.batch import pad
from limelight.nn import Network
from opinionated import END, START

ENDING = Ending(frozenset([END]), 10)


def argmax_loop(model: Network, source: list[int], most: int = 10, least: int = 0) -> tuple[int, ...]:
    said: list[int] = []
    while len(said) < most and (not said or said[-1] != END):
        scores = tiny.next_scores(model, source, [START, *said])
        if len(said) < least:
            scores[END] = -torch.inf
        said.append(int(scores.argmax()))
    return tuple(said)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_is_argmax_said_again_and_again(seed: int):
    model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=6)
    found = generate(model, pad(rows), Greedy(), ending=ENDING, start=START)
    wanted = [argmax_loop(model, row) for row in rows]
    assert [h.tokens for (h,) in found] == wanted
    assert [h.ended for (h,) in found] == [w[-1] == END for w in wanted]


def test_the_answers_differ_in_length_and_some_are_cut_off():
    """The tests above and below would be empty if all rows ended together."""
    batches = [(tiny.seq2seq(seed), pad(tiny.sources(seed, rows=6))) for seed in range(4)]
    found = [h for model, batch in batches for (h,) in generate(model, batch, Greedy(), ending=ENDING, start=START)]
    assert len({len(h.tokens) for h in found}) > 3
    assert {h.ended for h in found} == {True, False}


@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=3), Sample(top_k=3, nbest=3), Beam(width=3, nbest=3)], ids=str)
def test_a_batch_gives_what_each_row_gives_alone(choice: Greedy | Sample | Beam):
    for seed in range(3):
        model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=6)
        together = generate(model, pad(rows), choice, ending=ENDING, start=START)
        for row, found in zip(rows, together, strict=True):
            (alone,) = generate(model, pad([row]), choice, ending=ENDING, start=START)
            assert [h.tokens for h in alone] == [h.tokens for h in found]
            assert [h.score for h in alone] == pytest.approx([h.score for h in found], abs=1e-5)


@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=1), Sample(nbest=3), Beam(width=3, nbest=3)], ids=str)
def test_log_probabilities_are_those_of_forced_decoding(choice: Greedy | Sample | Beam):
    model, rows = tiny.seq2seq(1), tiny.sources(1)
    for row, found in zip(rows, generate(model, pad(rows), choice, ending=ENDING, start=START), strict=True):
        for h in found:
            wanted = tiny.forced(model, row, [START], h.tokens)
            assert list(h.logprobs) == pytest.approx(wanted, abs=1e-5)
            assert h.score == pytest.approx(sum(wanted) / len(h.tokens), abs=1e-5)


@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=1), Beam(width=2)], ids=str)
def test_max_length_cuts_off_and_says_so(choice: Greedy | Sample | Beam):
    model = tiny.seq2seq(0, end=-30)
    for most in (1, 4):
        for (h,) in generate(model, pad(tiny.sources()), choice, ending=Ending(frozenset([END]), most), start=START):
            assert len(h.tokens) == len(h.rows) == len(h.logprobs) == most
            assert not h.ended


@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=1), Beam(width=2)], ids=str)
def test_min_length_puts_the_end_off(choice: Greedy | Sample | Beam):
    model = tiny.seq2seq(0, end=30)
    filters = (MinLength(length=3, end=(END,)),)
    for (h,) in generate(model, pad(tiny.sources()), choice, ending=ENDING, start=START, filters=filters):
        assert len(h.tokens) == 4
        assert h.tokens.index(END) == 3
        assert h.ended


def test_greedy_under_min_length_is_the_loop_under_min_length():
    model, rows = tiny.seq2seq(2), tiny.sources(2)
    found = generate(model, pad(rows), Greedy(), ending=ENDING, start=START, filters=(MinLength(length=5, end=(END,)),))
    assert [h.tokens for (h,) in found] == [argmax_loop(model, row, least=5) for row in rows]


# --- where the filters leave nothing ---------------------------------------------------------------------------------
@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=1, nbest=2), Beam(width=3)], ids=str)
def test_an_answer_with_no_token_left_to_say_stops_there_and_counts_as_cut_off(choice: Greedy | Sample | Beam):
    model = tiny.seq2seq(0, vocab=6, end=-30)
    filters = (NoRepeat(size=1), Suppress(tokens=(0, END)))               # after start, 3 4 5 each once, then nothing
    found = generate(model, pad([[3, 4], [5]]), choice, ending=ENDING, start=START, filters=filters)
    for answers in found:
        assert answers
        for h in answers:
            assert sorted(h.tokens) == [3, 4, 5]
            assert not h.ended


def test_one_stuck_row_does_not_hold_up_the_others():
    model = tiny.seq2seq(0, end=-30)

    def hush_first_row(scores: Tensor, said: Tensor, new: int) -> Tensor:
        return torch.where((torch.arange(len(scores)) == 0)[:, None] & (new == 2) & (len(scores) == 3), -torch.inf, scores)

    rows = tiny.sources(rows=3)
    found = generate(model, pad(rows), Greedy(), ending=ENDING, start=START, filters=[hush_first_row])
    wanted = [argmax_loop(model, row) for row in rows]
    assert [h.tokens for (h,) in found] == [wanted[0][:2], *wanted[1:]]


# --- sampling --------------------------------------------------------------------------------------------------------
def plainly_narrowed(scores: list[float], sample: Sample) -> set[int]:
    """Which tokens stay in the draw, by the definitions, one filter after the other on what the one before left."""
    at = [s / sample.temperature for s in scores]
    stay = set(range(len(at)))

    def chances() -> dict[int, float]:
        top = max(at[i] for i in stay)
        mass = {i: math.exp(at[i] - top) for i in stay}
        return {i: m / sum(mass.values()) for i, m in mass.items()}

    if sample.top_k is not None:
        least = sorted((at[i] for i in stay), reverse=True)[: sample.top_k][-1]
        stay = {i for i in stay if at[i] >= least}
    if sample.top_p < 1:
        share, kept = 0.0, set()
        for i, p in sorted(chances().items(), key=lambda item: -item[1]):
            if share >= sample.top_p:
                break
            kept.add(i)
            share += p
        stay = kept
    if sample.min_p > 0:
        p = chances()
        stay = {i for i in stay if p[i] >= sample.min_p * max(p.values())}
    return stay


@settings(max_examples=150, deadline=None)
@given(
    scores=st.lists(st.integers(-40, 40), min_size=2, max_size=12, unique=True),
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
    k=st.none() | st.integers(1, 15),
    p=st.sampled_from([0.11, 0.35, 0.62, 0.93, 1.0]),
    least=st.sampled_from([0.0, 0.07, 0.41, 0.9]),
)
def test_narrowing_keeps_what_the_definitions_keep(scores: list[int], temperature: float, k: int | None, p: float, least: float):
    sample = Sample(temperature=temperature, top_k=k, top_p=p, min_p=least)
    exact = [s / 8 for s in scores]
    narrowed = sample.narrowed(torch.tensor([exact]))[0]
    stay = plainly_narrowed(exact, sample)
    assert {i for i, s in enumerate(narrowed.tolist()) if s > -torch.inf} == stay
    kept = sorted(stay)
    found, wanted = narrowed[kept].softmax(0), (torch.tensor(exact)[kept] / temperature).softmax(0)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1e-300, 1e-30, 1e-6, 1e6]))
def test_a_very_low_or_high_temperature_still_leaves_a_draw(seed: int, temperature: float):
    scores = torch.randn(2, 9, generator=torch.Generator().manual_seed(seed)) * 20
    scores[0, 3] = -torch.inf
    chances = Sample(temperature=temperature).narrowed(scores).softmax(-1)
    assert torch.equal(chances.argmax(-1), scores.argmax(-1)) or temperature > 1
    assert bool((chances.sum(-1) - 1).abs().max() < 1e-5)
    assert chances[0, 3] == 0
    if temperature < 1e-5:
        assert bool((chances.amax(-1) == 1).all())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("temperature", 0.0), ("temperature", math.inf), ("top_p", 0.0), ("top_p", 1.5), ("top_k", 0), ("min_p", 1.0), ("seed", 2**63)],
)
def test_options_that_make_no_draw_are_refused(name: str, wrong: float):
    with pytest.raises(SpecError, match=name):
        Sample(**{name: wrong})


def chi_square(found: Counter[int], chances: list[float], draws: int) -> float:
    return sum((found[i] - draws * p) ** 2 / (draws * p) for i, p in enumerate(chances) if p > 0)


DRAWS = [Sample(seed=5), Sample(seed=6, temperature=1.7, top_k=5), Sample(seed=7, temperature=0.6, top_p=0.9)]


@pytest.mark.parametrize("sample", DRAWS, ids=str)
def test_tokens_are_drawn_as_often_as_they_are_likely(sample: Sample):
    model, draws = tiny.seq2seq(3, end=0.0), 3000
    row = tiny.sources(3, rows=1)
    scores = tiny.next_scores(model, row[0], [START])
    stay = sorted(plainly_narrowed(scores.tolist(), sample))
    chances = torch.zeros(len(scores))
    chances[stay] = (scores[stay] / sample.temperature).softmax(0)
    found: Counter[int] = Counter()
    for h in generate(model, pad(row), replace(sample, nbest=draws), ending=Ending(frozenset([END]), 1), start=START)[0]:
        found[h.tokens[0]] += 1
    assert set(found) <= set(stay)
    # The 99.9 % point of chi-square with 11 degrees of freedom is 31.3; fewer degrees have a lower one.
    assert chi_square(found, chances.tolist(), draws) < 31.3


def test_a_draw_depends_on_its_seed_and_its_own_text_alone():
    model, rows = tiny.seq2seq(1), tiny.sources(1, rows=4)

    def drawn(rows: list[list[int]], seed: int = 0) -> list[tuple[int, ...]]:
        return [h.tokens for (h,) in generate(model, pad(rows), Sample(seed=seed), ending=ENDING, start=START)]

    assert drawn(rows) == drawn(rows)
    assert drawn(rows)[::-1] == drawn(rows[::-1])
    assert drawn([rows[2], rows[2]]) == [drawn(rows)[2]] * 2
    assert len({tuple(drawn(rows, seed)) for seed in range(5)}) == 5
    torch.manual_seed(99)                                                    # the dice are its own
    before = torch.get_rng_state()
    again = drawn(rows)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(1)
    assert again == drawn(rows)


def test_several_draws_a_row_that_end_at_different_times_each_keep_to_their_own_source():
    """Each of them is what it is when it is drawn alone, from the source alone, so no row ever looks at another's memory."""
    for seed in range(4):
        model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=3)
        found = generate(model, pad(rows), Sample(nbest=4, seed=10), ending=ENDING, start=START)
        for row, answers in zip(rows, found, strict=True):
            alone = [generate(model, pad([row]), Sample(seed=10 + turn), ending=ENDING, start=START)[0][0] for turn in range(4)]
            assert sorted(h.tokens for h in answers) == sorted(h.tokens for h in alone)


def test_several_draws_come_best_first_and_what_is_fixed_is_never_taken_back():
    for seed in range(4):
        model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=3)
        shown: list[tuple[int, ...]] = [()] * 3
        done: list = []
        for step in stream(model, pad(rows), Sample(nbest=3, seed=2), ending=ENDING, start=START):
            for i in range(3):
                assert step.fixed(i)[: len(shown[i])] == shown[i]
                shown[i] = step.fixed(i)
            done = step.done
        for sure, answers in zip(shown, done, strict=True):
            assert sure == answers[0].tokens
            ranks = [(not h.ended, -h.score) for h in answers]
            assert ranks == sorted(ranks)
