"""Rules from intervals to verdicts, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from limelight import InputError
from limelight.claims import Check, Estimate, judge

HIGH, LOW, WIDE = Estimate(mean=2.0, low=1.0, high=3.0), Estimate(mean=-2.0, low=-3.0, high=-1.0), Estimate(mean=0.5, low=-1.0, high=2.0)
TINY, ALONE = Estimate(mean=0.0, low=-0.01, high=0.02), Estimate(mean=2.0, each=(2.0,))
NOUGHT, NOT_QUITE = Estimate(mean=0.0, each=(0.0, 0.0)), Estimate(mean=0.0, low=-1.0, high=1.0, each=(0.0, 1e-9, -1e-9))


def check(found: Estimate, wanted: Any, bound: float = 0.0) -> Check:
    return Check(says="a thing", found=found, wanted=wanted, bound=bound)


@pytest.mark.parametrize(
    ("found", "wanted", "bound", "outcome"),
    [
        (HIGH, "above", 0.0, "holds"),
        (HIGH, "above", 5.0, "fails"),
        (HIGH, "above", 2.0, "open"),
        (LOW, "below", 0.0, "holds"),
        (LOW, "above", 0.0, "fails"),
        (HIGH, "below", 0.0, "fails"),
        (WIDE, "above", 0.0, "open"),
        (WIDE, "below", 0.0, "open"),
        (TINY, "within", 0.05, "holds"),
        (HIGH, "within", 0.05, "fails"),
        (LOW, "within", 0.05, "fails"),
        (WIDE, "within", 0.05, "open"),
        (ALONE, "above", 0.0, "open"),
        (NOUGHT, "zero", 0.0, "holds"),
        (NOT_QUITE, "zero", 0.0, "fails"),
    ],
)
def test_a_check(found: Estimate, wanted: str, bound: float, outcome: str) -> None:
    assert check(found, wanted, bound).outcome == outcome


YES, NO, UNSURE = check(HIGH, "above"), check(LOW, "above"), check(WIDE, "above")


@pytest.mark.parametrize(
    ("checks", "word"),
    [
        ([YES, YES], "holds here"),
        ([NO], "does not hold here"),
        ([NO, UNSURE], "does not hold here"),
        ([YES, NO], "depends"),
        ([YES, UNSURE], "depends"),
        ([UNSURE], "depends"),
        ([YES, NO, UNSURE], "depends"),
    ],
)
def test_a_verdict(checks: list[Check], word: str) -> None:
    assert judge(checks).word == word


def test_the_reason_is_made_of_the_figures() -> None:
    assert judge([YES, NO, UNSURE]).reason == (
        "1 of 3 checks hold. Fails: a thing: -2.0 ± 1.0 (wanted: above 0). Not settled: a thing: 0.5 ± 1.5 (wanted: above 0)."
    )
    assert judge([YES]).reason == "All that it says was found: a thing: 2.0 ± 1.0 (wanted: above 0)."


def test_no_checks_no_verdict() -> None:
    with pytest.raises(InputError):
        judge([])
