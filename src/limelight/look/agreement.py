"""Agreement: whether two measures put the same things first."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import InputError

FEWEST = 3                               # two things are always in one order or its reverse


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation: 1 where both put things in one order, -1 in the reverse; things that tie share their mean rank.

    None where it says nothing: of fewer than three things, or where one of the measures is the same for all. Raises InputError for
    measures of different things. Source: Spearman 1904, The Proof and Measurement of Association between Two Things.
    """
    if len(a) != len(b):
        raise InputError(f"two measures of the same things are wanted: got {len(a)} and {len(b)}.", "Measure each thing twice.")
    if len(a) < FEWEST:
        return None
    x, y = _centred(ranks(a)), _centred(ranks(b))
    spread = math.sqrt(sum(each * each for each in x) * sum(each * each for each in y))
    return sum(i * j for i, j in zip(x, y, strict=True)) / spread if spread else None


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value from the smallest, 1, on; those that tie share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, first = [0.0] * len(values), 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for at in order[first : last + 1]:
            found[at] = (first + last) / 2 + 1
        first = last + 1
    return found


def _centred(values: Sequence[float]) -> list[float]:
    mean = sum(values) / len(values)
    return [each - mean for each in values]
