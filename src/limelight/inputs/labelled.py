"""Labelled: what a classifier learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from .batch import Batch


@dataclass(frozen=True, eq=False)
class Labelled:
    """Texts beside the class that each is of, counted from 0."""

    batch: Batch
    labels: Int[Tensor, " b"]

    def to(self, device: torch.device | str) -> Labelled:
        """The same on another device."""
        return Labelled(self.batch.to(device), self.labels.to(device, non_blocking=True))
