"""What a model that finds objects learns by: a set of boxes against a set of boxes (Carion et al. 2020, section 3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from ..errors import InputError
from ..inputs.objects import Objects
from ..nn import Network
from ..nn.recurrent import RecurrentDecoder, RecurrentEncoder
from ..ops import corners, general_overlaps
from ..values import value
from .assigning import assign
from .losses import Loss, LossSum

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Pairs = tuple[Int[Tensor, " p"], Int[Tensor, " p"]]


@value
class Weighing:
    """What counts how much, in the costs of a pair and in the loss: what is seen, how far the boxes' numbers are apart, and how little they
    overlap. `nothing`: a place that finds nothing counts so much less, for most of them do."""

    seen: Weight = 1.0
    apart: Weight = 5.0
    overlap: Weight = 2.0
    nothing: Weight = 0.1


USUAL = Weighing()


def objects_loss(model: Any, lesson: Objects, *, weighing: Weighing = USUAL, each_layer: bool = True) -> LossSum:
    """The loss of a batch, times its pictures, which `tokens` counts; `nll` is of what is seen alone, times the same.

    Each object is paired with one place that looks for objects, so that all pairs cost the least; the other places are to find nothing.
    `each_layer`: the places are asked after every layer, by the same heads (Carion et al. 2020, section 3.2: auxiliary losses).
    `model` is a Network on any device; the lesson is moved to it. Raises InputError for a kind of object that the model does not know.
    """
    lesson = lesson.to(next(model.parameters()).device)
    with _asked(model, each_layer=each_layer) as hidden:
        found = [model.detect(lesson.batch)]
    found += [model.seen(each, lesson.batch) for each in hidden]
    _check(lesson, found[0][0].shape[-1] - 1)
    losses = [_loss(scores, boxes, lesson, weighing) for scores, boxes in found]
    total = torch.stack([total for total, _ in losses]).sum()
    return LossSum(total * len(lesson.batch), losses[0][1].detach() * len(lesson.batch), len(lesson.batch))


def objects_in(*, weighing: Weighing = USUAL, each_layer: bool = True) -> Loss[Objects]:
    """That loss, ready for `fit`."""
    return partial(objects_loss, weighing=weighing, each_layer=each_layer)


@torch.no_grad()
def matched(
    scores: Float[Tensor, "b q c"], boxes: Float[Tensor, "b q 4"], lesson: Objects, weighing: Weighing = USUAL
) -> list[Pairs]:
    """Of each picture, which place is to find which object (Carion et al. 2020, equation 1)."""
    pairs: list[Pairs] = []
    for odds, found, labels, wanted in zip(scores.float().softmax(-1), boxes.float(), lesson.labels, lesson.boxes, strict=True):
        apart = torch.cdist(found, wanted.float(), p=1)                                   # (q o)
        overlap = general_overlaps(corners(found)[:, None], corners(wanted.float()))
        costs = weighing.apart * apart - weighing.seen * odds[:, labels] - weighing.overlap * overlap
        rows, columns = assign(costs)
        pairs.append((rows.to(scores.device), columns.to(scores.device)))
    return pairs


def _loss(scores: Tensor, boxes: Tensor, lesson: Objects, weighing: Weighing) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Of one layer: the whole, and what is seen (equation 2, with the counts of its code)."""
    pairs, nothing = matched(scores, boxes, lesson, weighing), scores.shape[-1] - 1
    labels = torch.full(scores.shape[:2], nothing, device=scores.device)
    for row, ((places, objects), known) in enumerate(zip(pairs, lesson.labels, strict=True)):
        labels[row, places] = known[objects]
    weight = torch.ones(nothing + 1, device=scores.device)
    weight[-1] = weighing.nothing
    seen = F.cross_entropy(scores.float().flatten(0, 1), labels.flatten(), weight)
    found = torch.cat([boxes[row, places] for row, (places, _) in enumerate(pairs)]).float()
    wanted = torch.cat([known[objects] for (_, objects), known in zip(pairs, lesson.boxes, strict=True)]).float()
    count = max(1, sum(map(len, lesson.labels)))
    apart = (found - wanted).abs().sum() / count
    overlap = (1 - general_overlaps(corners(found), corners(wanted))).sum() / count
    return weighing.seen * seen + weighing.apart * apart + weighing.overlap * overlap, seen


@contextmanager
def _asked(model: Network, *, each_layer: bool) -> Iterator[Sequence[Tensor]]:
    """What each layer but the last makes of the places, normed as after the last; nothing where only that is asked."""
    stack = model.decoder or model.encoder
    hidden: list[Tensor] = []
    if not each_layer or stack is None or isinstance(stack, RecurrentDecoder | RecurrentEncoder):
        yield hidden
        return

    def keep(module: nn.Module, given: Any, made: Tensor) -> None:
        del module, given
        hidden.append(stack.norm(made))

    hooks = [each.register_forward_hook(keep) for each in stack.layers[:-1]]
    try:
        yield hidden
    finally:
        for each in hooks:
            each.remove()


def _check(lesson: Objects, kinds: int) -> None:
    most = max((int(each.max()) for each in lesson.labels if len(each)), default=0)
    if most >= kinds:
        raise InputError(f"there is an object of kind {most}; the model tells {kinds} apart, from 0 on.", "Give it more labels.")
