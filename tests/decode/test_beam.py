"""Beam search against all sequences there are, and against a beam written without a cache, a batch or tensors."""

from __future__ import annotations

from functools import cache

import pytest
import torch

import opinionated as tiny
from limelight.decode import Beam, Ending, Greedy, MinLength, NoRepeat, generate, stream
from limelight.decode.search import BeamSearch
from limelight.decode.trails import common
from limelight.inputs.batch import pad
from limelight.nn import Network
from opinionated import END, START

ENDING, SHORT = Ending(frozenset([END]), 10), Ending(frozenset([END]), 4)
Answer = tuple[tuple[int, ...], float, bool]            # tokens, score, ended


@cache
def tree(seed: int, source: tuple[int, ...]) -> list[tuple[tuple[int, ...], float]]:
    """All 781 answers of at most four tokens, of a vocabulary of five, with their log-probabilities."""
    model, found = tiny.seq2seq(seed, vocab=5, end=-0.5), []
    open_ones: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for n in range(1, 5):
        longer = []
        for tokens, total in open_ones:
            chances = tiny.next_scores(model, source, [START, *tokens]).log_softmax(-1).tolist()
            longer += [((*tokens, token), total + chance) for token, chance in enumerate(chances)]
        found += [each for each in longer if each[0][-1] == END or n == 4]
        open_ones = [each for each in longer if each[0][-1] != END]
    assert len(found) == 1 + 4 + 16 + 64 * 5
    return found


def all_answers(seed: int, source: tuple[int, ...], penalty: float) -> list[Answer]:
    """Every answer, best first, whole ones before those that are cut off."""
    found = [(tokens, total / len(tokens) ** penalty, tokens[-1] == END) for tokens, total in tree(seed, source)]
    return sorted(found, key=lambda a: (not a[2], -a[1]))


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_a_beam_as_wide_as_the_tree_finds_the_best_of_all_answers(penalty: float):
    """Every one of the n-best is the next best there is."""
    for seed in range(2):
        wanted = all_answers(seed, (3, 4, 3), penalty)
        choice = Beam(width=341, length_penalty=penalty, nbest=30)
        (found,) = generate(tiny.seq2seq(seed, vocab=5, end=-0.5), pad([[3, 4, 3]]), choice, ending=SHORT, start=START)
        assert [h.tokens for h in found] == [tokens for tokens, _, _ in wanted[:30]]
        assert [h.score for h in found] == pytest.approx([score for _, score, _ in wanted[:30]], abs=1e-5)
        assert [h.ended for h in found] == [whole for _, _, whole in wanted[:30]]


def test_a_narrower_beam_that_still_holds_every_open_answer_finds_the_best_too():
    """64 open answers of three tokens; rows that only fill up must not crowd any of them out."""
    for seed in range(2):
        (found,) = generate(tiny.seq2seq(seed, vocab=5, end=-0.5), pad([[3, 4, 3]]), Beam(width=64), ending=SHORT, start=START)
        assert found[0].tokens == all_answers(seed, (3, 4, 3), 1.0)[0][0]


def plain_beam(model: Network, source: list[int], width: int, penalty: float, ending: Ending) -> list[Answer]:
    """Beam search as the papers have it: every partial answer is read again from its start at every step."""
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    done: list[Answer] = []
    while live:
        every = []
        for total, tokens in live:
            chances = tiny.next_scores(model, source, [START, *tokens]).log_softmax(-1).tolist()
            every += [(total + chance, (*tokens, token)) for token, chance in enumerate(chances)]
        every.sort(reverse=True)
        live = []
        for rank, (total, tokens) in enumerate(every):
            if tokens[-1] in ending.end:
                done += [(tokens, total / len(tokens) ** penalty, True)] * (rank < width)
            elif len(live) < width:
                live.append((total, tokens))
        if len(live[0][1]) == ending.max_length:
            done += [(tokens, total / len(tokens) ** penalty, False) for total, tokens in live]
            live = []
        done = sorted(done, key=lambda a: (not a[2], -a[1]))[:width]
        if live and len(done) == width and live[0][0] / len(live[0][1]) ** penalty <= done[-1][1]:
            live = []
    return done


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 1.6])
def test_a_batch_of_beams_is_the_plain_beam_of_each_row(width: int, penalty: float):
    for seed in range(2):
        model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=4)
        found = generate(model, pad(rows), Beam(width=width, length_penalty=penalty, nbest=width), ending=ENDING, start=START)
        for row, answers in zip(rows, found, strict=True):
            wanted = plain_beam(model, row, width, penalty, ENDING)
            assert [h.tokens for h in answers] == [tokens for tokens, _, _ in wanted]
            assert [h.score for h in answers] == pytest.approx([score for _, score, _ in wanted], abs=1e-5)
            assert [h.ended for h in answers] == [whole for _, _, whole in wanted]


