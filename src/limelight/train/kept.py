"""Memory that one training step frees stays with the process for the next: the system fills each page with zeros before it gives it out
again, and a step asks for as many as it did before.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..weights.mapped import trim

TRIM, MAPPED_FROM, MAPPED = -1, -3, -4           # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX of glibc's malloc.h
LARGE, MOST, USUAL = 32 << 20, 2**31 - 1, 65536  # the most that malloc lets MAPPED_FROM grow to by itself; its usual number of maps


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """A block at whose end what the process has freed inside `kept_for_now` goes back to the system."""
    tune = _tuner() if device.type == "cpu" else None
    if tune is None:
        yield
        return
    tune(TRIM, MOST)
    try:
        yield
    finally:
        tune(TRIM, 2 * LARGE)
        trim()


@contextmanager
def kept_for_now(device: torch.device) -> Iterator[None]:
    """A block in which large tensors, too, take memory that was freed before, rather than a map of their own."""
    tune = _tuner() if device.type == "cpu" else None
    if tune is None:
        yield
        return
    tune(MAPPED, 0)
    try:
        yield
    finally:
        tune(MAPPED_FROM, LARGE)
        tune(MAPPED, USUAL)


@functools.cache
def _tuner() -> Callable[[int, int], int] | None:
    """glibc's mallopt; None where there is another library."""
    return ctypes.CDLL(None).mallopt if platform.libc_ver()[0] == "glibc" else None
