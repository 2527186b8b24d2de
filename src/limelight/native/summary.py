"""What is kept of a strip of attention weights, in one pass over it: the fast twin of look.summary's reductions."""

from __future__ import annotations

import ctypes

import torch
from jaxtyping import Float
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


def serves(weights: Tensor, top: int) -> bool:
    """Whether there is a kernel for such a strip: float32 on a CPU, and few keys of each query kept."""
    plain = weights.device.type == "cpu" and weights.dtype == torch.float32 and weights.stride(-1) == 1
    return plain and 0 < top <= min(MOST_BEST, weights.shape[-1]) and weights.shape[-2] > 0 and library() is not None


def summed(weights: Float[Tensor, "b q k"], mass: Float[Tensor, "b k"], *, past: int, top: int) -> tuple[Tensor, ...]:
    """Adds what each key got to `mass`, in place -> of each query its best keys and what they got, (b q t), its entropy in nats, what it
    gave the first key, and how many slots away it looked on average, (b q). The first query stands in slot `past`."""
    b, q, k = weights.shape
    at, got = torch.empty(b, q, top, dtype=torch.int64), torch.empty(b, q, top)
    entropy, first, distance = (torch.empty(b, q) for _ in range(3))
    native = library()
    for i in range(b):
        places = (each[i].data_ptr() for each in (at, got, entropy, distance, first, mass))
        strip = _Strip(weights[i].data_ptr(), q, k, weights.stride(1), past, top, *places, torch.get_num_threads())
        if native is not None:
            native.limelight_summary(ctypes.byref(strip))
    return at, got, entropy, first, distance
