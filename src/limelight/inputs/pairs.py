"""Pairs: what a sequence-to-sequence model learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .batch import Batch


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sources beside the targets that they should give. `source` is None for a language model.

    Targets are written without a start token and with their end token; the loss shifts them.
    """

    source: Batch | None
    target: Batch

    @property
    def tokens(self) -> int:
        """How many target tokens there are to learn."""
        return self.target.tokens

    def to(self, device: torch.device | str) -> Pairs:
        """The same pairs on another device."""
        return Pairs(None if self.source is None else self.source.to(device), self.target.to(device))
