"""How a codec learns: what changes from step to step stands in numbers of its own, so that a training that is broken off goes on with them.

    learner = Learner(codec, steps=plan.steps);  fit(learner, pictures, loss=learner_loss, plan=plan, ...)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..codecs import Codec, DiscreteVAE, Quantised
from ..inputs.batch import Batch
from .drawn_loss import codec_loss
from .losses import LossSum

HOTTEST, COLDEST = 1.0, 1 / 16           # temperatures of soft draws (Ramesh et al. 2021, appendix A.2)
COOLED = 0.5                             # of all steps, over which they fall; and after which codes that are idle stay so
REVIVED = 20                             # steps between two looks for codes that nothing was near


class Learner(nn.Module):
    """A codec that learns for `steps` batches. `far`: see codec_loss. `taken`: batches so far; `used`: how often each code was the nearest
    since idle ones began anew."""

    taken: Tensor
    used: Tensor

    def __init__(self, codec: Codec, *, steps: int, far: float = 1.0):
        super().__init__()
        self.codec, self.steps, self.far = codec, steps, far
        self.register_buffer("taken", torch.zeros((), dtype=torch.long))
        self.register_buffer("used", torch.zeros(codec.spec.count, dtype=torch.long))

    @property
    def temperature(self) -> float:
        """Of the soft draws of a discrete VAE: half of a cosine from the hottest to the coldest, which then stays."""
        done = min(1.0, int(self.taken) / (COOLED * self.steps))
        return COLDEST + (HOTTEST - COLDEST) * (1 + math.cos(math.pi * done)) / 2


def learner_loss(learner: Any, batch: Batch) -> LossSum:
    """See codec_loss. A step of a discrete VAE is a little colder than the one before; of a table, codes that nothing was near for some
    steps begin anew, in the first half of them."""
    codec, taken = learner.codec, int(learner.taken)
    learner.taken += 1
    if isinstance(codec, DiscreteVAE):
        return codec_loss(codec, batch, temperature=learner.temperature, far=learner.far)
    if taken % REVIVED == 0 and taken < COOLED * learner.steps:
        _revive(codec, batch, learner.used)
    return codec_loss(codec, batch, used=learner.used)


def _revive(codec: Quantised, batch: Batch, used: Tensor) -> None:
    codec.revive(batch.values.to(used.device), used=used)
    used.zero_()
