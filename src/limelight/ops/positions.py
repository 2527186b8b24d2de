"""Positions: how a token learns where it stands. Positions count real tokens; slots (see masks) count keys."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Bool, Float, Int
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


def grid(
    real: Bool[Tensor, "_ r c"], dim: int, *, temperature: float = 10_000.0, scale: float | None = 2 * math.pi
) -> Float[Tensor, "_ n m"]:
    """Waves of the row, then waves of the column, of each place of a grid, row by row (Carion et al. 2020, appendix A.4, and its code).

    `real`: False on padding, which counts for nothing. `scale`: what the last real row and column are at; None leaves their numbers.
    """
    half = dim // 2
    rate = temperature ** (-torch.arange(0, half, 2, dtype=torch.float32, device=real.device) / half)

    def waves(axis: int) -> Tensor:
        at = real.cumsum(axis).float()
        if scale is not None:
            at = at / (at.narrow(axis, -1, 1) + 1e-6) * scale
        angle = at[..., None] * rate                                                      # (b r c m/4)
        return torch.stack((angle.sin(), angle.cos()), -1).flatten(-2)

    return torch.cat((waves(1), waves(2)), -1).flatten(1, 2)


def rotary_rates(width: int, *, base: float = 10_000.0) -> Float[Tensor, " r"]:
    """By how much each pair of channels turns from one position to the next, in radians (Su et al. 2021, equation 15)."""
    return base ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)


def by_wavelength(rates: Float[Tensor, " r"], *, factor: float, low: float, high: float, length: int) -> Float[Tensor, " r"]:
    """Rates that turn fewer than `low` times in `length` positions are divided by `factor`, more than `high` times are left, a
    slope between (Llama 3.1)."""
    times = length * rates / (2 * math.pi)
    left = ((times - low) / (high - low)).clamp(0, 1)
    return rates * left + rates / factor * (1 - left)


def yarn(
    rates: Float[Tensor, " r"], *, factor: float, length: int, turns: tuple[float, float], base: float, whole: bool
) -> Float[Tensor, " r"]:
    """The same with a slope over channels (Peng et al. 2023, section 3.2): from the channel that turns turns[0] times in `length`
    positions to the one that turns turns[1] times; `whole` rounds both outwards."""
    n = len(rates)
    start, end = (n * math.log(length / (times * 2 * math.pi)) / math.log(base) for times in turns)
    if whole:
        start, end = math.floor(start), math.ceil(end)
    start, end = max(start, 0), min(end, 2 * n - 1)
    slope = ((torch.arange(n) - start) / max(end - start, 1e-3)).clamp(0, 1)
    return rates * (1 - slope) + rates / factor * slope


def dynamic(lengths: Int[Tensor, "b 1"], width: int, *, base: float, factor: float, trained: int) -> Float[Tensor, "b r"]:
    """Rates for texts of these lengths: those longer than `trained` have a base that grows, so that the slowest channels turn no
    further than they did in training and the fastest hardly change (dynamic NTK; Peng et al. 2023, sections 3.1 and 3.3)."""
    grown = base * (factor * lengths.float() / trained - (factor - 1)).clamp(min=1) ** (width / (width - 2))
    return grown ** (-torch.arange(0, width, 2, dtype=torch.float32, device=lengths.device) / width)


def turns(at: Int[Tensor, "_ n"], rates: Float[Tensor, "... r"], *, magnitude: float = 1.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles of positions `at` (b|1 n), each (b|1 1 n d/2), in fp32; `rates` (r), or (b|1 r) by row."""
    angle = at[:, None, :, None].float() * rates[..., None, None, :].to(at.device)
    return angle.cos() * magnitude, angle.sin() * magnitude


def rotate(
    x: Float[Tensor, "b h n d"], cos: Float[Tensor, "_ 1 n r"], sin: Float[Tensor, "_ 1 n r"], *, pairs: bool = False
) -> Float[Tensor, "b h n d"]:
    """Turn channels by the angles of `turns` (Su et al. 2021, equation 34).

    `pairs`: channels (0, 1), (2, 3) ... are turned together, rather than (0, d/2), (1, d/2 + 1) ...
    """
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    a, b = (x[..., 0::2], x[..., 1::2]) if pairs else x.chunk(2, -1)
    a, b = a * cos - b * sin, b * cos + a * sin
    return torch.stack((a, b), -1).flatten(-2) if pairs else torch.cat((a, b), -1)


def alibi(heads: int, queries: Int[Tensor, " q"], keys: Int[Tensor, " k"]) -> Float[Tensor, "1 h q k"]:
    """A bias of -slope x distance, with slopes a geometric series (Press et al. 2022, section 3 and its code for odd head counts)."""
    distance = (queries[:, None] - keys[None, :]).abs()                                    # (q k)
    return -_slopes(heads, keys.device)[None, :, None, None] * distance


@functools.lru_cache(maxsize=64)
def _slopes(heads: int, device: torch.device) -> Float[Tensor, " h"]:
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    with torch.inference_mode(False):                                                      # kept for callers who take gradients too
        return torch.tensor(slopes, device=device)


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
