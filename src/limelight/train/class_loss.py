"""What a classifier learns by: the class of each whole text."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from torch import Tensor, nn

from ..inputs.batch import Batch
from ..inputs.labelled import Labelled
from .losses import Loss, LossSum
from .plan import Plan
from .softmax_loss import softmax_loss


class Classifier(Protocol):
    """A model that can be trained here: rows go in, a score for each class comes out."""

    def classify(self, batch: Batch, head: str = "classes") -> Tensor: ...


def classes_loss(model: Classifier, lesson: Labelled, *, label_smoothing: float = 0.0, head: str = "classes") -> LossSum:
    """The cross-entropy of each text's class, summed over texts. `model` is on any device; the lesson is moved to it."""
    device = next(model.parameters()).device if isinstance(model, nn.Module) else lesson.labels.device
    lesson = lesson.to(device)
    total, nll = softmax_loss(model.classify(lesson.batch, head), lesson.labels, smoothing=label_smoothing)
    return LossSum(total, nll, len(lesson.labels))


def whole_texts(plan: Plan) -> Loss[Labelled]:
    """The loss that a plan asks for, ready for `fit`."""
    return partial(classes_loss, label_smoothing=plan.label_smoothing)   # pyright: ignore[reportReturnType]
