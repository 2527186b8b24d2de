"""Random numbers that depend on the seed and the step alone, so that a resumed run draws what an unbroken one would."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def chance(device: torch.device, *key: int) -> Iterator[None]:
    """A block that draws (python, numpy, torch) from a stream named by `key`; the caller's streams are put back after it."""
    seed = int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest()) >> 1
    devices = [device] if device.type == "cuda" else []
    ours, numpys = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % (1 << 32))
        try:
            yield
        finally:
            random.setstate(ours)
            np.random.set_state(numpys)
