"""Growth as curves: what a further token costs against what stands before it, and against the rows that are written at once.

All of ours, and each other library in the format that it is fastest in where most is asked; the page's table has the others.
"""

from __future__ import annotations

import json
from pathlib import Path

from limelight.claims.findings import Line, Plot
from limelight.claims.plots import draw
from limelight.measure.intervals import Estimate

from .cells import Record
from .contestants import LIMELIGHT

NAME = "pictures/growth-{}.svg"         # beside the page


def write(results: Path, folder: Path) -> None:
    """Draw them from the record, where it has been measured; `folder`: where the page is."""
    path = results / "growth.json"
    if path.exists():
        for number, plot in enumerate(plots(json.loads(path.read_text("utf-8"))), 1):
            draw(plot, folder / NAME.format(number))


def plots(r: Record) -> tuple[Plot, Plot]:
    """By context, and by rows; medians in ms, from the least to the most."""
    return (
        _plot(r, "A further token, by what stands before it", "tokens before it", "context", "rows"),
        _plot(r, "A further token, by rows at once", "rows", "rows", "context"),
    )


def _plot(r: Record, title: str, x: str, along: str, held: str) -> Plot:
    """Cases in which `held` is least, along the other."""
    least = min(case["setting"][held] for case in r["cases"])
    cases = [case for case in r["cases"] if case["setting"][held] == least]
    names = _shown(cases)
    lines = tuple(_line(name, along, cases) for name in names)
    return Plot(title=title, x=x, y="ms a token", lines=lines, log_x=True, log_y=True)


def _shown(cases: list[Record]) -> list[str]:
    """Names of lines, in the order of the record."""
    fastest: dict[str, str] = {}
    for case in cases:                                           # the last that a library took part in is what counts
        best: dict[str, str] = {}
        for name, rate in case["results"].items():
            library = name if name.startswith(LIMELIGHT) else name.rpartition(" ")[0]
            if library not in best or rate["median"] > case["results"][best[library]]["median"]:
                best[library] = name
        fastest |= best
    return list(fastest.values())


def _line(name: str, along: str, cases: list[Record]) -> Line:
    there = [case for case in cases if name in case["results"]]
    places = tuple(float(case["setting"][along]) for case in there)
    return Line(label=name, x=places, y=tuple(_cost(case["results"][name]) for case in there))


def _cost(rate: Record) -> Estimate:
    return Estimate(mean=1000 / rate["median"], low=1000 / rate["max"], high=1000 / rate["min"])
