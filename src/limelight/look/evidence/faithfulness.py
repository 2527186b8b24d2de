"""Faithfulness: whether the words that are named first are those that the answer rests on, by taking them away, or all others.

Source: DeYoung et al. 2020, ERASER, section 4.2. Comprehensiveness: how far the score falls without the first 1, 5, 10, 20 and 50 % of the
words, mean of the five (more is better). Sufficiency: how far it falls with these alone (less is better).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from .case import Case, Reading, reread

BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
STEPS = tuple(n / 10 for n in range(11))                             # of a deletion curve
Order = Sequence[int]


@dataclass(frozen=True)
class Faithful:
    """How faithful an order of a text's words is. `curve`: what is shown of it without the first words, at each share of STEPS."""

    comprehensiveness: float
    sufficiency: float
    curve: tuple[float, ...]


def faithful(reading: Reading, asked: Sequence[tuple[Case, Order]]) -> list[Faithful]:
    """Of each case with words in an order, those that count most first; all is read together. Each case has a word."""
    gone = [(case, each) for case, order in asked for each in _asked(order)]
    scores = iter([case.shown(said) for (case, _), said in zip(gone, reread(reading, gone), strict=True)])
    return [_of(case.shown(case.before), [next(scores) for _ in _asked(order)]) for case, order in asked]


def curves(reading: Reading, asked: Sequence[tuple[Case, Order]]) -> list[tuple[float, ...]]:
    """Deletion curves alone."""
    gone = [(case, _first(order, share)) for case, order in asked for share in STEPS]
    scores = iter([case.shown(said) for (case, _), said in zip(gone, reread(reading, gone), strict=True)])
    return [tuple(next(scores) for _ in STEPS) for _ in asked]


def by_effect(effects: Sequence[float]) -> Order:
    """Words that speak most for the answer first; of two that tie, the earlier."""
    return sorted(range(len(effects)), key=lambda number: -effects[number])


def at_random(words: int, seed: int) -> Order:
    """Words in an order that knows nothing: what any other has to beat."""
    return random.Random(seed).sample(range(words), words)


def _first(order: Order, share: float) -> tuple[int, ...]:
    """The first words, rounded up."""
    return tuple(order[: math.ceil(round(share * len(order), 9))])


def _asked(order: Order) -> list[tuple[int, ...]]:
    """Without the first words, with them alone, and along the curve."""
    firsts = [_first(order, share) for share in BINS]
    return [*firsts, *(tuple(order[len(each) :]) for each in firsts), *(_first(order, share) for share in STEPS)]


def _of(whole: float, scores: Sequence[float]) -> Faithful:
    without, alone, curve = scores[: len(BINS)], scores[len(BINS) : 2 * len(BINS)], scores[2 * len(BINS) :]
    return Faithful(whole - fmean(without), whole - fmean(alone), tuple(curve))
