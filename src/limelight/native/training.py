"""What a training step does on a CPU besides products: the softmax of long rows, sums of two formats, and memory for large tensors."""

from __future__ import annotations

import ctypes
import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..ops.cross_entropy import PLAIN, Ways
from .build import library
from .room import on_huge_pages

MANY = 8 << 20                           # bytes from which on huge pages are asked for
HALVES = {torch.bfloat16: 1, torch.float32: 0}


class _Rows(ctypes.Structure):
    """csrc/softmax.cpp's Rows."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("logits", "slopes", "whole", "mean", "room")),
        *((name, ctypes.c_int64) for name in ("rows", "words", "stride", "slopes_stride")),
        ("spread", ctypes.c_float),
        ("half", ctypes.c_int32),
        ("threads", ctypes.c_int32),
    )


def softmax_rows(logits: Float[Tensor, "t v"], slopes: Float[Tensor, "t v"] | None, spread: float) -> tuple[Tensor, Tensor]:
    """`ops.cross_entropy.softmax_rows` in one walk over memory, for float32 and bfloat16 on a CPU; else that. A row's numbers depend on
    neither its neighbours nor the threads."""
    native = library()
    alike = slopes is None or (slopes.dtype == logits.dtype and slopes.stride(1) == 1)
    if native is None or logits.device.type != "cpu" or logits.dtype not in HALVES or logits.stride(1) != 1 or not alike:
        return PLAIN.softmax(logits, slopes, spread)
    (rows, words), threads = logits.shape, torch.get_num_threads()
    whole, mean, room = torch.empty(rows), torch.zeros(rows), torch.empty(threads, words)
    places = (logits.data_ptr(), _at(slopes), whole.data_ptr(), _at(mean if spread else None), room.data_ptr())
    strides = (logits.stride(0), 0 if slopes is None else slopes.stride(0))
    native.limelight_softmax(ctypes.byref(_Rows(*places, rows, words, *strides, spread, HALVES[logits.dtype], threads)))
    return whole, mean


def add_to(sums: Float[Tensor, "r m"], made: Float[Tensor, "r m"], *, fresh: bool) -> None:
    """`ops.cross_entropy.add_to`, with the same bits, in one pass for bfloat16 that is added to float32 on a CPU; else that."""
    native, kinds = library(), (sums.dtype, made.dtype)
    whole = sums.is_contiguous() and made.is_contiguous()
    if native is None or sums.device.type != "cpu" or kinds != (torch.float32, torch.bfloat16) or not whole:
        PLAIN.add(sums, made, fresh=fresh)
        return
    places = (ctypes.c_void_p(each.data_ptr()) for each in (made, sums))
    native.limelight_add(*places, ctypes.c_int64(sums.numel()), ctypes.c_int(fresh), ctypes.c_int(torch.get_num_threads()))


def empty(size: tuple[int, ...], *, dtype: torch.dtype, device: torch.device) -> Tensor:
    """`torch.empty`, on huge pages where it is large: fresh memory costs as much as a pass over it, mostly by the page."""
    nbytes, each = math.prod(size) * dtype.itemsize, dtype.itemsize
    if library() is None or device.type != "cpu" or nbytes < MANY:
        return torch.empty(size, dtype=dtype, device=device)
    raw, gap = on_huge_pages(nbytes)
    made = torch.empty(0, dtype=dtype)                              # no view: autograd adds in place where nobody else holds the memory
    return made.set_(raw.untyped_storage(), gap // each, size)      # pyright: ignore[reportCallIssue, reportArgumentType]


def _at(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


TRAINING = Ways(softmax_rows, add_to, empty)
