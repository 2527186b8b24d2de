"""The engine over the native column: one call a step, and each answer has the very bits that it has alone."""

from __future__ import annotations

import pytest

import opinionated as tiny
from limelight.decode import Choice, Ending, Engine, Greedy, Hypothesis, Sample, generate
from limelight.native import library
from limelight.native.matrix import Kind
from limelight.native.stack import Column
from limelight.nn import Network, pack_matrices
from limelight.spec import Alibi, Attention, Buckets, Learned, Rotary
from opinionated import END, LLAMA, long

pytestmark = pytest.mark.skipif(library() is None, reason="there are no native kernels here: limelight env says why")
KINDS = {
    "gpt2": {"position": Learned(length=128)},
    "llama": LLAMA,
    "window": {"attention": Attention(heads=2, window=5), "position": Rotary()},
    "alibi": {"position": Alibi()},
    "buckets": {"position": Buckets()},
}


def packed(name: str, kind: Kind = "float32", end: float = 0.0) -> Network:
    model = tiny.lm(1, end=end, **KINDS[name])
    assert pack_matrices(model, kind)
    return model


def alone(model: Network, row: list[int], choice: Choice, ending: Ending) -> list[Hypothesis]:
    (found,) = generate(model, tiny.left([row]), choice, ending=ending)
    return found


def bare(found: list[Hypothesis]) -> list[tuple[tuple[int, ...], tuple[float, ...], bool]]:
    return [(h.tokens, h.logprobs, h.ended) for h in found]


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "int8", "int4"])
@pytest.mark.parametrize("name", KINDS)
def test_answers_have_the_bits_that_each_has_alone(name: str, kind: Kind) -> None:
    model = packed(name, kind)
    rows = [long(n, n) for n in (1, 40, 3, 17, 5)]
    choices: list[Choice] = [Greedy(), Greedy(), Sample(seed=2), Greedy(), Sample(seed=4, nbest=2)]
    ending = Ending(frozenset([END]), 14)
    engine = Engine(model, chunk=16)
    found = []
    for row, choice in zip(rows, choices, strict=True):                     # they join while others are under way
        found.append(engine.submit(row, choice, ending=ending))
        engine.step()
    for answer, row, choice in zip(found, rows, choices, strict=True):
        assert bare(answer.result()) == bare(alone(model, row, choice, ending))


def test_prompts_and_steps_are_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = packed("llama", end=-30), list[int]()
    plain = Column.__call__
    monkeypatch.setattr(Column, "__call__", lambda self, flat, **more: calls.append(len(flat.x)) or plain(self, flat, **more))
    engine = Engine(model, chunk=16)
    for n in (3, 30, 5):
        engine.submit(long(n, n), ending=Ending(frozenset([END]), 4))
    while engine.step():
        pass
    assert calls[0] == 3 + 13                                              # as many tokens of prompts as a step takes
    assert calls[1] == 1 + 16
    assert sum(calls) == engine.load.read == 3 + 30 + 5 + 3 * 3


@pytest.mark.parametrize("native", [True, False])
def test_what_is_behind_every_window_takes_no_room(native: bool) -> None:
    model, row, ending = packed("window", end=-30), long(50), Ending(frozenset([END]), 120)
    wanted = alone(model, row, Sample(seed=3), ending)
    if not native:
        model.decoder.at_once = None
    engine, held = Engine(model, slots=16 * 4, chunk=16), list[int]()
    answer = engine.submit(row, Sample(seed=3), ending=ending)
    while engine.step():
        held.append(engine.pool.pages - engine.load.free)
    (best,) = answer.result()
    assert best.tokens == wanted[0].tokens
    assert max(held) <= 3
    assert engine.pool.free == engine.pool.pages == 4
