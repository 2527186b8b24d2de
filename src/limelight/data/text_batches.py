"""Batches of labelled texts, by length and bounded in tokens; a long text gives another window of itself each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from ..errors import InputError
from ..inputs.batch import pad
from ..inputs.labelled import Labelled
from .batches import JITTER, cuts

SHORTEST, LONGEST = 8, 48                # tokens of a glimpse


class Row(NamedTuple):
    """A text to learn from. `ids`: without marks; `rate`: how often it is read in an epoch, on average: 2.5 is twice, and once more in
    every second epoch; `glimpse`: the share of its readings in which only 8 to 48 of its tokens in a row are read, so that what is learnt
    from long texts serves short ones."""

    ids: Sequence[int]
    label: int
    rate: float = 1.0
    glimpse: float = 0.0


class TextBatches:
    """Rows of ids with the class of each, in batches of at most `budget` padded tokens.

    A text longer than `max_length` (its end mark counted) is read in windows, as often as it takes to go through it once, each time from a
    place that is drawn; so none of it is lost, and none is learnt by its place.
    """

    def __init__(self, rows: Sequence[Row], *, budget: int, seed: int, marks: tuple[int, int], max_length: int):
        """`marks`: what stands after a text, and what fills a batch. Raises InputError for no rows, one without ids, or a budget below
        `max_length`."""
        if not rows or not all(len(row.ids) for row in rows):
            raise InputError("there is no text to learn from, or one without any token.", "Give data; leave empty texts out.")
        if budget < max_length:
            raise InputError(f"a batch of {budget} tokens cannot hold a row of {max_length}.", "Raise the budget or lower max_length.")
        self.budget, self.seed, self.max_length = budget, seed, max_length
        self._end, self._pad = marks
        self._ids = [row.ids for row in rows]
        self._labels = np.array([row.label for row in rows])
        self._rates, self._glimpses = np.array([row.rate for row in rows]), np.array([row.glimpse for row in rows])
        self._lengths = np.array([len(row.ids) for row in rows])

    def order(self, epoch: int) -> list[Int[np.ndarray, "rows 3"]]:
        """The texts of each batch (from where, and how much of each is read) in an order to train on them: a function of (seed, epoch)."""
        random = np.random.default_rng([self.seed, epoch])
        room = self.max_length - 1                                   # the end mark takes one
        texts = np.repeat(np.arange(len(self._ids)), _times(self._rates * np.ceil(self._lengths / room), random))
        lengths = np.minimum(self._lengths[texts], room)
        few = np.minimum(random.integers(SHORTEST, LONGEST + 1, len(texts)), lengths)
        lengths = np.where(random.random(len(texts)) < self._glimpses[texts], few, lengths)
        first = random.integers(0, self._lengths[texts] - lengths + 1)
        jittered = np.rint((lengths + 1) * random.uniform(1 - JITTER, 1 + JITTER, len(texts)))
        by_length = np.lexsort((random.permutation(len(texts)), jittered))
        lines = np.stack([texts, first, lengths], 1)[by_length]
        where = cuts((lengths[by_length] + 1).tolist(), self.budget, first=int(random.integers(self.budget // 2, self.budget + 1)))
        batches = np.split(lines, where)
        return [batches[i] for i in random.permutation(len(batches))]

    def batch(self, indices: Int[np.ndarray, "rows 3"]) -> Labelled:
        """The texts of one entry of `order`, on the CPU."""
        rows = [[*self._ids[text][first : first + length], self._end] for text, first, length in indices.tolist()]
        return Labelled(pad(rows, filler=self._pad), torch.from_numpy(self._labels[indices[:, 0]]))


def _times(rates: Float[np.ndarray, " n"], random: np.random.Generator) -> Int[np.ndarray, " n"]:
    """How often each comes in this epoch: whole numbers whose mean over epochs is the rate."""
    whole = np.floor(rates)
    return (whole + (random.random(len(rates)) < rates - whole)).astype(np.int64)
