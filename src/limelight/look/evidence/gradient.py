"""Gradient x input: how much a word's vectors and the slope of the value with them point the same way.

Source: Shrikumar et al. 2017, Learning Important Features Through Propagating Activation Differences, section 2; of the slope alone:
Simonyan et al. 2014, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .case import Attribution, Case, Reading
from .slopes import Way

SAYS = "the slope of {of} with the word's vectors, times these"


@torch.inference_mode(False)                                          # slopes are wanted, whoever asks
def gradient_x_input(reading: Reading, cases: Sequence[Case]) -> list[Attribution]:
    """One pass forward and one back for each case."""
    return [_of(Way(reading, case)) for case in cases]


def _of(way: Way) -> Attribution:
    return Attribution(way.per_word(way.slopes([1.0], [1.0]), way.ends), SAYS)
