"""Guided attention: where it is known what a token is about, some heads learn to look there.

Mi, Wang and Ittycheriah 2016, section 3 (supervised attentions); Chen et al. 2016, section 3 (guided alignment).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import ops
from ..inputs.pairs import Pairs
from ..nn import Look
from ..nn.eyes import unwatch, watch
from .losses import Loss, LossSum

LEAST = 1e-6                             # a weight below it pulls no harder


@dataclass(frozen=True)
class Guide:
    """The first `heads` of the attention to the source in one `layer` of the decoder learn where to look; `share`: what that counts for,
    beside the loss of a token."""

    layer: int
    heads: int
    share: float


@dataclass
class _Seen:
    looks: list[Look] = field(default_factory=list)

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        self.looks.append(look)


def guided(loss: Loss[Pairs], guide: Guide) -> Loss[Pairs]:
    """The same loss with the cross-entropy between what the heads look at and what the pairs are `aligned` with, for models in training."""

    def both(model: Any, pairs: Pairs) -> LossSum:
        if pairs.aligned is None or not model.training:
            return loss(model, pairs)
        attention, seen = model.decoder.blocks[guide.layer].cross, _Seen()
        watch(attention, seen)
        try:
            found = loss(model, pairs)
        finally:
            unwatch(attention, seen)
        (look,) = seen.looks
        weights = ops.attention_weights(look.q, look.k, **look.how)[:, : guide.heads].float()
        wanted = pairs.aligned.to(weights.device)[:, None]
        far = -(wanted * weights.clamp(min=LEAST).log()).sum() / guide.heads
        return LossSum(found.total + guide.share * far, found.nll, found.tokens)

    return both
