"""Claim 9: attention costs n squared.

One causal attention over n tokens, forwards, in float32: all weights written out, the fused kernel that never holds them, a window as a
mask (all scores are made, most are hidden), a window block by block (only what it shows is made), and linear attention. The exponent of
a cost is the slope of its logarithm over that of n; a bound of 1.5 asks whether it is nearer to 2 or to 1.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from .. import ops
from ..measure.intervals import Estimate, over_rounds, slope
from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .timing import Work, peaks, timed
from .verdicts import Check

HALF_WAY = 1.5
WRITTEN, FUSED, MASKED, BLOCKS, LINEAR = "full, weights written out", "full, fused", "window as a mask", "window in blocks", "linear"

WAYS = (WRITTEN, FUSED, MASKED, BLOCKS, LINEAR)


@value
class Setting:
    """`lengths`: numbers of tokens; `window`: keys that a query sees there."""

    lengths: tuple[int, ...] = (512, 1024, 2048, 3072)
    heads: int = 4
    width: int = 64
    window: int = 64
    rounds: int = 6


def measure(lab: Lab, setting: Setting) -> Found:
    """Seconds and memory by length, and their exponents."""
    seconds, memory, load = {}, {}, []
    for n in setting.lengths:
        decides = {"length": n, "heads": setting.heads, "width": setting.width, "window": setting.window}
        works = contestants(n, setting)
        found = timed(lab, f"one attention over {n} tokens: seconds", decides, works, rounds=setting.rounds)
        seconds[n], load = found["seconds"], [*load, *(each for each in found["busy"] if each is not None)]
        memory[n] = peaks(lab, f"one attention over {n} tokens: memory", decides, works, rounds=setting.rounds)
    times = {name: _exponent(seconds, name) for name in WAYS}
    rooms = {name: _exponent(memory, name) for name in WAYS}
    checks = [
        *(Check(says=f"exponent of time, {name}", found=times[name], wanted="above", bound=HALF_WAY) for name in (WRITTEN, FUSED)),
        *(Check(says=f"exponent of memory, {name}", found=rooms[name], wanted="above", bound=HALF_WAY) for name in (WRITTEN, FUSED)),
        *(Check(says=f"exponent of time, {name}", found=times[name], wanted="below", bound=HALF_WAY) for name in (BLOCKS, LINEAR)),
    ]
    tables = [
        _table("Milliseconds of one processor", seconds, times, 1000.0),
        _table("MiB at the peak, above what was there", memory, rooms, 1.0),
    ]
    plots = [_plot("Time of one attention", "milliseconds", seconds, 1000.0), _plot("Memory of one attention", "MiB", memory, 1.0)]
    return Found(checks, tables, plots, [f"Processes that wanted a core while this was timed: {max(load):g} at most."] if load else [])


def contestants(n: int, setting: Setting) -> dict[str, Work]:
    """One causal attention over n tokens, in five ways."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, setting.heads, n, setting.width).unbind()
    slots = torch.arange(n)
    works = {
        WRITTEN: partial(ops.attend_plain, q, k, v, causal=True),
        FUSED: partial(ops.attend, q, k, v, causal=True),
        MASKED: partial(_masked, q, k, v, slots, setting.window),
        BLOCKS: partial(ops.windowed, q, k, v, window=setting.window, causal=True),
        LINEAR: partial(ops.linear, q, k, v, causal=True),
    }
    return {name: torch.no_grad()(work) for name, work in works.items()}


def _masked(q: Tensor, k: Tensor, v: Tensor, slots: Tensor, window: int) -> Tensor:
    return ops.attend(q, k, v, allow=(ops.causal & ops.window(window)).dense(slots, slots))


def _exponent(by_length: dict[int, Figures], name: str) -> Estimate:
    """The slope of each round, and their median."""
    rounds = zip(*(each[name] for each in by_length.values()), strict=True)
    return over_rounds([slope(list(by_length), costs) for costs in rounds])


def _scaled(values: list[float], factor: float) -> Estimate:
    return over_rounds([x * factor for x in values])


def _table(title: str, by_length: dict[int, Figures], exponents: dict[str, Estimate], factor: float) -> Table:
    return Table(
        title=f"{title}, by tokens",
        columns=("", *map(str, by_length), "exponent"),
        rows=tuple(
            (name, *(_scaled(each[name], factor) for each in by_length.values()), exponent) for name, exponent in exponents.items()
        ),
    )


def _plot(title: str, unit: str, by_length: dict[int, Figures], factor: float) -> Plot:
    names = next(iter(by_length.values()))
    lines = [Line(label=name, x=tuple(by_length), y=tuple(_scaled(each[name], factor) for each in by_length.values())) for name in names]
    return Plot(title=title, x="tokens", y=unit, lines=tuple(lines), log_x=True, log_y=True)


CLAIM = Claim(
    number=9,
    name="quadratic",
    statement="Attention costs n squared.",
    source="Vaswani et al. 2017, table 1; Beltagy et al. 2020, section 3.1; Katharopoulos et al. 2020, section 3.2",
    refuted_by="Time or memory of full attention that grows nearer to n than to its square; windows or linear attention that do not.",
    sizes={"quick": Setting(), "full": Setting(lengths=(512, 1024, 2048, 4096, 8192), rounds=10)},
    measure=measure,
)
