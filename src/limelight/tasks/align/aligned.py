"""Aligned: the words of a source and a translation that was given, and which come from which."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...look.align import Alignment
from ...look.html import notebook, save
from ...look.picture import Picture
from ..result import Cells, Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Aligned(Result):
    """`alignment`: of words; `logprob`: how likely the model holds the translation, the natural logarithm, over all its `tokens`; `trust`:
    how far the alignment can be trusted; `pictures`: the one there is."""

    target: str
    alignment: Alignment
    logprob: float
    tokens: int
    trust: str
    pictures: tuple[Picture, ...] = field(repr=False)

    @property
    def perplexity(self) -> float:
        """The model's doubt about each token of the translation: 1 for none."""
        return math.exp(min(-self.logprob / max(self.tokens, 1), 700.0))

    def __str__(self) -> str:
        return self.alignment.pharaoh

    def cells(self) -> Cells:
        """See Result."""
        return {"": self.alignment.pharaoh}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        told = {"logprob": round(self.logprob, 6), "perplexity": round(self.perplexity, 6)}
        from_words, to_words = map(list, self.alignment.unlinked)
        unlinked = {"unlinked": {"source": from_words, "target": to_words}}
        return {"target": self.target, **told, "alignment": {**self.alignment.to_json(self.trust), **unlinked}, **super().to_json()}

    def save_html(self, path: str | Path) -> Path:
        """Write the picture as one page that opens with the network off. Raises InputError where it cannot be written."""
        return save(self.pictures, path)

    def _repr_html_(self) -> str:
        return "".join(map(notebook, self.pictures))
