"""Plots as SVG: the same bytes for the same findings, readable on a light and on a dark page and without telling colours apart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import replaced
from ..values import plain
from .findings import Line, Plot

INK = "#7a7a7a"                                 # as far from white as from a dark page's black
COLOURS = ("#1f7fd6", "#d1571b", "#178a5f", "#a463c2", "#94790f", "#0e8599", "#c4487f", "#7a7a7a")
MARKERS, DASHES = ("o", "s", "^", "D", "v", "P", "X", "*"), ("-", "--", "-.", ":")
BANDS_FROM = 9                                  # so many points: their intervals are a band, not bars
FEW = 100                                       # times the least that the greatest is, up to which ticks stand between powers of ten
APART = 13.0                                    # points between the labels of two lines, at least
SETTINGS: Any = {
    "svg.hashsalt": "limelight",
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
}


def draw(plot: Plot, path: Path) -> None:
    """Write a plot as SVG. Raises InputError where matplotlib is not installed."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("plots are drawn with matplotlib, which is not installed.", "Run: pip install limelight[plots]") from None
    with rc_context(SETTINGS):
        figure: Any = Figure(figsize=(7.6, 3.7), dpi=72)           # so that a point is a pixel
        axes = figure.add_axes((0.1, 0.15, 0.57, 0.74))
        for number, line in enumerate(plot.lines):
            _line(axes, line, number)
        _axes(axes, plot)
        axes.autoscale_view()                          # limits are settled when they are asked for, and labels ask now
        _labels(axes, plot)
        with replaced(path) as draft:
            figure.savefig(
                draft, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Description": digest(plot)}
            )


def digest(plot: Plot) -> str:
    """What a drawn plot carries, to tell whether it is of these figures."""
    return f"limelight claims {hashlib.sha256(json.dumps(plain(plot), sort_keys=True).encode()).hexdigest()[:20]}"


def _line(axes: Any, line: Line, number: int) -> None:
    colour, middle = COLOURS[number % len(COLOURS)], [each.mean for each in line.y]
    how = {"color": colour, "marker": MARKERS[number % len(MARKERS)], "linestyle": DASHES[number % len(DASHES)], "linewidth": 1.6}
    axes.plot(line.x, middle, markersize=4.5, **how)
    low = [each.mean if each.low is None else each.low for each in line.y]
    high = [each.mean if each.high is None else each.high for each in line.y]
    if len(line.x) >= BANDS_FROM:
        axes.fill_between(line.x, low, high, color=colour, alpha=0.2, linewidth=0)
    else:
        axes.vlines(line.x, low, high, color=colour, linewidth=1.2)


def _axes(axes: Any, plot: Plot) -> None:
    axes.set_title(plot.title, loc="left")
    axes.set_xlabel(plot.x)
    axes.set_ylabel(plot.y)
    axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.6)
    if plot.log_y:
        _log_y(axes, [each.mean for line in plot.lines for each in line.y if each.mean > 0])
    if plot.log_x:
        axes.set_xscale("log", base=2)
        places = sorted({x for line in plot.lines for x in line.x})
        axes.set_xticks(places, [f"{x:.3g}" if x < 1000 else f"{x:g}" for x in places])
        axes.minorticks_off()


def _log_y(axes: Any, values: list[float]) -> None:
    """Powers of ten; where there are but one or two of them, ticks between as well."""
    axes.set_yscale("log")
    if values and max(values) < FEW * min(values):
        from matplotlib.ticker import FuncFormatter, LogLocator

        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))


def _labels(axes: Any, plot: Plot) -> None:
    """Each line's name at its end, pushed apart where they would overlap."""
    ends = [tuple(axes.transData.transform((line.x[-1], line.y[-1].mean))) for line in plot.lines]
    order = sorted(range(len(ends)), key=lambda n: ends[n][1])
    heights: list[float] = []
    for n in order:
        heights.append(max(ends[n][1], heights[-1] + APART) if heights else ends[n][1])
    over = max(0.0, heights[-1] - axes.bbox.y1) if heights else 0.0
    for n, height in zip(order, heights, strict=True):
        colour = COLOURS[n % len(COLOURS)]
        arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.7, "alpha": 0.7, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        place = {"xy": ends[n], "xycoords": "figure pixels", "xytext": (axes.bbox.x1 + 16, height - over), "textcoords": "figure pixels"}
        axes.annotate(plot.lines[n].label, **place, color=colour, va="center", fontsize=9, arrowprops=arrow)
