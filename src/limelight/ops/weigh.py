"""How scores become weights: each function takes scores (b h q k), hidden places -inf, and gives weights (b h q k).

A row that may see nothing gets zeros, never NaN, and so do its gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import InputError
from .sparse import by_pairs, by_support

WeighFn = Callable[[Tensor], Tensor]


def softmax(scores: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
    """exp(s) over its sum (Vaswani et al. 2017, equation 1)."""
    blind = _blind(scores)
    if blind is None:
        return scores.softmax(-1)
    if scores.requires_grad:                                  # softmax over nothing is NaN, and NaN x 0 would spread
        return scores.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)
    return scores.softmax(-1).masked_fill_(blind, 0.0)


def sparsemax(scores: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
    """The nearest point of the simplex, max(s - tau, 0) with tau such that rows sum to 1: exact, and 0 for most keys (Martins and
    Astudillo 2016, equation 2 and algorithm 1)."""
    return _seen(by_support, scores)


def entmax15(scores: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
    """max(s / 2 - tau, 0)^2 with tau such that rows sum to 1: between softmax and sparsemax, exact (Peters et al. 2019, equation 10
    and algorithm 2)."""
    return _seen(by_pairs, scores)


def shares(scores: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
    """Scores that are not negative, over their sum: s / sum(s), the normaliser of kernels (Katharopoulos et al. 2020, equation 3).

    Where all of a row's scores are 0, so are its weights.
    """
    seen = scores.masked_fill(scores == -torch.inf, 0.0)
    total = seen.sum(-1, keepdim=True)
    return seen / total.masked_fill(total == 0, 1.0)


def argmax(scores: Float[Tensor, "b h q k"]) -> Float[Tensor, "b h q k"]:
    """All on the best key, the first of equals. No gradient flows to the scores."""
    return drawn(scores, at=best(scores))


def drawn(scores: Float[Tensor, "b h q k"], *, at: Int[Tensor, "#b #h #q"]) -> Float[Tensor, "b h q k"]:
    """All on the key that was drawn, its slot `at`, or nothing where that is -1 (Xu et al. 2015, section 4.1). No gradient flows
    to the scores: an estimator brings it to them.

    Use as `partial(drawn, at=...)`.
    """
    slots = torch.arange(scores.shape[-1], device=scores.device)
    return (at[..., None] == slots).to(scores.dtype).expand_as(scores)


def gumbel(
    scores: Float[Tensor, "b h q k"], *, noise: Float[Tensor, "#b #h #q #k"], temperature: float = 1.0
) -> Float[Tensor, "b h q k"]:
    """All on the key with the largest s + noise, which draws from softmax(s) where the noise is Gumbel's; gradients are those of
    softmax((s + noise) / temperature), straight through (Jang et al. 2017, section 2.2).

    Raises InputError for a temperature that is not positive.
    """
    if temperature <= 0:
        raise InputError(f"a temperature is positive: got {temperature}.", "Give gumbel a temperature such as 1.0.")
    noisy = scores + noise
    hard = argmax(noisy)
    if not noisy.requires_grad:
        return hard
    soft = softmax(noisy / temperature)
    return hard + (soft - soft.detach())


def faded(scores: Float[Tensor, "b h q k"], *, fade: Float[Tensor, "#b #h #q k"]) -> Float[Tensor, "b h q k"]:
    """softmax(s) times `fade`, which is not made to sum to 1 again (Luong et al. 2015, equation 10; see luong_fade)."""
    return softmax(scores) * fade.to(scores.dtype)


def best(scores: Float[Tensor, "b h q k"]) -> Int[Tensor, "b h q"]:
    """The slot of the best key, the first of equals; -1 where a row may see nothing."""
    if not scores.shape[-1]:
        return torch.full(scores.shape[:-1], -1, device=scores.device)
    found = scores.detach().max(-1)
    return found.indices.masked_fill(found.values == -torch.inf, -1)


def positions(weigh: WeighFn) -> Int[Tensor, "_ _ _"] | None:
    """The slots that `weigh` was given to draw, where it is `drawn`; None otherwise."""
    return weigh.keywords["at"] if isinstance(weigh, partial) and weigh.func is drawn else None


def _seen(weigh: WeighFn, scores: Tensor) -> Tensor:
    """`weigh` where there is something to see, in fp32 at least, and zeros elsewhere."""
    if not scores.numel():
        return scores.clone()
    blind, wide = _blind(scores), scores.to(torch.promote_types(scores.dtype, torch.float32))
    if blind is None:
        return weigh(wide).to(scores.dtype)
    return weigh(wide.masked_fill(blind, 0.0)).masked_fill(blind, 0.0).to(scores.dtype)


def _blind(scores: Tensor) -> Tensor | None:
    """The rows (b h q 1) that may see nothing; None where there are none, which only a CPU is asked: others would have to wait."""
    scores, asked = scores.detach(), scores.device.type == "cpu"
    if not scores.shape[-1] or (asked and not bool((scores[..., :1] == -torch.inf).any())):
        return None
    blind = scores.amax(-1, keepdim=True) == -torch.inf
    return None if asked and not bool(blind.any()) else blind
