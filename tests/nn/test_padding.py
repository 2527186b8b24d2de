"""Padding costs nothing: on either side of an encoder, and on the left of a decoder, each row is as if it were alone."""

from __future__ import annotations

import pytest
import torch
from specs import DIM, ENCODERS, MODELS, VOCAB, bound, build, tokens

from limelight.inputs import Batch, pad
from limelight.nn import Memory

LENGTHS = (7, 1, 4)
ROWS = [tokens(1, n)[0].tolist() for n in LENGTHS]
DTYPES = [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", ENCODERS)
@torch.no_grad()
def test_an_encoder_sees_each_row_alone(name: str, side: str, dtype: torch.dtype) -> None:
    model = build(ENCODERS[name], dtype)
    batch = pad(ROWS, filler=9, side=side)
    memory = model.encode(batch)
    assert memory.keep is batch.keep
    assert memory.hidden.shape == (3, 7, DIM)
    for row, ids in enumerate(ROWS):
        alone = model.encode(pad([ids])).hidden[0]
        assert (memory.hidden[row][batch.keep[row]] - alone).abs().max() < bound(dtype)
    assert memory.hidden.isfinite().all()       # padding too: it must not poison what looks at it


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.encoder])
@torch.no_grad()
def test_a_decoder_sees_no_padding_of_its_memory(name: str) -> None:
    model, given = build(MODELS[name]), tokens(3, 5)
    for side in ("left", "right"):
        together = model.decode(given, memory=model.encode(pad(ROWS, filler=9, side=side)))
        for row, ids in enumerate(ROWS):
            alone = model.decode(given[row : row + 1], memory=model.encode(pad([ids])))
            assert (together[row] - alone[0]).abs().max() < bound(torch.float32)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if not spec.encoder])
@torch.no_grad()
def test_a_decoder_sees_each_row_alone(name: str, side: str) -> None:
    model, batch = build(MODELS[name]), pad(ROWS, filler=9, side=side)
    hidden = model.decode(batch.values, keep=batch.keep)
    for row, ids in enumerate(ROWS):
        alone = model.decode(torch.tensor([ids]))[0]
        assert (hidden[row][batch.keep[row]] - alone).abs().max() < bound(torch.float32)
    assert hidden.isfinite().all()


@pytest.mark.parametrize("name", ["encoder_plain", "encoder_additive", "encoder_buckets", "encoder_recurrent"])
def test_padding_gets_no_gradient_and_gives_no_nan(name: str) -> None:
    """Left padding of a row: queries that may see nothing stand in the batch, and training goes on."""
    model = build(ENCODERS[name]).train()
    batch = pad(ROWS, filler=VOCAB - 1, side="left")
    hidden = model.encode(batch).hidden
    hidden[batch.keep].square().sum().backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)
    assert (model.encoder.embed.table.weight.grad[VOCAB - 1] == 0).all()


@pytest.mark.parametrize("name", MODELS | ENCODERS)
@torch.no_grad()
def test_a_row_of_nothing_but_padding_stays_finite(name: str) -> None:
    model, keep = build((MODELS | ENCODERS)[name]), torch.tensor([[True, True], [False, False]])
    memory = None if model.encoder is None else model.encode(Batch(tokens(2, 2), keep))
    assert memory is None or memory.hidden.isfinite().all()
    if model.decoder is not None:
        assert model.decode(tokens(2, 3), memory=memory).isfinite().all()
        assert model.decode(tokens(2, 2), memory=memory, keep=keep).isfinite().all()


@pytest.mark.parametrize("name", [name for name, spec in MODELS.items() if spec.encoder])
@torch.no_grad()
def test_beams_share_the_memory_of_their_sentence(name: str) -> None:
    """Six rows over a memory of two are what six rows over a repeated memory are, with a cache and without."""
    model, given = build(MODELS[name]), tokens(6, 4)
    memory = model.encode(pad(ROWS[:2]))
    repeated = memory.select(torch.arange(2).repeat_interleave(3))
    assert (len(memory), len(repeated)) == (2, 6)
    wanted = model.decode(given, memory=repeated)
    cache = model.new_cache()
    stepped = torch.cat([model.decode(given[:, i : i + 1], memory=memory, cache=cache) for i in range(4)], 1)
    for found in (model.decode(given, memory=memory), stepped):
        assert (found - wanted).abs().max() < bound(torch.float32)
    held = cache.far(0)
    assert (held is None) is (model.spec.decoder.cross is None)
    assert held is None or len(held[0]) == 2    # and it is held once a sentence, not once a beam


def test_memory_select_takes_the_mask_along() -> None:
    memory = Memory(torch.arange(12.0).view(3, 2, 2), torch.tensor([[1, 1], [1, 0], [0, 1]], dtype=torch.bool))
    chosen = memory.select(torch.tensor([2, 0, 2]))
    assert chosen.hidden[:, 0, 0].tolist() == [8, 0, 8]
    assert chosen.keep.tolist() == [[False, True], [True, True], [False, True]]
    assert Memory(memory.hidden).select(torch.tensor([1])).keep is None


def test_memory_select_takes_the_summary_along() -> None:
    memory = Memory(torch.zeros(3, 2, 2), summary=torch.arange(6.0).view(3, 2))
    assert memory.select(torch.tensor([2, 0])).summary.tolist() == [[4, 5], [0, 1]]


def test_without_a_summary_a_memory_is_summed_up_by_the_mean_of_its_real_places() -> None:
    hidden = torch.tensor([[[1.0], [3.0], [8.0]]])
    assert Memory(hidden).summed().tolist() == [[4.0]]
    assert Memory(hidden, torch.tensor([[True, True, False]])).summed().tolist() == [[2.0]]
    assert Memory(hidden, torch.tensor([[False, False, False]])).summed().tolist() == [[0.0]]
    assert Memory(hidden, summary=torch.ones(1, 2)).summed().tolist() == [[1.0, 1.0]]
