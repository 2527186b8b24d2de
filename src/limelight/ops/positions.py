"""Positions: how a token learns where it stands. Positions count real tokens; slots (see masks) count keys."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sinusoid(length: int, dim: int, *, halves: bool = False, shifted: bool = False) -> Float[Tensor, "n m"]:
    """Fixed waves for positions 0 ... length - 1 (Vaswani et al. 2017, section 3.5).

    `halves`: [sin | cos] rather than interleaved; `shifted`: rates divided by half - 1 (tensor2tensor) rather than half.
    """
    half = dim // 2
    rate = torch.exp(-math.log(10_000) * torch.arange(half, dtype=torch.float64) / max(1, half - 1 if shifted else half))
    angle = torch.arange(length, dtype=torch.float64)[:, None] * rate                     # (n m/2)
    waves = torch.cat((angle.sin(), angle.cos()), -1) if halves else torch.stack((angle.sin(), angle.cos()), -1).flatten(-2)
    return waves.float()


def rotate(x: Float[Tensor, "b h n d"], at: Int[Tensor, "_ n"], *, base: float = 10_000.0, pairs: bool = False) -> Float[Tensor, "b h n d"]:
    """Turn channels by angles that grow with position `at` (b|1 n) (Su et al. 2021, equation 34).

    `pairs`: channels (0, 1), (2, 3) ... are turned together, rather than (0, d/2), (1, d/2 + 1) ...
    """
    d = x.shape[-1]
    rate = base ** (-torch.arange(0, d, 2, device=x.device, dtype=torch.float32) / d)
    angle = at[:, None, :, None].float() * rate                                            # (b|1 1 n d/2)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = (x[..., 0::2], x[..., 1::2]) if pairs else x.chunk(2, -1)
    a, b = a * cos - b * sin, b * cos + a * sin
    return torch.stack((a, b), -1).flatten(-2) if pairs else torch.cat((a, b), -1)


def alibi(heads: int, queries: Int[Tensor, " q"], keys: Int[Tensor, " k"]) -> Float[Tensor, "1 h q k"]:
    """A bias of -slope x distance, with slopes a geometric series (Press et al. 2022, section 3 and its code for odd head counts)."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    distance = (queries[:, None] - keys[None, :]).abs()                                    # (q k)
    return -torch.tensor(slopes, device=keys.device)[None, :, None, None] * distance


def bucket(relative: Int[Tensor, "q k"], *, count: int, furthest: int, both_ways: bool) -> Int[Tensor, "q k"]:
    """The bucket of each `key - query` distance: exact when near, logarithmic when far (Raffel et al. 2020, section 2.1).

    `both_ways`: half of the buckets look ahead (encoders); otherwise all look back (decoders).
    """
    out = torch.zeros_like(relative)
    if both_ways:
        count //= 2
        out = (relative > 0).long() * count
        distance = relative.abs()
    else:
        distance = -relative.clamp(max=0)
    exact = count // 2
    share = torch.log(distance.clamp(min=1).float() / exact) / math.log(furthest / exact)
    far = (exact + (share * (count - exact)).long()).clamp(max=count - 1)
    return out + torch.where(distance < exact, distance, far)
