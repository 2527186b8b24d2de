"""The cross-entropy of a linear layer's choice among many words, and its gradients, a chunk of rows at a time.

With a large vocabulary the logits are the largest tensor of a training by far, and what is made of them (their logarithms, a copy in
float32, the gradient) multiplies that. But the gradient of a softmax loss is known as soon as the loss is: the way there can make the
gradients of the hidden states and of the matrix too, and forget each chunk of logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

# Elements at a time.
WALK = {"cpu": 1 << 19, "cuda": 1 << 27}      # of softmax: 2 MB of float32 for a core's cache, 512 MB on a GPU
CHUNK = {"cpu": 1 << 25, "cuda": 1 << 28}     # of logits: in bfloat16 64 MB (with less, adding chunks up costs too much), 512 MB
BLOCK = {"cpu": 1 << 21, "cuda": 1 << 31}     # of the matrix's gradient: 4 MB in bfloat16, still in the cache when it is added
PIECE = {"cpu": 1 << 18, "cuda": 1 << 31}     # of that: 1 MB of float32


def softmax_rows(logits: Float[Tensor, "t v"], slopes: Float[Tensor, "t v"] | None, spread: float) -> tuple[Tensor, Tensor]:
    """log(sum(exp(x))) of each row, and its mean where there is a `spread`; probability - spread goes to `slopes`, perhaps the logits."""
    most, peak, mean = logits.new_zeros(3, len(logits), dtype=_wide(logits))    # the largest logit, its probability, and the mean logit
    for part in walk(logits):
        x = logits[part].to(most.dtype)
        torch.amax(x, -1, out=most[part])
        if spread:
            torch.mean(x, -1, out=mean[part])
        p = x.softmax(-1)
        torch.amax(p, -1, out=peak[part])
        if slopes is not None:
            slopes[part] = p.sub_(spread) if spread else p
    return most - peak.log(), mean      # by way of the likeliest word: torch's exp takes five times as long as its softmax


def add_to(sums: Float[Tensor, "r m"], made: Float[Tensor, "r m"], *, fresh: bool) -> None:
    """sums += made, or = where `fresh`: by way of a copy, for torch adds two formats at a fifth of the speed of a copy and a sum."""
    if fresh:
        sums.copy_(made)
        return
    for part in _parts(len(sums), sums.shape[1], PIECE, sums.device):
        sums[part] += made[part].to(sums.dtype)


@dataclass(frozen=True)
class Ways:
    """Who does what is no product. limelight.native.training has faster ones for a CPU."""

    softmax: Callable[[Tensor, Tensor | None, float], tuple[Tensor, Tensor]] = softmax_rows
    add: Callable[..., None] = add_to
    empty: Callable[..., Tensor] = torch.empty


PLAIN = Ways()


def linear_cross_entropy(
    hidden: Float[Tensor, "t m"],
    weight: Float[Tensor, "v m"],
    bias: Float[Tensor, " v"] | None,
    targets: Int[Tensor, " t"],
    *,
    smoothing: float = 0.0,
    ignore: int | None = None,
    ways: Ways = PLAIN,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sums over targets: the smoothed cross-entropy of `hidden weight^T + bias` (to learn from), and the plain one (to report; no
    gradient). Never more than a chunk of the logits is there.

    Rows whose target is `ignore` take no part. The smoothed target gives 1 - smoothing to the true word and spreads smoothing over all
    (Szegedy et al. 2016, section 7). Under autocast the three products (the logits and both gradients) run in its format; the softmax,
    its logarithm, and the sums over chunks are in float32 at least. Gradients are of the first order.
    """
    if ignore is not None:
        there = targets != ignore
        hidden, targets = hidden[there], targets[there]
    kind = hidden.device.type
    low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
    how = _How(low, smoothing, torch.is_grad_enabled(), ways)
    return _LinearCrossEntropy.apply(hidden, weight, bias, targets, how)   # pyright: ignore[reportReturnType]


