"""Weights that are not a softmax, rebuilt: what was drawn or faded goes with its row, head and query, beams included."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight import ops
from limelight.errors import TraceError
from limelight.look import View, trace
from limelight.nn import Look
from limelight.ops import WeighFn

ROWS, BEAMS, HEADS, STEPS, KEYS = 2, 3, 4, 2, 7
ASKED = BEAMS * STEPS                                                                # a kernel's queries, where beams share a memory
CENTRES = torch.linspace(0, KEYS, ROWS * ASKED).reshape(ROWS, ASKED)
WEIGHS: dict[str, Callable[[], WeighFn]] = {
    "softmax": lambda: ops.softmax,
    "sparsemax": lambda: ops.sparsemax,
    "entmax15": lambda: ops.entmax15,
    "argmax": lambda: ops.argmax,
    "drawn": lambda: partial(ops.drawn, at=torch.randint(-1, KEYS, (ROWS, HEADS, ASKED))),
    "drawn for all heads": lambda: partial(ops.drawn, at=torch.randint(-1, KEYS, (ROWS, 1, ASKED))),
    "drawn for all rows": lambda: partial(ops.drawn, at=torch.randint(-1, KEYS, (1, HEADS, ASKED))),
    "drawn for a sentence": lambda: partial(ops.drawn, at=torch.tensor([[[2]], [[5]]])),
    "gumbel": lambda: partial(ops.gumbel, noise=torch.randn(ROWS, HEADS, ASKED, KEYS), temperature=0.5),
    "faded": lambda: partial(ops.faded, fade=ops.luong_fade(CENTRES, KEYS, 2)),
    "faded for all rows": lambda: partial(ops.faded, fade=torch.rand(1, HEADS, ASKED, KEYS)),
}
MASKS: dict[str, Callable[[], Tensor | None]] = {
    "open": lambda: None,
    "padding": lambda: (torch.arange(KEYS) < torch.tensor([[KEYS], [4]]))[:, None, None],
    "window": lambda: ops.luong_window(CENTRES, torch.tensor([KEYS, 4]), KEYS, 2),
}


def crossing(weigh: WeighFn | None, allow: Tensor | None = None) -> tuple[Tensor, View]:
    """What the kernel's own arguments give, by row of the running batch, and a view of the same."""
    q, k = torch.randn(ROWS, HEADS, ASKED, 8), torch.randn(ROWS, 2, KEYS, 8)
    how: dict[str, Any] = {"allow": allow, "bias": None, "causal": False, "scale": None, "score": ops.dot}
    how |= {} if weigh is None else {"weigh": weigh}
    whole = by_row(ops.attention_weights(q, k, **how))
    return whole, View("cross", (Look(by_row(q), k, k, 0, 0, True, how),), 1 << 20)


def by_row(x: Tensor) -> Tensor:
    """(b h r·q ...) -> (b·r h q ...), one row at a time."""
    return torch.stack([x[row, :, beam * STEPS : (beam + 1) * STEPS] for row in range(ROWS) for beam in range(BEAMS)])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", WEIGHS)
