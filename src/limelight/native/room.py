"""Memory for packed matrices, side by side in large chunks: on pages of 2 MiB, which stream up to twice as fast as small ones."""

from __future__ import annotations

import ctypes
import threading
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor

from .build import library

HUGE = 2 << 20
CHUNK = 32 << 20                         # of address space: what is not written takes no memory
LINE = 64


@dataclass(frozen=True)
class Room:
    """Bytes that begin on a cache line, and the chunk that must be kept as long as other rooms may follow in it."""

    bytes: Tensor
    chunk: Tensor


class _Chunks:
    """The chunk that is being filled. Only its rooms keep it alive."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current: weakref.ref[Tensor] | None = None
        self.used = 0

    def take(self, nbytes: int) -> Room:
        with self.lock:
            chunk = self.current() if self.current else None
            if chunk is None or self.used + nbytes > len(chunk):
                chunk, self.used = _fresh(max(CHUNK, nbytes)), 0
                self.current = weakref.ref(chunk)
            room = Room(chunk[self.used : self.used + nbytes], chunk)
            self.used += -(-nbytes // LINE) * LINE
            return room


def _fresh(nbytes: int) -> Tensor:
    """Whole huge pages."""
    size = -(-nbytes // HUGE) * HUGE
    with torch.inference_mode(False):                               # those who come later may be outside of it
        raw, gap = on_huge_pages(size)
    return raw[gap:][:size]


def on_huge_pages(nbytes: int) -> tuple[Tensor, int]:
    """Fresh bytes, and where in them so many begin that stand on huge pages as far as they fill some."""
    raw = torch.empty(nbytes + HUGE, dtype=torch.uint8)
    gap, native = -raw.data_ptr() % HUGE, library()
    if native is not None:
        native.limelight_huge_pages(ctypes.c_void_p(raw.data_ptr() + gap), ctypes.c_int64(nbytes // HUGE * HUGE))
    return raw, gap


_CHUNKS = _Chunks()
take = _CHUNKS.take
