"""Claim 10: smaller models often suffice. Here: translation; Transformers of several widths learn the same pairs."""

from __future__ import annotations

from dataclasses import replace

from ..values import value
from .claim import Claim
from .findings import Found, Line, Plot, Table
from .intervals import difference, over_seeds
from .lab import Figures, Lab
from .translation import FULL, QUICK, Bench, told
from .verdicts import Check

NAME = "multi-head"
HARDLY = 1.0                     # BLEU: Mathur et al. 2020, section 5: so small a difference seldom is one to people


@value
class Setting:
    """`dims`: widths from small to large, the last of which is what the others are measured against; `seeds`: at most so many."""

    bench: Bench
    dims: tuple[int, ...]
    seeds: int = 3


def measure(lab: Lab, setting: Setting) -> Found:
    """Quality by size."""
    seeds = lab.seeds[: setting.seeds]
    sizes = {dim: [sized(setting.bench, dim).figures(lab, NAME, seed) for seed in seeds] for dim in setting.dims}
    *smaller, large = setting.dims
    checks = [
        Check(
            says=f"BLEU lost with {_share(sizes[dim], sizes[large]):.0%} of the parameters ({dim} wide)",
            found=difference([each["bleu"] for each in sizes[large]], [each["bleu"] for each in sizes[dim]]),
            wanted="below", bound=HARDLY, unit="BLEU",
        )
        for dim in smaller
    ]  # fmt: skip
    checks, warning = told(checks, sizes)
    notes = [
        *warning,
        f"Seeds {', '.join(map(str, seeds))}. The learning rate falls with the root of the width (Vaswani et al. 2017, equation 3).",
        *setting.bench.notes(),
    ]
    return Found(checks, [_table(sizes)], [_plot(sizes)], notes)


def sized(bench: Bench, dim: int) -> Bench:
    """The bench with models of another width, in proportion."""
    times = dim / bench.dim
    rates = (bench.lr[0] * times**-0.5, bench.lr[1] * times**-0.5)
    return bench if dim == bench.dim else replace(bench, dim=dim, hidden=round(bench.hidden * times), lr=rates)


def _share(small: list[Figures], large: list[Figures]) -> float:
    return small[0]["parameters"] / large[0]["parameters"]


def _table(sizes: dict[int, list[Figures]]) -> Table:
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


def _plot(sizes: dict[int, list[Figures]]) -> Plot:
    x = tuple(found[0]["parameters"] for found in sizes.values())
    y = tuple(over_seeds([each["bleu"] for each in found]) for found in sizes.values())
    return Plot(title="Translation by size", x="parameters", y="BLEU", lines=(Line(label=NAME, x=x, y=y),), log_x=True)


CLAIM = Claim(
    number=10,
    name="small",
    statement="Smaller models often suffice.",
    source="Sanh et al. 2019, section 4; Turc et al. 2019, section 5",
    refuted_by="A loss that anyone would notice with a fraction of the parameters.",
    sizes={
        "quick": Setting(bench=QUICK, dims=(16, 32, 64), seeds=1),
        "full": Setting(bench=FULL, dims=(32, 64, 128, 192)),
    },
    measure=measure,
)
