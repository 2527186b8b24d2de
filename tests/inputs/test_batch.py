"""Batch and pad: rows of any lengths to one rectangle, and only what is filled is marked."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limelight.errors import InputError
from limelight.inputs import Batch, Pairs, pad


def test_right_padding() -> None:
    batch = pad([[5, 6, 7], [8]], filler=1)
    assert batch.values.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert batch.keep.tolist() == [[True, True, True], [True, False, False]]


def test_left_padding() -> None:
    batch = pad([[5, 6, 7], [8]], side="left")
    assert batch.values.tolist() == [[5, 6, 7], [0, 0, 8]]
    assert batch.keep.tolist() == [[True, True, True], [False, False, True]]


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=5), st.sampled_from(["left", "right"]))
def test_what_is_kept_is_what_was_given(rows: list[list[int]], side: str) -> None:
    batch = pad(rows, filler=99, side=side)
    keep = torch.ones_like(batch.values, dtype=torch.bool) if batch.keep is None else batch.keep
    assert [values[kept].tolist() for values, kept in zip(batch.values, keep, strict=True)] == rows
    assert (batch.values[~keep] == 99).all()
    assert batch.values.dtype == torch.long
    assert batch.tokens == sum(map(len, rows))
    assert len(batch) == len(rows)


def test_rows_of_one_length_need_no_mask() -> None:
    assert pad([[1, 2], [3, 4]]).keep is None
    assert pad([[1, 2], [3, 4]]).tokens == 4


def test_rows_may_be_any_sequence() -> None:
    assert pad([(1, 2), range(3)]).values.tolist() == [[1, 2, 0], [0, 1, 2]]


@pytest.mark.parametrize("rows", [[], [[]], [[1], []]])
def test_empty_rows_are_refused(rows: list[list[int]]) -> None:
    with pytest.raises(InputError, match="at least one row, and each row a token") as caught:
        pad(rows)
    assert "empty texts" in caught.value.hint


def test_moving_takes_the_mask_along() -> None:
    moved = pad([[5, 6], [8]]).to("meta")
    assert (moved.values.device.type, moved.keep.device.type) == ("meta", "meta")
    assert Batch(torch.ones(1, 2)).to("meta").keep is None


def test_pairs_count_targets_and_move_both_sides() -> None:
    pairs = Pairs(pad([[1, 2, 3], [4]]), pad([[1, 2], [4]]))
    assert pairs.tokens == 3
    moved = pairs.to("meta")
    assert {moved.source.values.device.type, moved.target.values.device.type} == {"meta"}
    assert Pairs(None, pad([[1]])).to("meta").source is None
