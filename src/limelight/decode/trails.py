"""Trails: answers on their way, and hypotheses: answers that have arrived."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Trail:
    """A partial answer to row `source` of the batch.

    `rows`: which row of the running batch it was in each forward pass, so that a trace can be followed back along it.
    """

    source: int
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    turn: int = 0                                        # which of several answers to one source

    @property
    def total(self) -> float:
        """Log-probability of all tokens so far."""
        return sum(self.logprobs, 0.0)

    def then(self, token: int, logprob: float, row: int) -> Trail:
        """This trail, one token further; `row` is where it was in the pass that chose the token."""
        return Trail(self.source, (*self.tokens, token), (*self.logprobs, logprob), (*self.rows, row), self.turn)

    def ghost(self) -> Trail:
        """A stand-in that only fills a row: nothing that goes on from it can be chosen."""
        return replace(self, logprobs=(*self.logprobs[:-1], -math.inf))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A whole answer. `score`: log-probability / length ** length_penalty (Wu et al. 2016 call for one; this is the plain form).

    `ended`: it came to its end by itself; False means that max_length cut it off. `tokens` holds the end token where it ended. `turn`:
    which of several drawn answers to one source.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    rows: tuple[int, ...]
    score: float
    ended: bool
    turn: int = 0

    @classmethod
    def of(cls, trail: Trail, *, length_penalty: float, ended: bool) -> Hypothesis:
        """A trail that goes no further."""
        score = trail.total / max(1, len(trail.tokens)) ** length_penalty
        return cls(trail.tokens, trail.logprobs, trail.rows, score, ended, trail.turn)


def best_first(hypothesis: Hypothesis) -> tuple[bool, float]:
    """Sorts answers: whole ones before those that were cut off, then by score."""
    return not hypothesis.ended, -hypothesis.score


def common(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The longest beginning that all rows share."""
    rows = list(rows)
    if not rows:
        return ()
    low, high = min(rows), max(rows)
    if low == high:
        return low
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:same]
