"""How long a step of training takes on this machine, measured apart from the training itself, which may have had to share its core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ..inputs.pairs import Pairs
from ..measure.intervals import Estimate, over_rounds
from ..nn import Network
from ..train.run import Run
from ..values import plain
from .corpus import Material
from .lab import Figures, Lab
from .lessons import Lesson
from .timing import Work, timed
from .translation import Bench


@dataclass(frozen=True, eq=False)
class Few:
    """The first batches of an epoch again and again, so that every turn is the same work; see train.Batches."""

    material: Material
    count: int

    @cached_property
    def pairs(self) -> list[Pairs]:
        """The batches."""
        batches = self.material.batches(0)
        return [batches.batch(indices) for indices in batches.order(0)[: self.count]]

    def order(self, epoch: int) -> list[int]:
        """The same in every epoch."""
        del epoch
        return list(range(self.count))

    def batch(self, indices: int) -> Pairs:
        """One of them."""
        return self.pairs[indices]


@contextmanager
def stepping(lesson: Lesson, batches: Any, count: int) -> Iterator[Work]:
    """A training under way, as a piece of work: `count` steps of it at a time, as `fit` takes them."""
    torch.manual_seed(0)
    with Run(Network(lesson.spec), batches, lesson.loss, lesson.plan) as run:

        def work() -> None:
            for _ in range(count):
                run.advance(None)

        yield work


def paces(lab: Lab, bench: Bench, names: tuple[str, ...], *, batches: int, rounds: int) -> tuple[dict[str, Estimate], Figures]:
    """Seconds of the processor that a step takes, by mechanism, all in turns over the same batches; and {"busy"} from the clock."""
    given = bench.material(lab)
    lessons = {name: bench.lesson(lab, name) for name in names}
    decides = {"steps of": {name: plain(each.spec) for name, each in lessons.items()}, "data": given.fingerprint, "batches": batches}
    few = Few(given, batches)
    with ExitStack() as stack:
        works: Mapping[str, Work] = {name: stack.enter_context(stepping(each, few, batches)) for name, each in lessons.items()}
        found = timed(lab, f"steps of training, {bench.dim} wide", decides, works, rounds=rounds)
    return {name: over_rounds([s / batches for s in seconds]) for name, seconds in found["seconds"].items()}, found


def epoch(lab: Lab, bench: Bench, *, batches: int) -> float:
    """How many steps like the timed ones an epoch is: its target tokens over those of the timed batches, a step of which it is told in."""
    given = bench.material(lab)

    def make() -> Figures:
        every = given.batches(0)
        timed_tokens = sum(pairs.tokens for pairs in Few(given, batches).pairs)
        return {"steps": batches * sum(every.batch(i).tokens for i in every.order(0)) / timed_tokens}

    return float(lab.cell("tokens of an epoch", {"epoch of": given.fingerprint, "batches": batches}, make)["steps"])


def at(steps: float, curve: list[tuple[int, float]]) -> float:
    """What a curve by step says at a step between two of its points; at its ends beyond them."""
    return float(np.interp(steps, [step for step, _ in curve], [x for _, x in curve]))


def reached(curve: list[tuple[int, float]], goal: float, *, rising: bool) -> float | None:
    """The step at which a curve first comes to a goal, between two of its points; None where it never does. It begins at its first
    point."""
    sign = 1 if rising else -1
    before: tuple[int, float] | None = None
    for step, x in curve:
        if sign * (x - goal) >= 0:
            if before is None:
                return float(step)
            return before[0] + (step - before[0]) * (goal - before[1]) / (x - before[1])
        before = (step, x)
    return None
