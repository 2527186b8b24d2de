"""What is kept of attention weights, of a strip of them or of a whole map that never stands in memory: the fast twin of look.summary."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int32
from torch import Tensor

from .build import library

MOST_BEST = 64


class _Strip(ctypes.Structure):
    """csrc/summary.cpp's Strip."""

    _fields_ = (
        ("weights", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("rows", "keys", "stride", "past", "best")),
        *((name, ctypes.c_void_p) for name in ("at", "got", "entropy", "distance", "first", "mass")),
        ("threads", ctypes.c_int64),
    )


class _Map(ctypes.Structure):
    """csrc/summary_map.cpp's Map."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("q", "k")),
        *((name, ctypes.c_int64) for name in ("q_stride", "k_stride", "queries", "keys", "width", "past", "best")),
        *((name, ctypes.c_void_p) for name in ("at", "got", "entropy", "distance", "first", "mass", "room")),
        ("scale", ctypes.c_float),
        *((name, ctypes.c_int32) for name in ("causal", "threads")),
    )


@dataclass(frozen=True, eq=False)
class Sums:
    """Where the summary of some heads is put, and what each key got is added to."""

    best: Int32[Tensor, "b h q t"]
    weights: Float[Tensor, "b h q t"]
    entropy: Float[Tensor, "b h q"]
    first: Float[Tensor, "b h q"]
    distance: Float[Tensor, "b h q"]
    mass: Float[Tensor, "b h k"]


def reads(q: Tensor, k: Tensor, top: int) -> bool:
    """Whether there is a kernel for such queries and keys: float32 on a CPU, and few keys of each query kept."""
    plain = all(each.device.type == "cpu" and each.dtype == torch.float32 and each.stride(-1) == 1 for each in (q, k))
    return plain and 0 < top <= min(MOST_BEST, k.shape[-2]) and q.numel() > 0 and library() is not None


def mapped(
    q: Float[Tensor, "b h q d"], k: Float[Tensor, "b g k d"], heads: Sequence[int], into: Sums, *, scale: float, causal: bool, past: int
) -> None:
    """Sum up softmax(scale q k^T) of some heads; the first query stands in slot `past` of the keys."""
    native, (b, h, n, d), total, threads = library(), q.shape, k.shape[2], torch.get_num_threads()
    if native is None:
        raise RuntimeError("there are no native kernels")
    native.limelight_summary_room.restype = ctypes.c_int64
    room = torch.empty(native.limelight_summary_room(ctypes.c_int64(total), ctypes.c_int64(d), threads))
    share = h // k.shape[1]
    for row in range(b):
        for i, head in enumerate(heads):
            asks, keys = q[row, head], k[row, head // share]
            sizes = (asks.stride(0), keys.stride(0), n, total, d, past, into.best.shape[-1])
            parts = (into.best, into.weights, into.entropy, into.distance, into.first, into.mass)
            places = (each[row, i].data_ptr() for each in parts)
            found = _Map(asks.data_ptr(), keys.data_ptr(), *sizes, *places, room.data_ptr(), scale, causal, threads)
            native.limelight_summary_map(ctypes.byref(found))


def serves(weights: Tensor, top: int) -> bool:
    """Whether there is a kernel for such a strip: float32 on a CPU, and few keys of each query kept."""
    plain = weights.device.type == "cpu" and weights.dtype == torch.float32 and weights.stride(-1) == 1
    return plain and 0 < top <= min(MOST_BEST, weights.shape[-1]) and weights.shape[-2] > 0 and library() is not None


def summed(weights: Float[Tensor, "b q k"], mass: Float[Tensor, "b k"], *, past: int, top: int) -> tuple[Tensor, ...]:
    """Adds what each key got to `mass`, in place -> of each query its best keys and what they got, (b q t), its entropy in nats, what it
    gave the first key, and how many slots away it looked on average, (b q). The first query stands in slot `past`."""
    b, q, k = weights.shape
    at, got = torch.empty(b, q, top, dtype=torch.int32), torch.empty(b, q, top)
    entropy, first, distance = (torch.empty(b, q) for _ in range(3))
    native = library()
    for i in range(b):
        places = (each[i].data_ptr() for each in (at, got, entropy, distance, first, mass))
        strip = _Strip(weights[i].data_ptr(), q, k, weights.stride(1), past, top, *places, torch.get_num_threads())
        if native is not None:
            native.limelight_summary(ctypes.byref(strip))
    return at, got, entropy, first, distance
