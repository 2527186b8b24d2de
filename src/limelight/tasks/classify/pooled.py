"""Pooled: whose attention is shown beside a class: that of the place that it is read off."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ...inputs import Batch
from ...look.evidence import Gaze, even, one
from ...nn.heads import end_of
from .judging import head_of


def gaze(opened: Opened) -> Gaze | None:
    """The last attention to the text, from the place that the head reads, or from all where it reads their mean; None where there is
    none."""
    at = head_of(opened).at

    def asks(batch: Batch, queries: int) -> Float[Tensor, "b q"]:
        keep = torch.ones(batch.values.shape, dtype=torch.bool, device=batch.values.device) if batch.keep is None else batch.keep
        return even(keep) if at == "mean" else one(end_of(keep, at), queries)

    return Gaze.last(opened.model, asks, "all places" if at == "mean" else f"the {at} place")
