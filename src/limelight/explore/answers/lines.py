"""Lines: what one query looked at, who looked at one key, and the strongest links of a head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...look.summary import entropy
from ..query import Query
from ..strips import every, strips
from ..strips import row as one_row

TOP, FLOOR, MOST = 64, 0.04, 600
MOST_TOP, MOST_LINKS = 1 << 16, 20_000


def _sizes(query: Query) -> list[int]:
    """How many queries and keys there are, or words of them."""
    return [len(groups) if groups is not None else n for groups, n in zip(query.merged(), query.view.shape()[2:], strict=True)]


def _every(query: Query, rows: range) -> int:
    """See strips.every; by words no row is left out."""
    return 1 if query.flag("words") else every(len(rows), query.view.shape()[3], len(query.heads()))


def row(query: Query) -> dict[str, Any]:
    """The keys that a query looked at, best first; `rest`: what all others got."""
    queries, _ = _sizes(query)
    at, top = query.index("query", queries, "words of queries" if query.flag("words") else "queries"), query.count("top", TOP, MOST_TOP)
    weights = one_row(query.view, query.heads(), at, query.merged())
    best = weights.topk(min(top, len(weights)))
    kept, total = float(best.values.sum()), float(weights.sum())
    return {
        "query": at,
        "keys": best.indices.tolist(),
        "weights": best.values.tolist(),
        "rest": max(0.0, total - kept),
        "kept": kept,
        "entropy": float(entropy(weights)),
        "first": float(weights[0]),
    }


def column(query: Query) -> dict[str, Any]:
    """The queries that looked at a key, those that gave it most first; of a long map each "every"-th was asked."""
    queries, keys = _sizes(query)
    at, top = query.index("key", keys, "words of keys" if query.flag("words") else "keys"), query.count("top", TOP, MOST_TOP)
    step = _every(query, range(queries))
    found = strips(query.view, query.heads(), range(queries), merged=query.merged(), step=step)
    weights = torch.cat([strip[:, at] for strip in found])
    best = weights.topk(min(top, len(weights)))
    told = {"queries": [i * step for i in best.indices.tolist()], "weights": best.values.tolist()}
    return {"key": at, "every": step, **told, "mean": float(weights.mean())}


def lines(query: Query) -> dict[str, Any]:
    """The links of at least `floor`, the strongest first; of all rows, or of some, and of a long map each "every"-th. `kept`: the share of
    their weight that is among them."""
    queries, _ = _sizes(query)
    rows, floor = query.span("rows", queries, "rows"), query.share("floor", FLOOR)
    most = query.count("most", MOST, MOST_LINKS)
    found, total, start, step = list[Tensor](), 0.0, 0, _every(query, rows)
    for strip in strips(query.view, query.heads(), rows, merged=query.merged(), step=step):
        total += float(strip.sum())
        at = (strip >= floor).nonzero()
        values, at = strip[at[:, 0], at[:, 1]].cpu(), at.cpu()
        if len(values) > most:
            values, best = values.topk(most)
            at = at[best]
        found.append(torch.cat((at.double() + torch.tensor([float(start), 0.0]), values.double()[:, None]), 1))
        start += len(strip)
    links = torch.cat(found)
    order = links[:, 2].argsort(descending=True, stable=True)[:most]
    chosen = [[rows.start + int(i) * step, int(j), weight] for i, j, weight in links[order].tolist()]
    return {"every": step, "links": chosen, "kept": sum((weight for _, _, weight in chosen), 0.0) / max(total, 1e-12)}
