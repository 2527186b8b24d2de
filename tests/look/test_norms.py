"""Norms, against the vectors themselves."""

from __future__ import annotations

import pytest
import torch

import opinionated as tiny
from limelight.decode import Beam, Ending, generate
from limelight.inputs.batch import pad
from limelight.look import said, summarize, trace, value_norms
from limelight.nn import Network
from limelight.spec import Attention, General, Model, Recurrent, Tokens, Words
from opinionated import END, START

LONG = torch.arange(90)[None] % 9 + 3


@pytest.mark.parametrize("attention", [Attention(heads=4), Attention(heads=4, kv_heads=2), Attention(heads=2, head_dim=4)])
def test_a_norm_is_the_length_of_what_a_key_brings(attention: Attention) -> None:
    model = tiny.lm(0, attention=attention)
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    view, module = seen["decoder.1.self"], model.attentions()["decoder.1.self"]
    values = view.looks[0].v.repeat_interleave(module.heads // module.groups, 1)                # (1 h k d)
    brought = [values[0, h] @ module.o.weight.detach().unflatten(1, (module.heads, -1))[:, h].T for h in range(module.heads)]
    wanted = torch.stack([each.norm(dim=-1) for each in brought])[None]
    torch.testing.assert_close(value_norms(model, view), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(value_norms(model, view, heads=[1]), wanted[:, 1:2], atol=1e-5, rtol=1e-5)


def test_values_are_those_that_were_summed() -> None:
    """Along the winner of a beam: weights times values is what the heads said."""
    model = tiny.seq2seq(1, end=-30, heads=4)
    with trace(model, layers="decoder.*") as seen:
        found = generate(model, pad(tiny.sources(1)), Beam(width=3), ending=Ending(frozenset([END]), 8), start=START)
    best = found[0][0]
    with said(model, "decoder.*") as heard, torch.no_grad():
        memory = model.encode(pad(tiny.sources(1)[:1]))
        model.decode(torch.tensor([[START, *best.tokens[:-1]]]), memory=memory)
    for name in seen:
        view = seen[name]
        weights, values = view.weights(path=best.rows), view.values(path=best.rows)
        length = heard[name].shape[1]
        torch.testing.assert_close((weights @ values)[:, :, :length], heard[name].transpose(1, 2), atol=1e-5, rtol=0)


def test_a_model_without_an_output_map_hands_values_on() -> None:
    tokens, cross = Tokens(vocab=12), Attention(heads=1, maps="", bias="", score=General())
    spec = Model(family="recurrent", dim=16, encoder=Recurrent(depth=1, input=tokens),
                 decoder=Recurrent(depth=1, input=tokens, cross=cross), heads=(Words(),))
    model = Network(spec).eval()
    with trace(model) as seen, torch.no_grad():
        memory = model.encode(pad([[3, 4, 5]]))
        model.decode(torch.tensor([[START]]), memory=memory)
    torch.testing.assert_close(value_norms(model, seen["decoder.0.cross"])[0, 0], memory.hidden[0].norm(dim=-1))


def test_a_summary_of_what_is_brought() -> None:
    model = tiny.lm(0, heads=4)
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    view = seen["decoder.1.self"]
    norms = value_norms(model, view)
    brought = view.weights() * norms[:, :, None]
    shares = brought / brought.sum(-1, keepdim=True)
    found = summarize(view, worth=norms)
    torch.testing.assert_close(found.mass, shares.mean(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.weights, shares.topk(8, -1).values, atol=1e-6, rtol=0)
    assert not torch.allclose(found.mass, summarize(view).mass, atol=1e-3)
