"""Embedding: a text as a vector, and how near two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..result import Cells, Result

SHOWN = 6                                # numbers of a vector that a person is shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding(Result):
    """A text's vector in fp32. `norm`: its length before it was made 1, if it was. `pool`: how tokens became one vector; `windows`: in how
    many windows the text was read, whose vectors were averaged by their tokens. `features`: the vector of each token, marks too, as
    `pieces` names them, where they were asked for."""

    vector: Float[np.ndarray, " m"]
    norm: float
    normalised: bool
    pool: str
    windows: int = 1
    pieces: tuple[str, ...] = ()
    features: Float[np.ndarray, "n m"] | None = None

    def similarity(self, other: Embedding) -> float:
        """The cosine of the angle between two texts' vectors: 1 for the same direction, 0 for none in common."""
        return float(similarities([self, other])[0, 1])

    def __str__(self) -> str:
        shown = ", ".join(f"{number:.4f}" for number in self.vector[:SHOWN])
        more = ", ..." if len(self.vector) > SHOWN else ""
        return f"[{shown}{more}]  {len(self.vector)} numbers, {self.pool} of {self.cost.source_tokens} tokens, norm {self.norm:.3f}"

    def cells(self) -> Cells:
        """See Result."""
        return {"": self.vector.tolist()}

    def to_json(self) -> dict[str, Any]:
        """See Result. Token vectors are nested as the old feature-extraction was: one text, its tokens, their numbers."""
        features = {} if self.features is None else {"features": [self.features.tolist()], "pieces": list(self.pieces)}
        made = {"norm": self.norm, "normalised": self.normalised, "pool": self.pool, "windows": self.windows}
        return {**features, "embedding": self.vector.tolist(), **made, **super().to_json()}


def similarities(embeddings: Sequence[Embedding]) -> Float[np.ndarray, "n n"]:
    """The cosines of all pairs; a vector of nothing but noughts is like no other."""
    rows = np.stack([each.vector for each in embeddings]).astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return rows @ rows.T
