"""Cells and recurrent encoders against torch's own LSTM and GRU, holding the same weights."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from specs import DIM, RECURRENT, VOCAB, build, tokens
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from limelight.inputs import pad
from limelight.nn import Network
from limelight.nn.cells import Cell
from limelight.spec import Model, Recurrent, Tokens, Words

Kind = Literal["lstm", "gru"]
TWINS: dict[Kind, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU}
LENGTHS = (7, 1, 4)


def made(kind: Kind, wide: int = 5, width: int = 6) -> tuple[Cell, nn.RNNBase]:
    """One of ours with nothing at its first value, and torch's with the same weights."""
    cell = Cell(kind, wide, width)
    for weight in cell.parameters():
        nn.init.normal_(weight, std=0.5)
    theirs = TWINS[kind](wide, width, batch_first=True)
    give(theirs, cell, "l0")
    return cell, theirs


@torch.no_grad()
def give(theirs: nn.RNNBase, cell: Cell, where: str) -> None:
    for side, layer in (("ih", cell.x), ("hh", cell.h)):
        getattr(theirs, f"weight_{side}_{where}").copy_(layer.weight)
        getattr(theirs, f"bias_{side}_{where}").copy_(layer.bias)


def told(kind: Kind, state: Tensor) -> Tensor | tuple[Tensor, ...]:
    """A state (b p w) as torch takes it."""
    parts = tuple(part[None].contiguous() for part in state.unbind(1))
    return parts if kind == "lstm" else parts[0]


def ours(state: Tensor | tuple[Tensor, ...]) -> Tensor:
    """And back."""
    return torch.stack([part[0] for part in (state if isinstance(state, tuple) else (state,))], 1)


