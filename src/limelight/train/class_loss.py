"""What a classifier learns by: the class of each whole text."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from ..inputs.batch import Batch
from ..inputs.labelled import Labelled
from .losses import Loss, LossSum, repeat
from .plan import Plan
from .softmax_loss import softmax_loss


class Classifier(Protocol):
    """A model that can be trained here: rows go in, a score for each class comes out."""

    def classify(self, batch: Batch, head: str = "classes") -> Tensor: ...


def classes_loss(
    model: Any, lesson: Labelled, *, label_smoothing: float = 0.0, consistency: float = 0.0, leave_out: float = 0.0
) -> LossSum:
    """The cross-entropy of each text's class, summed over texts, which `tokens` counts.

    `model` is a Classifier on any device; the lesson is moved to it. `leave_out`: the share of tokens that the model does not get to see,
    as if they were not in the text (word dropout: Iyyer et al. 2015, section 4.3). `consistency` (R-drop) reads each text twice, with
    other dropout. Both are for models in training mode and left out in evaluation.
    """
    lesson = lesson.to(next(model.parameters()).device)
    copies = 2 if consistency and model.training else 1
    batch = repeat(lesson.batch, copies)
    if leave_out and model.training:
        batch = _thinned(batch, leave_out)
    logits = model.classify(batch)
    total, nll = softmax_loss(logits, lesson.labels, smoothing=label_smoothing, consistency=consistency if copies == 2 else 0.0)
    return LossSum(total, nll, len(lesson.labels))


def whole_texts(plan: Plan, *, leave_out: float = 0.0) -> Loss[Labelled]:
    """The loss that a plan asks for, ready for `fit`."""
    return partial(classes_loss, label_smoothing=plan.label_smoothing, consistency=plan.consistency, leave_out=leave_out)


def _thinned(batch: Batch, share: float) -> Batch:
    """The rows without some of their tokens; one that would lose all keeps all."""
    there = torch.ones_like(batch.values, dtype=torch.bool) if batch.keep is None else batch.keep
    left = there & (torch.rand(batch.values.shape, device=batch.values.device) >= share)
    return replace(batch, keep=torch.where(left.any(1, keepdim=True), left, there))
