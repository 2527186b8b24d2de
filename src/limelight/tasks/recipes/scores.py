"""Scores: one number, how sure it is, and how it was computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
