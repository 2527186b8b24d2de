"""Training in turns: our own loop, stopped after each turn, and the loop that a person writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from limelight.inputs.pairs import Pairs
from limelight.measure import Turn
from limelight.nn import Network
from limelight.train import Loss, Plan, Stepped, fit
from limelight.train.precision import autocast, settle

from .sentences import Fixed

CLIP = 1.0


def by_fit(model: Network, loss: Loss[Any], pairs: Sequence[Pairs], steps: int) -> Turn:
    """Our own: fit is a stream of events."""
    plan = Plan(steps=len(pairs) + steps, warmup=10, lr=1e-3, clip=CLIP, log_every=steps, save_every=0)
    events = fit(model, Fixed(pairs), loss=loss, plan=plan)
    steppeds: Iterator[Stepped] = (event for event in events if isinstance(event, Stepped))

    def turn(number: int) -> float:
        next(steppeds)
        return tokens(pairs, number, steps)

    return turn


def by_hand(model: nn.Module, loss: Callable[[Pairs], Tensor], pairs: Sequence[Pairs], steps: int) -> Turn:
    """A peer's, with all that ours has: a mean `loss` in bfloat16 where the processor has it, clipping, AdamW in its fused form."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, fused=True)
    device = next(model.parameters()).device
    precision = settle("auto", device)

    def turn(number: int) -> float:
        model.train()
        for p in pairs[number * steps : (number + 1) * steps]:
            with autocast(precision, device):
                found = loss(p)
            found.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            found.item()
        return tokens(pairs, number, steps)

    return turn


def tokens(pairs: Sequence[Pairs], number: int, steps: int) -> int:
    """The target tokens of a turn."""
    return sum(p.tokens for p in pairs[number * steps : (number + 1) * steps])
