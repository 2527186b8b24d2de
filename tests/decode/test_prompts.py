"""Decoders without an encoder: prompts of different lengths, padded on the left, go on as each of them does alone."""

from __future__ import annotations

import pytest
import torch

import opinionated as tiny
from limelight.decode import Beam, Choice, Ending, Filter, Greedy, NoRepeat, RepetitionPenalty, Sample, generate
from limelight.errors import InputError
from limelight.inputs.batch import pad
from limelight.spec import Alibi, Attention, Buckets, Learned, Rotary, Sinusoid, Stack
from opinionated import END

ENDING = Ending(frozenset([END]), 9)
CHOICES = [Greedy(), Sample(seed=4), Sample(seed=4, top_p=0.9, nbest=3), Beam(width=3, nbest=2)]
POSITIONS = [Sinusoid(length=64), Learned(length=64), Rotary(), Alibi(), Buckets(), None]
Found = list[tuple[tuple[int, ...], float]]


def answers(model: tiny.Network, rows: list[list[int]], choice: Choice, *filters: Filter) -> list[Found]:
    found = generate(model, tiny.left(rows), choice, ending=ENDING, filters=filters)
    return [[(h.tokens, pytest.approx(h.score, abs=1e-5)) for h in each] for each in found]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("position", POSITIONS, ids=lambda p: "none" if p is None else p.kind)
def test_prompts_padded_on_the_left_go_on_as_each_does_alone(choice: Choice, position: Stack):
    model, rows = tiny.lm(1, position=position), tiny.sources(1)
    assert answers(model, rows, choice) == [answers(model, [row], choice)[0] for row in rows]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("attention", [Attention(heads=4, kv_heads=2), Attention(heads=2, window=3)], ids=["grouped", "window"])
def test_grouped_heads_and_windows_too(choice: Choice, attention: Attention):
    model, rows = tiny.lm(2, attention=attention, position=Rotary()), tiny.sources(2)
    assert answers(model, rows, choice) == [answers(model, [row], choice)[0] for row in rows]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("made", [NoRepeat(size=1), NoRepeat(size=2), RepetitionPenalty(penalty=3.0)], ids=str)
def test_padding_was_not_said(choice: Choice, made: Filter):
    """The filler is a token like another (0, or the last): it may be said, and is not punished for having filled a gap."""
    for seed in range(2):
        model, rows = tiny.lm(seed, end=0.0), tiny.sources(seed)
        model.heads["lm"].out.bias[[0, 11]] += 4.0
        alone = [answers(model, [row], choice, made)[0] for row in rows]
        assert answers(model, rows, choice, made) == alone
        assert any({0, 11} & set(tokens) for each in alone for tokens, _ in each)


def test_greedy_is_the_argmax_loop():
    for seed in range(3):
        model, rows = tiny.lm(seed), tiny.sources(seed)
        for row, (h,) in zip(rows, generate(model, tiny.left(rows), Greedy(), ending=ENDING), strict=True):
            said: list[int] = []
            while len(said) < 9 and END not in said:
                said.append(int(tiny.next_scores(model, None, [*row, *said]).argmax()))
            assert list(h.tokens) == said
            assert list(h.logprobs) == pytest.approx(tiny.forced(model, None, row, said), abs=1e-5)


@pytest.mark.parametrize("nbest", [1, 3])
def test_scores_are_those_of_forced_decoding(nbest: int):
    model, rows = tiny.lm(3, position=Rotary()), tiny.sources(3)
    for choice in (Beam(width=3, nbest=nbest), Sample(nbest=nbest)):
        for row, found in zip(rows, generate(model, tiny.left(rows), choice, ending=ENDING), strict=True):
            for h in found:
                assert list(h.logprobs) == pytest.approx(tiny.forced(model, None, row, h.tokens), abs=1e-5)


def test_prompts_that_end_in_padding_are_refused():
    with pytest.raises(InputError, match=r'got padding there.*side="left"'):
        generate(tiny.lm(0), pad([[3, 4], [5]]), Greedy(), ending=ENDING)
    generate(tiny.lm(0), pad([[3, 4], [5, 6]]), Greedy(), ending=ENDING)                       # nothing is padded here
    generate(tiny.seq2seq(0), pad([[3, 4], [5]]), Greedy(), ending=ENDING)                     # a source may be


def test_a_model_in_bf16_gives_finite_scores():
    model, rows = tiny.lm(0).to(torch.bfloat16), tiny.sources()
    for each in answers(model, rows, Beam(width=2)):
        assert all(-100 < score.expected < 0 for _, score in each)
