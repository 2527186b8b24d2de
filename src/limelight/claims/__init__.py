"""Claims: what is said of attention, measured here on real data, with intervals and a verdict that rules have made, not taste."""

from ..measure.intervals import Estimate, difference, over_items, over_rounds, over_seeds
from .claim import Claim, Size
from .findings import Findings, Found, Line, Plot, Table, read, write
from .lab import Lab, Progress
from .lessons import Lesson, Trained, trained
from .register import claims, find
from .verdicts import RULES, Check, Verdict, judge

__all__ = [
    "RULES",
    "Check",
    "Claim",
    "Estimate",
    "Findings",
    "Found",
    "Lab",
    "Lesson",
    "Line",
    "Plot",
    "Progress",
    "Size",
    "Table",
    "Trained",
    "Verdict",
    "claims",
    "difference",
    "find",
    "judge",
    "over_items",
    "over_rounds",
    "over_seeds",
    "read",
    "trained",
    "write",
]
