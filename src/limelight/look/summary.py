"""Summaries of whole maps that never stand in memory: strips of queries go by, and what is kept of them is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..native import summary as native
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
    chosen = range(h) if heads is None else heads
    rows = max(1, STRIP // (4 * b * total))
    mass = torch.zeros(b, len(chosen), total, device=view.looks[0].q.device)
    found: list[tuple[Tensor, ...]] = []
    for number, strips in enumerate(zip(*(view.strips(heads=[i], path=path, chunk=rows) for i in chosen), strict=True)):
        keys = strips[0].shape[-1]
        if worth is not None:
            strips = [_shares(weights * worth[:, i : i + 1, None, :keys]) for i, weights in enumerate(strips)]
        told = [_told(view, each, mass[:, i, :keys], number * rows, min(top, total)) for i, each in enumerate(strips)]
        found.append(tuple(torch.cat(one, 1) for one in zip(*told, strict=True)))
    best, weights, spread, first, distance = (torch.cat(one, 2) for one in zip(*found, strict=True))
    return Summary(view.name, best, weights, mass / max(n, 1), spread, None if view.looks[0].crossing else distance, first)


def _told(view: View, weights: Float[Tensor, "b 1 q k"], mass: Float[Tensor, "b k"], start: int, top: int) -> tuple[Tensor, ...]:
    """What is kept of one head's strip, whose first query stands in slot `start`: best keys, what they got, entropy, what the first key
    got, distance. What each key got is added to `mass`."""
    if native.serves(weights, top):
        best, *rest = (each[:, None] for each in native.summed(weights[:, 0], mass, past=start, top=top))
        return best.int(), *rest
    mass += weights[:, 0].sum(1)
    best, got = ops.largest(weights, top)
    first = weights[..., 0]
    return best.int(), got, entropy(weights), first, first if view.looks[0].crossing else _away(view, weights, start)


def _away(view: View, weights: Float[Tensor, "b 1 q k"], start: int) -> Float[Tensor, "b 1 q"]:
    """How far queries from `start` on look, on average. Where nobody looks ahead it is one product, counted from the last key."""
    queries, keys = weights.shape[-2:]
    slots = torch.arange(keys, device=weights.device).float()
    at = torch.arange(start, start + queries, device=weights.device)[:, None].float()
    if not view.looks[0].how["causal"] or keys < start + queries:
        return (weights * (at - slots).abs()).sum(-1)
    ago, both = start + queries - 1 - slots, start + queries - 1 - at[:, 0]
    return weights @ ago - weights.sum(-1) * both


def _shares(weights: Float[Tensor, "b 1 q k"]) -> Float[Tensor, "b 1 q k"]:
    return weights / weights.sum(-1, keepdim=True).clamp(min=TINY)


def entropy(weights: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """-sum(w log w) of each row, in nats."""
    return weights.clamp(min=TINY).log_().mul_(weights).sum(-1).neg_()            # torch.special.entr takes twice as long
