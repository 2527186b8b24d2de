"""Rank correlation: against Spearman's own formula, with ties, and where nothing can be said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.errors import InputError
from limelight.look.agreement import rank_correlation, ranks

NUMBERS = st.lists(st.integers(-50, 50).map(float), min_size=3, max_size=12, unique=True)


@given(NUMBERS, st.integers(0, 99))
def test_without_ties_it_is_spearmans_formula(a: list[float], seed: int) -> None:
    b = [float(each) for each in random.Random(seed).sample(range(100), len(a))]
    n = len(a)
    place = {each: sorted(a).index(each) for each in a}
    squares = sum((place[x] - sorted(b).index(y)) ** 2 for x, y in zip(a, b, strict=True))
    assert rank_correlation(a, b) == pytest.approx(1 - 6 * squares / (n * (n * n - 1)))


def test_ties_share_their_mean_rank() -> None:
    assert ranks([5.0, 1.0, 5.0, 5.0, 0.0]) == [4, 2, 4, 4, 1]
    assert rank_correlation([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]) == pytest.approx(0.9486832980505138)      # 4.5 / sqrt(4.5 * 5)


@given(NUMBERS)
def test_one_order_agrees_and_its_reverse_does_not(a: list[float]) -> None:
    assert rank_correlation(a, [x**3 for x in a]) == pytest.approx(1)
    assert rank_correlation(a, [-x for x in a]) == pytest.approx(-1)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [2.0]), ([1.0, 2.0], [2.0, 1.0]), ([1.0, 2.0, 3.0], [4.0, 4.0, 4.0])])
def test_where_it_says_nothing_it_is_none(a: list[float], b: list[float]) -> None:
    assert rank_correlation(a, b) is None


def test_measures_of_different_things_are_refused() -> None:
    with pytest.raises(InputError, match="got 3 and 2"):
        rank_correlation([1.0, 2.0, 3.0], [1.0, 2.0])
