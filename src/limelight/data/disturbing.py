"""Sound as a room and a hasty speaker change it, so that a model learns what is said and not how."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import soxr
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ..values import value

Share = Annotated[float, Field(ge=0, lt=1)]
Natural = Annotated[int, Field(ge=0, le=100)]
WIPED = 0.1                              # of all mels, or frames, that one run of them has at most
MANY = 1 << 20                           # soxr takes the ratio of two rates: the finer, the truer a change of speed

Samples = Float[np.ndarray, " n"]


@value
class Disturbed:
    """How sound is changed in training. `speed`: faster or slower by up to this share; `gain`: softer by up to this share; `noise`: white
    noise, of up to this share of the loudness; `bands`, `gaps`: how many runs of mels and of frames are wiped out, each of up to a tenth
    of them (SpecAugment; Park et al. 2019, section 2)."""

    speed: Share = 0.0
    gain: Share = 0.0
    noise: Share = 0.0
    bands: Natural = 0
    gaps: Natural = 0


class Changed(NamedTuple):
    """Samples, and how many times as fast as they were: what was at t seconds is at t / faster."""

    samples: Samples
    faster: float


def disturbed(samples: Samples, how: Disturbed, random: np.random.Generator) -> Changed:
    """The samples at another speed and loudness, with noise: as many as the speed makes of them."""
    faster = 1 + float(random.uniform(-how.speed, how.speed))
    if how.speed and len(samples):
        samples = soxr.resample(samples, round(MANY * faster), MANY)
    softer, noisy = float(random.uniform(1 - how.gain, 1)), float(random.uniform(0, how.noise))
    noise = random.standard_normal(len(samples), dtype=np.float32) * (noisy * float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0)
    return Changed(((samples + noise) * softer).astype(np.float32), faster)


def wiped(frames: Float[Tensor, "b f t"], how: Disturbed, random: np.random.Generator) -> Float[Tensor, "b f t"]:
    """A copy in which runs of mels and of frames are as silence is: each row's least number."""
    out = frames.clone()
    for row, least in zip(out, frames.flatten(1).amin(1), strict=True):
        for axis, runs in ((0, how.bands), (1, how.gaps)):
            for _ in range(runs):
                length = int(random.integers(0, int(row.shape[axis] * WIPED) + 1))
                row.narrow(axis, int(random.integers(0, row.shape[axis] - length + 1)), length).fill_(least)
    return out
