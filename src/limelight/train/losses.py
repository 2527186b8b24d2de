"""What a sequence-to-sequence model or a language model learns by: the next token, at real places only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..native.training import TRAINING
from ..nn.heads import Factors
from ..ops import linear_cross_entropy
from .plan import Plan
from .softmax_loss import softmax_loss

FEW_ROWS = 4096              # below this, the product with the vocabulary is made in one piece
FEW_ELEMENTS = 1 << 28       # above, in pieces of so many logits: 512 MB in bfloat16


@dataclass(frozen=True)
class LossSum:
    """Sums over targets: `total` to go back from, `nll` to report (nats, no smoothing, detached), `tokens` for how many there were: tokens
    to say, or texts to tell the class of."""

    total: Float[Tensor, ""]
    nll: Float[Tensor, ""]
    tokens: int


Lesson = TypeVar("Lesson")
Loss = Callable[[nn.Module, Lesson], LossSum]


class NextToken(Protocol):
    """A model that can be trained here: what comes before goes in, hidden states and logits come out."""

    def encode(self, batch: Batch) -> Any: ...
    def decode(self, tokens: Tensor, *, memory: Any = None) -> Tensor: ...
    def logits(self, hidden: Tensor) -> Tensor: ...


@runtime_checkable
class Factored(Protocol):
    """One whose logits need not be multiplied out."""

    def factors(self, hidden: Tensor) -> Factors: ...


@dataclass(frozen=True)
class Forgetting:
    """While it learns, a decoder reads `blank` in the place of a `share` of the tokens before, so that it says what is in the source, and
    not only what is usual after them (word dropout; Bowman et al. 2016, section 3.2)."""

    share: float
    blank: int


def translation_loss(
    model: Any,
    pairs: Pairs,
    *,
    start: int | None,
    label_smoothing: float = 0.0,
    consistency: float = 0.0,
    forgetting: Forgetting | None = None,
) -> LossSum:
    """The cross-entropy of each target token that is learnt, given the source and the target tokens before it.

    `model` is a NextToken on any device; `pairs` are moved to it. The decoder reads [start] + target[:-1]; with `start` None a target's
    first token is read and not said, as where a prompt comes before the answer. Targets are padded on the right, so a causal decoder
    needs no mask for them; the vocabulary product is made at real places only, and of those at the ones that are learnt. `consistency`
    (R-drop) repeats the rows for a second pass with other dropout; it is for models in training mode and left out in evaluation.
    Raises InputError for targets padded on the left.
    """
    device = next(model.parameters()).device
    copies = 2 if consistency and model.training else 1
    first = int(start is None)
    places = _real_places(pairs, first)          # found before the move: on a GPU it would have to wait for the count
    pairs = pairs.to(device)
    hidden = _hidden(model, pairs, start, copies, forgetting if model.training else None)
    targets = pairs.target.values[:, first:].flatten()
    if places is not None:
        places = places.to(device, non_blocking=True)
        targets = targets.index_select(0, places)
        hidden = hidden.unflatten(0, (copies, -1)).index_select(1, places).flatten(0, 1)
    if copies == 1 and isinstance(model, Factored):
        made = model.factors(hidden)
        total, nll = linear_cross_entropy(made.hidden, made.weight, made.bias, targets, smoothing=label_smoothing, ways=TRAINING)
    else:
        agree = consistency if copies == 2 else 0.0
        total, nll = _sums(model.logits, hidden, targets, partial(softmax_loss, smoothing=label_smoothing, consistency=agree))
    return LossSum(total, nll, len(targets))


def next_token(plan: Plan, *, start: int | None, forgetting: Forgetting | None = None) -> Loss[Pairs]:
    """The loss that a plan asks for, ready for `fit`."""
    asked = {"label_smoothing": plan.label_smoothing, "consistency": plan.consistency}
    return partial(translation_loss, start=start, forgetting=forgetting, **asked)


def _hidden(model: Any, pairs: Pairs, start: int | None, copies: int, forgetting: Forgetting | None) -> Float[Tensor, "n m"]:
    """The decoder's last states, one row for each target slot that is said, the passes one after the other."""
    before = shifted(pairs.target.values, start).repeat(copies, 1)
    if forgetting is not None:
        gone = torch.rand(before.shape, device=before.device) < forgetting.share
        before = before.masked_fill(gone, forgetting.blank)
    memory = None if pairs.source is None else model.encode(repeat(pairs.source, copies))
    return model.decode(before, memory=memory).flatten(0, 1)


def shifted(target: Int[Tensor, "b n"], start: int | None) -> Int[Tensor, "b _"]:
    """What a decoder is given to say the target: what comes before each token; without a `start`, of all but the first."""
    before = target[:, :-1]
    return before if start is None else torch.cat([before.new_full((len(before), 1), start), before], 1)


def repeat(batch: Batch, copies: int) -> Batch:
    if copies == 1:
        return batch
    values = batch.values.repeat(copies, *[1] * (batch.values.ndim - 1))
    return Batch(values, None if batch.keep is None else batch.keep.repeat(copies, 1))


def _real_places(pairs: Pairs, first: int) -> Int[Tensor, " t"] | None:
    """Which slots from the `first` on are to be said; None for all of them."""
    keep, learnt = pairs.target.keep, pairs.learnt
    if keep is not None and keep.device.type == "cpu" and not bool((keep[:, 1:] <= keep[:, :-1]).all()):
        raise InputError("targets are padded on the left or in the middle, wanted on the right.", 'Use pad(rows, side="right").')
    said = learnt if keep is None or learnt is None else keep & learnt
    said = keep if said is None else said
    return None if said is None else said[:, first:].flatten().nonzero()[:, 0]


def _sums(
    logits: Callable[[Tensor], Tensor],
    hidden: Float[Tensor, "n m"],
    targets: Int[Tensor, " t"],
    measure: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Loss and nll; where the logits would be many they are made in pieces, and made again on the way back."""
    copies, size = len(hidden) // len(targets), len(targets)
    if len(hidden) > FEW_ROWS:
        with torch.no_grad():
            width = logits(hidden[:1]).shape[-1]
        size = max(1, FEW_ELEMENTS // (width * copies))
    if size >= len(targets):
        return measure(logits(hidden), targets)

    def piece(rows: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        return measure(logits(rows), wanted)

    halves = hidden.unflatten(0, (copies, -1))
    rows = [part.flatten(0, 1) for part in halves.split(size, 1)]
    sums = [checkpoint(piece, part, wanted, use_reentrant=False) for part, wanted in zip(rows, targets.split(size), strict=True)]
    return torch.stack([s[0] for s in sums]).sum(), torch.stack([s[1] for s in sums]).sum()
