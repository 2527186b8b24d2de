"""Many answers at once: each is what it is alone, whatever joins, leaves, waits or shares beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import opinionated as tiny
from limelight.decode import (
    Answering,
    Beam,
    Choice,
    Ending,
    Engine,
    Filter,
    Greedy,
    MinLength,
    NoRepeat,
    RepetitionPenalty,
    Sample,
    generate,
)
from limelight.errors import InputError, TaskError
from limelight.look import trace
from limelight.nn import Network
from limelight.spec import Alibi, Attention, Buckets, Learned, Recurrent, Rotary, Sinusoid, Tokens
from opinionated import END, LLAMA, long

ENDING = Ending(frozenset([END]), 12)
Found = list[tuple[tuple[int, ...], bool]]
KINDS = {
    "gpt2": {"position": Learned(length=64)},
    "llama": LLAMA,
    "window": {"attention": Attention(heads=2, window=3), "position": Rotary()},
    "sinusoid": {"position": Sinusoid(length=512)},
    "alibi": {"position": Alibi()},
    "buckets": {"position": Buckets()},
}


def alone(model: Network, row: list[int], choice: Choice | None = None, *filters: Filter, ending: Ending = ENDING) -> Found:
    (found,) = generate(model, tiny.left([row]), choice or Greedy(), ending=ending, filters=filters)
    return [(h.tokens, h.ended) for h in found]


def said(answer: Answering) -> Found:
    return [(h.tokens, h.ended) for h in answer.result()]


@pytest.fixture
def passed() -> Iterator[list[int]]:
    """How many tokens each pass took through a decoder, of whichever model runs."""
    counted: list[int] = []
    plain = nn.Module.__call__

    def counting(module: nn.Module, *args: object, **more: object) -> object:
        if type(module).__name__ == "Stack":
            counted.append(args[0].numel())
        return plain(module, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "__call__", counting)
        yield counted


@pytest.mark.parametrize("kind", KINDS)
def test_answers_side_by_side_are_those_of_each_alone(kind: str):
    model, rows = tiny.lm(1, end=0.0, **KINDS[kind]), [*tiny.sources(1), long(37)]
    endings = [Ending(frozenset([END]), 3 + 3 * i) for i in range(len(rows))]
    engine = Engine(model, chunk=8)
    found = [said(each) for each in [engine.submit(row, ending=ending) for row, ending in zip(rows, endings, strict=True)]]
    assert found == [alone(model, row, ending=ending) for row, ending in zip(rows, endings, strict=True)]
    assert len({len(tokens) for ((tokens, _),) in found}) > 2
    assert engine.pool.free == engine.pool.pages


CHOICES = [Greedy(), Sample(seed=4), Sample(seed=5, temperature=1.6, top_p=0.9), Sample(seed=6, nbest=3), Beam(width=3, nbest=2)]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_choice_is_made_as_alone(choice: Choice):
    """A beam's rows share pages until they write; several draws share their prompt."""
    for seed in range(3):
        model, rows = tiny.lm(seed, end=0.5, **LLAMA), tiny.sources(seed, longest=20)
        engine = Engine(model)
        found = [engine.submit(row, choice, ending=ENDING) for row in rows]
        assert [said(each) for each in found] == [alone(model, row, choice) for row in rows]
        assert engine.pool.free == engine.pool.pages


def test_different_choices_and_filters_stand_side_by_side():
    model, rows = tiny.lm(2, end=0.5), tiny.sources(2)
    filters = [[], [NoRepeat(size=2)], [RepetitionPenalty(penalty=2.0)], [MinLength(length=4, end=(END,))], []]
    engine = Engine(model)
    found = [engine.submit(row, c, ending=ENDING, filters=f) for row, c, f in zip(rows, CHOICES, filters, strict=True)]
    assert [said(each) for each in found] == [alone(model, r, c, *f) for r, c, f in zip(rows, CHOICES, filters, strict=True)]


