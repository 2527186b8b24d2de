"""Intervals against tables, against each other, and against what they promise: to hold the truth as often as they say."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from limelight import InputError
from limelight.measure.intervals import Estimate, difference, over_items, over_rounds, over_seeds, slope, student

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 30: 2.042, 120: 1.980}    # t of 0.975, any statistics book


@pytest.mark.parametrize(("freedom", "t"), TABLE.items())
def test_student(freedom: int, t: float) -> None:
    assert student(freedom) == pytest.approx(t, abs=6e-4)


def test_student_of_another_confidence() -> None:
    assert student(10, 0.99) == pytest.approx(3.169, abs=6e-4)


def test_mean_over_seeds_by_hand() -> None:
    found = over_seeds([1.0, 2.0, 3.0])
    assert found.each == (1.0, 2.0, 3.0)
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-3)


def test_one_seed_has_no_interval() -> None:
    found = over_seeds([1.5])
    assert not found.sure
    assert str(found) == "1.5"


def test_what_is_shared_by_seed_falls_out() -> None:
    first, second = [10.0, 20.0, 30.0], [9.0, 18.9, 29.1]
    apart = difference(first, second)
    assert apart.low is not None
    assert apart.low > 0
    assert over_seeds(first).low < over_seeds(second).mean                 # unpaired, nothing could be said


def test_student_holds_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    found = [over_seeds(draw.normal(5.0, 2.0, 3).tolist()) for _ in range(2000)]
    held = statistics.fmean(each.low <= 5.0 <= each.high for each in found if each.low is not None and each.high is not None)
    assert held == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("rounds", [6, 9, 20])
def test_medians_hold_the_truth_at_least_as_often(rounds: int) -> None:
    draw = np.random.default_rng(1)
    found = [over_rounds(draw.exponential(1.0, rounds).tolist()) for _ in range(2000)]
    held = statistics.fmean(each.low <= np.log(2) <= each.high for each in found if each.low is not None and each.high is not None)
    assert 0.94 <= held <= 0.995


def test_five_rounds_are_too_few_for_an_interval() -> None:
    assert not over_rounds([1.0, 2.0, 3.0, 4.0, 5.0]).sure
    assert over_rounds([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).sure


def test_bootstrap_of_a_share() -> None:
    right = [1] * 70 + [0] * 30
    found = over_items(100, lambda drawn: statistics.fmean(right[i] for i in drawn))
    assert found.mean == 0.7
    assert (found.low, found.high) == pytest.approx((0.61, 0.79), abs=0.02)       # 1.96 sqrt(0.7 x 0.3 / 100) on either side
    assert found == over_items(100, lambda drawn: statistics.fmean(right[i] for i in drawn))


def test_slope_of_a_power_law() -> None:
    assert slope([1, 2, 4, 8], [3 * n**1.7 for n in (1, 2, 4, 8)]) == pytest.approx(1.7)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.0, 2.0, 3.0], "2.0 ± 2.5"),
        ([0.0, 0.0, 0.0], "0"),
        ([2e-16, 2e-16, 2e-16], "0"),
        ([1000.0, 1010.0, 1020.0], "1010 ± 25"),
        ([0.00123, 0.00124, 0.00125], "0.001240 ± 0.000025"),
    ],
)
def test_shown_with_two_digits_of_what_is_unsure(values: list[float], shown: str) -> None:
    assert str(over_seeds(values)) == shown


def test_shown_lopsided() -> None:
    assert str(Estimate(mean=1.0, low=0.9, high=1.5)) == "1.00 (0.90 to 1.50)"


@pytest.mark.parametrize("wrong", [lambda: over_seeds([]), lambda: over_seeds([1.0, float("nan")]), lambda: difference([1.0], [1.0, 2.0])])
def test_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(InputError):
        wrong()


def test_no_freedom_no_t() -> None:
    with pytest.raises(InputError):
        student(0)
    with pytest.raises(InputError):
        over_items(0, len)