def linear_cross_entropy_plain(
    hidden: Float[Tensor, "t m"],
    weight: Float[Tensor, "v m"],
    bias: Float[Tensor, " v"] | None,
    targets: Int[Tensor, " t"],
    *,
    smoothing: float = 0.0,
    ignore: int | None = None,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """`linear_cross_entropy`, written out: the logits are all there."""
    logits = F.linear(hidden, weight, bias)
    how: dict[str, Any] = {"reduction": "sum", "ignore_index": -100 if ignore is None else ignore}
    total = F.cross_entropy(logits, targets, label_smoothing=smoothing, **how)
    return total, F.cross_entropy(logits.detach(), targets, **how)


def softmax_slopes(
    logits: Float[Tensor, "t v"],
    targets: Int[Tensor, " t"],
    slopes: Float[Tensor, "t v"] | None,
    *,
    smoothing: float = 0.0,
    ways: Ways = PLAIN,
) -> Float[Tensor, "2"]:
    """(smoothed, plain) cross-entropy summed over rows; the gradient of the first goes to `slopes`, which may be `logits` itself."""
    rows, words = logits.shape
    said = logits.gather(1, targets[:, None]).to(_wide(logits))[:, 0]
    whole, mean = ways.softmax(logits, slopes, smoothing / words)
    nll = whole - said
    if slopes is not None:              # p - 1 in one rounding
        slopes[torch.arange(rows, device=targets.device), targets] = (torch.expm1(-nll) + smoothing * (1 - 1 / words)).to(slopes.dtype)
    sums = torch.stack([nll, whole - mean]).sum(1)
    return torch.stack([(1 - smoothing) * sums[0] + smoothing * sums[1] if smoothing else sums[0], sums[0]])


def walk(logits: Float[Tensor, "t v"]) -> Iterator[slice]:
    """Rows, as many at a time as a cache holds."""
    return _parts(len(logits), logits.shape[1], WALK, logits.device)


@dataclass(frozen=True)
class _How:
    low: torch.dtype             # of the products
    smoothing: float
    learn: bool
    ways: Ways


@dataclass(eq=False)
class _Slopes:
    """The gradients that are wanted."""

    hidden: Tensor | None
    weight: Tensor | None
    bias: Tensor | None


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, how: _How) -> tuple[Tensor, Tensor]:
        made = (hidden, weight, bias)
        wanted = ctx.needs_input_grad[:3] if how.learn else (False,) * 3
        slopes = _Slopes(*(_room(how, x, x.dtype) if x is not None and want else None for x, want in zip(made, wanted, strict=True)))
        with torch.autocast(hidden.device.type, enabled=False):
            low = [x if x is None or x.dtype == how.low else _room(how, x, how.low).copy_(x) for x in made]
            total, nll = (part.clone() for part in _chunked(*low, targets, how, slopes))   # pyright: ignore
        ctx.mark_non_differentiable(nll)
        ctx.save_for_backward(slopes.hidden, slopes.weight, slopes.bias)
        return total, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:   # pyright: ignore[reportIncompatibleMethodOverride]
        scale: Tensor = grad_outputs[0]
        free = scale.device.type == "cpu" and scale.item() == 1.0   # asking a GPU would wait for it
        return *(x if x is None or free else x * scale.to(x.dtype) for x in ctx.saved_tensors), None, None


def _chunked(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, how: _How, slopes: _Slopes) -> Tensor:
    """(smoothed, plain) loss; the gradients go to `slopes`."""
    sums = hidden.new_zeros(2, dtype=_wide(hidden))
    learn = slopes.hidden is not None or slopes.weight is not None or slopes.bias is not None
    for each in (slopes.bias, None if len(hidden) else slopes.weight):
        if each is not None:
            each.zero_()
    parts = list(_parts(len(hidden), len(weight), CHUNK, hidden.device))
    room = how.ways.empty((parts[0].stop if parts else 0, len(weight)), dtype=hidden.dtype, device=hidden.device)    # the same for all
    for part in parts:
        states = hidden[part]
        logits = room[: len(states)]
        torch.mm(states, weight.T, out=logits) if bias is None else torch.addmm(bias, states, weight.T, out=logits)
        sums += softmax_slopes(logits, targets[part], logits if learn else None, smoothing=how.smoothing, ways=how.ways)
        if slopes.hidden is not None:
            slopes.hidden[part] = logits @ weight
        if slopes.weight is not None:
            _add_product(slopes.weight, logits, states, how.ways.add, fresh=part.start == 0)
        if slopes.bias is not None:
            slopes.bias += logits.sum(0, dtype=sums.dtype)
    return sums


def _add_product(
    sums: Float[Tensor, "v m"], slopes: Float[Tensor, "t v"], states: Float[Tensor, "t m"], add: Callable[..., None], *, fresh: bool
) -> None:
    """sums += slopes^T states, or = where `fresh`, block by block."""
    low = sums.new_empty(0)
    for block in _parts(len(sums), sums.shape[1], BLOCK, sums.device):
        into = sums[block]
        low = torch.empty_like(into, dtype=states.dtype) if not len(low) else low
        made = low[: len(into)]
        torch.mm(slopes[:, block].T, states, out=made)
        add(into, made, fresh=fresh)


def _room(how: _How, x: Tensor, dtype: torch.dtype) -> Tensor:
    return how.ways.empty(tuple(x.shape), dtype=dtype, device=x.device)


def _wide(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)


def _parts(rows: int, width: int, most: dict[str, int], device: torch.device) -> Iterator[slice]:
    """Rows in parts of one size, of `most` elements or one row."""
    count = -(-rows // max(1, most.get(device.type, most["cuda"]) // width))
    size = -(-rows // max(1, count))
    return (slice(start, start + size) for start in range(0, rows, max(1, size)))
