"""Recurrent encoder-decoders against loops written from their papers, and what hard attentions draw while they learn."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest
import torch
from specs import RECURRENT, bare, build, recurrent, tokens

import loops
from limelight.errors import InputError
from limelight.inputs import Batch, pad
from limelight.inputs.pairs import Pairs
from limelight.look import trace
from limelight.nn import Draws, Network
from limelight.spec import Additive, Entmax, General, Hard, Model, Monotonic
from limelight.train.losses import translation_loss

SOURCES = [tokens(1, n)[0].tolist() for n in (7, 3)]
TARGET = tokens(2, 6)
FORMS: dict[str, Model] = {
    **RECURRENT,
    "entmax_previous": recurrent(bare(maps="qk", bias="k", score=Additive(), weights=Entmax()), asks="previous", cell="gru"),
    "hard_previous": recurrent(bare(score=General(), weights=Hard()), asks="previous"),
    "one_way": recurrent(bare(), encoder={"bidirectional": False, "depth": 1}),
    "local_m_fed": recurrent(bare(local=Monotonic(width=2)), feeding=True),
}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", FORMS)
@torch.no_grad()
def test_it_is_what_the_papers_say(name: str, side: str) -> None:
    """Hidden states, and the weights that a trace rebuilds."""
    model = build(FORMS[name], torch.float64)
    batch, attends = pad(SOURCES, filler=9, side=side), model.spec.decoder.cross is not None
    with trace(model) if attends else nullcontext({}) as seen:
        hidden = model.decode(TARGET, memory=model.encode(batch))
    assert list(seen) == ([f"decoder.{model.spec.decoder.depth - 1}.cross"] if attends else [])
    for row, source in enumerate(SOURCES):
        wanted = loops.run(model, source, TARGET[row].tolist())
        torch.testing.assert_close(hidden[row], wanted.hidden, atol=1e-9, rtol=0)
        for attention in seen:
            weights = seen[attention].weights(exact=True)[row]
            torch.testing.assert_close(weights[..., batch.keep[row]], wanted.weights, atol=1e-9, rtol=0)
            assert (weights[..., ~batch.keep[row]] == 0).all()


@torch.no_grad()
def test_without_attention_all_that_is_known_of_a_source_is_one_vector() -> None:
    model = build(RECURRENT["summary"])
    memory = model.encode(pad(SOURCES))
    blurred = type(memory)(torch.randn_like(memory.hidden), memory.keep, memory.summary)
    assert torch.equal(model.decode(TARGET, memory=memory), model.decode(TARGET, memory=blurred))
    assert model.attentions() == {}


@torch.no_grad()
def test_what_is_fed_is_what_was_made_of_the_step_before() -> None:
    """A change of the first step's context is felt at the second with input feeding, through nothing but that."""
    for name, felt in (("luong_fed", True), ("luong_general", False)):
        model, cache = build(RECURRENT[name]), build(RECURRENT[name]).new_cache()
        memory = model.encode(pad(SOURCES[:1]))
        model.decode(TARGET[:1, :1], memory=memory, cache=cache)
        assert (cache.state.shape[1] == 5) is felt
        if felt:
            cache.state[:, -1] += 1.0
        whole = model.decode(TARGET[:1, :2], memory=memory)[:, 1:]
        assert torch.allclose(model.decode(TARGET[:1, 1:2], memory=memory, cache=cache), whole, atol=1e-5) is not felt


def test_segments_are_none_of_its_business() -> None:
    given = tokens(1, 3)
    with pytest.raises(InputError, match="a recurrent encoder does not tell segments apart") as caught:
        build(RECURRENT["summary"]).encode(Batch(given, None, torch.zeros_like(given)))
    assert caught.value.hint == "Leave them out of the batch."


@torch.no_grad()
def test_there_is_no_end_of_positions() -> None:
    model = build(RECURRENT["luong_fed_gru"])
    assert model.spec.room is None
    memory = model.encode(Batch(tokens(1, 700)))
    assert model.decode(tokens(1, 40), memory=memory).isfinite().all()


@pytest.mark.parametrize("name", RECURRENT)
def test_mixed_precision_learns_nearly_the_same(name: str) -> None:
    """Under autocast states stay in float32, and so do gradients; what is made is near, and near step by step."""
    model, loss = build(RECURRENT[name]), []
    pairs = Pairs(pad(SOURCES), pad([[3, 4, 5, 6], [7, 8]]))
    for mixed in (True, False):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss.append(translation_loss(model, pairs, start=1).total)
        gradients = torch.autograd.grad(loss[-1], list(model.parameters()), allow_unused=True)
        assert all(each.dtype == torch.float32 and each.isfinite().all() for each in gradients if each is not None)
    torch.testing.assert_close(*loss, rtol=0.02, atol=0)
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        memory, cache = model.encode(pairs.source), model.new_cache()
        steps = torch.cat([model.decode(step, memory=memory, cache=cache) for step in TARGET.split(1, 1)], 1)
        assert cache.state.dtype == torch.float32
        assert (steps - model.decode(TARGET, memory=memory)).abs().max() < 0.03


@pytest.mark.parametrize("name", ["bahdanau", "local_p_fed", "hard_drawn"])
@torch.no_grad()
def test_a_model_made_without_memory_is_filled(name: str) -> None:
    with torch.device("meta"):
        model = Network(RECURRENT[name])
    full = build(RECURRENT[name])
    model.load_state_dict(full.state_dict(), assign=True)
    batch = pad(SOURCES)
    assert torch.equal(model.eval().decode(TARGET, memory=model.encode(batch)), full.decode(TARGET, memory=full.encode(batch)))


