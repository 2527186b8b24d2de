"""Pairs: what a sequence-to-sequence model learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .batch import Batch


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sources beside the targets that they should give. `source` is None for a language model.

    Targets are written without a start token and with their end token; the loss shifts them. `learnt`: which of their tokens are to be
    said, where the others are only read (what a customer says, before the reply); None where all are. `aligned`: how much of each token
    is about each vector that the source is read as, 1 in all, or 0 where that is not known; None where it is for none.
    """

    source: Batch | None
    target: Batch
    learnt: Bool[Tensor, "b n"] | None = None
    aligned: Float[Tensor, "b n k"] | None = None

    @property
    def tokens(self) -> int:
        """How many target tokens there are to learn."""
        return self.target.tokens if self.learnt is None else int(self.learnt.sum())

    def to(self, device: torch.device | str) -> Pairs:
        """The same pairs on another device."""
        learnt, aligned = (None if each is None else each.to(device, non_blocking=True) for each in (self.learnt, self.aligned))
        return Pairs(None if self.source is None else self.source.to(device), self.target.to(device), learnt, aligned)
