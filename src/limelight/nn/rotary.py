"""The angles of rotary positions: made once a stack, for all of its layers."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..spec import ByWavelength, Dynamic, Interpolated, LongRope, Rotary, Yarn


def angles(s: Rotary, at: Int[Tensor, "_ n"], width: int, ends: Int[Tensor, "_ 1"] | None = None) -> tuple[Tensor, Tensor]:
    """Cosines and sines for positions `at` (b|1 n) and heads of `width`, (b|1 1 n d/2) each, stretched as the spec says.

    Where the stretch depends on a text's length, that is the row's own, up to its last position here: keys in a cache stay as they
    were turned when the text was shorter. `ends`: that length of each row, where `at` does not tell it.
    """
    match s.stretch:
        case Dynamic(factor=factor, length=length):
            return ops.turns(at, ops.dynamic(_ends(at, ends), width, base=s.base, factor=factor, trained=length))
        case LongRope() as stretch:
            short, long = long_rates(stretch, s.base, width, at.device)
            return ops.turns(at, torch.where(_ends(at, ends) > stretch.length, long, short), magnitude=stretch.magnitude)
        case Yarn(factor=factor, magnitude=magnitude):
            return ops.turns(at, rates(s, width, at.device), magnitude=magnitude or 0.1 * math.log(factor) + 1.0)
    return ops.turns(at, rates(s, width, at.device))


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


@functools.lru_cache(maxsize=16)
def long_rates(s: LongRope, base: float, width: int, device: torch.device) -> Float[Tensor, "2 r"]:
    """The same for short texts and for long ones."""
    with torch.inference_mode(False):
        return (ops.rotary_rates(width, base=base) / torch.tensor((s.short, s.long))).to(device)


def _ends(at: Int[Tensor, "_ n"], ends: Int[Tensor, "_ 1"] | None) -> Int[Tensor, "_ 1"]:
    return at.amax(1, keepdim=True) + 1 if ends is None else ends
