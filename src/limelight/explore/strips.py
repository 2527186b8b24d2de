"""Strips: weights of one head or the mean of several, by tokens or by words, a few rows at a time; no map ever stands in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..look import View
from .scene import Span

STRIP = 4 << 20                          # bytes of a strip
LOOKED = 1 << 25                         # weights that one answer looks at; of more, evenly spaced rows are looked at
Groups = Sequence[Span] | None


def every(queries: int, keys: int, heads: int, most: int | None = None) -> int:
    """1 where all rows are looked at, n where each n-th is."""
    return max(1, -(-queries * keys * heads // (most or LOOKED)))


def strips(
    view: View, heads: Sequence[int], rows: range, *, merged: tuple[Groups, Groups] = (None, None), step: int = 1
) -> Iterator[Float[Tensor, "r k"]]:
    """The rows of a map in order, the mean of `heads`. `merged`: words of queries and of keys, whose rows are then means and whose columns
    sums; `rows` counts words then. `step`: of tokens, each so many."""
    keys = view.shape()[3]
    chunk = max(1, STRIP // (4 * keys))
    groups, into = merged
    for some in _chunks(rows if groups is not None else rows[::step], groups, chunk):
        tokens = slice(groups[some[0]][0], groups[some[-1]][1]) if groups is not None else slice(some[0], some[-1] + 1, some.step)
        found = _mean(view, heads, tokens, keys)
        if groups is not None:
            found = _means(found, [(a - tokens.start, b - tokens.start) for a, b in groups[some[0] : some[-1] + 1]])
        yield found if into is None else _sums(found, into)


def row(view: View, heads: Sequence[int], at: int, merged: tuple[Groups, Groups] = (None, None)) -> Float[Tensor, " k"]:
    """One row."""
    return next(strips(view, heads, range(at, at + 1), merged=merged))[0]


def pooled(weights: Float[Tensor, "r k"], height: int, width: int) -> Float[Tensor, "h w"]:
    """The best of each cell of a coarser map, no larger than the map is."""
    height, width = min(height, len(weights)), min(width, weights.shape[1])
    return F.adaptive_max_pool2d(weights[None], (height, width))[0]


def _chunks(rows: range, groups: Groups, chunk: int) -> Iterator[range]:
    """Rows whose tokens are about a strip."""
    if groups is None:
        yield from (rows[start : start + chunk] for start in range(0, len(rows), chunk))
        return
    first = rows.start
    while first < rows.stop:
        last = first + 1
        while last < rows.stop and groups[last][1] - groups[first][0] <= chunk:
            last += 1
        yield range(first, last)
        first = last


def _mean(view: View, heads: Sequence[int], tokens: slice, keys: int) -> Float[Tensor, "r k"]:
    found = torch.zeros(0)
    for i, head in enumerate(heads):
        (weights,) = view.strips(heads=[head], queries=tokens, chunk=1 << 30)
        mine = F.pad(weights[0, 0], (0, keys - weights.shape[3]))
        found = mine if i == 0 else found.add_(mine)
    return found / len(heads) if len(heads) > 1 else found


def _means(weights: Float[Tensor, "r k"], groups: Sequence[Span]) -> Float[Tensor, "w k"]:
    sizes = torch.tensor([b - a for a, b in groups], device=weights.device)
    at = torch.repeat_interleave(torch.arange(len(groups), device=weights.device), sizes)
    return torch.zeros(len(groups), weights.shape[1], device=weights.device).index_add_(0, at, weights) / sizes[:, None]


def _sums(weights: Float[Tensor, "r k"], groups: Sequence[Span]) -> Float[Tensor, "r w"]:
    sizes = torch.tensor([b - a for a, b in groups], device=weights.device)
    at = torch.repeat_interleave(torch.arange(len(groups), device=weights.device), sizes)
    return torch.zeros(len(weights), len(groups), device=weights.device).index_add_(1, at, weights)
