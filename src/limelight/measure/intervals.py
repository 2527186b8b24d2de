"""How sure a figure is: 95 % intervals over seeds, over differences by seed, over items, and over rounds of a clock."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import InputError
from ..values import value

CONFIDENCE = 0.95
RESAMPLES = 1000
ROUNDING = 1e-14


@value
class Estimate:
    """A mean (or median) with its 95 % interval, and the values that it is of. Without an interval where there is but one value."""

    mean: float
    low: float | None = None
    high: float | None = None
    each: tuple[float, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return _short(self.mean)
        digits = _digits(self.mean, max(self.high - self.low, 0.0) / 2)
        below, above = self.mean - self.low, self.high - self.mean
        if math.isclose(below, above, rel_tol=1e-6, abs_tol=1e-12):
            return f"{self.mean:.{digits}f} ± {above:.{digits}f}" if above else _short(self.mean)
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def _short(x: float) -> str:
    """Four digits that count; what rounding has left of nought is nought."""
    return f"{x if abs(x) > ROUNDING else 0.0:.4g}"


def over_seeds(values: Sequence[float | int]) -> Estimate:
    """The mean of values that differ by chance alone, with Student's interval (Gosset 1908). Raises InputError for no values."""
    each = _checked(values)
    mean = statistics.fmean(each)
    if len(each) == 1:
        return Estimate(mean=mean, each=each)
    half = student(len(each) - 1) * statistics.stdev(each) / math.sqrt(len(each))
    return Estimate(mean=mean, low=mean - half, high=mean + half, each=each)


def difference(first: Sequence[float | int], second: Sequence[float | int]) -> Estimate:
    """First less second, seed by seed: what both owe to the seed falls out. Raises InputError for sides of unequal number."""
    if len(first) != len(second):
        raise InputError(f"pairs by seed: got {len(first)} values and {len(second)}.", "Give both for the same seeds.")
    return over_seeds([a - b for a, b in zip(first, second, strict=True)])


def over_rounds(values: Sequence[float | int]) -> Estimate:
    """The median of times, which are skewed, with the interval between order statistics that holds it with at least 95 %.

    No shape of the distribution is assumed (Conover 1999, section 3.2). Fewer than six rounds have no such interval.
    """
    each = _checked(values)
    ordered, n = sorted(each), len(each)
    middle = statistics.median(ordered)
    outside = 0.0
    rank = 0
    while rank < n // 2 and outside + 2 * math.comb(n, rank) / 2**n <= 1 - CONFIDENCE:
        outside += 2 * math.comb(n, rank) / 2**n
        rank += 1
    if not rank:
        return Estimate(mean=middle, each=each)
    return Estimate(mean=middle, low=ordered[rank - 1], high=ordered[n - rank], each=each)


def over_items(count: int, statistic: Callable[[Sequence[int]], float], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """A statistic of a set of items with its percentile bootstrap interval (Efron 1979): `statistic` is given numbers of items.

    Raises InputError for no items.
    """
    if count < 1:
        raise InputError("a bootstrap draws from items: got none.", "Give at least one.")
    draw = np.random.default_rng(seed)
    drawn = [statistic(draw.integers(0, count, count).tolist()) for _ in range(resamples)]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    return Estimate(mean=statistic(range(count)), low=low, high=high)


def slope(x: Sequence[float | int], y: Sequence[float | int]) -> float:
    """The exponent of a power law through the points: the least-squares slope of log y over log x."""
    a, b = np.log(np.asarray(x)), np.log(np.asarray(y))
    return float(np.polyfit(a, b, 1)[0])


def student(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t within which Student's distribution holds `confidence`. Raises InputError for no degree of freedom."""
    if freedom < 1:
        raise InputError(f"Student's t has at least one degree of freedom: got {freedom}.")
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """The probability of |T| < t: a finite sum for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total


def _digits(mean: float, half: float) -> int:
    """Decimals that show two digits of the half width; without one, four digits of the mean."""
    size = half if half > 0 else abs(mean) / 100
    return min(12, max(0, 1 - math.floor(math.log10(size)))) if size > 0 else 1


def _checked(values: Sequence[float | int]) -> tuple[float, ...]:
    each = tuple(float(x) for x in values)
    if not each or not all(map(math.isfinite, each)):
        raise InputError(f"an estimate is of finite values, at least one: got {list(each)[:6]}.", "Did the training diverge?")
    return each
