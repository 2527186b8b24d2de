"""Scores: one number, how sure it is, and how it was computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Z = 1.96


@dataclass(frozen=True)
class Score:
    """One number, as a rule out of 100, half the width of its 95 % interval (0 where none was computed), and how it was computed."""

    name: str
    value: float
    interval: float
    signature: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.1f} ± {self.interval:.1f}   {self.signature}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"name": self.name, "value": round(self.value, 2), "interval": round(self.interval, 2), "signature": self.signature}


@dataclass(frozen=True)
class Aside:
    """Something else that was measured beside the scores: as people read it, and as plain JSON data."""

    line: str
    plain: dict[str, Any]


def share(name: str, found: Sequence[bool], how: str) -> Score:
    """A share in per cent, with half the width of Wilson's interval (1927), which has one where nothing was found, too. Of nothing, 0."""
    n = max(1, len(found))
    part = sum(found) / n
    half = Z * math.sqrt(part * (1 - part) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Score(name, 100 * part, 100 * half, how)
