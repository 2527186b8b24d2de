"""Masks: predicates on slots; their laws hold against loops, and a cached row is the last row of the whole mask."""

# ruff: noqa: ARG005   (a mask's meaning takes row, query and key, whichever it asks)

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limelight.errors import InputError
from limelight.ops import Mask, causal, document, everything, padding, prefix, window

N = 7
KEEP = torch.tensor([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]], dtype=torch.bool)
DOCUMENTS = torch.tensor([[0, 0, 1, 1, 1, 2, 2], [0, 1, 1, 1, 1, 1, 1]])
PREFIX = torch.tensor([3, 0])

# each mask beside what it says of one query and one key of one row
LEAVES: list[tuple[Mask, Callable[[int, int, int], bool]]] = [
    (everything, lambda b, i, j: True),
    (causal, lambda b, i, j: j <= i),
    (window(1), lambda b, i, j: i == j),
    (window(3), lambda b, i, j: i - 3 < j < i + 3),
    (prefix(PREFIX), lambda b, i, j: j < [3, 0][b]),
    (padding(KEEP), lambda b, i, j: bool(KEEP[b, j])),
    (document(DOCUMENTS), lambda b, i, j: DOCUMENTS[b, i].item() == DOCUMENTS[b, j].item()),
]
NAMES = ["everything", "causal", "window(1)", "window(3)", "prefix", "padding", "document"]


def square(mask: Mask) -> Tensor:
    return mask.dense(torch.arange(N), torch.arange(N)).expand(2, 1, N, N)


def looped(says: Callable[[int, int, int], bool]) -> Tensor:
    return torch.tensor([[[[says(b, i, j) for j in range(N)] for i in range(N)]] for b in range(2)])


def trees() -> st.SearchStrategy:
    """Masks composed at random, each beside its meaning."""
    leaves = st.sampled_from(LEAVES)

    def grow(inner: st.SearchStrategy) -> st.SearchStrategy:
        both = st.tuples(inner, inner)
        return st.one_of(
            both.map(lambda p: (p[0][0] & p[1][0], lambda b, i, j: p[0][1](b, i, j) and p[1][1](b, i, j))),
            both.map(lambda p: (p[0][0] | p[1][0], lambda b, i, j: p[0][1](b, i, j) or p[1][1](b, i, j))),
            inner.map(lambda m: (~m[0], lambda b, i, j: not m[1](b, i, j))),
        )

    return st.recursive(leaves, grow, max_leaves=6)


@pytest.mark.parametrize("leaf", LEAVES, ids=NAMES)
def test_a_mask_is_what_a_loop_says(leaf) -> None:
    assert torch.equal(square(leaf[0]), looped(leaf[1]))


@given(trees())
def test_composition_is_what_a_loop_says(tree) -> None:
    assert torch.equal(square(tree[0]), looped(tree[1]))


@given(trees(), st.integers(1, N))
def test_cached_rows_are_the_last_rows(tree, new: int) -> None:
    mask = tree[0]
    rows = mask.dense(torch.arange(N - new, N), torch.arange(N)).expand(2, 1, new, N)
    assert torch.equal(rows, square(mask)[:, :, N - new :])


def test_prefix_language_model() -> None:
    seen = square(causal | prefix(torch.tensor([2, 4])))
    assert seen[0, 0].int().tolist()[0] == [1, 1, 0, 0, 0, 0, 0]
    assert seen[1, 0].int().tolist()[0] == [1, 1, 1, 1, 0, 0, 0]
    assert seen[1, 0].int().tolist()[5] == [1, 1, 1, 1, 1, 1, 0]


def test_shapes_say_whether_rows_differ() -> None:
    slots = torch.arange(N)
    assert causal.dense(slots, slots).shape == (1, 1, N, N)
    assert (causal & padding(KEEP)).dense(slots[-2:], slots).shape == (2, 1, 2, N)
    assert everything.dense(slots[:1], slots).dtype == torch.bool


def test_names_tell_the_composition() -> None:
    assert (causal & ~window(4) | padding(KEEP)).name == "((causal & ~window(4)) | padding)"


@pytest.mark.parametrize("size", [0, -3])
def test_a_window_of_nothing_is_refused(size: int) -> None:
    with pytest.raises(InputError, match=f"at least one slot: got {size}"):
        window(size)
