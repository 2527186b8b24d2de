"""Batches of a fixed number of tokens, made of rows of like length, in an order that is a function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from jaxtyping import Int, Integer

from ..errors import InputError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs

JITTER = 0.05       # lengths are sorted as if they were up to this share longer or shorter, so that rare long rows meet others each epoch
MOST_JOINED = 4
NOTHING = -1        # fills the places of a joined row that has fewer parts


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of ids one after another: row i is ids[starts[i] : starts[i] + lengths[i]]."""

    ids: Int[np.ndarray, " tokens"]
    starts: Int[np.ndarray, " rows"]
    lengths: Int[np.ndarray, " rows"]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Ragged:
        """Pack rows. Raises InputError for an empty row."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        if not lengths.all():
            raise InputError(f"row {int(np.argmin(lengths))} has no tokens.", "Each row ends with the end token at least.")
        ids = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
        return cls(ids, np.cumsum(lengths) - lengths, lengths)

    def joined(self, parts: Int[np.ndarray, "rows parts"]) -> Int[np.ndarray, " rows"]:
        """The length of each joined row: the end token of all parts but the last is dropped."""
        there = parts != NOTHING
        return np.where(there, self.lengths[parts] - 1, 0).sum(1) + 1

    def rectangle(self, parts: Int[np.ndarray, "rows parts"], filler: int) -> Batch:
        """Joined rows side by side, filled up on the right."""
        there = parts != NOTHING
        last = there & (np.cumsum(there, 1) == there.sum(1, keepdims=True))
        take = (self.lengths[parts] - ~last)[there]
        begin = self.starts[parts][there] - (np.cumsum(take) - take)
        flat = np.repeat(begin, take) + np.arange(take.sum())
        lengths = self.joined(parts)
        keep = np.arange(lengths.max()) < lengths[:, None]
        values = np.full(keep.shape, filler, np.int64)
        values[keep] = self.ids[flat]      # both run row by row, so that one assignment fills the whole rectangle
        return Batch(torch.from_numpy(values), None if keep.all() else torch.from_numpy(keep))


class TokenBatches:
    """Pairs of id rows in batches of at most `budget` padded tokens on the longer side, so that memory is bounded.

    `sources` None: targets alone, for a language model. Every row ends with its end token. A pair with a side longer than `max_length` is
    left out, and `left_out` says how many are. `join`: the share of pairs that are trained on as one long pair with one to three
    others (ids in a row, the end token only at the end) where `max_length` allows it; every pair still comes exactly once an epoch.
    """

    def __init__(
        self,
        sources: Sequence[Sequence[int]] | None,
        targets: Sequence[Sequence[int]],
        *,
        budget: int,
        seed: int,
        pad: int,
        max_length: int,
        join: float = 0.0,
    ):
        """Pack the rows. Raises InputError for sides of unequal number, an empty row, nothing left, or a budget below `max_length`."""
        if sources is not None and len(sources) != len(targets):
            raise InputError(f"sources and targets go in pairs: got {len(sources)} and {len(targets)}.")
        if budget < max_length:
            raise InputError(f"a batch of {budget} tokens cannot hold a row of {max_length}.", "Raise the budget or lower max_length.")
        if not 0 <= join <= 1:
            raise InputError(f"join is a share between 0 and 1: got {join}.")
        self.budget, self.seed, self.pad, self.max_length, self.join = budget, seed, pad, max_length, join
        self._target = Ragged.of(targets)
        self._source = None if sources is None else Ragged.of(sources)
        self._sides = [side for side in (self._source, self._target) if side is not None]
        self._kept = np.flatnonzero(np.max([side.lengths for side in self._sides], axis=0) <= max_length)
        self.left_out = len(targets) - len(self._kept)
        if not len(self._kept):
            raise InputError(f"no pair is left of {len(targets)}: max_length={max_length}.", "Raise max_length, or give data.")

    def order(self, epoch: int) -> list[Integer[np.ndarray, "..."]]:
        """The rows of each batch in an order to train on them, a function of (seed, epoch) alone.

        An array of row numbers a batch; with `join`, a matrix of them whose lines are joined, filled up with -1.
        """
        random = np.random.default_rng([self.seed, epoch])
        rows = self._join(random.permutation(self._kept), random)
        lengths = [side.joined(rows) for side in self._sides]
        jittered = np.rint(lengths[-1] * random.uniform(1 - JITTER, 1 + JITTER, len(rows)))
        snake = np.where(jittered % 2, lengths[0], -lengths[0])      # up and down in turns: a batch over two target lengths stays even
        by_length = np.lexsort((snake, jittered))                    # stable: equal lengths stay in their random order
        rows, longest = rows[by_length], np.max(lengths, axis=0)[by_length]
        if not self.join:
            rows = rows[:, 0]
        batches = np.split(rows, cuts(longest.tolist(), self.budget, first=int(random.integers(self.budget // 2, self.budget + 1))))
        return [batches[i] for i in random.permutation(len(batches))]

    def batch(self, indices: Integer[np.ndarray, "..."]) -> Pairs:
        """The pairs of one entry of `order`, on the CPU."""
        parts = indices.reshape(len(indices), -1)
        source = None if self._source is None else self._source.rectangle(parts, self.pad)
        return Pairs(source, self._target.rectangle(parts, self.pad))

    def padding_share(self, epoch: int) -> float:
        """The share of an epoch's rectangles, of both sides, that is filled with padding."""
        real = slots = 0
        for indices in self.order(epoch):
            parts = indices.reshape(len(indices), -1)
            for side in self._sides:
                lengths = side.joined(parts)
                real, slots = real + int(lengths.sum()), slots + len(lengths) * int(lengths.max())
        return 1 - real / slots

    def _join(self, rows: Int[np.ndarray, " n"], random: np.random.Generator) -> Int[np.ndarray, "rows parts"]:
        """Shuffled rows -> lines of rows to be joined; the first share `join` of them in lines of two to four, the rest alone."""
        if not self.join:
            return rows[:, None]
        many = round(self.join * len(rows))
        line = np.repeat(np.arange(many), random.integers(2, MOST_JOINED + 1, many))[:many]     # which line each of them goes into
        first = np.searchsorted(line, line)
        together = np.full((line[-1] + 1 if many else 0, MOST_JOINED), NOTHING)
        together[line, np.arange(many) - first] = rows[:many]
        fits = np.max([side.joined(together) for side in self._sides], axis=0) <= self.max_length
        apart = together[~fits]
        alone = np.concatenate([rows[many:], apart[apart != NOTHING]])
        lines = np.full((len(alone), MOST_JOINED), NOTHING)
        lines[:, 0] = alone
        return np.concatenate([together[fits], lines])


def cuts(lengths: list[int], budget: int, first: int) -> list[int]:
    """Where to cut so that rows x longest stays within the budget; within `first` for the first batch, which moves all later cuts."""
    cuts, start, longest, limit = [], 0, 0, first
    for at, length in enumerate(lengths):
        longest = max(longest, length)
        if (at + 1 - start) * longest > limit and at > start:
            cuts.append(at)
            start, longest, limit = at, length, budget
    return cuts
