"""What hard attention learns by: draws have no gradient, so what followed a draw is its reward, or every draw is tried.

Both are of the same objective, the expected cross-entropy over draws: E[sum_t -log p(y_t | y_<t, s_<=t)], an upper bound of the
cross-entropy itself (Xu et al. 2015, section 4.1, equations 10 to 13). "reinforce" estimates its gradient from one draw a step,
"enumerate" takes it exactly.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import SpecError
from ..inputs.pairs import Pairs
from ..nn import Attention, Draws, Memory
from ..spec import Hard
from .losses import Loss, LossSum, next_token, shifted, translation_loss
from .plan import Plan
from .softmax_loss import softmax_loss


def next_token_of(model: Any, plan: Plan, *, start: int) -> Loss[Pairs]:
    """The loss that a plan and a model ask for, ready for `fit`. Raises SpecError where hard attention meets a consistent second pass."""
    hard = model.spec.drawing
    if hard is None:
        return next_token(plan, start=start)
    if plan.consistency:
        raise SpecError(f"two passes of hard attention look at different places: got plan.consistency={plan.consistency}.",
                        "Set plan.consistency=0.")
    return partial(drawing_loss, hard=hard, start=start, label_smoothing=plan.label_smoothing)


def drawing_loss(model: Any, pairs: Pairs, *, hard: Hard, start: int, label_smoothing: float = 0.0) -> LossSum:
    """The cross-entropy of each target token and what teaches the draws. In evaluation the best keys are taken and nothing is drawn.

    `model` is a Network whose cross-attention is `hard`. See `translation_loss` for the rest.
    """
    if not model.training:
        return translation_loss(model, pairs, start=start, label_smoothing=label_smoothing)
    pairs = pairs.to(next(model.parameters()).device)
    target, keep = pairs.target.values, pairs.target.keep
    real = torch.ones_like(target, dtype=torch.bool) if keep is None else keep
    memory = model.encode(pairs.source)
    teach = _tried if hard.estimator == "enumerate" else partial(_rewarded, hard=hard)
    total, nll = teach(model, memory, shifted(target, start), _Answers(target, real, label_smoothing))
    return LossSum(total, nll, int(real.sum()))


class _Answers:
    """What should have been said, at real places."""

    def __init__(self, target: Int[Tensor, "b n"], real: Tensor, smoothing: float):
        self.target, self.real, self.smoothing = target, real, smoothing
        self.wanted = target[real]

    def placed(self, each: Float[Tensor, " t"]) -> Float[Tensor, "b n"]:
        """Numbers of real places where they stand, 0 elsewhere."""
        return each.new_zeros(self.target.shape).masked_scatter(self.real, each)


def _rewarded(model: Any, memory: Memory, before: Tensor, answers: _Answers, *, hard: Hard) -> tuple[Tensor, Tensor]:
    """REINFORCE: the log-likelihood of all that a draw had a part in, less what is usual, says how much likelier it should become."""
    draws = Draws()
    hidden = model.decode(before, memory=memory, draws=draws)
    logits = model.logits(hidden[answers.real])
    total, nll = softmax_loss(logits, answers.wanted, smoothing=answers.smoothing)
    with torch.no_grad():
        reward = answers.placed(-F.cross_entropy(logits.float(), answers.wanted, reduction="none"))
        usual, count = _baseline(model), answers.real.float()
        gain = reward - usual * count
        if model.spec.lasting:                                     # a draw goes into all later states, and answers for all that follows
            gain = gain.flip(1).cumsum(1).flip(1)
        _learn(model, float(reward.sum() / count.sum()), hard.baseline)
    real = answers.real[:, None, None]
    taught = (draws.logprobs() * (gain[:, None, None] * real)).sum()
    return total - taught - hard.entropy * (draws.entropies() * real).sum(), nll


def _tried(model: Any, memory: Memory, before: Tensor, answers: _Answers) -> tuple[Tensor, Tensor]:
    """Every key is taken at every step, one after the other: the sum over keys of p(key) times the loss with that key."""
    total = nll = before.new_zeros((), dtype=torch.float32)
    for key in range(memory.hidden.shape[1]):
        draws = Draws(before.new_full((len(before), 1, before.shape[1]), key))
        logits = model.logits(model.decode(before, memory=memory, draws=draws)[answers.real]).float()
        share = draws.logprobs()[:, 0, 0].exp()[answers.real]
        total = total + (share * F.cross_entropy(logits, answers.wanted, reduction="none", label_smoothing=answers.smoothing)).sum()
        nll = nll + (share * F.cross_entropy(logits, answers.wanted, reduction="none")).sum().detach()
    return total, nll


def _drawers(model: Any) -> list[Attention]:
    return [each for each in model.attentions().values() if hasattr(each, "baseline")]


def _baseline(model: Any) -> Float[Tensor, ""]:
    return _drawers(model)[0].baseline


def _learn(model: Any, reward: float, decay: float) -> None:
    """The baseline moves towards the mean log-likelihood of a token (Xu et al. 2015, section 4.1)."""
    for each in _drawers(model):
        each.baseline.mul_(decay).add_(reward * (1 - decay))
