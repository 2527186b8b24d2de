"""Summaries as they pass are those of a trace, and the answer is the same."""

from __future__ import annotations

import threading

import pytest
import torch

import opinionated as tiny
from limelight.errors import TraceError
from limelight.inputs.batch import pad
from limelight.look import summaries, summarize, trace

LONG = torch.arange(300)[None] % 9 + 3


@pytest.mark.parametrize("layers", ["*", "decoder.1.self"])
def test_they_are_those_of_a_trace_and_change_no_bit(layers: str) -> None:
    model = tiny.lm(0, heads=4).eval()
    with torch.no_grad():
        alone = model.decode(LONG)
        with trace(model) as whole, summaries(model, layers, top=3) as seen:
            assert torch.equal(model.decode(LONG), alone)
    assert tuple(seen) == (tuple(whole) if layers == "*" else (layers,))
    for name in seen:
        wanted = summarize(whole[name], top=3)
        for part in ("keys", "weights", "mass", "entropy", "distance", "first"):
            assert torch.equal(getattr(seen[name], part), getattr(wanted, part)), part


def test_the_newest_sequence_is_shown() -> None:
    model = tiny.seq2seq(0)
    with summaries(model, "encoder.*") as seen, torch.no_grad():
        model.encode(pad([[4, 5, 6, 7], [8]]))
        model.encode(pad([[4, 5]]))
    assert seen["encoder.0.self"].entropy.shape[2] == 2


def test_training_goes_on_beneath() -> None:
    model = tiny.lm(0).requires_grad_()
    with summaries(model) as seen:
        model.decode(LONG[:, :20]).sum().backward()
    assert not seen["decoder.0.self"].entropy.requires_grad
    assert model.decoder is not None
    assert model.decoder.embed.token.weight.grad is not None


def test_steps_are_no_whole_sequence() -> None:
    model, cache = tiny.lm(0), tiny.lm(0).new_cache()
    with summaries(model) as seen, torch.no_grad():
        for token in LONG[0, :3]:
            model.decode(token[None, None], cache=cache)
    with pytest.raises(TraceError, match="no whole sequence"):
        seen["decoder.0.self"]


def test_another_thread_is_not_heard() -> None:
    model = tiny.lm(0)
    with summaries(model) as seen:
        thread = threading.Thread(target=lambda: model.decode(LONG[:, :5]))
        thread.start()
        thread.join()
    with pytest.raises(TraceError, match="no whole sequence"):
        seen["decoder.0.self"]


def test_what_is_not_there_is_named() -> None:
    model = tiny.lm(0)
    with summaries(model, "decoder.0.*") as seen, pytest.raises(TraceError, match=r'nothing named "decoder\.1\.self"'):
        seen["decoder.1.self"]
    with pytest.raises(TraceError, match='no attention is named "encoder'), summaries(model, "encoder.*"):
        pass
    assert all(each.eye is None for each in model.attentions().values())
