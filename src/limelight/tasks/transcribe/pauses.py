"""Where sound may be cut so that no word is: in the quietest moment there is."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

QUIET = 0.05                             # seconds that are quiet together
STEP = 0.01
LATE = 2 / 3                             # of what was given, as much stays before the cut at least


def quietest(samples: Float[np.ndarray, " n"], rate: int) -> int:
    """How many samples come before the middle of the quietest moment of the last third; of several alike, the last. All of them where
    there are too few to tell."""
    size, step, first = round(QUIET * rate), round(STEP * rate), round(len(samples) * LATE)
    if not step or len(samples) - first < size:
        return len(samples)
    power = np.concatenate([np.zeros(1), np.cumsum(samples[first:].astype(np.float64) ** 2)])
    starts = np.arange(0, len(power) - size, step)
    loud = power[starts + size] - power[starts]
    return first + int(starts[len(loud) - 1 - int(loud[::-1].argmin())]) + size // 2
