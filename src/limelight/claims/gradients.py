"""Gradients of hard attention: exact, through every key or every sequence of keys; and as an estimator draws them, how far from exact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from ..errors import InputError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..measure.intervals import slope, student
from ..nn import Draws, Network
from ..spec import Hard
from ..train.drawing import drawing_loss
from ..train.losses import shifted
from .lab import Figures

MOST_WAYS = 20_000              # sequences of draws that are all tried
LEAST_GROUPS = 4                # of so many means at least an error is taken
Gradient = Float[Tensor, " d"]


def exact(model: Network, pairs: Pairs, *, start: int) -> Gradient:
    """Of the expected loss of a pair (mean over pairs): every key of every step, or where a draw goes into later states every sequence.

    Raises InputError where there are too many sequences.
    """
    if not model.spec.lasting:
        return flat(model, drawing_loss(model, pairs, hard=Hard(estimator="enumerate"), start=start).total / len(pairs.target))
    return flat(model, expected_loss(model, pairs, start=start))


def expected_loss(model: Network, pairs: Pairs, *, start: int) -> Float[Tensor, ""]:
    """The mean over pairs of sum over s of p(s) * -log p(y | s), through every sequence s of keys.

    Raises InputError where there are too many, or without a source.
    """
    if pairs.source is None:
        raise InputError("keys are drawn of a source: got pairs without one.")
    keys, steps = pairs.source.values.shape[1], pairs.target.values.shape[1]
    if keys**steps > MOST_WAYS:
        raise InputError(f"{keys} keys at {steps} steps make {keys**steps:,} sequences: more than {MOST_WAYS:,}.", "Use shorter pairs.")
    ways = torch.tensor(list(itertools.product(range(keys), repeat=steps)))
    source, target = (side.values.repeat_interleave(len(ways), 0) for side in (pairs.source, pairs.target))
    rows = len(pairs.target)
    draws = Draws(ways.repeat(rows, 1)[:, None])
    logits = model.logits(model.decode(shifted(target, start), memory=model.encode(Batch(source)), draws=draws))
    nll = F.cross_entropy(logits.transpose(1, 2), target, reduction="none").sum(1)
    return (draws.logprobs().sum((1, 2, 3)).exp() * nll).sum() / rows


def flat(model: Network, loss: Float[Tensor, ""]) -> Gradient:
    """The gradient of all weights as one vector; zero for those that a loss does not reach."""
    model.zero_grad(set_to_none=True)
    loss.backward()
    return torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in model.parameters()])


def where(model: Network, wanted: Callable[[str], bool]) -> Bool[Tensor, " d"]:
    """Which numbers of `flat` belong to the weights of wanted names."""
    return torch.cat([torch.full((w.numel(),), wanted(name)) for name, w in model.named_parameters()])


def copies(pairs: Pairs, count: int) -> Pairs:
    """Every pair so many times: each copy has draws of its own. Raises InputError for padded pairs."""
    if pairs.source is None or pairs.source.keep is not None or pairs.target.keep is not None:
        raise InputError("copies are of pairs of equal lengths.", "Sort them by length first.")
    return Pairs(Batch(pairs.source.values.repeat(count, 1)), Batch(pairs.target.values.repeat(count, 1)))


def compared(drawn: Float[Tensor, "batches d"], right: Gradient, parts: Mapping[str, Bool[Tensor, " d"]], *, samples: int) -> Figures:
    """How independent estimates of a gradient, each of so many `samples` a pair, lie around the right one, for each part of the weights."""
    return {name: _compared(drawn[:, part], right[part], samples) for name, part in parts.items()}


def _compared(drawn: Tensor, right: Tensor, samples: int) -> Figures:
    """All sizes are relative to the length of the right gradient.

    `errors`: [samples, distance to it] of means over ever more; `slope` of the one over the other, both as logarithms. `held`: the share
    of coordinates whose 95 % interval holds the right one. `along`: how much of the right one the grand mean has in its direction, 1 where
    it is right. `bias`: the squared distance of the grand mean, less what chance adds to it on average, as a signed root. `noise`: the
    standard deviation of one sample.
    """
    drawn, right = drawn.double(), right.double()
    batches, length = len(drawn), float(right.norm())
    mean, spread = drawn.mean(0), drawn.std(0)
    moved = spread > 0
    inside = (mean - right).abs() <= student(batches - 1) * spread / math.sqrt(batches)
    chance = float(spread.square().sum())
    squared = (float((mean - right).square().sum()) - chance / batches) / length**2
    errors = [[float(n * samples), _distance(drawn, right, n) / length] for n in _sizes(batches)]
    steady = [each for each, n in zip(errors, _sizes(batches), strict=True) if batches // n >= LEAST_GROUPS]
    return {
        "errors": errors,
        "slope": slope([n for n, _ in steady], [error for _, error in steady]),
        "held": float(inside[moved].double().mean()) if bool(moved.any()) else 0.0,
        "coordinates": int(moved.sum()),
        "along": float(mean @ right) / length**2,
        "bias": math.copysign(math.sqrt(abs(squared)), squared),
        "noise": math.sqrt(chance * samples) / length,
    }


def _sizes(batches: int) -> list[int]:
    return [2**i for i in range(batches.bit_length()) if 2**i <= batches]


def _distance(drawn: Tensor, right: Tensor, size: int) -> float:
    """The root mean square distance of means over `size` estimates each, none of which shares one with another."""
    groups = len(drawn) // size
    means = drawn[: groups * size].unflatten(0, (groups, size)).mean(1)
    return float((means - right).square().sum(1).mean().sqrt())
