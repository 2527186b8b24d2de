"""Measuring: what a figure depends on besides the code, how much memory a piece of work takes, and fair turns on one clock."""

from .machine import busy, machine, versions
from .memory import METHOD, peak
from .turns import Samples, Turn, alternate, ratios, rounded, spread

__all__ = ["METHOD", "Samples", "Turn", "alternate", "busy", "machine", "peak", "ratios", "rounded", "spread", "versions"]
