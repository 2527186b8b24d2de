"""Batches of rows of which a part is learnt: what one side says is read, what the other replies is to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Integer

from ..errors import InputError
from ..inputs.pairs import Pairs
from .batches import Ragged, TokenBatches


class PartlyLearnt:
    """Rows of ids for a language model in batches, as TokenBatches makes them, each with a mask of what is to be said (see inputs.Pairs).

    `learnt`: for each token of each row, 1 where it is to be said and 0 where it is only read.
    """

    def __init__(
        self, rows: Sequence[Sequence[int]], learnt: Sequence[Sequence[int]], *, budget: int, seed: int, pad: int, max_length: int
    ):
        """Pack the rows. Raises InputError for masks that are not as long as their rows, and what TokenBatches raises."""
        if [*map(len, rows)] != [*map(len, learnt)]:
            raise InputError("what is learnt is told of every token of every row: got masks of other lengths.", "Give 0 or 1 for each.")
        self._rows = TokenBatches(None, rows, budget=budget, seed=seed, pad=pad, max_length=max_length)
        self._learnt = Ragged.of(learnt)

    def order(self, epoch: int) -> list[Integer[np.ndarray, "..."]]:
        """See TokenBatches."""
        return self._rows.order(epoch)

    def batch(self, indices: Integer[np.ndarray, "..."]) -> Pairs:
        """See TokenBatches."""
        mask = self._learnt.rectangle(indices.reshape(len(indices), -1), 0)
        return replace(self._rows.batch(indices), learnt=mask.values.bool())
