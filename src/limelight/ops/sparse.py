"""Sparse maps onto the simplex, exact by sorting. Rows hold at least one finite score; -inf gets 0.

With s = p^(2 - alpha), both (and softmax, alpha = 1) have the Jacobian diag(s) - s s^T / sum(s) (Peters et al. 2019, equation 14).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LOWEST = -2.0          # scores are measured from the best one: tau is never below -1, so what is lower gets nothing, however low


def by_support(scores: Tensor) -> Tensor:
    """Sparsemax over the last axis, (... k) -> (... k)."""
    return _Sparsemax.apply(scores)                           # pyright: ignore[reportReturnType]


def by_pairs(scores: Tensor) -> Tensor:
    """1.5-entmax over the last axis, (... k) -> (... k)."""
    return _Entmax15.apply(scores)                            # pyright: ignore[reportReturnType]


class _Sparsemax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        z = _from_best(scores)
        ordered, counts = _descending(z)
        sums = ordered.cumsum(-1)
        size = (1 + counts * ordered > sums).sum(-1, keepdim=True)
        tau = (sums.gather(-1, size - 1) - 1) / size
        weights = (z - tau).clamp(min=0)
        ctx.save_for_backward(weights > 0)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:                  # pyright: ignore[reportIncompatibleMethodOverride]
        (support,) = ctx.saved_tensors
        return _back(support.to(upstream[0].dtype), upstream[0])


class _Entmax15(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        z = _from_best(scores / 2)
        ordered, counts = _descending(z)
        mean = ordered.cumsum(-1) / counts
        spread = ordered.square().cumsum(-1) - counts * mean.square()        # sum of squares about the mean
        tau = mean - ((1 - spread) / counts).clamp(min=0).sqrt()
        size = (tau <= ordered).sum(-1, keepdim=True)
        root = (z - tau.gather(-1, size - 1)).clamp(min=0)
        ctx.save_for_backward(root)
        return root.square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:                  # pyright: ignore[reportIncompatibleMethodOverride]
        (root,) = ctx.saved_tensors
        return _back(root, upstream[0])


def _from_best(scores: Tensor) -> Tensor:
    return (scores - scores.amax(-1, keepdim=True)).clamp(min=LOWEST)


def _descending(z: Tensor) -> tuple[Tensor, Tensor]:
    counts = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    return z.sort(-1, descending=True).values, counts


def _back(s: Tensor, upstream: Tensor) -> Tensor:
    """(diag(s) - s s^T / sum(s)) times what comes from above."""
    return s * (upstream - (s * upstream).sum(-1, keepdim=True) / s.sum(-1, keepdim=True))
