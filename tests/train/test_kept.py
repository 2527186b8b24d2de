"""Memory that a step frees serves the next step, and goes back to the system in the end."""

from __future__ import annotations

import platform
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from limelight.train.kept import freed_memory_kept, kept_for_now

CPU, BYTES = torch.device("cpu"), 96 << 20
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told to keep memory")


def faults(nbytes: int) -> int:
    """Pages that the system has to fill for a large tensor."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(nbytes, dtype=torch.uint8).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_large_tensor_takes_the_memory_of_the_one_before() -> None:
    with freed_memory_kept(CPU):
        with kept_for_now(CPU):
            first = faults(2 * BYTES)            # with room to spare, of which small things take some
        with kept_for_now(CPU):
            again = faults(BYTES)
        held = resident()
    assert again < first / 20
    assert resident() < held - BYTES / 2


def test_where_there_is_another_library_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limelight.train.kept._tuner", lambda: None)
    with ExitStack() as blocks:
        for block in (freed_memory_kept, kept_for_now):
            blocks.enter_context(block(CPU))
        assert faults(BYTES) > 0
