"""The learning rate of each step: a pure function, so that a resumed run needs no memory of it."""

from __future__ import annotations

import math

from .plan import Plan


def learning_rate(step: int, plan: Plan) -> float:
    """The rate of step `step`, counted from 1: a straight climb to `plan.lr`, then the plan's way down.

    inverse_sqrt: Vaswani et al. 2017, equation 3. cosine: Loshchilov and Hutter 2017, equation 5, without restarts.
    trapezoid: Hägele et al. 2024, section 3.
    """
    if step < plan.warmup:
        return plan.lr * step / plan.warmup
    if plan.schedule == "constant":
        return plan.lr
    if plan.schedule == "trapezoid":
        left = min(1.0, (plan.steps - step) / max(1.0, plan.cooldown * plan.steps))
        return plan.lr * (plan.final_lr + (1 - plan.final_lr) * left)
    if plan.schedule == "inverse_sqrt":
        return plan.lr * math.sqrt(max(plan.warmup, 1) / max(step, 1))
    done = min(1.0, (step - plan.warmup) / max(1, plan.steps - plan.warmup))
    left = 1 - done if plan.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    return plan.lr * (plan.final_lr + (1 - plan.final_lr) * left)
