"""Claim 10: smaller models often suffice. Models of several widths learn the same: Transformers to translate, encoders to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from ..measure.intervals import difference, over_seeds
from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .lab import Figures, Lab
from .opinions import FULL as OPINIONS
from .opinions import QUICK as FEW_OPINIONS
from .opinions import Judging, Opinions
from .translation import FULL, QUICK, Bench, told
from .verdicts import Check, from_on

NAME = "multi-head"
HARDLY = 1.0                     # BLEU: Mathur et al. 2020, section 5: so small a difference seldom is one to people
POINT = 1.0                      # of balanced accuracy, per cent: one text in a hundred
LEAST = 60.0                     # balanced accuracy of two classes, per cent, from which on differences mean something
Sizes = Mapping[int, Sequence[Figures]]


@value
class Setting:
    """`dims`: widths from small to large, the last of which is what the others are measured against, of Transformers that translate;
    `judges`: of encoders that judge `opinions`; `seeds`: at most so many."""

    bench: Bench
    dims: tuple[int, ...]
    opinions: Opinions
    judges: tuple[int, ...] = (16, 32, 64, 128)
    seeds: int = 3


def measure(lab: Lab, setting: Setting) -> Found:
    """Quality by size."""
    seeds = lab.seeds[: setting.seeds]
    judging = Judging(lab, setting.opinions)
    say = {dim: [sized(setting.bench, dim).figures(lab, NAME, seed) for seed in seeds] for dim in setting.dims}
    judge = {dim: [judging.figures(dim, seed) for seed in seeds] for dim in setting.judges}
    best = max(fmean(each["mean"] for each in found) for found in judge.values())
    chance = f"The best encoder comes to {best:.1f} % balanced accuracy, where 50 is chance: it settles no check."
    translates, warning = told(_checks(say, "bleu", "BLEU lost in translation", HARDLY, "BLEU"), say)
    judges, doubt = from_on(_checks(judge, "mean", "balanced accuracy lost in judging opinions", POINT, "points"), best, LEAST, chance)
    notes = [
        *warning,
        *doubt,
        f"Seeds {', '.join(map(str, seeds))}. Learning rates fall with the root of the width (Vaswani et al. 2017, equation 3).",
        *setting.bench.notes(),
        *judging.notes(),
    ]
    plots = [
        _plot("Translation by size", NAME, "BLEU", "bleu", say),
        _plot("Opinions by size", "encoder", "balanced accuracy, %", "mean", judge),
    ]
    return Found([*translates, *judges], [_translation(say), _judging(judge)], plots, notes)


def sized(bench: Bench, dim: int) -> Bench:
    """The bench with models of another width, in proportion."""
    times = dim / bench.dim
    rates = (bench.lr[0] * times**-0.5, bench.lr[1] * times**-0.5)
    return bench if dim == bench.dim else replace(bench, dim=dim, hidden=round(bench.hidden * times), lr=rates)


def _checks(sizes: Sizes, figure: str, says: str, bound: float, unit: str) -> list[Check]:
    *smaller, large = sizes
    whole, parameters = [each[figure] for each in sizes[large]], sizes[large][0]["parameters"]
    return [
        Check(
            says=f"{says} with {sizes[dim][0]['parameters'] / parameters:.0%} of the parameters ({dim} wide)",
            found=difference(whole, [each[figure] for each in sizes[dim]]),
            wanted="below", bound=bound, unit=unit,
        )
        for dim in smaller
    ]  # fmt: skip


def _translation(sizes: Sizes) -> Table:
    rows = tuple(
        (
            dim,
            found[0]["parameters"],
            over_seeds([each["bleu"] for each in found]),
            over_seeds([each["chrf"] for each in found]),
            over_seeds([each["watched"][-1][1]["nll"] for each in found]),
            over_seeds([each["alignment"]["aer"] for each in found]),
        )
        for dim, found in sizes.items()
    )
    columns = ("width", "parameters", "BLEU", "chrF", "held-out loss, nats", "AER")
    return Table(title="Translation by size, after the same steps on the same pairs", columns=columns, rows=rows)


def _judging(sizes: Sizes) -> Table:
    sets = tuple(next(iter(sizes.values()))[0]["balanced"])
    rows = tuple(
        (
            dim,
            found[0]["parameters"],
            over_seeds([each["mean"] for each in found]),
            *(over_seeds([each["balanced"][name] for each in found]) for name in sets),
        )
        for dim, found in sizes.items()
    )
    columns = ("width", "parameters", "all sets", *sets)
    return Table(title="Opinions by size, after the same steps on the same texts: balanced accuracy, %", columns=columns, rows=rows)


def _plot(title: str, label: str, what: str, figure: str, sizes: Sizes) -> Plot:
    x = tuple(found[0]["parameters"] / 1e6 for found in sizes.values())
    y = tuple(over_seeds([each[figure] for each in found]) for found in sizes.values())
    return Plot(title=title, x="million parameters", y=what, lines=(Line(label=label, x=x, y=y),), log_x=True)


CLAIM = Claim(
    number=10,
    name="small",
    statement="Smaller models often suffice.",
    source="Sanh et al. 2019, section 4; Turc et al. 2019, section 5",
    refuted_by="A loss that anyone would notice with a fraction of the parameters.",
    sizes={
        "quick": Setting(bench=QUICK, dims=(16, 32, 64), opinions=FEW_OPINIONS, judges=(16, 64), seeds=1),
        "full": Setting(bench=FULL, dims=(32, 64, 128, 192), opinions=OPINIONS),
    },
    measure=measure,
)
