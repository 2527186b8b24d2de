"""When what was written was heard: words aligned with sound by the attention that was paid to it, in one way only, forwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

WIDTH = 7                                # places that the median is taken of
ROWS = 16                                # whose medians are found together: what is between stays in a core's caches


@dataclass(frozen=True, eq=False)
class Timing:
    """When each query was heard. `at`: the key at which the best path enters it; `weights`: those of all heads, averaged."""

    at: Int[np.ndarray, " q"]
    weights: Float[np.ndarray, "q k"]

    def share(self, queries: list[int], start: int, end: int) -> float:
        """How much of what the heads look at by these queries lies on the keys from `start` to `end` (without it): 1 where all looks meet
        there, and what chance gives, the share of the keys, where they look anywhere. 0 of no queries."""
        looks = self.weights[queries, max(0, start) : max(0, end)]
        return float(looks.sum(1).mean()) if len(looks) else 0.0


def timed(maps: Iterable[Float[Tensor, "_ q k"]]) -> Timing:
    """The weights of some heads, which may come a few at a time -> when each query was heard.

    Each key is taken by how much it stands out among the queries, then smoothed, and the heads are averaged (Radford et al. 2022,
    appendix; as whisper's timing.py does). There is at least one head, and only their sum is kept. No keys give noughts.
    """
    heads, shown, plain = 0, torch.zeros(()), torch.zeros(())
    for one in (head.float() for some in maps for head in some):
        heads, plain = heads + 1, plain + one
        if one.numel():
            spread, mean = torch.std_mean(one, dim=0, keepdim=True, correction=0)
            shown = shown + smoothed((one - mean) / spread.clamp(min=1e-12))
    weights = (plain / heads).cpu().numpy()
    if not weights.size:
        return Timing(np.zeros(len(weights), np.int64), weights)
    rows, columns = path(-(shown / heads).double().cpu().numpy())
    return Timing(columns[np.flatnonzero(np.diff(rows, prepend=-1))], weights)


def smoothed(x: Float[Tensor, "*r k"], width: int = WIDTH) -> Float[Tensor, "*r k"]:
    """The median of `width` neighbours, an odd number, mirrored at the ends; a row of too few is as it was."""
    side = width // 2
    if x.shape[-1] <= side:
        return x
    flat = x.reshape(-1, x.shape[-1])
    return torch.cat([_medians(rows, width) for rows in flat.split(ROWS)]).view_as(x)


def _medians(x: Float[Tensor, "r k"], width: int) -> Float[Tensor, "r k"]:
    """The largest bubbles up, of all places at once, as far as the middle."""
    side = width // 2
    near = list(F.pad(x, (side, side), mode="reflect").unfold(-1, x.shape[-1], 1).unbind(-2))
    for end in range(width - 1, side - 1, -1):
        for i in range(end):
            near[i], near[i + 1] = torch.minimum(near[i], near[i + 1]), torch.maximum(near[i], near[i + 1])
    return near[side]


def path(costs: Float[np.ndarray, "q k"]) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """The cheapest way from the first row and column to the last, by steps of one down, right or both (Sakoe and Chiba 1978).

    All cells of an anti-diagonal are found at once: they depend on the two before it alone. A step is both only where that is cheaper than
    either, and down only where it is cheaper than right.
    """
    rows, columns = costs.shape
    total = np.full((rows + columns + 1, rows + 1), np.inf, np.float32)      # [d, i]: cell (i, d - i), counted from 1
    came = np.zeros((rows + 1, columns + 1), np.int8)                        # 0: both, 1: down, 2: right
    total[0, 0] = 0.0
    for d in range(2, rows + columns + 1):
        i = np.arange(max(1, d - columns), min(rows, d - 1) + 1)
        both, down, right = total[d - 2, i - 1], total[d - 1, i - 1], total[d - 1, i]
        way = np.where((both < down) & (both < right), 0, np.where((down < both) & (down < right), 1, 2))
        total[d, i] = costs[i - 1, d - i - 1] + np.choose(way, (both, down, right))
        came[i, d - i] = way
    return _back(came)


def _back(came: Int[np.ndarray, "q1 k1"]) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    i, j = (size - 1 for size in came.shape)
    steps: list[tuple[int, int]] = []
    while i > 0 or j > 0:
        steps.append((i - 1, j - 1))
        way = 2 if i == 0 else 1 if j == 0 else came[i, j]
        i, j = i - (way != 2), j - (way != 1)
    found = np.array(steps[::-1])
    return found[:, 0], found[:, 1]
