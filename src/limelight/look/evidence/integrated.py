"""Integrated gradients: slopes along the whole way from nothing to the text, so that the words' parts come to the whole difference.

Source: Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, section 3; see slopes.Way for what nothing is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .case import Attribution, Case, Reading
from .slopes import Way

STEPS, MOST_STEPS = 16, 128
NEAR = 0.01                              # of the difference, or of 1 where that is larger: how far from it the sum may be


@torch.inference_mode(False)                                          # slopes are wanted, whoever asks
def integrated_gradients(reading: Reading, cases: Sequence[Case]) -> list[Attribution]:
    """Steps are doubled until the parts come to the whole, or there are many; how far they are off is said."""
    return [_of(Way(reading, case)) for case in cases]


def _of(way: Way) -> Attribution:
    whole = way.value(1.0) - way.value(0.0)
    steps = STEPS
    while True:
        effects = along(way, steps)
        gap = sum(effects) - whole
        if abs(gap) <= NEAR * max(1.0, abs(whole)) or steps == MOST_STEPS:
            break
        steps *= 2
    says = f"the word's part in what {{of}} gains on the way from {way.begins} to the text ({steps} steps: {whole:+.3f}, off by {gap:+.3f})"
    return Attribution(effects, says)


def along(way: Way, steps: int) -> tuple[float, ...]:
    """Each word's part, by Gauss and Legendre's rule of so many steps."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return way.per_word(way.slopes(((nodes + 1) / 2).tolist(), (weights / 2).tolist()), way.along)
