"""Contestants in turns on one clock, and what their times say."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Turn = Callable[[int], float]      # the number of the round -> how much work was done


@dataclass
class Samples:
    """What one contestant did: an amount of work and the seconds it took, round by round."""

    work: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Work a second, round by round."""
        return [w / s for w, s in zip(self.work, self.seconds, strict=True)]

    def plain(self, unit: str) -> dict[str, Any]:
        """For JSON."""
        return {"unit": unit, **spread(self.rates), "samples": rounded(self.rates), "seconds": rounded(self.seconds)}


def alternate(
    contestants: Mapping[str, Turn], *, rounds: int, warm: int = 1, rest: float = 0.0, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Samples]:
    """A B C A B C ...: `warm` rounds that do not count, then `rounds` that do. `rest`: seconds before each turn, in which other
    runtimes' thread pools stop spinning. `clock`: in seconds; time.process_time leaves out what other processes took of the core."""
    samples = {name: Samples() for name in contestants}
    with _standing_apart():
        for number in range(-warm, rounds):
            for name, turn in contestants.items():
                gc.collect()
                time.sleep(rest)
                began = clock()
                work = turn(number + warm)
                seconds = clock() - began
                if number >= 0:
                    samples[name].work.append(work)
                    samples[name].seconds.append(seconds)
    return samples


@contextmanager
def _standing_apart() -> Iterator[None]:
    """What stands by now (a large library is a million objects) is garbage to nobody, and is not searched before each turn or in it."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def ratios(ours: Samples, theirs: Samples) -> dict[str, Any]:
    """Our rate by theirs, round by round: above 1 we are the faster."""
    each = [a / b for a, b in zip(ours.rates, theirs.rates, strict=True)]
    return {**spread(each), "samples": rounded(each)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": rounded(statistics.median(values)), "min": rounded(min(values)), "max": rounded(max(values))}


def rounded(x: Any) -> Any:
    """Four digits that count; lists item by item."""
    return [rounded(each) for each in x] if isinstance(x, list) else float(f"{x:.4g}")