def test_beams_that_share_a_memory_show_their_own_weights(name: str, mask: str) -> None:
    whole, view = crossing(WEIGHS[name](), MASKS[mask]())
    torch.testing.assert_close(view.weights(), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(view.weights(exact=True), whole.double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(view.weights(heads=[3, 1], queries=slice(1, 2)), whole[:, [3, 1], 1:2], atol=1e-6, rtol=0)
    for row in range(ROWS * BEAMS):
        torch.testing.assert_close(view.weights(path=[row]), whole[row : row + 1], atol=1e-6, rtol=0)
        part = view.weights(path=[row], heads=[2, 0], queries=slice(1, 2))
        torch.testing.assert_close(part, whole[row : row + 1, [2, 0], 1:2], atol=1e-6, rtol=0)


def test_without_a_word_on_weights_they_are_a_softmax() -> None:
    whole, view = crossing(None)
    torch.testing.assert_close(view.weights().sum(-1), torch.ones(ROWS * BEAMS, HEADS, STEPS))
    torch.testing.assert_close(view.weights(), whole, atol=1e-6, rtol=0)


def test_each_step_of_a_generation_has_its_own_draws() -> None:
    """Self-attention of three rows: two tokens at once, then one by one; the keys grow, the rows change places."""
    sizes, pasts, path = (2, 1, 1), (0, 2, 3), (0, 2, 1)
    q, k = torch.randn(3, 2, 4, 8), torch.randn(3, 2, 4, 8)
    draws = [torch.randint(-1, past + size, (3, 2, size)) for past, size in zip(pasts, sizes, strict=True)]
    looks = []
    for past, size, at in zip(pasts, sizes, draws, strict=True):
        new = slice(past, past + size)
        how = {"allow": None, "bias": None, "causal": True, "scale": None, "score": ops.dot, "weigh": partial(ops.drawn, at=at)}
        looks.append(Look(q[:, :, new], k[:, :, new], k[:, :, new], past, past, False, how))
    found = View("self", tuple(looks), 1 << 20).weights(path=path, heads=[1])
    i = 0
    for step, at in enumerate(draws):
        for slot in at[path[step], 1].tolist():
            assert found[0, 0, i].tolist() == [float(s == slot) for s in range(4)]
            i += 1
    assert i == 4


def test_kernels_weights_are_rebuilt_under_a_causal_mask() -> None:
    q, k, v = torch.randn(2, 4, 70, 8), torch.randn(2, 2, 70, 8), torch.randn(2, 2, 70, 8)
    how = {"allow": None, "bias": None, "causal": True, "scale": 1.0, "score": ops.kernel, "weigh": ops.shares}
    weights = View("self", (Look(q, k, v, 0, 0, False, how),), 1 << 20).weights()
    torch.testing.assert_close(weights @ v.repeat_interleave(2, 1), ops.attend(q, k, v, **how), atol=1e-5, rtol=0)


# --- what a trace keeps ----------------------------------------------------------------------------------------------
def looked(weigh: WeighFn | None) -> Look:
    q = torch.randn(1, 2, 3, 8)
    how: dict[str, Any] = {"allow": None, "bias": None, "causal": False, "scale": None, "score": ops.dot}
    return Look(q, q, q, 0, 0, False, how if weigh is None else {**how, "weigh": weigh})


def test_a_trace_keeps_draws_without_their_graph_and_counts_them() -> None:
    fade = torch.rand(1, 2, 3, 3, requires_grad=True) * 1.0
    plain, faded = (looked(weigh) for weigh in (None, partial(ops.faded, fade=fade)))
    name = "decoder.0.self"
    with trace(tiny.lm(0)) as seen:
        seen.note(name, plain)
        bytes_of_plain = seen.nbytes
        seen.note(name, faded)
        assert seen.nbytes == bytes_of_plain + fade.nbytes
        (look,) = seen[name].looks
        kept = look.how["weigh"].keywords["fade"]
        assert not kept.requires_grad
        assert kept.data_ptr() == fade.data_ptr()
        wanted = ops.attention_weights(faded.q, faded.k, weigh=partial(ops.faded, fade=fade.detach()))
        torch.testing.assert_close(seen[name].weights(), wanted, atol=1e-6, rtol=0)
        seen.clear()
        assert seen.nbytes == 0


def test_what_was_drawn_counts_towards_the_budget() -> None:
    look = looked(partial(ops.gumbel, noise=torch.randn(1, 2, 3, 3), temperature=1.0))
    bare = look.q.untyped_storage().nbytes()
    with trace(tiny.lm(0), budget=bare + 10) as seen:
        seen.note("decoder.0.self", look)
        with pytest.raises(TraceError, match="the trace outgrew its budget"):
            seen["decoder.0.self"]
