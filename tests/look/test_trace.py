"""Looking changes nothing: every output with a trace is, bit for bit, the output without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.decode import Beam, Choice, Ending, Greedy, Sample, generate, stream
from limelight.errors import TraceError
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look import Trace, trace
from limelight.look.trace import read_bytes
from limelight.nn import Look, Network
from limelight.spec import Additive, Alibi, Attention, Buckets, Dot, General, Model, Recurrent, Rotary, Stack, Tokens, Words
from opinionated import END, START

ENDING = Ending(frozenset([END]), 8)
LONG = torch.arange(70)[None] % 9 + 3                                                # 70 x 70 is more than attend takes the plain way
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "grouped": {"attention": Attention(heads=4, kv_heads=2)},
    "multi-query": {"attention": Attention(heads=4, kv_heads=1)},
    "rotary": {"position": Rotary()},
    "alibi": {"position": Alibi()},
    "buckets": {"position": Buckets()},
    "dot": {"attention": Attention(heads=2, score=Dot())},
    "general": {"attention": Attention(heads=2, score=General())},
    "additive": {"attention": Attention(heads=2, score=Additive())},
    "window": {"attention": Attention(heads=2, window=3)},
    "window and rotary": {"attention": Attention(heads=4, kv_heads=2, window=2), "position": Rotary()},
}


def whole(model: Network) -> Tensor:
    """Source and answer at once, both with padding."""
    memory = model.encode(pad(tiny.sources(0)))
    return model.decode(torch.tensor([[START, *row] for row in [[3, 4, 5, 6]] * 5]), memory=memory)


def cached(model: Network) -> Tensor:
    """Two tokens, then one by one, with a change of rows in between."""
    memory, cache = model.encode(pad(tiny.sources(0))), model.new_cache()
    out = [model.decode(torch.tensor([[START, 3]] * 10), memory=memory, cache=cache)]
    for i in range(4):
        cache.reorder(torch.tensor([1, 1, 2, 3, 5, 4, 6, 7, 9, 8]))
        out.append(model.decode(torch.full((10, 1), 4 + i), memory=memory, cache=cache))
    return torch.cat(out, 1)


def prompts(model: Network, side: str = "left") -> Tensor:
    """A decoder alone."""
    batch = pad(tiny.sources(0), side=side)
    cache = model.new_cache()
    out = model.decode(batch.values, keep=batch.keep, cache=cache)
    keep = torch.cat((batch.keep, torch.ones(5, 2, dtype=torch.bool)), 1)
    return torch.cat((out, model.decode(torch.tensor([[3, 4]] * 5), keep=keep, cache=cache)), 1)


def same(model: Network, run: Callable[[Network], Tensor]) -> None:
    torch.manual_seed(5)
    without = run(model)
    torch.manual_seed(5)
    with trace(model) as seen:
        watched = run(model)
    torch.manual_seed(5)
    assert torch.equal(without, watched)
    assert torch.equal(without, run(model))
    assert all(seen[name].looks for name in seen)


# --- the output ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_the_output_is_bit_equal_in_every_mode(kind: str, dtype: torch.dtype):
    both, alone = tiny.seq2seq(0, **KINDS[kind]).to(dtype), tiny.lm(0, **KINDS[kind]).to(dtype)
    same(both, whole)
    same(both, cached)
    same(alone, lambda m: prompts(m, "left"))
    same(alone, lambda m: prompts(m, "right"))
    same(alone, lambda m: m.decode(torch.tensor([[3, 4, 5, 6, 7]] * 3)))
    same(alone, lambda m: m.decode(LONG))                                            # here the fused kernel serves
    same(both, lambda m: m.decode(LONG, memory=m.encode(Batch(LONG))))


@pytest.mark.parametrize("kind", ["plain", "grouped", "buckets", "general"])
def test_training_is_bit_equal_too_its_dropout_and_its_gradients(kind: str):
    found = Attention(heads=2) if "attention" not in KINDS[kind] else KINDS[kind]["attention"]
    assert isinstance(found, Attention)
    changes = {**KINDS[kind], "attention": replace(found, dropout=0.3), "dropout": 0.2}

    def gradients(watched: bool) -> list[Tensor]:
        model = tiny.seq2seq(0, **changes).train().requires_grad_(True)
        torch.manual_seed(7)
        with trace(model) if watched else torch.enable_grad():
            out = whole(model)
        out.pow(2).sum().backward()
        return [out.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]

    pairs = list(zip(gradients(True), gradients(False), strict=True))
    assert len(pairs) > 20
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("choice", [Greedy(), Sample(nbest=3), Beam(width=3, nbest=3)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_generation_is_the_same_with_a_trace(choice: Choice, dtype: torch.dtype):
    model, batch = tiny.seq2seq(1).to(dtype), pad(tiny.sources(1))
    without = generate(model, batch, choice, ending=ENDING, start=START)
    with trace(model):
        assert generate(model, batch, choice, ending=ENDING, start=START) == without
    with trace(model, budget=1):
        assert generate(model, batch, choice, ending=ENDING, start=START) == without


# --- references ------------------------------------------------------------------------------------------------------
def test_a_trace_keeps_references_not_copies():
    model, given = tiny.lm(0, position=Rotary()), {}
    with trace(model) as seen:
        for name, attention in model.attentions().items():
            attention.eye = Spy(attention.eye, given.setdefault(name, []))
        model.decode(torch.tensor([[3, 4, 5]]))
    for name in seen:
        (look,), (told,) = seen[name].looks, given[name]
        for kept, real in ((look.q, told.q), (look.k, told.k), (look.v, told.v)):
            assert kept.data_ptr() == real.data_ptr()
            assert kept.untyped_storage().nbytes() == kept.nbytes                    # and no larger buffer behind them


class Spy:
    """Sees what a trace is told."""

    def __init__(self, trace, given: list):
        self.trace, self.given = trace, given

    def saw(self, look) -> None:
        self.given.append(look)
        self.trace.saw(look)


def storages(seen: Trace) -> dict[int, int]:
    """All memory that a trace keeps alive, found by walking through what it holds."""
    found = {}
    for name in seen:
        for look in seen[name].looks:
            for tensor in (look.q, look.k, look.v, look.how["allow"], look.how["bias"]):
                if tensor is not None:
                    found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return found


def test_a_cross_trace_of_a_generation_costs_its_queries_and_one_set_of_keys():
    model, batch = tiny.seq2seq(0, end=-9), Batch(torch.randint(3, 12, (2, 30)))
    width, steps, floats = 3, 8, 16 * 4
    with trace(model, layers="decoder.1.cross") as seen:
        generate(model, batch, Beam(width=width), ending=ENDING, start=START)
    queries = (2 + 2 * width * (steps - 1)) * floats
    assert seen.nbytes == queries + 2 * (2 * 30 * floats)                            # keys and values, once
    assert seen.nbytes == sum(storages(seen).values())


@pytest.mark.parametrize("choice", [Greedy(), Sample(nbest=3), Beam(width=3)], ids=str)
@pytest.mark.parametrize("kind", ["plain", "buckets", "grouped", "window"])
def test_the_bytes_it_counts_are_the_bytes_it_keeps(choice: Choice, kind: str):
    model = tiny.seq2seq(1, **KINDS[kind])
    with trace(model) as seen:
        generate(model, pad(tiny.sources(1)), choice, ending=ENDING, start=START)
        assert seen.nbytes == sum(storages(seen).values()) > 0
        tokens = sum(look.k.shape[0] * look.k.shape[2] for look in seen["decoder.0.self"].looks)
        assert sum(look.k.untyped_storage().nbytes() for look in seen["decoder.0.self"].looks) == tokens * model.attentions()[
            "decoder.0.self"
        ].k.out_features * 4                                                         # not the whole buffer of the cache, at every step
        seen.clear()
        assert seen.nbytes == 0


# --- what was seen stays as it was -----------------------------------------------------------------------------------
def snapshot(seen: Trace, name: str) -> Tensor:
    return seen[name].weights()


@pytest.mark.parametrize("prompt", [3, 40], ids=["within the cache's room", "exactly filling the cache"])
@pytest.mark.parametrize("position", [None, Rotary()], ids=["plain", "rotary"])
def test_a_trimmed_and_overwritten_cache_does_not_change_what_was_seen(prompt: int, position: Stack):
    model, cache = tiny.lm(0, position=position), tiny.lm(0).new_cache()
    with torch.inference_mode():
        with trace(model) as seen:
            model.decode(torch.randint(3, 12, (2, prompt)), cache=cache)
        before = snapshot(seen, "decoder.1.self")
        cache.trim(1)
        model.decode(torch.randint(3, 12, (2, prompt - 1)), cache=cache)
        cache.reorder(torch.tensor([1, 0]))
        model.decode(torch.randint(3, 12, (2, 5)), cache=cache)
    assert torch.equal(snapshot(seen, "decoder.1.self"), before)


@pytest.mark.parametrize("kind", ["general", "additive", "buckets"])
def test_a_training_step_does_not_change_what_was_seen(kind: str):
    model = tiny.seq2seq(0, **KINDS[kind]).requires_grad_(True)
    with trace(model) as seen:
        out = whole(model)
    before = {name: seen[name].weights() for name in seen}
    out.sum().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 10
    for name in seen:
        assert torch.equal(seen[name].weights(), before[name])
        assert not seen[name].weights().requires_grad


def test_a_trace_lets_the_graph_of_a_training_step_go():
    model = tiny.seq2seq(0, position=Buckets()).requires_grad_(True)
    with trace(model) as seen:
        whole(model)
    for name in seen:
        for look in seen[name].looks:
            held = (look.q, look.k, look.v, *(v for v in look.how.values() if isinstance(v, Tensor)))
            assert all(t.grad_fn is None for t in held)


# --- several traces, several sequences, several threads ----------------------------------------------------------------
def test_nested_traces_both_see_all_and_leave_nothing_behind():
    model = tiny.seq2seq(0)
    with trace(model) as outer:
        with trace(model, layers="decoder.*.cross") as inner:
            whole(model)
        for name in inner:
            assert torch.equal(inner[name].weights(), outer[name].weights())
        assert "encoder.0.self" not in inner.names
        model.encode(Batch(torch.tensor([[3, 4]])))
        assert outer["encoder.0.self"].shape() == (1, 2, 2, 2)
        assert inner["decoder.0.cross"].shape() == (5, 2, 5, 7)
    assert all(attention.eye is None for attention in model.attentions().values())


def test_traces_may_close_in_any_order():
    model = tiny.seq2seq(0)
    one, two, three = trace(model), trace(model), trace(model)
    for each in (one, two, three):
        each.__enter__()
    one.__exit__()
    three.__exit__()
    whole(model)
    assert two["encoder.0.self"].looks
    for closed in (one, three):
        with pytest.raises(TraceError, match="has seen nothing yet"):
            closed["encoder.0.self"]
    two.__exit__()
    assert all(attention.eye is None for attention in model.attentions().values())


def test_a_foreign_eye_stays_where_it_was():
    model, given = tiny.seq2seq(0), []
    spy = Spy(Spy, given)
    spy.saw = given.append
    model.attentions()["encoder.0.self"].eye = spy
    with trace(model):
        whole(model)
    assert len(given) == 1
    assert model.attentions()["encoder.0.self"].eye is spy


def test_an_exception_restores_the_model_and_keeps_what_was_seen():
    model = tiny.seq2seq(0)
    seen = trace(model)
    with pytest.raises(ZeroDivisionError), seen:
        print(whole(model)[0, 0, 0] and 1 / 0)
    assert all(attention.eye is None for attention in model.attentions().values())
    assert seen["encoder.0.self"].weights().shape == (5, 2, 7, 7)
    looks = seen["encoder.0.self"].looks
    whole(model)
    assert seen["encoder.0.self"].looks == looks


def test_a_trace_is_open_once_and_may_be_opened_again():
    model = tiny.seq2seq(0)
    seen = trace(model, layers="encoder.*")
    with seen as same_one:
        assert same_one is seen
        with pytest.raises(TraceError, match="open already"):
            seen.__enter__()
        whole(model)
    first = seen["encoder.0.self"].weights()
    with seen:
        model.encode(Batch(torch.tensor([[3, 4]])))
    assert first.shape != seen["encoder.0.self"].weights().shape


def test_another_thread_is_not_seen_and_sees_its_own():
    model, found = tiny.seq2seq(0), {}

    def elsewhere() -> None:
        model.encode(Batch(torch.tensor([[3, 4]])))
        with trace(model, layers="encoder.*") as other:
            model.encode(Batch(torch.tensor([[3, 4, 5]])))
            found["other"] = other["encoder.0.self"].shape()

    with trace(model, layers="encoder.*") as seen:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        with pytest.raises(TraceError, match="has seen nothing yet"):
            seen["encoder.0.self"]
        model.encode(Batch(torch.tensor([[3, 4, 5, 6]])))
    assert found["other"][3] == 3
    assert seen["encoder.0.self"].shape()[3] == 4


def test_sequences_that_take_turns_are_not_mixed():
    model = tiny.seq2seq(1, end=-9)
    with trace(model) as seen:
        a = stream(model, pad(tiny.sources(1)), Beam(width=2), ending=ENDING, start=START)
        b = stream(model, pad(tiny.sources(2)), Beam(width=2), ending=ENDING, start=START)
        for _ in zip(a, b, strict=True):
            pass
        for name in ("decoder.0.self", "decoder.1.cross"):
            with pytest.raises(TraceError, match=rf'"{name}" saw only pieces of a sequence: two sequences took turns.*one sequence alone'):
                seen[name]
        generate(model, pad(tiny.sources(2)), Greedy(), ending=ENDING, start=START)      # a new one is seen again
        assert len(seen["decoder.0.self"].looks) == ENDING.max_length


def test_two_streams_with_a_trace_each_opened_for_its_own_steps_alone():
    """How to watch generations that run in between each other: each step inside its own trace."""
    model, found = tiny.seq2seq(1), []
    runs = [(seed, stream(model, pad(tiny.sources(seed)), Beam(width=2), ending=ENDING, start=START), trace(model)) for seed in (1, 2)]
    last: list = [None, None]
    while runs and len(found) < 2:
        for i, (seed, steps, seen) in enumerate(runs):
            with seen:
                step = next(steps, None)
            last[i] = step or last[i]
            if step is None and seed not in [s for s, _ in found]:
                found.append((seed, seen["decoder.1.cross"].weights(path=last[i].done[0][0].rows)))
    for seed, weights in found:
        with trace(model) as alone:
            answers = generate(model, pad(tiny.sources(seed)), Beam(width=2), ending=ENDING, start=START)
        assert torch.equal(weights, alone["decoder.1.cross"].weights(path=answers[0][0].rows))


def test_a_cache_that_went_back_is_said():
    model, cache = tiny.lm(0), tiny.lm(0).new_cache()
    with trace(model) as seen:
        model.decode(torch.tensor([[3, 4, 5, 6]]), cache=cache)
        cache.trim(2)
        model.decode(torch.tensor([[7]]), cache=cache)
        with pytest.raises(TraceError, match="its cache went from 4 tokens to 2"):
            seen["decoder.0.self"]
        model.decode(torch.tensor([[7]]), cache=cache)
        with pytest.raises(TraceError, match="its cache went from 4 tokens to 2"):
            seen["decoder.0.self"]


def test_a_trace_opened_after_the_first_token_says_that_keys_are_missing():
    model, memory, cache = tiny.seq2seq(0), tiny.seq2seq(0).encode(Batch(torch.tensor([[3, 4]]))), tiny.seq2seq(0).new_cache()
    model.decode(torch.tensor([[START, 3, 4]]), memory=memory, cache=cache)
    with trace(model) as seen:
        model.decode(torch.tensor([[5]]), memory=memory, cache=cache)
    with pytest.raises(TraceError, match=r"first seen 3 tokens into the sequence.*before the first token"):
        seen["decoder.0.self"].weights()
    with pytest.raises(TraceError, match="first seen 3 tokens into the sequence"):
        seen["decoder.0.cross"].weights(path=[0])
    assert seen["decoder.0.cross"].weights().shape == (1, 2, 1, 2)                   # the memory's keys are all there


def test_the_newest_sequence_replaces_the_one_before():
    model = tiny.seq2seq(0)
    with trace(model) as seen:
        generate(model, pad(tiny.sources(1)), Greedy(), ending=ENDING, start=START)
        model.decode(torch.tensor([[START, 4]]), memory=model.encode(Batch(torch.tensor([[3, 4, 5]]))))
    assert seen["decoder.0.cross"].shape() == (1, 2, 2, 3)
    assert seen["decoder.0.self"].shape() == (1, 2, 2, 2)
    assert seen.nbytes == sum(storages(seen).values())


# --- names and budgets -----------------------------------------------------------------------------------------------
def test_patterns_pick_attentions_in_the_model_s_order():
    model = tiny.seq2seq(0)
    every = ["encoder.0.self", "decoder.0.self", "decoder.0.cross", "decoder.1.self", "decoder.1.cross"]
    assert list(trace(model)) == list(trace(model).names) == every
    assert list(trace(model, layers="decoder.*.cross")) == ["decoder.0.cross", "decoder.1.cross"]
    assert list(trace(model, layers=["*.cross", "encoder.*"])) == ["encoder.0.self", "decoder.0.cross", "decoder.1.cross"]
    assert list(trace(model, layers="decoder.1.self")) == ["decoder.1.self"]


def test_names_that_are_not_there_get_a_hint():
    model = tiny.seq2seq(0)
    with pytest.raises(TraceError, match=r'no attention is named "decoder.0.cros".*Did you mean "decoder.0.cross"\?'):
        trace(model, layers=["encoder.*", "decoder.0.cros"])
    with pytest.raises(TraceError, match=r'no attention is named "layer7".*Known: decoder.0.cross'):
        trace(model, layers="layer7")
    with trace(model, layers="decoder.*") as seen:
        whole(model)
    with pytest.raises(TraceError, match=r'nothing named "decoder.1.selv" was watched.*Did you mean "decoder.1.self"\?'):
        seen["decoder.1.selv"]
    with pytest.raises(TraceError, match=r'nothing named "encoder.0.self" was watched'):
        seen["encoder.0.self"]


def test_a_trace_that_saw_nothing_says_so():
    with trace(tiny.seq2seq(0)) as seen:
        pass
    with pytest.raises(TraceError, match=r'"decoder.0.self" has seen nothing yet.*Run the model inside'):
        seen["decoder.0.self"]


def test_a_trace_that_outgrows_its_budget_keeps_nothing_and_says_what_to_narrow():
    model = tiny.seq2seq(0)
    with trace(model) as seen:
        plain = whole(model)
    room = seen.nbytes
    with trace(model, budget=room) as enough:
        whole(model)
    assert enough["decoder.1.cross"].weights().shape == (5, 2, 5, 7)
    with trace(model, budget=room - 1) as short:
        assert torch.equal(whole(model), plain)
        assert short.nbytes == 0
        with pytest.raises(TraceError, match=rf"outgrew its budget of {room - 1:,} bytes at decoder.1.cross") as raised:
            short["decoder.0.self"]
        assert raised.value.hint.startswith('Watch fewer layers (layers="decoder.0.self"), give a larger budget=')
        whole(model)                                                                  # it stays given up,
        with pytest.raises(TraceError, match="outgrew"):
            short["decoder.0.self"]
        short.clear()                                                                 # until it is cleared
        model.encode(Batch(torch.tensor([[3]])))
        assert short["encoder.0.self"].shape() == (1, 2, 1, 1)


def test_the_budget_counts_masks_and_biases_too():
    """A bias of 4 x 400 x 400 numbers."""
    model = tiny.lm(0, heads=4, attention=Attention(heads=4), position=Alibi())
    with trace(model) as seen, torch.inference_mode():
        model.decode(torch.randint(3, 12, (1, 400)))
    assert seen.nbytes > 4 * 400 * 400 * 4
    assert seen.nbytes == sum(storages(seen).values()) < 2 * 4 * 400 * 400 * 4        # and once, though every layer has it


def test_budgets_are_read_in_words():
    assert read_bytes("64MB") == 64 << 20
    assert read_bytes(" 1.5 gb") == 3 << 29
    assert read_bytes("10 B") == 10
    assert read_bytes("2KB") == 2048
    assert read_bytes(12345) == 12345
    for wrong in ("much", "-3MB", "5 TB", ""):
        with pytest.raises(TraceError, match=r'a budget is a number of bytes: got .*Write "64MB"'):
            read_bytes(wrong)


def test_looks_hold_no_more_than_is_counted():
    """A new field of Look that holds memory has to be counted, by the trace and by `storages` above."""
    assert {f.name for f in fields(Look)} == {"q", "k", "v", "past", "reorders", "crossing", "how", "window", "run"}


def test_a_model_without_attention_has_nothing_to_show():
    column = Recurrent(depth=1, input=Tokens(vocab=9))
    model = Network(Model(family="memory", dim=4, encoder=column, decoder=column, heads=(Words(),)))
    with pytest.raises(TraceError, match="memory has no attention: there is nothing to look at") as caught:
        trace(model)
    assert caught.value.hint == "Open a model that attends."
