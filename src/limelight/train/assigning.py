"""The cheapest way to pair two sets: each row with at most one column, as many pairs as there can be."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def assign(costs: Float[Tensor, "r c"]) -> tuple[Int[Tensor, " p"], Int[Tensor, " p"]]:
    """Rows and columns of the pairs, in the order of the rows; their costs have the least sum.

    Shortest ways to a free column, row by row, with prices that keep what is done the cheapest (Kuhn 1955; Edmonds and Karp 1972; Jonker
    and Volgenant 1987): of the order of min(r, c)^2 max(r, c). A cost that is no number is dearer than all others together.
    """
    known = costs.detach().double().cpu().numpy()
    turned = known.shape[0] > known.shape[1]
    pairs = _pairs(_finite(known.T if turned else known))
    rows, columns = (torch.from_numpy(each) for each in (pairs[::-1] if turned else pairs))
    order = rows.argsort()
    return rows[order], columns[order]


def _finite(costs: np.ndarray) -> np.ndarray:
    good = np.isfinite(costs)
    if good.all():
        return costs
    low, high = (costs[good].min(), costs[good].max()) if good.any() else (0.0, 0.0)
    return np.where(good, costs, high + (len(costs) + 1) * (high - low + 1))


def _pairs(costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of no more rows than columns: every row, and its column."""
    n, m = costs.shape
    of_row, of_column = np.zeros(n), np.zeros(m)                     # prices
    owner = np.full(m, -1)                                           # the row that each column went to
    for row in range(n):
        reach, before = np.full(m, np.inf), np.full(m, -1)           # the cheapest way to each column, and the column it comes from
        done = np.zeros(m, dtype=bool)
        here, at = row, -1
        while here >= 0:
            way = costs[here] - of_row[here] - of_column
            nearer = ~done & (way < reach)
            reach[nearer], before[nearer] = way[nearer], at
            at = int(np.where(done, np.inf, reach).argmin())
            step = reach[at]
            of_row[row] += step
            of_row[owner[done]] += step
            of_column[done] -= step
            reach[~done] -= step
            done[at] = True
            here = owner[at]
        while at >= 0:                                               # a free column is found: all on the way move up
            owner[at] = row if before[at] < 0 else owner[before[at]]
            at = before[at]
    columns = np.flatnonzero(owner >= 0)
    return owner[columns], columns
