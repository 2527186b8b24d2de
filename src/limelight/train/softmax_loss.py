"""The loss over a vocabulary and its gradient, in one walk over the logits.

On a processor a small model spends a good part of each step here, and what it pays for is memory traffic: log-softmax,
its copy in float32, the smoothed targets, and all of them again on the way back. The gradient of a softmax loss is known as soon
as the loss is, so one walk in chunks that fit the cache gives both, and only the gradient (in the format of the logits) is kept.
Where the logits are the product of a linear layer and nobody else wants them, ops.linear_cross_entropy does not even keep that.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..native.training import TRAINING
from ..ops.cross_entropy import softmax_slopes, walk


def softmax_loss(
    logits: Float[Tensor, "n v"], targets: Int[Tensor, " t"], *, smoothing: float = 0.0, consistency: float = 0.0
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Sums over targets: the smoothed cross-entropy (to learn from), and the plain one (to report; no gradient).

    The smoothed target gives 1 - smoothing to the true token and spreads smoothing over all (Szegedy et al. 2016, section 7).
    With `consistency` > 0 the logits are those of two passes over the same targets, one pass after the other (n = 2t), and the
    loss is the mean of both passes plus consistency / 2 times half of KL(p|q) + KL(q|p): R-drop (Liang et al. 2021,
    equation 4), halved so that it weighs the same as one pass.
    """
    return _SoftmaxLoss.apply(logits, targets, smoothing, consistency)   # pyright: ignore[reportReturnType]


class _SoftmaxLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor, smoothing: float, consistency: float) -> tuple[Tensor, Tensor]:
        slope = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        if consistency:
            sums = _twice(logits.detach(), targets, smoothing, consistency, slope)
        else:
            sums = softmax_slopes(logits.detach(), targets, slope, smoothing=smoothing, ways=TRAINING)
        total, nll = (part.clone() for part in sums)
        ctx.mark_non_differentiable(nll)
        if slope is not None:
            ctx.save_for_backward(slope)
        return total, nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor, None, None, None]:   # pyright: ignore[reportIncompatibleMethodOverride]
        scale: Tensor = grad_outputs[0]
        (slope,) = ctx.saved_tensors
        free = scale.device.type == "cpu" and scale.item() == 1.0   # asking a GPU would wait for it
        return slope if free else slope.mul_(scale.to(slope.dtype)), None, None, None


def _twice(logits: Tensor, targets: Tensor, smoothing: float, consistency: float, slope: Tensor | None) -> Tensor:
    """(loss, nll) of two passes that should agree; the gradient goes to `slope`."""
    sums, first, second = logits.new_zeros(2, dtype=torch.float32), *logits.chunk(2)
    for part in walk(first):
        x, y = (half[part].float() for half in (first, second))
        logp, logq = x.log_softmax(-1), y.log_softmax(-1)
        sums += (_entropy(logp, targets[part], smoothing) + _entropy(logq, targets[part], smoothing)) / 2
        apart = logp - logq
        p, q = x.softmax(-1), y.softmax(-1)          # torch's exp takes longer
        to_q, to_p = (p * apart).sum(-1, keepdim=True), -(q * apart).sum(-1, keepdim=True)   # KL(p|q), KL(q|p)
        sums[0] += consistency / 4 * (to_q + to_p).sum()
        if slope is not None:
            pull = p - q
            pull_p = p * (apart - to_q) + pull
            pull_q = q * (-apart - to_p) - pull
            slopes = slope.chunk(2)
            at = targets[part, None]
            slopes[0][part] = (_against(p, at, smoothing) + consistency / 2 * pull_p) / 2
            slopes[1][part] = (_against(q, at, smoothing) + consistency / 2 * pull_q) / 2
    return sums


def _against(p: Tensor, at: Tensor, smoothing: float) -> Tensor:
    """Probabilities less the smoothed targets, in place: the gradient of the cross-entropy."""
    if smoothing:
        p.sub_(smoothing / p.shape[-1])
    return p.scatter_add_(1, at, p.new_full(at.shape, smoothing - 1))


def _entropy(logp: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    nll = -logp.gather(1, targets[:, None]).sum()
    if not smoothing:
        return torch.stack([nll, nll])
    return torch.stack([(1 - smoothing) * nll - smoothing / logp.shape[-1] * logp.sum(), nll])