def test_answers_join_and_leave_between_steps():
    model, rows = tiny.lm(1, end=-30, **LLAMA), tiny.sources(1)
    engine, ending = Engine(model), Ending(frozenset([END]), 6)
    found, running = [], []
    for row in rows:
        found.append(engine.submit(row, ending=ending))
        engine.step()
        engine.step()
        running.append(engine.load.running)
    while engine.step():
        running.append(engine.load.running)
    assert [said(each) for each in found] == [alone(model, row, ending=ending) for row in rows]
    assert running[:5] == [1, 2, 2, 2, 2]                          # each leaves at its sixth step, the sixth pass of its own
    assert running[-1] < max(running)


def test_two_streams_read_in_turns_give_what_each_gives():
    model = tiny.lm(3, end=-30)
    engine = Engine(model)
    pair = [iter(engine.submit(row, Sample(seed=i), ending=ENDING)) for i, row in enumerate(tiny.sources(3, rows=2))]
    turns = list(zip(*pair, strict=True))
    wanted = [alone(model, row, Sample(seed=i))[0][0] for i, row in enumerate(tiny.sources(3, rows=2))]
    assert list(zip(*turns, strict=True)) == wanted


# --- long prompts ----------------------------------------------------------------------------------------------------
def test_a_long_prompt_holds_up_nobody():
    model = tiny.lm(1, end=-30, **LLAMA)
    engine = Engine(model, chunk=16)
    short = engine.submit([3, 4], ending=ENDING)
    engine.step()
    late = engine.submit(long(100), ending=ENDING)
    for n in range(2, 8):
        before = engine.load.read
        engine.step()
        assert len(short.tokens) == n
        assert engine.load.read - before == 1 + 16
        assert not late.tokens
    engine.step()
    assert len(late.tokens) == 1                                    # 100 tokens are seven chunks of 16 at most
    assert said(late) == alone(model, long(100))
    assert said(short) == alone(model, [3, 4])


# --- shared beginnings -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["gpt2", "llama", "window"])
def test_a_shared_beginning_goes_through_the_model_once(kind: str, passed: list[int]):
    kinds = {**KINDS, "gpt2": {"position": Learned(length=128)}}
    model, start = tiny.lm(1, **kinds[kind]), long(64)
    rows = [[*start, *long(5, seed)] for seed in range(1, 5)]
    wanted = [alone(model, row) for row in rows]
    passed.clear()
    engine = Engine(model)
    found = [said(each) for each in [engine.submit(row, ending=ENDING) for row in rows]]
    assert found == wanted
    steps = sum(len(tokens) - 1 for ((tokens, _),) in found)
    assert sum(passed) == engine.load.read == 64 + 4 * 5 + steps
    assert engine.load.shared == 3 * 64


def test_a_beginning_is_known_after_its_answer_is_over(passed: list[int]):
    model, start = tiny.lm(1, **LLAMA), long(48)
    engine = Engine(model)
    said(engine.submit([*start, 3], ending=ENDING))
    passed.clear()
    found = engine.submit([*start, 4, 5], ending=ENDING)
    assert said(found) == alone(model, [*start, 4, 5])
    assert passed[0] == 2


def test_a_conversation_goes_on_from_its_last_answer(passed: list[int]):
    model = tiny.lm(1, end=-30, **LLAMA)
    engine, prompt = Engine(model), long(30)
    ((tokens, _),) = said(engine.submit(prompt, ending=ENDING))
    passed.clear()
    more = [*prompt, *tokens, 7, 8]
    assert said(engine.submit(more, ending=ENDING)) == alone(model, more)
    assert passed[0] == len(more) - 32                              # 41 of its 44 tokens were read: two pages are full


# --- a full pool -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("choice", [Greedy(), Sample(seed=2), Sample(seed=2, nbest=2), Beam(width=2)], ids=str)
def test_nobody_is_lost_when_the_pool_is_full(choice: Choice):
    model, rows = tiny.lm(1, end=-30, **LLAMA), [long(12 + n, n) for n in range(4)]
    ending = Ending(frozenset([END]), 40)
    engine = Engine(model, slots=16 * 8)
    found = [engine.submit(row, choice, ending=ending) for row in rows]
    most = 0
    while engine.step():
        most = max(most, engine.load.running)
    assert most > 1
    assert engine.load.put_back > 0
    assert [said(each) for each in found] == [alone(model, row, choice, ending=ending) for row in rows]
    assert engine.pool.free == engine.pool.pages