@pytest.mark.parametrize("liking", [1.0, 3.0, 6.0])
def test_with_several_end_tokens_as_many_trails_as_before_go_on(liking: float):
    """Four ways to end, all of them likelier than to go on: the best that go on must still be looked at."""
    ending = Ending(frozenset([END, 5, 6, 7]), 10)
    for seed in range(2):
        model, rows = tiny.seq2seq(seed, end=liking), tiny.sources(seed, rows=3)
        model.heads["lm"].out.bias[[5, 6, 7]] += liking
        found = generate(model, pad(rows), Beam(width=2, nbest=2), ending=ending, start=START)
        for row, answers in zip(rows, found, strict=True):
            assert [h.tokens for h in answers] == [tokens for tokens, _, _ in plain_beam(model, row, 2, 1.0, ending)]


def test_enough_is_looked_at_for_every_trail_to_go_on_behind_several_ends():
    """One token that goes on, three that end, then another that goes on: with a width of two, both do."""
    search = BeamSearch(1, 2, 1.0, Ending(frozenset([2, 5, 6]), 9))
    parents = search.advance(torch.tensor([[-9.0, -9.0, -2.0, -1.0, -3.0, -2.1, -2.2]]))
    assert parents == [0, 0]
    assert [(t.tokens, t.total) for t in search.trails] == [((3,), -1.0), ((4,), -3.0)]
    assert [h.tokens for h in search.done[0]] == [(2,)]                       # the other ends were not among the best two


def test_sentences_of_a_batch_end_at_different_steps():
    """Or the tests of batches would say little: some rows leave while others go on."""
    model, rows = tiny.seq2seq(1), tiny.sources(1, rows=4)
    open_rows = [len({t.source for t in s.search.trails}) for s in stream(model, pad(rows), Beam(width=2), ending=ENDING, start=START)]
    assert len(set(open_rows)) > 2


def test_one_trail_is_greedy():
    for seed in range(3):
        model, batch = tiny.seq2seq(seed), pad(tiny.sources(seed))
        greedy = generate(model, batch, Greedy(), ending=ENDING, start=START)
        beam = generate(model, batch, Beam(width=1), ending=ENDING, start=START)
        assert [h.tokens for (h,) in beam] == [h.tokens for (h,) in greedy]
        assert [h.rows for (h,) in beam] == [h.rows for (h,) in greedy]


def test_the_n_best_are_sorted_unique_and_as_many_as_asked_for():
    for seed in range(4):
        for found in generate(tiny.seq2seq(seed), pad(tiny.sources(seed)), Beam(width=5, nbest=4), ending=ENDING, start=START):
            assert len(found) == 4
            assert len({h.tokens for h in found}) == 4
            ranks = [(not h.ended, -h.score) for h in found]
            assert ranks == sorted(ranks)
            for h in found:
                assert h.score == pytest.approx(sum(h.logprobs) / len(h.tokens))
                assert h.ended == (h.tokens[-1] == END)


def test_a_width_below_nbest_is_widened():
    model, batch = tiny.seq2seq(0), pad(tiny.sources())
    narrow = generate(model, batch, Beam(width=1, nbest=3), ending=ENDING, start=START)
    wide = generate(model, batch, Beam(width=3, nbest=3), ending=ENDING, start=START)
    assert [[h.tokens for h in answers] for answers in narrow] == [[h.tokens for h in answers] for answers in wide]


