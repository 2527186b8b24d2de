"""Batches of labelled texts, by length and bounded in tokens; a long text gives another window of itself each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from ..errors import InputError
from ..inputs.batch import pad
from ..inputs.labelled import Labelled
from .batches import JITTER, cuts

SHORTEST, LONGEST = 8, 48                # tokens of a glimpse


class TextBatches:
    """Rows of ids with the class of each, in batches of at most `budget` padded tokens.

    `rates`: how often a text is read in an epoch, on average: 2.5 is twice, and once more in every second epoch. A text longer than
    `max_length` (its end mark counted) is read in windows, as often as it takes to go through it once, each time from a place that is
    drawn; so none of it is lost, and none is learnt by its place. `glimpses`: the share of a text's readings in which only 8 to 48 of its
    tokens in a row are read, so that what is learnt from long texts serves short ones.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        labels: Sequence[int],
        rates: Sequence[float],
        *,
        budget: int,
        seed: int,
        marks: tuple[int, int],
        max_length: int,
        glimpses: Sequence[float] | None = None,
    ):
        """`rows`: without marks; `marks`: what stands after a text, and what fills a batch. Raises InputError for sides of unequal number,
        no rows, an empty row, or a budget below `max_length`."""
        glimpses = [0.0] * len(rows) if glimpses is None else glimpses
        if not len(rows) == len(labels) == len(rates) == len(glimpses):
            raise InputError(f"texts, labels and rates go together: got {len(rows)}, {len(labels)} and {len(rates)}.")
        if not rows or not all(map(len, rows)):
            raise InputError("there is no text to learn from, or one without any token.", "Give data; leave empty texts out.")
        if budget < max_length:
            raise InputError(f"a batch of {budget} tokens cannot hold a row of {max_length}.", "Raise the budget or lower max_length.")
        self.budget, self.seed, self.max_length = budget, seed, max_length
        self._end, self._pad = marks
        self._rows, self._labels = rows, np.asarray(labels)
        self._rates, self._glimpses = np.asarray(rates, float), np.asarray(glimpses, float)
        self._lengths = np.fromiter(map(len, rows), np.int64, len(rows))

    def order(self, epoch: int) -> list[Int[np.ndarray, "rows 3"]]:
        """The texts of each batch (from where, and how much of each is read) in an order to train on them: a function of (seed, epoch)."""
        random = np.random.default_rng([self.seed, epoch])
        room = self.max_length - 1                                   # the end mark takes one
        texts = np.repeat(np.arange(len(self._rows)), _times(self._rates * np.ceil(self._lengths / room), random))
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
        rows = [[*self._rows[text][first : first + length], self._end] for text, first, length in indices.tolist()]
        return Labelled(pad(rows, filler=self._pad), torch.from_numpy(self._labels[indices[:, 0]]))


def _times(rates: Float[np.ndarray, " n"], random: np.random.Generator) -> Int[np.ndarray, " n"]:
    """How often each comes in this epoch: whole numbers whose mean over epochs is the rate."""
    whole = np.floor(rates)
    return (whole + (random.random(len(rates)) < rates - whole)).astype(np.int64)
