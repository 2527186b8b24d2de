from __future__ import annotations

import pytest

from limelight.errors import SpecError
from limelight.train import LastSaved, Plan, learning_rate


def rates(steps: list[int], **how: object) -> list[float]:
    plan = Plan(steps=110, lr=2.0, warmup=10, **how)
    return [learning_rate(step, plan) for step in steps]


def test_every_schedule_climbs_to_the_peak_alike():
    for schedule in ("inverse_sqrt", "cosine", "linear", "constant", "trapezoid"):
        assert rates([1, 5, 10], schedule=schedule) == pytest.approx([0.2, 1.0, 2.0])


def test_inverse_sqrt_halves_in_four_times_the_steps():
    assert rates([40, 90], schedule="inverse_sqrt") == pytest.approx([1.0, 2 / 3])


def test_linear_and_cosine_end_at_the_final_share():
    assert rates([60, 110], schedule="linear", final_lr=0.1) == pytest.approx([2 * 0.55, 0.2])
    assert rates([35, 60, 110], schedule="cosine") == pytest.approx([2 * (1 + 2**-0.5) / 2, 1.0, 0.0])


def test_a_trapezoid_stays_up_until_its_cooldown():
    found = rates([11, 77, 88, 110], schedule="trapezoid", cooldown=0.3, final_lr=0.1)
    assert found == pytest.approx([2.0, 2.0, 2 * (0.1 + 0.9 * 2 / 3), 0.2])


def test_without_warmup_the_first_step_is_the_peak():
    for schedule in ("inverse_sqrt", "cosine", "linear", "constant", "trapezoid"):
        plan = Plan(steps=10**6, lr=1.0, warmup=0, schedule=schedule)
        assert learning_rate(1, plan) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "Plan: steps: .*got 0"),
        ({"lr": float("inf")}, "Plan: lr"),
        ({"betas": (0.9, 1.0)}, "Plan: betas.1"),
        ({"shedule": "cosine"}, 'unknown key "shedule".*Did you mean "schedule"'),
        ({"average": LastSaved(count=5), "keep": 2}, "mean of 5 checkpoints; plan.keep=2.*Set plan.keep=5"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, object], message: str):
    with pytest.raises(SpecError, match=message):
        Plan(**{"steps": 10, **wrong})