def test_a_higher_length_penalty_never_makes_the_best_of_all_answers_shorter():
    """total / n ** p, totals below 0: a growing p favours the longer (Wu et al. 2016, section 7)."""
    lengths = set()
    for seed in range(4):
        model = tiny.seq2seq(seed, vocab=5, end=0.7)
        before = 0
        for penalty in (-1.0, 0.0, 1.0, 3.0):
            choice = Beam(width=64, length_penalty=penalty)
            ((best,),) = generate(model, pad([[3, 4]]), choice, ending=SHORT, start=START)
            assert len(best.tokens) >= before
            before = len(best.tokens)
            lengths.add(before)
    assert len(lengths) > 1


def test_filters_act_on_every_trail_by_its_own_past():
    """With NoRepeat(2), no answer of the beam says a pair of tokens twice; without it, some do."""

    def repeats(tokens: tuple[int, ...]) -> bool:
        pairs = list(zip((START, *tokens), tokens, strict=False))
        return len(set(pairs)) < len(pairs)

    plain, filtered = [], []
    for seed in range(4):
        model, batch = tiny.seq2seq(seed, end=-3), pad(tiny.sources(seed))
        choice, ending = Beam(width=3, nbest=3), Ending(frozenset([END]), 12)
        plain += [h.tokens for found in generate(model, batch, choice, ending=ending, start=START) for h in found]
        filters = (NoRepeat(size=2), MinLength(length=6, end=(END,)))
        again = [h for found in generate(model, batch, choice, ending=ending, start=START, filters=filters) for h in found]
        filtered += [h.tokens for h in again]
        assert all(len(h.tokens) > 6 for h in again)
    assert any(map(repeats, plain))
    assert not any(map(repeats, filtered))


def test_where_filters_leave_one_way_the_beam_takes_it_and_ends_once():
    """Rows that only fill up give no second copy of the one answer."""
    path = [3, 4, 5, END]

    def only(scores: torch.Tensor, said: torch.Tensor, new: int) -> torch.Tensor:
        return torch.full_like(scores, -torch.inf).index_copy(1, torch.tensor([path[new]]), scores[:, path[new], None])

    model = tiny.seq2seq(0)
    found = generate(model, pad([[3], [4, 5]]), Beam(width=3, nbest=3), ending=ENDING, start=START, filters=[only])
    for (row, answers) in zip([[3], [4, 5]], found, strict=True):
        assert [h.tokens for h in answers] == [tuple(path)]
        assert list(answers[0].logprobs) == pytest.approx(tiny.forced(model, row, [START], path), abs=1e-5)


@pytest.mark.parametrize("width", [2, 4])
def test_what_is_fixed_grows_and_is_how_the_winner_begins(width: int):
    early = 0
    for seed in range(6):
        model, rows = tiny.seq2seq(seed), tiny.sources(seed, rows=4)
        sure: list[tuple[int, ...]] = [()] * len(rows)
        history: list[list[tuple[int, ...]]] = [[] for _ in rows]
        done: list = []
        for step in stream(model, pad(rows), Beam(width=width), ending=ENDING, start=START):
            for i in range(len(rows)):
                assert step.fixed(i)[: len(sure[i])] == sure[i]
                sure[i] = step.fixed(i)
                history[i].append(sure[i])
            done = step.done
        for i, answers in enumerate(done):
            best = answers[0].tokens
            assert sure[i] == best
            assert all(best[: len(each)] == each for each in history[i])
            early += any(0 < len(each) < len(best) for each in history[i])
    assert early > 3                                                          # something is sure before the end, often


def test_common_is_the_longest_shared_beginning():
    assert common([]) == ()
    assert common([(1, 2, 3)]) == (1, 2, 3)
    assert common([(1, 2, 3), (1, 2), (1, 2, 4)]) == (1, 2)
    assert common([(5, 1), (1, 5)]) == ()
    assert common([(1, 9, 2), (1, 3, 2), (1, 9, 2)]) == (1,)
