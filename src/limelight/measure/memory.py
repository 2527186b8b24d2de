"""How much memory a piece of work takes at its peak: resident pages of this process, not what one allocator thinks."""

from __future__ import annotations

import ctypes
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
METHOD = "VmHWM after a reset" if CLEAR.exists() else "ru_maxrss"
MIB = 2**20


@contextmanager
def peak() -> Iterator[Callable[[], float]]:
    """A block, and a function that says after it how many MiB its peak stood above what was there before."""
    before = _reset()
    after = 0

    def extra() -> float:
        return max(0, after - before) / MIB

    yield extra
    after = _high()


def _reset() -> int:
    """Bytes now; Linux begins to look for the highest anew, once the allocator has given back what it held in store."""
    if not CLEAR.exists():
        return _high()
    with suppress(OSError, AttributeError):            # another C library than GNU's keeps nothing in store, or does not say
        ctypes.CDLL(None).malloc_trim(0)
    CLEAR.write_text("5")
    return _status("VmRSS")


def _high() -> int:
    if CLEAR.exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+) kB$", STATUS.read_text("ascii"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
