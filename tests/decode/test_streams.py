"""The loop as an iterator: a step at a time, and as many streams at once as one likes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import pytest
import torch

import opinionated as tiny
from limelight.decode import Beam, Choice, Ending, Greedy, Sample, Step, generate, stream
from limelight.inputs.batch import pad
from opinionated import END, START

ENDING = Ending(frozenset([END]), 10)
CHOICES = [Greedy(), Sample(seed=4, nbest=2), Beam(width=3, nbest=3)]


def begin(model: tiny.Network, seed: int, choice: Choice) -> Iterator[Step]:
    return stream(model, pad(tiny.sources(seed)), choice, ending=ENDING, start=START)


@pytest.mark.parametrize("one", CHOICES, ids=str)
@pytest.mark.parametrize("other", CHOICES, ids=str)
def test_two_streams_in_turn_are_two_streams_apart(one: Choice, other: Choice):
    model = tiny.seq2seq(1)
    apart = [list(begin(model, 1, one))[-1].done, list(begin(model, 2, other))[-1].done]
    last: list[Step | None] = [None, None]
    for steps in zip_longest(begin(model, 1, one), begin(model, 2, other)):
        last = [new or old for new, old in zip(steps, last, strict=True)]
    assert [step.done for step in last if step] == apart


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_step_is_one_token_further(choice: Choice):
    for i, step in enumerate(begin(tiny.seq2seq(1), 1, choice), 1):
        assert step.index == i
        assert {len(t.tokens) for t in step.search.trails} <= {i}
        assert {len(t.rows) for t in step.search.trails} <= {i}
        arrived = [h for answers in step.done for h in answers]
        assert all(len(h.tokens) == len(h.rows) == len(h.logprobs) <= i for h in arrived)
    assert not step.search.trails
    assert i <= ENDING.max_length


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_generate_is_the_last_step(choice: Choice):
    model = tiny.seq2seq(1)
    assert generate(model, pad(tiny.sources(1)), choice, ending=ENDING, start=START) == list(begin(model, 1, choice))[-1].done


def test_generate_gives_only_the_n_best():
    found = generate(tiny.seq2seq(1), pad(tiny.sources(1)), Beam(width=4, nbest=2), ending=ENDING, start=START)
    assert [len(each) for each in found] == [2] * 5


def test_a_stream_that_is_left_early_leaves_nothing_behind():
    model = tiny.seq2seq(1)
    wanted = list(begin(model, 1, Beam(width=3)))[-1].done
    for _ in zip(range(2), begin(model, 2, Beam(width=3)), strict=False):
        pass
    assert not torch.is_inference_mode_enabled()
    assert list(begin(model, 1, Beam(width=3)))[-1].done == wanted


def test_between_two_steps_the_caller_may_train():
    """The generator's own inference mode must not leak into the loop body."""
    weight = torch.nn.Parameter(torch.ones(1))
    for _ in begin(tiny.seq2seq(1), 1, Greedy()):
        (weight * 2).sum().backward()
    assert weight.grad is not None
