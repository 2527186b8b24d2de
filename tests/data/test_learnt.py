"""Rows of which a part is learnt."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.data import TokenBatches
from limelight.data.learnt import PartlyLearnt
from limelight.errors import InputError

RANDOM = np.random.default_rng(0)
ROWS = [RANDOM.integers(3, 50, n).tolist() for n in RANDOM.integers(2, 20, 80)]
MASKS = [(RANDOM.random(len(row)) < 0.5).astype(int).tolist() for row in ROWS]
HOW = {"budget": 60, "seed": 3, "pad": 0, "max_length": 18}


def test_batches_are_those_of_the_rows_with_their_masks() -> None:
    batches, plain = PartlyLearnt(ROWS, MASKS, **HOW), TokenBatches(None, ROWS, **HOW)
    assert [each.tolist() for each in batches.order(2)] == [each.tolist() for each in plain.order(2)]
    for indices in batches.order(2):
        pairs, bare = batches.batch(indices), plain.batch(indices)
        assert pairs.source is None
        assert pairs.learnt is not None
        assert pairs.target.values.equal(bare.target.values)
        for i, row in zip(indices, pairs.learnt.tolist(), strict=True):
            assert row == [bool(each) for each in MASKS[i]] + [False] * (len(row) - len(MASKS[i]))
        assert pairs.tokens == sum(sum(MASKS[i]) for i in indices)
        assert pairs.to("cpu").learnt is not None


def test_masks_are_as_long_as_their_rows() -> None:
    with pytest.raises(InputError, match=r"told of every token of every row: got masks of other lengths\.   Give 0 or 1 for each"):
        PartlyLearnt(ROWS, [mask[1:] for mask in MASKS], **HOW)