@pytest.mark.parametrize("kind", TWINS)
def test_a_cell_is_torchs_fused_and_step_by_step_and_so_are_its_gradients(kind: Kind) -> None:
    cell, theirs = made(kind)
    x, begun = torch.randn(3, 8, 5, requires_grad=True), torch.randn(3, cell.parts, 6)
    wanted, end = theirs(x, told(kind, begun))
    gradients = torch.autograd.grad(wanted.square().sum() + ours(end).sum(), [x, *theirs.parameters()])
    everything = torch.ones(3, 8, dtype=torch.bool)
    for keep in (None, everything):                                   # a library's kernel; place by place
        out, state = cell.run(x, begun, keep)
        torch.testing.assert_close(out, wanted, atol=1e-6, rtol=0)
        torch.testing.assert_close(state, ours(end), atol=1e-6, rtol=0)
        same = [x, cell.x.weight, cell.h.weight, cell.x.bias, cell.h.bias]
        for mine, other in zip(torch.autograd.grad(out.square().sum() + state.sum(), same), gradients, strict=True):
            torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)
    state = begun
    for t in range(8):
        state = cell.step(x[:, t], state)
        torch.testing.assert_close(state[:, 0], wanted[:, t], atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", TWINS)
@torch.no_grad()
def test_where_nothing_is_kept_the_state_stays(kind: Kind) -> None:
    cell, _ = made(kind)
    x, begun = torch.randn(2, 5, 5), torch.randn(2, cell.parts, 6)
    keep = torch.tensor([[True, False, True, True, False], [False] * 5])
    out, state = cell.run(x, begun, keep)
    alone, end = cell.run(x[:1, [0, 2, 3]], begun[:1])
    torch.testing.assert_close(out[:1, [0, 2, 3]], alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(state, torch.cat((end, begun[1:])), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", TWINS)
def test_what_is_seen_is_as_if_it_stood_beside_the_input(kind: Kind) -> None:
    """W x + C c is one map of [x; c] (Bahdanau et al. 2015, appendix A.2.2)."""
    cell, (joint, _) = Cell(kind, 5, 6, seen=3), made(kind, wide=8)
    x, c, state = torch.randn(2, 5), torch.randn(2, 3), torch.randn(2, cell.parts, 6)
    with torch.no_grad():
        cell.h.load_state_dict(joint.h.state_dict())
        cell.x.weight.copy_(joint.x.weight[:, :5])
        cell.x.bias.copy_(joint.x.bias)
        cell.seen.weight.copy_(joint.x.weight[:, 5:])
    torch.testing.assert_close(cell.move(cell.x(x), state, c), joint.step(torch.cat((x, c), -1), state), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", TWINS)
@torch.no_grad()
def test_fused_is_the_loop_in_every_format(kind: Kind, dtype: torch.dtype) -> None:
    cell, _ = made(kind)
    x, begun = torch.randn(3, 8, 5, dtype=dtype), torch.randn(3, cell.parts, 6, dtype=dtype)
    cell = cell.to(dtype)
    fused, loop = cell.run(x, begun), cell.run(x, begun, torch.ones(3, 8, dtype=torch.bool))
    for a, b in zip(fused, loop, strict=True):
        assert a.dtype == dtype
        torch.testing.assert_close(a, b, atol=1e-6 if dtype == torch.float32 else 0.05, rtol=0)


# --- encoders -------------------------------------------------------------------------------------------------------
def encoder(kind: Kind, *, both: bool) -> tuple[Network, nn.RNNBase]:
    column = Recurrent(depth=2, cell=kind, bidirectional=both, input=Tokens(vocab=VOCAB))
    model = build(Model(family="tiny", dim=DIM, encoder=column, heads=(Words(),)))
    theirs = TWINS[kind](DIM, DIM // 2 if both else DIM, num_layers=2, bidirectional=both, batch_first=True)
    for i, layer in enumerate(model.encoder.layers):
        give(theirs, layer.onward, f"l{i}")
        if both:
            give(theirs, layer.back, f"l{i}_reverse")
    return model, theirs


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", TWINS)
@torch.no_grad()
def test_an_encoder_is_torchs_over_packed_sequences(kind: Kind, both: bool, side: str) -> None:
    model, theirs = encoder(kind, both=both)
    rows = [tokens(1, n)[0].tolist() for n in LENGTHS]
    batch, right = pad(rows, filler=9, side=side), pad(rows, filler=9)
    packed = pack_padded_sequence(model.encoder.embed.table(right.values), torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    out, end = theirs(packed)
    wanted, _ = pad_packed_sequence(out, batch_first=True)
    memory = model.encode(batch)
    torch.testing.assert_close(memory.hidden[batch.keep], wanted[right.keep], atol=2e-6, rtol=0)
    assert (memory.hidden[~batch.keep] == 0).all()
    last = end[0] if kind == "lstm" else end                          # (layers·ways b w), the ways of a layer side by side
    torch.testing.assert_close(memory.summary, last.transpose(0, 1).flatten(1), atol=2e-6, rtol=0)


@torch.no_grad()
def test_a_batch_without_padding_is_the_same_batch_with_a_mask() -> None:
    model, given = build(RECURRENT["bahdanau"]), pad([tokens(1, 6)[0].tolist()] * 2)
    masked = type(given)(given.values, torch.ones_like(given.values, dtype=torch.bool))
    torch.testing.assert_close(model.encode(masked).hidden, model.encode(given).hidden, atol=1e-6, rtol=0)


# --- first weights --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", TWINS)
@torch.no_grad()
def test_states_are_turned_not_shrunk_and_forget_gates_begin_open(kind: Kind) -> None:
    column = Recurrent(depth=1, cell=kind, input=Tokens(vocab=VOCAB))
    cell = Network(Model(family="tiny", dim=DIM, encoder=column, heads=(Words(),))).encoder.layers[0].onward
    for gate in cell.h.weight.split(DIM):
        torch.testing.assert_close(gate @ gate.T, torch.eye(DIM), atol=1e-5, rtol=0)
    wanted = torch.zeros(len(cell.x.bias))
    if kind == "lstm":
        wanted[DIM : 2 * DIM] = 1
    assert torch.equal(cell.x.bias, wanted)
    assert (cell.h.bias == 0).all()
