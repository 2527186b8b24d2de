"""Heads that are told where to look learn it, and nothing else of the loss changes."""

from __future__ import annotations

from dataclasses import replace

import torch

from limelight import ops
from limelight.inputs import Pairs, pad
from limelight.nn import Network
from limelight.nn.attention import Look
from limelight.spec import Attention, FeedForward, Model, Sinusoid, Stack, Tokens, Words
from limelight.train import Guide, Plan, guided, next_token

PLAN = Plan(steps=1, lr=1e-3)


def model() -> Network:
    torch.manual_seed(0)
    attention, ff = Attention(heads=4), FeedForward(hidden=32)
    how = {"depth": 2, "attention": attention, "ff": ff, "input": Tokens(vocab=12), "position": Sinusoid(length=8)}
    decoder = Stack(**how, causal=True, cross=attention)
    return Network(Model(family="transformer", dim=16, encoder=Stack(**how), decoder=decoder, heads=(Words(tied=True),)))


def pairs() -> Pairs:
    """Each token is about the source token behind it, the last about nothing that is known."""
    aligned = torch.zeros(2, 3, 4)
    aligned[0, :2, 1:3] = torch.eye(2)
    aligned[1, :2, :2] = torch.eye(2)
    return Pairs(pad([[3, 4, 5, 6], [7, 8, 9]]), pad([[3, 4, 2], [7, 8, 2]]), aligned=aligned)


class Watcher:
    def __init__(self) -> None:
        self.looks: list[Look] = []

    def saw(self, look: Look) -> None:
        self.looks.append(look)


def test_the_term_is_the_cross_entropy_of_the_heads_that_are_taught() -> None:
    net, lesson, plain = model().train(), pairs(), next_token(PLAN, start=1)
    found, without = guided(plain, Guide(layer=1, heads=2, share=0.5))(net, lesson), plain(net, lesson)
    watcher = Watcher()
    net.decoder.blocks[1].cross.eye = watcher
    plain(net, lesson)
    net.decoder.blocks[1].cross.eye = None
    (look,) = watcher.looks
    weights = ops.attention_weights(look.q, look.k, **look.how).detach()
    far = -sum(float(weights[b, h, i, k].log()) for b, i, k in ((0, 0, 1), (0, 1, 2), (1, 0, 0), (1, 1, 1)) for h in (0, 1)) / 2
    torch.testing.assert_close(float(found.total.detach()), float(without.total.detach()) + 0.5 * far, rtol=1e-5, atol=1e-5)
    assert torch.equal(found.nll, without.nll)
    assert found.tokens == without.tokens


def test_nothing_changes_in_evaluation_and_where_nothing_is_known() -> None:
    net, lesson, plain = model(), pairs(), next_token(PLAN, start=1)
    taught = guided(plain, Guide(layer=0, heads=1, share=1.0))
    assert torch.equal(taught(net.eval(), lesson).total, plain(net, lesson).total)
    blank = replace(lesson, aligned=None)
    assert torch.equal(taught(net.train(), blank).total, plain(net, blank).total)
    assert all(block.cross.eye is None for block in net.decoder.blocks)


def test_heads_learn_where_to_look() -> None:
    net, lesson = model().train(), pairs()
    loss = guided(next_token(PLAN, start=1), Guide(layer=1, heads=1, share=1.0))
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    for _ in range(150):
        optimiser.zero_grad()
        loss(net, lesson).total.backward()
        optimiser.step()
    watcher = Watcher()
    net.decoder.blocks[1].cross.eye = watcher
    next_token(PLAN, start=1)(net, lesson)
    look = watcher.looks[0]
    weights = ops.attention_weights(look.q, look.k, **look.how).detach()
    assert all(float(weights[b, 0, i, k]) > 0.8 for b, i, k in ((0, 0, 1), (0, 1, 2), (1, 0, 0), (1, 1, 1)))
