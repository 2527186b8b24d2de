"""The machine's limits: how fast it reads from memory and multiplies, so that every other row can say what share of that it reaches.

Loops in C that never leave the registers (limits.c, where a compiler is), and torch's best products; the better of both is the limit.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from limelight.measure import rounded

SOURCE = Path(__file__).with_name("limits.c")
BITS = {"fp32": 32.0, "bf16": 16.0, "int8": 8.0, "int4": 4.5}          # of a weight, the scale of a group of 32 included
COMPUTES = {"fp32": "fp32", "bf16": "bf16", "int8": "int8", "int4": "int8"}
GIGA = 1e9


@dataclass(frozen=True)
class Setting:
    """How much to run: bytes to read, rounds in the registers, the side of torch's square products, repeats (the best counts)."""

    bytes: int
    rounds: int
    side: int
    repeats: int


FULL = Setting(bytes=1 << 30, rounds=20_000_000, side=2048, repeats=5)
SMOKE = Setting(bytes=1 << 22, rounds=20_000, side=64, repeats=2)


@dataclass(frozen=True)
class Limits:
    """GB/s read from memory, and thousands of millions of operations a second in each format, all threads together."""

    read: float
    fp32: float
    bf16: float
    int8: float

    def seconds(self, precision: str, *, weights: float = 0.0, other_bytes: float = 0.0, operations: float = 0.0) -> float:
        """The least time in which so many weights are read and so many operations done: both at once, so the longer of the two."""
        reading = (weights * BITS[precision] / 8 + other_bytes) / self.read
        return max(reading, operations / getattr(self, COMPUTES[precision])) / GIGA


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """The limits -> the JSON of this page, less the machine."""
    found = by_way(smoke)
    return {
        "what": "what this machine does at most: GB/s read from memory, G(FL)OP/s of products",
        "limits": asdict(limits(smoke)),
        "by": {way: {name: rounded(rate) for name, rate in rates.items()} for way, rates in found.items()},
    }


@functools.cache
def limits(smoke: bool = False) -> Limits:
    """Measured once a process, before what is compared with it."""
    ways = by_way(smoke).values()
    return Limits(**{name: rounded(max(rates.get(name, 0.0) for rates in ways)) for name in ("read", "fp32", "bf16", "int8")})


@functools.cache
def by_way(smoke: bool = False) -> dict[str, dict[str, float]]:
    """What each way reaches."""
    s = SMOKE if smoke else FULL
    found = {"torch": _torch(s)}
    if (library := _library()) is not None:
        found["registers"] = _registers(s, library)
    return found


def _best(s: Setting, work: Callable[[], float]) -> float:
    """Thousands of millions a second, the best of some."""
    rates = []
    for _ in range(s.repeats + 1):
        began = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - began) / GIGA)
    return max(rates[1:])


@torch.inference_mode()
def _torch(s: Setting) -> dict[str, float]:
    n, held = s.side, torch.ones(s.bytes // 4)
    square, whole = torch.randn(n, n), torch.randint(-127, 127, (n, n), dtype=torch.int8)
    packed = torch.ops.mkldnn._reorder_linear_weight(square, None) if torch.backends.mkldnn.is_available() else None
    half = square.bfloat16()

    def fp32() -> None:
        _ = square @ square if packed is None else torch.ops.mkldnn._linear_pointwise(square, packed, None, "none", [], "")

    def products(work: Callable[[], Any]) -> float:
        return _best(s, lambda: 2.0 * n**3 if work() is not Ellipsis else 0.0)

    return {
        "read": _best(s, lambda: held.nbytes if held.sum() > 0 else 0.0),
        "fp32": products(fp32),
        "bf16": products(lambda: half @ half),
        "int8": products(lambda: torch._int_mm(whole, whole)),
    }


def _registers(s: Setting, library: ctypes.CDLL) -> dict[str, float]:
    threads = torch.get_num_threads()
    held = torch.ones(s.bytes // 8, dtype=torch.int64)
    part = held.nbytes // threads // 64                                      # vectors of each thread
    with ThreadPoolExecutor(threads) as pool:                                # ctypes lets go of the interpreter

        def together(work: Callable[[int], float]) -> float:
            return _best(s, lambda: sum(pool.map(work, range(threads))))

        found = {"read": together(lambda i: library.read_all(held.data_ptr() + 64 * part * i, part))}
        for name in ("fp32", "bf16", "int8"):
            product = getattr(library, name)
            found[name] = together(lambda _, product=product: product(s.rounds))
    return found


def _library() -> ctypes.CDLL | None:
    """limits.c compiled for this processor; None without a compiler."""
    compiler = next((path for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (path := shutil.which(name))), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "limits.so"
        command = [compiler, "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", str(SOURCE), "-o", str(made)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        library = ctypes.CDLL(str(made))
    for name in ("fp32", "bf16", "int8"):
        getattr(library, name).argtypes, getattr(library, name).restype = [ctypes.c_int64], ctypes.c_double
    library.read_all.argtypes, library.read_all.restype = [ctypes.c_void_p, ctypes.c_int64], ctypes.c_double
    return library
