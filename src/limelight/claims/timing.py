"""Timing: contestants in turns on one clock, and what memory each takes at its peak; kept as cells of this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ..measure import alternate, busy, machine, peak
from .lab import Figures, Lab

LEAST = 0.01            # seconds of a turn: shorter work is repeated within it
Work = Callable[[], object]


def timed(lab: Lab, what: str, decides: Mapping[str, Any], contestants: Mapping[str, Work], *, rounds: int = 8) -> Figures:
    """Seconds of each contestant's work, round by round, in turns after a round that does not count -> {"seconds": {name: [...]},
    "busy": processes that wanted a core before and after}.

    Seconds are those of the processor, on one thread: what others do on the machine counts as little as it can.
    """

    def make() -> Figures:
        before = busy()
        with _one_thread():
            turns = {name: _turn(work, _often(work)) for name, work in contestants.items()}
            samples = alternate(turns, rounds=rounds, clock=time.process_time)
        seconds = {name: [s / w for w, s in zip(each.work, each.seconds, strict=True)] for name, each in samples.items()}
        return {"seconds": seconds, "busy": [before, busy()]}

    return lab.cell(what, {"timed": what, **decides, "rounds": rounds, **_here()}, make)


def peaks(lab: Lab, what: str, decides: Mapping[str, Any], contestants: Mapping[str, Work], *, rounds: int = 3) -> Figures:
    """MiB that each contestant's work takes at its peak above what was there before, round by round -> {name: [...]}."""

    def make() -> Figures:
        found: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(-1, rounds):
            for name, work in contestants.items():
                with peak() as extra:
                    work()
                if number >= 0:
                    found[name].append(extra())
        return found

    return lab.cell(what, {"peaks": what, **decides, "rounds": rounds, **_here()}, make)


def _here() -> dict[str, Any]:
    """What a time depends on besides the work."""
    return {"machine": machine(), "clock": "processor, one thread"}


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _often(work: Work) -> int:
    """How often the work is done in a turn; this is its warming up, too."""
    work()
    began = time.process_time()
    work()
    return max(1, math.ceil(LEAST / max(time.process_time() - began, 1e-7)))


def _turn(work: Work, often: int) -> Callable[[int], float]:
    def turn(_: int) -> float:
        for _ in range(often):
            work()
        return float(often)

    return turn
