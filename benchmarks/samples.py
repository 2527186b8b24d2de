"""Contestants in turns: see limelight.measure."""

from limelight.measure import Samples, Turn, alternate, ratios, rounded, spread

__all__ = ["Samples", "Turn", "alternate", "ratios", "rounded", "spread"]
