"""Scores of labels over windows, and their log-odds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limelight.tasks.classify.odds import log_odds, scores

NUMBER = st.floats(-8, 8)
LOGITS = st.lists(st.lists(NUMBER, min_size=3, max_size=3), min_size=1, max_size=4)


@given(LOGITS, st.sampled_from(["softmax", "sigmoid"]), st.data())
def test_log_odds_are_those_of_the_mean_of_the_windows_scores(rows: list[list[float]], kind: str, data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.integers(1, 9), min_size=len(rows), max_size=len(rows)))
    logits = torch.tensor(rows, dtype=torch.float64)
    each = logits.softmax(-1) if kind == "softmax" else logits.sigmoid()
    for label in range(3):
        p = sum(share * float(one[label]) for share, one in zip(shares, each, strict=True)) / sum(shares)
        assert scores(logits, shares, kind)[label] == pytest.approx(p)
        assert float(log_odds(logits, shares, kind, label)) == pytest.approx(math.log(p / (1 - p)), abs=1e-6)


def test_log_odds_tell_apart_what_a_rounded_probability_cannot() -> None:
    sure, surer = torch.tensor([[90.0, 0.0]]), torch.tensor([[95.0, 0.0]])
    assert scores(sure, [1], "softmax")[0] == scores(surer, [1], "softmax")[0] == 1.0
    assert float(log_odds(surer, [1], "softmax", 0) - log_odds(sure, [1], "softmax", 0)) == pytest.approx(5)


def test_a_quantity_stands_as_it_is() -> None:
    logits = torch.tensor([[2.5], [4.0]])
    assert scores(logits, [1, 2], "raw") == [3.5]
    assert float(log_odds(logits, [1, 2], "raw", 0)) == 3.5
