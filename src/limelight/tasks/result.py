"""Result: what every task gives back; for people, for programs, for notebooks and for tables."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

Cells = Mapping[str, Any]
Columns = Mapping[str, type | GenericAlias]          # what follows a column's own name -> the type of its cells; "" is the answer itself


@dataclass(frozen=True)
class Cost:
    """What the answer took. Seconds are the whole batch's, shared out evenly over its rows."""

    seconds: float
    source_tokens: int
    target_tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"seconds": round(self.seconds, 6), "source_tokens": self.source_tokens, "target_tokens": self.target_tokens}


@dataclass(frozen=True, kw_only=True)
class Result:
    """An answer, with what it rests on; each task has a kind of its own.

    `precision`: what the model's products were computed in. `complete` is False where a limit cut the answer off.
    """

    task: str
    model: str
    source: str
    cost: Cost
    complete: bool = True
    precision: str = "fp32"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; what the removed pipelines gave stands under the keys that they used."""
        said = {"source": self.source, "model": self.model, "precision": self.precision, "complete": self.complete}
        return {**said, "cost": self.cost.to_json()}

    def cells(self) -> Cells:
        """What a table gets: the answer under "", more under the names that follow the column's own."""
        return {"": str(self)}

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
