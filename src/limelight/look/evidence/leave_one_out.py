"""Leave one out: by how much the value falls when a word is masked, or left out where the model has no mask.

Source: Li et al. 2016, Understanding Neural Networks through Representation Erasure, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from .case import Attribution, Case, Reading, reread, value_of

SAYS = "the fall of {of} when the word is {how}"


def leave_one_out(reading: Reading, cases: Sequence[Case]) -> list[Attribution]:
    """Each case is read once more without each of its words; those of all cases are read together."""
    again = iter(reread(reading, [(case, (number,)) for case in cases for number in range(len(case.words))]))
    return [_of(case, [next(again) for _ in case.words]) for case in cases]


def _of(case: Case, without: Sequence[Tensor]) -> Attribution:
    before = value_of(case, case.before)
    return Attribution(
        effects=tuple(before - value_of(case, each) for each in without),
        scores=tuple(case.shown(each) for each in without),
        says=SAYS,
    )
