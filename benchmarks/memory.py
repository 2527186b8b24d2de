"""Peak memory: see limelight.measure."""

from limelight.measure import METHOD, peak

__all__ = ["METHOD", "peak"]
