"""Claim 3: Transformers train in parallel, recurrent nets do not.

A batch always has as many tokens, in rows of 8 to 512: the longer the rows, the more steps a recurrent net must take one after the other,
and the fewer rows it has to do at once. Rows are cut from the real pairs; the recurrent nets use the library's fused kernels wherever
nothing that is seen goes back into the cell. And the same models, trained: how long until they are as good as each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from typing import Any

import torch

from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..measure import alternate, busy, machine
from ..measure.intervals import Estimate, over_rounds, over_seeds
from ..values import plain, value
from .claim import Claim
from .corpus import Ids, Material
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .pace import paces, reached, stepping
from .timing import Work, timed
from .translation import FULL, QUICK, Bench, told
from .verdicts import Check

NET, PLAIN, FED, TRANSFORMER = "fixed-vector", "general", "general-fed", "multi-head"
NAMES = (NET, PLAIN, FED, TRANSFORMER)
SPARE = 0.5                      # more processes than cores, from which on threads would wait for each other, and minutes for the figure
Asked = dict[str, list[Figures]]
SEEING = (PLAIN, FED)            # recurrent nets with attention: without it, none comes near the others


@value
class Setting:
    """`lengths`: tokens of a row; `tokens`: of a batch, on either side. `batches`, `rounds`: of the steps that are timed."""

    bench: Bench
    lengths: tuple[int, ...]
    tokens: int
    batches: int
    rounds: int = 8

    @property
    def shared(self) -> tuple[int, int]:
        """The lengths that all cores are timed on."""
        return self.lengths[0], self.lengths[len(self.lengths) // 2]


@dataclass(frozen=True, eq=False)
class Rows:
    """One batch of rows of `length` tokens, cut from the training pairs in a row; see train.Batches."""

    material: Material
    tokens: int
    length: int

    @cached_property
    def pairs(self) -> Pairs:
        """The batch."""
        source, target = (self._cut(side) for side in self.material.rows)
        return Pairs(source, target)

    def _cut(self, side: Ids) -> Batch:
        rows = max(1, self.tokens // self.length)
        return Batch(torch.tensor(list(islice(chain.from_iterable(side), rows * self.length))).view(rows, self.length))

    def order(self, epoch: int) -> list[int]:
        """The one."""
        del epoch
        return [0]

    def batch(self, indices: int) -> Pairs:
        """The one."""
        del indices
        return self.pairs


def measure(lab: Lab, setting: Setting) -> Found:
    """Tokens a second by length, on one thread and on all cores; then the time that models take to be as good as each other."""
    speeds, loads = _speeds(lab, setting)
    gains, load = _gains(lab, setting)
    asked = {name: [setting.bench.figures(lab, name, seed) for seed in lab.seeds] for name in NAMES}
    times, goals = _times(lab, setting, asked)
    first, middle, last = setting.lengths[0], setting.shared[-1], setting.lengths[-1]
    kept = {name: [b / a for a, b in zip(speeds[first][name], speeds[last][name], strict=True)] for name in NAMES}
    recurrent = [name for name in NAMES if name != TRANSFORMER]
    checks = [
        *(
            Check(says=f"rate at {last} tokens by that at {first}: {TRANSFORMER} by {name}", found=_ratio(kept[TRANSFORMER], kept[name]),
                  wanted="above", bound=1.0)
            for name in recurrent
        ),
        *(
            Check(says=f"rate at {last} tokens: {TRANSFORMER} by {name}", found=_ratio(speeds[last][TRANSFORMER], speeds[last][name]),
                  wanted="above", bound=1.0)
            for name in recurrent
        ),
        *(
            Check(says=f"gain by {cores()} cores at {middle} tokens: {TRANSFORMER} by {name}",
                  found=_ratio(gains[middle][TRANSFORMER], gains[middle][name]), wanted="above", bound=1.0)
            for name in recurrent if gains
        ),
    ]  # fmt: skip
    sooner = [
        Check(says=f"time to the same {what}: {name} by {TRANSFORMER}", found=_by_seed(each[name], each[TRANSFORMER]), wanted="above",
              bound=1.0)
        for what, each in times.items() for name in SEEING
    ]  # fmt: skip
    sooner, warning = told(sooner, asked)
    notes = [
        *warning,
        f"{setting.tokens:,} tokens a batch on either side at every length; a step is forwards, backwards and AdamW's. Seconds on one "
        "thread are the processor's own; the gain by cores is by the clock on the wall, in turns.",
        f"As good as each other: the loss (and BLEU of {setting.bench.watched} sentences) that the worst of the models with attention came "
        "to at its end, read off between evaluations; seconds are steps times the timed seconds of a step, on one thread.",
        f"Processes that wanted a core while one thread was timed: {max(loads):g} at most. {_told_load(gains, load)}",
        *setting.bench.notes(),
    ]
    tables = [_speed_table(setting, speeds), *([_gain_table(gains)] if gains else []), _time_table(times, goals)]
    return Found([*checks, *sooner], tables, [_plot(setting, speeds)], notes)


def _speeds(lab: Lab, setting: Setting) -> tuple[dict[int, dict[str, list[float]]], list[float]]:
    """Target tokens a second on one thread, round by round, by length and mechanism; and how busy the machine was."""
    found, loads = {}, [0.0]
    for length in setting.lengths:
        decides = _decides(lab, setting, length)
        with _training(lab, setting, length) as works:
            figures = timed(lab, f"training on rows of {length} tokens", decides, works, rounds=setting.rounds)
        tokens = length * max(1, setting.tokens // length)
        found[length] = {name: [tokens / s for s in seconds] for name, seconds in figures["seconds"].items()}
        loads += [each for each in figures["busy"] if each is not None]
    return found, loads


class _BusyError(Exception):
    """Others want the cores too; how many processes do."""

    def __init__(self, load: float):
        super().__init__(load)
        self.load = load


def _told_load(gains: dict[int, dict[str, list[float]]], load: list[float]) -> str:
    if gains:
        return f"While all cores were: {max(load):g}."
    if cores() == 1:
        return "There is but one core, so none gains by others."
    return f"What {cores()} cores gain was not measured, for {max(load):g} processes wanted one; a quieter hour will tell."


def _gains(lab: Lab, setting: Setting) -> tuple[dict[int, dict[str, list[float]]], list[float]]:
    """How many times as fast all cores are as one thread, by the clock on the wall, at the shortest rows and at middling ones; {} where
    there is but one core, or others are at work on them."""
    try:
        return _gained(lab, setting) if cores() > 1 else ({}, [0.0])
    except _BusyError as wait:
        return {}, [wait.load]


def _gained(lab: Lab, setting: Setting) -> tuple[dict[int, dict[str, list[float]]], list[float]]:
    found, loads = {}, [0.0]
    for length in setting.shared:
        decides = {**_decides(lab, setting, length), "clock": "wall", "machine": machine(), "cores": cores(), "rounds": setting.rounds}
        with _training(lab, setting, length) as works:
            make = partial(_on_cores, works, setting.rounds)
            figures = lab.cell(f"training on rows of {length} tokens, all cores", decides, make)
        found[length] = figures["gain"]
        loads += [each for each in figures["busy"] if each is not None]
    return found, loads


def _on_cores(works: dict[str, Work], rounds: int) -> Figures:
    before, threads = busy(), torch.get_num_threads()
    if before is not None and before > cores() + SPARE:
        raise _BusyError(before)

    def turn(work: Work, count: int) -> Callable[[int], float]:
        def one(_: int) -> float:
            torch.set_num_threads(count)
            work()
            return 1.0

        return one

    try:
        counts = (1, cores())
        samples = alternate({f"{name}/{n}": turn(work, n) for name, work in works.items() for n in counts}, rounds=rounds)
    finally:
        torch.set_num_threads(threads)
    pairs = {name: zip(*(samples[f"{name}/{n}"].seconds for n in counts), strict=True) for name in works}
    return {"gain": {name: [one / every for one, every in each] for name, each in pairs.items()}, "busy": [before, busy()]}


@contextmanager
def _training(lab: Lab, setting: Setting, length: int) -> Iterator[dict[str, Work]]:
    """A step of each mechanism on rows of this length."""
    rows = Rows(setting.bench.material(lab), setting.tokens, length)
    with ExitStack() as stack:
        yield {name: stack.enter_context(stepping(setting.bench.lesson(lab, name), rows, 1)) for name in NAMES}


def _decides(lab: Lab, setting: Setting, length: int) -> dict[str, Any]:
    specs = {name: plain(setting.bench.spec(name)) for name in NAMES}
    return {"steps of": specs, "data": setting.bench.material(lab).fingerprint, "tokens": setting.tokens, "length": length}


def _times(lab: Lab, setting: Setting, asked: Asked) -> tuple[dict[str, dict[str, list[float | None]]], dict[str, float]]:
    """Seconds until a loss and a BLEU that all models with attention come to, by mechanism and seed; and what these are."""
    seconds, _ = paces(lab, setting.bench, NAMES, batches=setting.batches, rounds=setting.rounds)
    times, goals = {}, {}
    for what, key, rising in (("held-out loss", "nll", False), ("BLEU", "bleu", True)):
        worst = min if rising else max
        goals[what] = worst(_curve(each, key)[-1][1] for name in (*SEEING, TRANSFORMER) for each in asked[name])
        steps = {name: [reached(_curve(each, key), goals[what], rising=rising) for each in found] for name, found in asked.items()}
        times[what] = {name: [None if s is None else s * seconds[name].mean for s in each] for name, each in steps.items()}
    return times, goals


def _curve(found: Figures, key: str) -> list[tuple[int, float]]:
    return [(step, each[key]) for step, each in found["watched"]]


def cores() -> int:
    """How many there are."""
    return int(machine()["cores"] or 1)


def _ratio(first: list[float], second: list[float]) -> Estimate:
    return over_rounds([a / b for a, b in zip(first, second, strict=True)])


def _by_seed(first: list[float | None], second: list[float | None]) -> Estimate:
    return over_seeds([a / b for a, b in zip(first, second, strict=True) if a is not None and b is not None])


def _speed_table(setting: Setting, speeds: dict[int, dict[str, list[float]]]) -> Table:
    return Table(
        title=f"Target tokens a second of training on one thread, by tokens of a row ({setting.tokens:,} a batch)",
        columns=("", *map(str, setting.lengths)),
        rows=tuple((name, *(over_rounds(speeds[n][name]) for n in setting.lengths)) for name in NAMES),
    )


def _gain_table(gains: dict[int, dict[str, list[float]]]) -> Table:
    return Table(
        title=f"Times as fast on {cores()} cores as on one thread, by tokens of a row",
        columns=("", *map(str, gains)),
        rows=tuple((name, *(over_rounds(each[name]) for each in gains.values())) for name in NAMES),
    )


def _time_table(times: dict[str, dict[str, list[float | None]]], goals: dict[str, float]) -> Table:
    rows = tuple((name, *(_when(each[name]) for each in times.values())) for name in NAMES)
    columns = ("", *(f"{what} {goals[what]:.3g}" for what in times))
    return Table(title="Seconds of training on one thread until", columns=columns, rows=rows)


def _when(seconds: list[float | None]) -> Estimate | str:
    there = [each for each in seconds if each is not None]
    return over_seeds(there) if len(there) == len(seconds) else f"{len(there)} of {len(seconds)} came to it"


def _plot(setting: Setting, speeds: dict[int, dict[str, list[float]]]) -> Plot:
    x = tuple(map(float, setting.lengths))
    lines = [Line(label=name, x=x, y=tuple(over_rounds(speeds[n][name]) for n in setting.lengths)) for name in NAMES]
    title = "Training speed by length"
    return Plot(title=title, x="tokens of a row", y="target tokens a second", lines=tuple(lines), log_x=True, log_y=True)


CLAIM = Claim(
    number=3,
    name="parallel",
    statement="Transformers train in parallel, recurrent nets do not.",
    source="Vaswani et al. 2017, sections 1 and 4, table 1",
    refuted_by="Recurrent nets that keep their pace as rows grow, gain as much by cores, or are as soon as good.",
    sizes={
        "quick": Setting(bench=QUICK, lengths=(8, 64, 512), tokens=1024, batches=2, rounds=6),
        "full": Setting(bench=FULL, lengths=(8, 16, 32, 64, 128, 256, 512), tokens=4096, batches=6),
    },
    measure=measure,
)
