"""Which number format to compute in, and where bfloat16 is worth it."""

from __future__ import annotations

import timeit
from contextlib import AbstractContextManager
from functools import cache
from typing import Literal

import torch

from ..errors import DeviceError

Precision = Literal["auto", "fp32", "bf16"]
Settled = Literal["fp32", "bf16"]
SIDE, TRIES = 512, 5                     # of the matrices that are multiplied to see, and how often: milliseconds
WORTH = 1.2                              # as many times as fast, to be worth fewer digits


def settle(precision: Precision, device: torch.device) -> Settled:
    """What `precision` comes to on this device. Raises DeviceError where a GPU has no bfloat16 and it was asked for."""
    if precision == "bf16" and device.type == "cuda" and not bf16_is_fast(device):
        raise DeviceError(f"{torch.cuda.get_device_name(device)} has no bfloat16 units.", 'Use plan.precision="fp32" or "auto".')
    if precision == "auto":
        return "bf16" if bf16_is_fast(device) else "fp32"
    return precision


def bf16_is_fast(device: torch.device) -> bool:
    """Whether this device multiplies bfloat16 in hardware, CUDA since Ampere, processors with AVX512-BF16 or AMX; and, of a processor,
    whether that is worth it: on some it is half as fast as float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16")) and gain() > WORTH
    return False


@cache
def gain() -> float:
    """How many times as fast as in float32 this processor makes a product in bfloat16, the best of a few tries of each."""
    def seconds(kind: torch.dtype) -> float:
        a = torch.ones(SIDE, SIDE, dtype=kind)
        torch.mm(a, a)
        return min(timeit.repeat(lambda: torch.mm(a, a), number=1, repeat=TRIES))

    with torch.inference_mode():
        return seconds(torch.float32) / seconds(torch.bfloat16)


def autocast(precision: Settled, device: torch.device) -> AbstractContextManager[object]:
    """A block in which matrix products run in `precision`; weights and sums stay in float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
