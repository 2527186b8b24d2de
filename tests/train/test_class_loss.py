"""The loss of whole texts: counted in texts, and what is left out is as if it were not there."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from limelight.inputs import Batch, Labelled, pad
from limelight.nn import Network
from limelight.spec import Alibi, Attention, Classes, FeedForward, Model, Position, Sinusoid, Stack, Tokens
from limelight.train import Plan, whole_texts
from limelight.train.class_loss import classes_loss


def network(position: Position | None = None, dropout: float = 0.0) -> Network:
    torch.manual_seed(1)
    stack = Stack(
        depth=2,
        attention=Attention(heads=2),
        ff=FeedForward(hidden=16, dropout=dropout),
        input=Tokens(vocab=30),
        position=position or Sinusoid(length=16),
        dropout=dropout,
    )
    return Network(Model(family="transformer", dim=8, encoder=stack, heads=(Classes(labels=("a", "b", "c"), at="mean"),)))


def lesson() -> Labelled:
    return Labelled(pad([[3, 4, 5, 1], [6, 1], [7, 8, 9, 10, 1]]), torch.tensor([0, 2, 1]))


def test_it_is_the_cross_entropy_summed_over_texts() -> None:
    model, given = network().eval(), lesson()
    found = classes_loss(model, given)
    assert found.tokens == 3
    wanted = F.cross_entropy(model.classify(given.batch), given.labels, reduction="sum")
    torch.testing.assert_close(found.total, wanted)
    torch.testing.assert_close(found.nll, wanted.detach())
    smooth = classes_loss(model, given, label_smoothing=0.2)
    torch.testing.assert_close(
        smooth.total, F.cross_entropy(model.classify(given.batch), given.labels, reduction="sum", label_smoothing=0.2)
    )
    torch.testing.assert_close(smooth.nll, wanted.detach())


def test_gradients_are_those_of_torch() -> None:
    model, given = network(), lesson()
    classes_loss(model, given, label_smoothing=0.1).total.backward()
    ours = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    F.cross_entropy(model.classify(given.batch), given.labels, reduction="sum", label_smoothing=0.1).backward()
    for a, weight in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(a, weight.grad, atol=1e-6, rtol=1e-4)


def test_what_is_left_out_is_as_if_it_were_not_in_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = network(Sinusoid(length=16)).train(), lesson()
    drawn = torch.tensor([[0.9, 0.1, 0.9, 0.9, 0.0], [0.1, 0.1, 0.0, 0.0, 0.0], [0.1, 0.9, 0.9, 0.9, 0.9]])
    monkeypatch.setattr(torch, "rand", lambda *_, **__: drawn)
    found = classes_loss(model, given, leave_out=0.5)
    bare = Labelled(pad([[3, 5, 1], [6, 1], [8, 9, 10, 1]]), given.labels)      # the second would lose all, and keeps all
    torch.testing.assert_close(found.total, classes_loss(model, bare).total)
    assert found.total != classes_loss(model, given).total


def test_nothing_is_left_out_or_read_twice_in_evaluation() -> None:
    model, given = network(dropout=0.3).eval(), lesson()
    plain = classes_loss(model, given)
    assert classes_loss(model, given, leave_out=0.9, consistency=4.0).total == plain.total


def test_the_plan_decides_and_two_readings_are_asked_to_agree() -> None:
    model, given = network(dropout=0.3).train(), lesson()
    loss = whole_texts(Plan(steps=1, label_smoothing=0.1, consistency=0.0), leave_out=0.3)
    twice = whole_texts(Plan(steps=1, label_smoothing=0.1, consistency=5.0), leave_out=0.3)
    torch.manual_seed(3)
    once = loss(model, given)
    torch.manual_seed(3)
    both = twice(model, given)
    assert once.tokens == both.tokens == 3
    assert both.total > both.nll * 0.9
    assert not torch.equal(both.total, once.total)
    both.total.backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


def test_other_positions_and_other_devices() -> None:
    model = network(Alibi()).to("cpu").train()
    given = Labelled(Batch(torch.tensor([[3, 4]])), torch.tensor([1])).to("cpu")
    assert classes_loss(model, given, leave_out=0.2).total.isfinite()
