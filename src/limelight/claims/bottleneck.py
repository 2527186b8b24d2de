"""Claim 1: a fixed-size vector is a bottleneck; attention lifts it.

Models of one size, with attention and without, learn the same pairs and translate sentences of growing length. Tatoeba's sentences are
short, so long ones are made of two to eight in a row, for all alike; half of the pairs are learnt joined, too, up to four in a row.
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np

from ..measure.intervals import Estimate, difference, over_seeds
from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .translation import FULL, QUICK, Bench, told
from .verdicts import Check

FIXED = "fixed-vector"
LIFTED = ("additive", "general-fed", "multi-head")
PER = 10                         # words: what slopes are told for

Asked = dict[str, list[Figures]]


@value
class Setting:
    """`trained_to`: words of the longest lines that models have learnt; what is longer is shown, and judged by itself. `long`: from how
    many words on a line is long."""

    bench: Bench
    trained_to: int = 30
    long: int = 21


def measure(lab: Lab, setting: Setting) -> Found:
    """BLEU by length, its slope, and what attention adds where sentences are long."""
    asked = {name: [setting.bench.figures(lab, name, seed) for seed in lab.seeds] for name in (FIXED, *LIFTED)}
    slopes = {name: [_slope(each, setting) for each in found] for name, found in asked.items()}
    short = {name: [_mean(each, 0, setting.long - 1) for each in found] for name, found in asked.items()}
    long = {name: [_mean(each, setting.long, setting.trained_to) for each in found] for name, found in asked.items()}
    beyond = {name: [_mean(each, setting.trained_to + 1, None) for each in found] for name, found in asked.items()}
    kept = {name: [many / few if few else 0.0 for few, many in zip(short[name], long[name], strict=True)] for name in asked}
    unit = f"BLEU per {PER} words"
    checks = [
        Check(says=f"{FIXED}, slope of BLEU with length", found=over_seeds(slopes[FIXED]), wanted="below", unit=unit),
        *(
            Check(says=f"{name}, slope less that of {FIXED}", found=difference(slopes[name], slopes[FIXED]), wanted="above", unit=unit)
            for name in LIFTED
        ),
        *(
            Check(
                says=f"{name} less {FIXED}, {setting.long} to {setting.trained_to} words",
                found=difference(long[name], long[FIXED]), wanted="above", unit="BLEU",
            )
            for name in LIFTED
        ),
    ]  # fmt: skip
    columns = {
        f"BLEU, 1 to {setting.long - 1} words": short,
        f"{setting.long} to {setting.trained_to}": long,
        f"more than {setting.trained_to}": beyond,
        unit: slopes,
        f"share of BLEU that is kept at {setting.long} to {setting.trained_to}": kept,
    }
    tables = [_lengths(asked), _summary(asked, columns)]
    checks, notes = told(checks, asked)
    return Found(checks, tables, [_plot(asked)], [*notes, *_notes(setting)])


def _inside(found: Figures, low: int, high: int | None) -> list[dict[str, Any]]:
    return [each for each in found["lengths"] if each["from"] >= low and (high is None or each["to"] <= high)]


def _mean(found: Figures, low: int, high: int | None) -> float:
    """The mean BLEU of the bins between."""
    return fmean(each["bleu"] for each in _inside(found, low, high))


def _slope(found: Figures, setting: Setting) -> float:
    """BLEU that is won with each ten words more, over the lengths that were learnt: a straight line through the bins."""
    bins = _inside(found, 0, setting.trained_to)
    return PER * float(np.polyfit([each["words"] for each in bins], [each["bleu"] for each in bins], 1)[0])


def _lengths(asked: Asked) -> Table:
    bins = asked[FIXED][0]["lengths"]
    return Table(
        title="BLEU by words of the source",
        columns=("", *(f"{each['from']}-{each['to']} ({each['items']})" for each in bins)),
        rows=tuple((name, *_by_bin(found)) for name, found in asked.items()),
    )


def _by_bin(found: list[Figures]) -> tuple[Estimate, ...]:
    return tuple(over_seeds([each["bleu"] for each in same]) for same in zip(*(each["lengths"] for each in found), strict=True))


def _summary(asked: Asked, columns: dict[str, dict[str, list[float]]]) -> Table:
    return Table(
        title="Short, long and longer than what was learnt; slopes over what was learnt",
        columns=("", "parameters", *columns),
        rows=tuple(
            (name, found[0]["parameters"], *(over_seeds(column[name]) for column in columns.values())) for name, found in asked.items()
        ),
    )


def _plot(asked: Asked) -> Plot:
    lines = [Line(label=name, x=tuple(each["words"] for each in found[0]["lengths"]), y=_by_bin(found)) for name, found in asked.items()]
    return Plot(title="BLEU by length", x="words of the source", y="BLEU", lines=tuple(lines))


def _notes(setting: Setting) -> list[str]:
    bench = setting.bench
    counts = ", ".join(f"{count} of {joined}" for joined, count in bench.asked.lines)
    return [
        f"Test lines are Tatoeba's held-out sentences, one or several in a row (lines of sentences: {counts}): no long line is one long "
        "sentence, and its parts have nothing to do with each other. "
        f"{bench.corpus.join:.0%} of the pairs are learnt in the same way, two to four in a row, so lines of more than "
        f"{setting.trained_to} words are longer than nearly all that was learnt. One reference each, greedy search.",
        "Slopes are in BLEU: a model that has little can lose little. The share that is kept of the BLEU of short lines tells the rest.",
        *bench.notes(),
    ]


CLAIM = Claim(
    number=1,
    name="bottleneck",
    statement="A fixed-size vector is a bottleneck; attention lifts it.",
    source="Bahdanau et al. 2015, section 5.2.1, figure 2; Cho et al. 2014, On the Properties of Neural Machine Translation, figure 4",
    refuted_by="Translations from a fixed vector that get no worse with length, or attention that gets as much worse.",
    sizes={"quick": Setting(bench=QUICK), "full": Setting(bench=FULL)},
    measure=measure,
)
