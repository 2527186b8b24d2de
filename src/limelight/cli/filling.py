"""How guesses at masked words are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..tasks.fill.filled import Filled
from .given import Shown
from .streams import note


def numbered_lines(result: Filled, number: int | None) -> str:
    """A line for each guess, with the number of its text where there are several."""
    lines = str(result).split("\n")
    return "\n".join(lines if number is None else [f"{number}\t{line}" for line in lines])


@dataclass
class FilledShown(Shown):
    """Guesses, and once each what must be known of the scores."""

    noted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.person = numbered_lines

    def after(self, result: Any) -> None:
        """See Shown."""
        super().after(result)
        if self.given.as_json:
            return
        for each in result.notes:
            if each not in self.noted:
                self.noted.add(each)
                note(f"limelight: note: {each}")
