"""Long windows go chunk by chunk: the numbers, the gradients and what a trace shows are those of one mask."""

from __future__ import annotations

import pytest
import torch
from specs import HEADS, STACKS, build, decoder_only, encoder_decoder, stack
from torch import Tensor

from limelight import ops
from limelight.inputs import Batch
from limelight.look import trace
from limelight.nn import Network
from limelight.spec import Additive, Attention, Rotary

LONG = 320
WINDOWED = {
    "rotary": decoder_only(stack(position=Rotary(), attention=Attention(heads=HEADS, kv_heads=2, window=9))),
    "by_layer": decoder_only(stack(position=Rotary(), windows=(5, None))),
    "both": encoder_decoder(stack(position=Rotary(), attention=Attention(heads=HEADS, window=9))),
}
WHOLE = {
    "bias": decoder_only(STACKS["window_buckets"]),
    "score": decoder_only(stack(position=None, attention=Attention(heads=HEADS, window=9, score=Additive()))),
}


@pytest.fixture
def given() -> Tensor:
    return torch.randint(1, 23, (2, LONG))


def left_padded() -> Tensor:
    return torch.arange(LONG) >= torch.tensor([[0], [40]])


def hidden(model: Network, given: Tensor, keep: Tensor | None) -> Tensor:
    memory = None if model.encoder is None else model.encode(Batch(given, keep))
    return model.decode(given, memory=memory, keep=keep)


class Calls:
    """Counts how often windows were gone through in chunks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.count, whole = 0, ops.windowed

        def counted(*args: object, **how: object) -> Tensor:
            self.count += 1
            return whole(*args, **how)                             # pyright: ignore[reportArgumentType]

        monkeypatch.setattr(ops, "windowed", counted)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("name", "calls"), [("rotary", 2), ("by_layer", 1), ("both", 4)])
@torch.no_grad()
def test_chunks_give_what_one_mask_gives(name: str, calls: int, padded: bool, given: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model, keep, counted = build(WINDOWED[name], torch.float64), left_padded() if padded else None, Calls(monkeypatch)
    with trace(model) as seen:
        found = hidden(model, given, keep)
    assert counted.count == calls
    assert torch.equal(found, hidden(model, given, keep))
    shown = {each: seen[each].weights(exact=True) for each in seen}
    monkeypatch.setattr(ops, "windowed_pays", lambda *_: False)
    with trace(model) as seen:
        wanted = hidden(model, given, keep)
    assert counted.count == 2 * calls
    real = slice(None) if keep is None else keep
    torch.testing.assert_close(found[real], wanted[real])
    for each, weights in shown.items():
        torch.testing.assert_close(weights, seen[each].weights(exact=True))


@pytest.mark.parametrize("name", WHOLE)
@torch.no_grad()
def test_what_needs_every_pair_keeps_its_mask(name: str, given: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Calls(monkeypatch)
    hidden(build(WHOLE[name]), given, None)
    assert counted.count == 0


@torch.no_grad()
def test_a_cache_goes_on_from_chunks(given: Tensor) -> None:
    model = build(WINDOWED["rotary"], torch.float64)
    cache, wanted = model.new_cache(), hidden(model, given, None)
    found = [model.decode(part, cache=cache) for part in given.split([LONG - 3, 1, 2], 1)]
    torch.testing.assert_close(torch.cat(found, 1), wanted)


@torch.no_grad()
def test_a_kernel_has_no_mask_of_pairs_under_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sums know keys alone, so padded rows are as cheap as others."""
    model, given = build(decoder_only(STACKS["kernel"]), torch.float64), torch.randint(1, 23, (2, 60))
    keep = torch.arange(60) >= torch.tensor([[0], [9]])
    found = model.decode(given, keep=keep)
    monkeypatch.setattr("limelight.nn.stack.Stack._needs_no_pairs", lambda *_: False)
    torch.testing.assert_close(found[keep], model.decode(given, keep=keep)[keep])
