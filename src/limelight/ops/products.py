"""Attention in plain products, there and back, for short rows that learn and for dropout.

torch's fused kernel pays for its blocks on the way back, and knows no dropout on a CPU; written out as operations attention pays for a
mask, copies between formats, and all that lies above the diagonal. Here the gradients are written by hand: six products, one softmax, and
causal rows by blocks that leave out the keys that none of a block may see. Weights are kept in the format of the values, so memory grows
with queries x keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from .dropout import kept

BLOCK = 128            # causal queries that share their keys; the gradients of keys are summed over blocks in the format of the products


def attend_products(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h k d"],
    v: Float[Tensor, "b h k e"],
    *,
    scale: float,
    allow: Bool[Tensor, "..."] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> Float[Tensor, "b h q e"]:
    """softmax(scale q k^T) v, as `attend_plain` has it; of as many queries as keys where it is `causal`.

    `dropout` leaves out weights and scales up the rest, on a CPU alone (see ops.dropout). Under autocast the products run in its format;
    the softmax sums in float32 at least. Gradients are of the first order.
    """
    kind = q.device.type
    low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else v.dtype
    made = [x.to(low).flatten(0, 1) for x in (q, k, v)]
    hidden = None if allow is None else ~allow[(None,) * (q.ndim - allow.ndim)]
    out: Any = _Products.apply(*made, _How(q.shape[1], scale, hidden, causal, dropout))
    return out.unflatten(0, q.shape[:2])


@dataclass(frozen=True, eq=False)
class _How:
    heads: int
    scale: float
    hidden: Bool[Tensor, "#b #h #q #k"] | None
    causal: bool
    dropout: float


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, how: _How) -> Tensor:
        size = BLOCK if how.causal else max(1, q.shape[1])
        parts = [slice(start, start + size) for start in range(0, q.shape[1], size)]
        ctx.scale, ctx.parts, ctx.up = how.scale, parts, 1.0
        out, weights, keeps = q.new_empty(*q.shape[:2], v.shape[2]), [], []
        with torch.autocast(q.device.type, enabled=False):
            for part in parts:
                asks, seen = q[:, part], k.shape[1] if not how.causal else part.start + q[:, part].shape[1]
                scores = q.new_empty(len(q), asks.shape[1], seen)
                torch.baddbmm(scores, asks, k[:, :seen].mT, beta=0, alpha=how.scale, out=scores)
                weights.append(summed := _softmax(scores, part, how))
                if how.dropout:
                    keep, ctx.up = kept(summed.shape, how.dropout)
                    keeps.append(keep)
                    summed = scores.copy_(keep).mul_(summed)
                out[:, part] = summed @ v[:, :seen]
        ctx.save_for_backward(q, k, v, *weights, *keeps)
        return out.mul_(ctx.up) if how.dropout else out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:   # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,), (q, k, v, *rest) = grad_outputs, ctx.saved_tensors
        weights, keeps = rest[: len(ctx.parts)], rest[len(ctx.parts) :]
        slope = slope * ctx.up if keeps else slope
        to_q, to_k, to_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        with torch.autocast(q.device.type, enabled=False):
            for part, w, keep in zip_longest(ctx.parts, weights, keeps):
                seen, pull = slice(w.shape[2]), slope[:, part]
                summed, to_w = w, pull @ v[:, seen].mT
                if keep is not None:
                    stays = keep.to(w.dtype)
                    to_w *= stays
                    summed = stays.mul_(w)
                to_v[:, seen] += summed.mT @ pull
                bent = torch._softmax_backward_data(to_w, w, -1, w.dtype)   # pyright: ignore[reportPrivateImportUsage]
                to_q[:, part] = bent @ k[:, seen]
                to_k[:, seen] += bent.mT @ q[:, part]
        return to_q.mul_(ctx.scale), to_k.mul_(ctx.scale), to_v, None


def _later(scores: Tensor) -> Float[Tensor, "q q"]:
    """-inf above the diagonal, 0 elsewhere."""
    rows = scores.shape[1]
    return scores.new_full((rows, rows), -torch.inf).triu_(1)


def _softmax(scores: Float[Tensor, "bh q k"], part: slice, how: _How) -> Float[Tensor, "bh q k"]:
    """Weights of a part's scores, which are changed: none where a key is hidden, none at all where all keys are."""
    if how.hidden is None:
        if how.causal:
            scores[:, :, part.start :] += _later(scores)
        return scores.softmax(-1)
    hidden = _part(how.hidden, part, scores.shape[2], how.causal)
    scores.unflatten(0, (-1, how.heads)).add_(torch.zeros_like(hidden, dtype=scores.dtype).masked_fill_(hidden, -torch.inf))
    weights, blind = scores.softmax(-1), hidden.all(-1, keepdim=True)
    if bool(blind.any()):
        weights.unflatten(0, (-1, how.heads)).masked_fill_(blind, 0.0)
    return weights


def _part(hidden: Bool[Tensor, "#b #h #q #k"], part: slice, seen: int, causal: bool) -> Bool[Tensor, "#b #h _ _"]:
    """What is hidden of the first `seen` keys from the queries of a part; later keys, too, where it is `causal`."""
    hidden = (hidden[:, :, part] if hidden.shape[2] > 1 else hidden)[..., :seen]
    if not causal:
        return hidden
    return hidden | torch.ones(seen - part.start, seen, dtype=torch.bool, device=hidden.device).triu_(part.start + 1)
