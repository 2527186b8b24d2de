"""The ways of telling which words an answer rests on, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import RecipeError, did_you_mean
from .case import Attribution, Case, Reading
from .gaze import rolls
from .gradient import gradient_x_input
from .integrated import integrated_gradients
from .leave_one_out import leave_one_out
from .looking import attention, rollout

Method = Callable[[Reading, Sequence[Case]], list[Attribution]]
METHODS: dict[str, Method] = {
    "leave-one-out": leave_one_out,
    "integrated-gradients": integrated_gradients,
    "gradient-x-input": gradient_x_input,
    "attention": attention,
    "rollout": rollout,
}
USUAL = "leave-one-out"                  # where nobody has measured: it is what it says


def method(name: str) -> Method:
    """Raises RecipeError for an unknown name."""
    if name not in METHODS:
        raise RecipeError(f'no way of telling which words decided is called "{name[:60]}".', did_you_mean(name, METHODS))
    return METHODS[name]


def able(reading: Reading) -> tuple[str, ...]:
    """The names of those that work with this model."""
    lacking = set()
    if reading.gaze is None:
        lacking |= {"attention", "rollout"}
    elif not rolls(reading.model, reading.gaze):
        lacking.add("rollout")
    return tuple(name for name in METHODS if name not in lacking)
