"""Gradients of whole models against finite differences, in float64: encode, decode, logits, a sum."""

from __future__ import annotations

import pytest
import torch
from specs import ENCODERS, MODELS, build, tokens
from torch import Tensor

from limelight.inputs import pad
from limelight.nn import Network

NEAR = 1e-6
BEGIN = ("recurrent", "stack_over", "encoder_recurrent", "both_hard_cross", "both_local_cross", "both_kernel_cross")
STACKS = ("plain", "sparsemax", "entmax", "hard", "kernel", "unscaled", "bare", "additive", "general", "grouped", "alibi", "buckets")
ALL = MODELS | ENCODERS
CHECKED = [name for name in ALL if name.startswith(BEGIN) or name in {f"both_{kind}" for kind in STACKS}]


def told(model: Network) -> Tensor:
    """One number that hangs on every logit, each in its own way."""
    source = pad([tokens(1, 5)[0].tolist(), tokens(1, 3)[0].tolist()], side="left")
    memory = None if model.encoder is None else model.encode(source)
    hidden = memory.hidden if model.decoder is None else model.decode(tokens(2, 4), memory=memory)
    logits = model.logits(hidden)
    return (logits * torch.linspace(-1, 1, logits.numel(), dtype=torch.float64).view_as(logits)).sum()


@pytest.mark.parametrize("name", CHECKED)
def test_gradients_are_slopes(name: str) -> None:
    """Along random directions, all parameters at once: one that is wrong is felt in the sum. Reading, a hard attention takes the best
    key, and its scores are flat."""
    model = build(ALL[name], torch.float64)
    told(model).backward()
    weights = list(model.parameters())
    for _ in range(2):
        ways = [torch.randn_like(weight) for weight in weights]
        slope = sum(float((w.grad * way).sum()) for w, way in zip(weights, ways, strict=True) if w.grad is not None)
        ahead, behind = (moved(model, weights, ways, far) for far in (NEAR, -NEAR))
        assert (ahead - behind) / (2 * NEAR) == pytest.approx(slope, rel=1e-6)


@torch.no_grad()
def moved(model: Network, weights: list[Tensor], ways: list[Tensor], far: float) -> float:
    """What it tells a little way off."""
    for weight, way in zip(weights, ways, strict=True):
        weight.add_(way, alpha=far)
    found = float(told(model))
    for weight, way in zip(weights, ways, strict=True):
        weight.sub_(way, alpha=far)
    return found
