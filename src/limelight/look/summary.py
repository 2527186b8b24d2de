"""Summaries of whole maps that never stand in memory: strips of queries go by, and what is kept of them is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..native import summary as native
from .names import head_number
from .view import Path, View

STRIP = 4 << 20                  # bytes of a strip: a core has as much beside it, so that looking again costs little
TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True, eq=False)
class Summary:
    """What each head of one attention does, over all queries. A query that may see nothing counts as 0 throughout.

    `keys`, `weights`: the best keys of each query, best first, (b h q t), keys in 32 bits, for they take the most room. `mass`: what a key
    got of all queries, their mean, (b h k).
    `entropy`: of each query's weights, in nats, (b h q). `distance`: how many slots away it looked on average, (b h q); None where keys
    are of another sequence. `first`: what it gave to the first key, (b h q), which often is a sink (Xiao et al. 2024, section 3.1).
    """

    name: str
    keys: Int[Tensor, "b h q t"]
    weights: Float[Tensor, "b h q t"]
    mass: Float[Tensor, "b h k"]
    entropy: Float[Tensor, "b h q"]
    distance: Float[Tensor, "b h q"] | None
    first: Float[Tensor, "b h q"]


def summarize(
    view: View,
    *,
    top: int = 8,
    heads: Sequence[int] | None = None,
    path: Path | None = None,
    worth: Float[Tensor, "b h k"] | None = None,
) -> Summary:
    """One pass over a map, in strips of a few MiB. `top`: keys that are kept of each query; `path`: see View.

    `worth`: what a weight on each key stands for, such as `value_norms`; each query's weights are multiplied by it and made to sum to 1
    again. Raises TraceError where a head is not there or the map cannot be rebuilt.
    """
    b, h, n, total = view.shape(path)
    chosen = range(h) if heads is None else [head_number(view.name, h, each) for each in heads]
    size, device = (b, len(chosen), n), view.looks[0].q.device
    best = torch.empty(*size, min(top, total), dtype=torch.int32, device=device)
    weights, (spread, first, distance) = torch.empty(best.shape, device=device), (torch.empty(size, device=device) for _ in range(3))
    sums = native.Sums(best, weights, spread, first, distance, torch.zeros(b, len(chosen), total, device=device))
    if path is None and worth is None and view.plain and native.reads(view.looks[0].q, view.looks[0].k, best.shape[-1]):
        look = view.looks[0]
        native.mapped(look.q, look.k, chosen, sums, scale=view.scale, causal=look.how["causal"], past=look.past)
    else:
        _by_strips(view, chosen, sums, path, worth)
    return Summary(view.name, best, weights, sums.mass / max(n, 1), spread, None if view.looks[0].crossing else distance, first)


def _by_strips(view: View, heads: Sequence[int], into: native.Sums, path: Path | None, worth: Float[Tensor, "b h k"] | None) -> None:
    """Head after head, strip after strip."""
    b, _, n, total = view.shape(path)
    rows = max(1, STRIP // (4 * b * total))
    for i, head in enumerate(heads):
        strips = view.strips(heads=[head], path=path, chunk=rows, last_first=True)
        for start, weights in zip(reversed(range(0, n, rows)), strips, strict=True):
            keys = weights.shape[-1]
            shares = weights if worth is None else _shares(weights * worth[:, i : i + 1, None, :keys])
            told = _told(view, shares, into.mass[:, i, :keys], start, into.best.shape[-1])
            for kept, one in zip((into.best, into.weights, into.entropy, into.first, into.distance), told, strict=True):
                kept[:, i, start : start + rows] = one


def _told(view: View, weights: Float[Tensor, "b 1 q k"], mass: Float[Tensor, "b k"], start: int, top: int) -> tuple[Tensor, ...]:
    """What is kept of a strip whose first query stands in slot `start`: best keys and what they got, (b q t), entropy, what the first key
    got, distance, (b q). What each key got is added to `mass`."""
    strip = weights[:, 0]
    if native.serves(strip, top):
        return native.summed(strip, mass, past=start, top=top)
    mass += strip.sum(1)
    return (*ops.largest(strip, top), entropy(strip), strip[..., 0], _distance(view, strip, start))


def _distance(view: View, weights: Float[Tensor, "b q k"], start: int) -> Float[Tensor, "b q"]:
    """How far queries from `start` on look, on average; of another sequence's keys it says nothing, and what the first got stands in.

    Where nobody looks ahead it is one product, counted from the last key.
    """
    look, (queries, keys) = view.looks[0], weights.shape[-2:]
    if look.crossing:
        return weights[..., 0]
    slots = torch.arange(keys, device=weights.device).float()
    at = torch.arange(start, start + queries, device=weights.device).float()
    if not look.how["causal"] or keys < start + queries:
        return (weights * (at[:, None] - slots).abs()).sum(-1)
    last = start + queries - 1
    return weights @ (last - slots) - weights.sum(-1) * (last - at)


def _shares(weights: Float[Tensor, "b 1 q k"]) -> Float[Tensor, "b 1 q k"]:
    return weights / weights.sum(-1, keepdim=True).clamp(min=TINY)


def entropy(weights: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """-sum(w log w) of each row, in nats."""
    return weights.clamp(min=TINY).log_().mul_(weights).sum(-1).neg_()            # torch.special.entr takes twice as long
