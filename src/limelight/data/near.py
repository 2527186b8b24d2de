"""Near copies: texts that say the same again, or have a good part of another in them, so that no test text is learnt by heart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .split import twin_key

RUN = 5                                  # words in a row
SHARED = 0.5                             # of the runs of the shorter text


def near_copies(texts: Sequence[str], held: Iterable[str]) -> set[int]:
    """The places of those texts that are near copies of a held-out one.

    Two texts are near copies where only case, punctuation or spacing tells them apart, or where half of the runs of five words of the
    shorter one are in the longer one too (so a sentence of a review is a near copy of the review).
    """
    keys, runs = set[str](), list[int]()
    where: dict[tuple[str, ...], list[int]] = {}
    for number, text in enumerate(held):
        key = twin_key(text)
        keys.add(key)
        mine = _runs(key)
        runs.append(len(mine))
        for run in mine:
            where.setdefault(run, []).append(number)
    return {place for place, text in enumerate(texts) if _near(twin_key(text), keys, runs, where)}


def _near(key: str, keys: set[str], runs: Sequence[int], where: dict[tuple[str, ...], list[int]]) -> bool:
    if key in keys:
        return True
    mine = _runs(key)
    shared = Counter(number for run in mine for number in where.get(run, ()))
    return any(count >= SHARED * min(len(mine), runs[number]) for number, count in shared.items())


def _runs(key: str) -> set[tuple[str, ...]]:
    words = key.split()
    return set(zip(*(words[i:] for i in range(RUN)), strict=False))