# --- draws ----------------------------------------------------------------------------------------------------------
def test_learning_it_draws_from_the_softmax_and_tells_how_likely_and_how_sure() -> None:
    """log p and entropy by their definitions, from scores made one by one."""
    model = build(RECURRENT["hard_drawn"], torch.float64).requires_grad_(False).train()
    memory, draws = model.encode(pad(SOURCES)), Draws()
    model.decode(TARGET, memory=memory, draws=draws)
    (drawn,) = draws.layers.values()
    at = torch.cat(drawn.at, -1)
    states = torch.stack([states_of(model, source, TARGET[row].tolist()) for row, source in enumerate(SOURCES)])
    for row, source in enumerate(SOURCES):
        keys, _ = loops.read(model, source)
        for t in range(6):
            scores = [float(loops.score(model.decoder.cross, 0, states[row, t], key)) for key in keys]
            total = sum(math.exp(z) for z in scores)
            p = [math.exp(z) / total for z in scores]
            assert float(draws.logprobs()[row, 0, 0, t]) == pytest.approx(math.log(p[int(at[row, 0, t])]), abs=1e-9)
            assert float(draws.entropies()[row, 0, 0, t]) == pytest.approx(-sum(x * math.log(x) for x in p), abs=1e-9)
    assert draws.logprobs().shape == draws.entropies().shape == (2, 1, 1, 6)


def states_of(model, source: list[int], target: list[int]) -> torch.Tensor:
    """The decoder's own states: without feeding, what it sees does not reach them."""
    _, summary = loops.read(model, source)
    at, found = loops.begun(model, summary), []
    for token in target:
        x = model.decoder.embed.table.weight[token]
        for i, cell in enumerate(model.decoder.cells):
            at[i] = loops.step(cell, x, at[i])
            x = at[i][0]
        found.append(x)
    return torch.stack(found)


@pytest.mark.parametrize("estimator", ["reinforce", "gumbel"])
@torch.no_grad()
def test_draws_come_as_often_as_their_probability_says(estimator: str) -> None:
    """4000 draws a query against the softmax: chi-squared over the keys, far from where chance ends."""
    cross = bare(score=General(), weights=Hard(estimator=estimator))
    model = build(recurrent(cross, depth=1, encoder={"depth": 1}))
    memory, rows = model.encode(pad([SOURCES[1]])), 4000
    with trace(model) as seen:
        model.decode(TARGET[:1, :1], memory=memory)
        ((look,),) = (seen[name].looks for name in seen)
        p = (look.q @ model.decoder.cross.score @ look.k.mT).softmax(-1).flatten()
        model.train()
        model.decode(TARGET[:1, :1].expand(rows, 1), memory=memory)
        counts = seen["decoder.0.cross"].weights().sum((0, 1, 2))
    assert counts.sum() == rows
    assert float(((counts - rows * p).square() / (rows * p)).sum()) < 14                  # two degrees of freedom: p = 0.001


@pytest.mark.parametrize("name", ["hard_drawn", "hard_gumbel", "hard_tried"])
def test_a_trace_shows_the_keys_that_were_drawn(name: str) -> None:
    """One key a query while it learns, others the next time, and what was made of them is what the model went on with."""
    model = build(RECURRENT[name]).train()
    memory, found = model.encode(pad(SOURCES)), []
    for _ in range(2):
        draws = Draws()
        with trace(model) as seen:
            model.decode(TARGET.repeat(3, 1), memory=model.encode(pad(SOURCES * 3)), draws=draws)
        weights = seen["decoder.1.cross"].weights()
        assert ((weights == 0) | ((weights - 1).abs() < 1e-6)).all()
        assert torch.allclose(weights.sum(-1), torch.ones(6, 1, 6))
        if draws.layers:
            assert torch.equal(weights.argmax(-1), torch.cat(draws.layers[0].at, -1))
        found.append(weights)
    assert not torch.equal(*found)
    model.eval()
    with trace(model) as seen:
        model.decode(TARGET, memory=memory)
    assert (seen["decoder.1.cross"].weights().sum(-1) == 1).all()


@pytest.mark.parametrize("name", ["hard_drawn", "hard_tried"])
def test_given_keys_are_taken(name: str) -> None:
    """Every step sees the state of the key that it was given, and nothing else."""
    model = build(RECURRENT[name], torch.float64).train()
    memory, at = model.encode(Batch(tokens(2, 5))), torch.randint(0, 5, (2, 1, 6))
    draws = Draws(at)
    hidden = model.decode(TARGET, memory=memory, draws=draws)
    states = torch.stack([states_of(model, tokens(2, 5)[row].tolist(), TARGET[row].tolist()) for row in range(2)])
    seen = memory.hidden.gather(1, at[:, 0, :, None].expand(-1, -1, memory.hidden.shape[-1]))
    torch.testing.assert_close(hidden, model.decoder.readout(torch.cat((seen, states), -1)).tanh(), atol=1e-9, rtol=0)
    assert torch.equal(torch.cat(draws.layers[0].at, -1), at)


@torch.no_grad()
def test_a_source_of_nothing_but_padding_is_drawn_from_nowhere() -> None:
    model, keep = build(RECURRENT["hard_drawn"]).train(), torch.tensor([[True, True], [False, False]])
    draws = Draws()
    assert model.decode(TARGET[:, :3], memory=model.encode(Batch(tokens(2, 2), keep)), draws=draws).isfinite().all()
    assert (torch.cat(draws.layers[0].at, -1)[1] == -1).all()
    assert (draws.logprobs()[1] == 0).all()
    assert (draws.entropies()[1] == 0).all()
