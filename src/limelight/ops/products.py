"""Attention in plain products, there and back, for short rows that learn.

torch's fused kernel pays for its blocks on the way back; written out as operations it pays for a mask, copies between formats, and all
that lies above the diagonal. Here the gradients are written by hand: six products, one softmax, and causal rows by blocks that leave
out the keys that none of a block may see. Weights are kept in the format of the values, so memory grows with queries x keys.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 128            # causal queries that share their keys; the gradients of keys are summed over blocks in the format of the products


def attend_products(
    q: Float[Tensor, "b h q d"], k: Float[Tensor, "b h k d"], v: Float[Tensor, "b h k e"], *, scale: float, causal: bool = False
) -> Float[Tensor, "b h q e"]:
    """softmax(scale q k^T) v, as `attend_plain` has it without masks but the `causal` one, of as many queries as keys.

    Under autocast the products run in its format; the softmax sums in float32 at least. Gradients are of the first order.
    """
    kind = q.device.type
    low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else v.dtype
    made = [x.to(low).flatten(0, 1) for x in (q, k, v)]
    out: Any = _Products.apply(*made, scale, BLOCK if causal else max(1, q.shape[2]), causal)
    return out.unflatten(0, q.shape[:2])


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float, size: int, causal: bool) -> Tensor:
        parts = [slice(start, start + size) for start in range(0, q.shape[1], size)]
        ctx.scale, ctx.parts = scale, parts
        out, weights = q.new_empty(*q.shape[:2], v.shape[2]), []
        with torch.autocast(q.device.type, enabled=False):
            for part in parts:
                asks, seen = q[:, part], k.shape[1] if not causal else part.start + q[:, part].shape[1]
                scores = q.new_empty(len(q), asks.shape[1], seen)
                torch.baddbmm(scores, asks, k[:, :seen].mT, beta=0, alpha=scale, out=scores)
                if causal:
                    scores[:, :, part.start :] += _later(scores)
                weights.append(scores.softmax(-1))
                out[:, part] = weights[-1] @ v[:, :seen]
        ctx.save_for_backward(q, k, v, *weights)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:   # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,), (q, k, v, *weights) = grad_outputs, ctx.saved_tensors
        to_q, to_k, to_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        with torch.autocast(q.device.type, enabled=False):
            for part, w in zip(ctx.parts, weights, strict=True):
                seen, pull = slice(w.shape[2]), slope[:, part]
                to_v[:, seen] += w.mT @ pull
                bent = torch._softmax_backward_data(pull @ v[:, seen].mT, w, -1, w.dtype)   # pyright: ignore[reportPrivateImportUsage]
                to_q[:, part] = bent @ k[:, seen]
                to_k[:, seen] += bent.mT @ q[:, part]
        return to_q.mul_(ctx.scale), to_k.mul_(ctx.scale), to_v, None, None, None


def _later(scores: Tensor) -> Float[Tensor, "q q"]:
    """-inf above the diagonal, 0 elsewhere."""
    rows = scores.shape[1]
    return scores.new_full((rows, rows), -torch.inf).triu_(1)