def test_the_oldest_goes_on_and_the_newest_waits():
    model, ending = tiny.lm(1, end=-30), Ending(frozenset([END]), 40)
    engine = Engine(model, slots=16 * 4)
    first, second = (engine.submit(long(14, seed), ending=ending) for seed in (1, 2))
    while second.state != "running":
        engine.step()
    while second.state == "running":
        engine.step()
    assert (first.state, second.state) == ("running", "waiting")
    assert second.tokens
    said(first)
    assert said(second) == alone(model, long(14, 2), ending=ending)


def test_what_was_said_stays_said_when_an_answer_is_put_back():
    model, ending = tiny.lm(1, end=-30), Ending(frozenset([END]), 40)
    engine = Engine(model, slots=16 * 4)
    answers = [engine.submit(long(14, seed), Sample(seed=seed), ending=ending) for seed in (1, 2)]
    before = [()] * 2
    while engine.step():
        now = [each.tokens for each in answers]
        assert all(new[: len(old)] == old for old, new in zip(before, now, strict=True))
        before = now
    assert engine.load.put_back > 0


def test_only_so_many_rows_run_at_once():
    model = tiny.lm(1, end=-30)
    engine = Engine(model, rows=2)
    found = [engine.submit(row, ending=ENDING) for row in tiny.sources(1)]
    running = []
    while engine.step():
        running.append(engine.load.running)
    assert max(running) == 2
    assert [said(each) for each in found] == [alone(model, row) for row in tiny.sources(1)]


# --- leaving before the end ------------------------------------------------------------------------------------------
def test_cancel_frees_pages_and_leaves_the_others_alone():
    model = tiny.lm(1, end=-30, **LLAMA)
    engine = Engine(model)
    stays, goes, never = (engine.submit(long(40, seed), ending=ENDING) for seed in (1, 2, 3))
    never.cancel()
    for _ in range(4):
        engine.step()
    before = engine.load.free
    goes.cancel()
    assert engine.load.free == before + 3
    assert (stays.state, goes.state, never.state) == ("running", "cancelled", "cancelled")
    assert list(goes) == list(goes.tokens)
    assert goes.tokens == alone(model, long(40, 2))[0][0][: len(goes.tokens)]
    assert never.tokens == ()
    assert said(stays) == alone(model, long(40, 1))
    with pytest.raises(TaskError, match=rf"request 1 was cancelled after {len(goes.tokens)} tokens"):
        goes.result()
    stays.cancel()
    assert stays.state == "done"


def test_a_filter_that_fails_ends_its_own_answer_only():
    model, rows = tiny.lm(1, end=-30), tiny.sources(1, rows=2)

    def broken(scores: Tensor, said: Tensor, new: int) -> Tensor:
        del said
        if new == 3:
            raise ZeroDivisionError("made to fail")
        return scores

    engine = Engine(model)
    bad, good = engine.submit(rows[0], ending=ENDING, filters=[broken]), engine.submit(rows[1], ending=ENDING)
    assert said(good) == alone(model, rows[1])
    got = []
    with pytest.raises(ZeroDivisionError, match="made to fail"):
        got.extend(bad)
    assert bad.state == "failed"
    assert got == list(bad.tokens) == list(alone(model, rows[0])[0][0][:3])
    assert engine.pool.free == engine.pool.pages


def test_a_pass_that_is_broken_off_is_done_again():
    """As by Ctrl-C between two layers: the next step goes on as if it had not been."""
    model, row = tiny.lm(1, end=-30, **LLAMA), long(20)
    engine = Engine(model)
    answer = engine.submit(row, ending=ENDING)
    for _ in range(3):
        engine.step()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    hook = model.decoder.blocks[1].register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.step()
    hook.remove()
    assert said(answer) == alone(model, row)


