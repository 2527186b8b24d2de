"""Every error that a user can meet, in one small tree.

    LimelightError          what happened, and a hint what to do
    ├── SpecError           a model description that cannot be built
    ├── RecipeError         a recipe or an option that cannot be read
    ├── WeightError         a model folder or a weight file that cannot be opened
    ├── InputError          text, files or tensors that cannot be used
    ├── TaskError           an unknown task or model, or a task that this model cannot do
    ├── DeviceError         a device or dtype that is not there
    ├── TraceError          a look that was not recorded or is larger than its budget
    └── TrainError          a training that must not go on
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LimelightError(Exception):
    """One line that says what, got, wanted; the hint says what to do. The command line exits with 2."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(f"{message}   {hint}" if hint else message)
        self.message, self.hint = message, hint


class SpecError(LimelightError):
    """A model description that cannot be built."""


class RecipeError(LimelightError):
    """A recipe or an option that cannot be read."""


class WeightError(LimelightError):
    """A model folder or a weight file that cannot be opened."""


class InputError(LimelightError):
    """Text, files or tensors that cannot be used."""


class TaskError(LimelightError):
    """An unknown task or model, or a task that this model cannot do."""


class DeviceError(LimelightError):
    """A device or dtype that is not there."""


class TraceError(LimelightError):
    """A look that was not recorded or is larger than its budget."""


class TrainError(LimelightError):
    """A training that must not go on."""


def first_line(error: BaseException, most: int = 120) -> str:
    """The first line of what another library says, for a line of our own."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, then all of them."""
    known = sorted(known)
    near = nearest(word, known)
    guess = f'Did you mean "{near}"?   ' if near else ""
    return f"{guess}Known: {', '.join(known)}."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that this is probably a slip of; None where none is near."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), None)
