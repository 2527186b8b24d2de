"""How many edits make one row of items another, and which items stay (Levenshtein 1966)."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from jaxtyping import Int


def edits(wanted: Sequence[Hashable], found: Sequence[Hashable]) -> int:
    """The fewest items put in, left out and replaced that make `found` of `wanted`."""
    (last,) = deque(_rows(wanted, found), maxlen=1)
    return int(last[-1])


def kept(wanted: Sequence[Hashable], found: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The items that stay, as places in both, along a way of the fewest edits. Of several ways, one that keeps as near to the end."""
    table = list(_rows(wanted, found))
    i, j, out = len(wanted), len(found), list[tuple[int, int]]()
    while i and j:
        same = wanted[i - 1] == found[j - 1]
        if table[i][j] == table[i - 1][j - 1] + (not same):
            out += [(i - 1, j - 1)] * same
            i, j = i - 1, j - 1
        elif table[i][j] == table[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return out[::-1]


def _rows(wanted: Sequence[Hashable], found: Sequence[Hashable]) -> Iterator[Int[np.ndarray, " n"]]:
    """Row i: the edits between the first i of `wanted` and each beginning of `found`. What is put in adds up along a row, so that a row is
    the least of what came from above, counted from where it stands."""
    names: dict[Hashable, int] = {}
    a, b = (np.array([names.setdefault(each, len(names)) for each in side], np.int64) for side in (wanted, found))
    order = np.arange(len(b) + 1)
    row = order
    yield row
    for each in a:
        above = row + 1
        above[1:] = np.minimum(above[1:], row[:-1] + (b != each))
        row = np.minimum.accumulate(above - order) + order
        yield row
