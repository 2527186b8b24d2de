"""The angles of rotary positions: made once a stack, for all of its layers."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..spec import ByWavelength, Interpolated, Rotary, Yarn


def angles(s: Rotary, at: Int[Tensor, "_ n"], width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines for positions `at` (b|1 n) and heads of `width`, (b|1 1 n d/2) each, stretched as the spec says."""
    magnitude = 1.0
    if isinstance(s.stretch, Yarn):
        magnitude = s.stretch.magnitude or 0.1 * math.log(s.stretch.factor) + 1.0
    return ops.turns(at, rates(s, width, at.device), magnitude=magnitude)


@functools.lru_cache(maxsize=64)
def rates(s: Rotary, width: int, device: torch.device) -> Float[Tensor, " r"]:
    """Radians a position for each pair of channels: the same at every step, so kept."""
    with torch.inference_mode(False):                                   # kept for callers who take gradients too
        plain = ops.rotary_rates(width, base=s.base)
        match s.stretch:
            case Interpolated(factor=factor):
                plain = plain / factor
            case ByWavelength(factor=factor, low=low, high=high, length=length):
                plain = ops.by_wavelength(plain, factor=factor, low=low, high=high, length=length)
            case Yarn(factor=factor, length=length, fast=fast, slow=slow, whole=whole):
                plain = ops.yarn(plain, factor=factor, length=length, turns=(fast, slow), base=s.base, whole=whole)
        return plain.to(device)
