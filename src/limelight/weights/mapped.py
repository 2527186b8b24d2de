"""Weights that are mapped from a file: the system reads them when they are looked at, and may have their memory back in between."""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

LEAST = 1 << 20                          # bytes that are worth a call
FORGET, COLD = 4, 20                     # madvise's MADV_DONTNEED, and MADV_COLD since Linux 5.4
MAPS, PAGES = Path("/proc/self/maps"), Path("/proc/self/pagemap")
OF_FILE, SWAPPED, PRESENT = (np.uint64(1 << bit) for bit in (61, 62, 63))     # of an entry of pagemap


def give_back(tensor: Tensor) -> bool:
    """Let the system have the memory of a tensor that lies in a mapped file, until somebody looks at it again -> whether it was asked.

    What stays in the system's cache of files is there for the next who opens it. Only whole pages go, and none of a tensor that is in no
    file. Where one was written to, which only this process has, all are marked as not wanted soon and none is forgotten.
    """
    begin, end = _pages(tensor)
    if end - begin < LEAST or not sys.platform.startswith("linux") or tensor.device.type != "cpu" or not _in_file(begin, end):
        return False
    advice = FORGET if _as_in_file(begin, end) else COLD
    return not ctypes.CDLL(None).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), advice)


def trim() -> None:
    """Let the system have what the allocator holds and nobody uses, where it is one that can."""
    if sys.platform.startswith("linux") and (found := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        found(0)


def _pages(tensor: Tensor) -> tuple[int, int]:
    """The whole pages that a tensor reaches over, whatever its strides."""
    reach = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    begin = tensor.data_ptr()
    end = begin + reach * tensor.element_size() if tensor.numel() else begin
    return -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE


def _in_file(begin: int, end: int) -> bool:
    return any(first <= begin and end <= last for first, last in _files())


def _as_in_file(begin: int, end: int) -> bool:
    """Whether none of the pages was written to."""
    try:
        with PAGES.open("rb", buffering=0) as file:
            file.seek(begin // mmap.PAGESIZE * 8)
            found = np.frombuffer(file.read((end - begin) // mmap.PAGESIZE * 8), np.uint64)
    except OSError:
        return False
    whole = len(found) == (end - begin) // mmap.PAGESIZE
    return whole and not bool(((found & (PRESENT | SWAPPED) != 0) & (found & OF_FILE == 0)).any())


def _files() -> Iterator[tuple[int, int]]:
    """From where to where files are mapped."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        where, _, _, _, inode, *_ = line.split(maxsplit=5)
        if inode != "0":
            first, last = where.split("-")
            yield int(first, 16), int(last, 16)