def test_a_model_that_fails_ends_what_was_in_the_pass():
    model = tiny.lm(1, end=-30)
    engine = Engine(model)
    answer = engine.submit([3], ending=ENDING)

    def fail(*_: object) -> None:
        raise RuntimeError("no memory left")

    hook = model.decoder.blocks[1].register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="no memory left"):
        answer.result()
    hook.remove()
    assert engine.pool.free == engine.pool.pages
    assert said(engine.submit([3], ending=ENDING)) == alone(model, [3])


# --- threads ---------------------------------------------------------------------------------------------------------
def test_many_threads_submit_read_and_cancel_while_one_steps():
    model, rows = tiny.lm(1, end=0.0, **LLAMA), [*tiny.sources(1), *tiny.sources(2), long(30)]
    wanted = [alone(model, row, Sample(seed=i)) for i, row in enumerate(rows)]
    found: dict[int, tuple[list[int], Found]] = {}
    with Engine(model, chunk=8) as engine:

        def ask(i: int) -> None:
            answer = engine.submit(rows[i], Sample(seed=i), ending=ENDING)
            engine.submit(long(50, i), ending=ENDING).cancel()
            found[i] = list(answer), said(answer)

        askers = [threading.Thread(target=ask, args=(i,)) for i in range(len(rows))]
        for each in askers:
            each.start()
        for each in askers:
            each.join(60)
    assert [found[i][1] for i in range(len(rows))] == wanted
    assert [tuple(found[i][0]) for i in range(len(rows))] == [tokens for ((tokens, _),) in wanted]
    engine.step()
    assert engine.pool.free == engine.pool.pages


def test_what_is_under_way_when_the_thread_ends_can_be_gone_on_with():
    model = tiny.lm(1, end=-30)
    engine = Engine(model)
    with engine:
        answer = engine.submit([3, 4], ending=ENDING)
    assert said(answer) == alone(model, [3, 4])
    with engine, pytest.raises(TaskError, match="running already"), engine:
        pass


# --- looking ---------------------------------------------------------------------------------------------------------
def test_a_trace_of_one_answer_is_that_of_generate_and_changes_nothing():
    model, row = tiny.lm(1, end=-30, **LLAMA), long(21)
    engine = Engine(model, chunk=8)
    with trace(model, layers="decoder.1.self") as seen:
        found = said(engine.submit(row, ending=ENDING))
    with trace(model, layers="decoder.1.self") as wanted:
        assert alone(model, row) == found
    torch.testing.assert_close(seen["decoder.1.self"].weights(), wanted["decoder.1.self"].weights(), atol=2e-6, rtol=0)


# --- what is refused -------------------------------------------------------------------------------------------------
def test_models_of_other_kinds_are_refused():
    model = Network(replace(tiny.lm().spec, decoder=Recurrent(depth=1, input=Tokens(vocab=12))))
    for each in (tiny.seq2seq(), model):
        with pytest.raises(TaskError, match=r"decoder of attentions alone.*decode\.generate"):
            Engine(each)


@pytest.mark.parametrize(
    ("prompt", "most", "match"),
    [
        ([], 5, "prompt of 0 tokens"),
        ([3, 12], 5, "knows tokens 0 to 11: got 12"),
        ([-1], 5, "got -1"),
        (long(60), 6, r"60 tokens and an answer of 6 do not fit: the model has positions for 64.*max_length=5"),
        (long(30), 4, r"30 tokens and 1 answer\(s\) of 4 may take 3 pages: the pool has 2.*more slots"),
    ],
)
def test_what_would_never_fit_is_refused_with_the_numbers(prompt: list[int], most: int, match: str):
    engine = Engine(tiny.lm(position=Learned(length=64)), slots=32)
    with pytest.raises(InputError, match=match):
        engine.submit(prompt, ending=Ending(frozenset([END]), most))
    assert not engine.busy


def test_an_engine_of_nothing_is_refused():
    with pytest.raises(InputError, match="1 at least: got 0, 32 and 256"):
        Engine(tiny.lm(), slots=0)
