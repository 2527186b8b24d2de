"""Result: what every task gives back; for people, for programs and for notebooks."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..look.align import Alignment
from ..look.html import notebook, save
from ..look.picture import Picture


@dataclass(frozen=True)
class Candidate:
    """One of several answers; `score`: log-probability / length ** length_penalty, comparable within one input only."""

    text: str
    score: float


@dataclass(frozen=True)
class Chosen:
    """One step of generation: the piece that was chosen, and how likely the model held it then."""

    piece: str
    probability: float


@dataclass(frozen=True)
class Cost:
    """What the answer took. Seconds are the whole batch's, shared out evenly over its sentences."""

    seconds: float
    source_tokens: int
    target_tokens: int


@dataclass(frozen=True)
class Result:
    """An answer, with what it rests on.

    `complete` is False where max_length cut an answer off. `alignments`: one a sentence, empty where not asked for.
    """

    task: str
    model: str
    source: str
    text: str
    nbest: tuple[Candidate, ...]
    complete: bool
    steps: tuple[Chosen, ...]
    cost: Cost
    alignments: tuple[Alignment, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)   # our field -> the key that the old pipelines used

    def __str__(self) -> str:
        return self.text

    @property
    def alignment(self) -> Alignment:
        """The words of all sentences as one alignment, counted through."""
        source = tuple(w for a in self.alignments for w in a.source)
        target = tuple(w for a in self.alignments for w in a.target)
        links, weights, i0, j0 = [], [], 0, 0
        for a in self.alignments:
            links += [(i + i0, j + j0) for i, j in a.links]
            weights += [(0.0,) * i0 + row + (0.0,) * (len(source) - i0 - len(a.source)) for row in a.weights]
            i0, j0 = i0 + len(a.source), j0 + len(a.target)
        return Alignment(source, target, tuple(links), tuple(weights))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; the answer stands under the key that the removed pipelines used ("translation_text")."""
        out: dict[str, Any] = {
            self.keys.get("text", "text"): self.text,
            "source": self.source,
            "model": self.model,
            "complete": self.complete,
            "nbest": [{"text": c.text, "score": round(c.score, 6)} for c in self.nbest],
            "steps": [{"piece": s.piece, "probability": round(s.probability, 6)} for s in self.steps],
            "cost": {
                "seconds": round(self.cost.seconds, 6),
                "source_tokens": self.cost.source_tokens,
                "target_tokens": self.cost.target_tokens,
            },
        }
        if self.alignments:
            whole = self.alignment
            out["alignment"] = {
                "source": list(whole.source),
                "target": list(whole.target),
                "links": [list(link) for link in whole.links],
                "pharaoh": whole.pharaoh,
                "weights": [[round(w, 4) for w in row] for row in whole.weights],
                "trust": self.pictures[0].trust if self.pictures else "",
            }
        return out

    def save_html(self, path: str | Path) -> Path:
        """Write the pictures as one page that opens with the network off. Raises InputError where there are none, or it cannot be
        written."""
        if not self.pictures:
            raise InputError("there is nothing to draw: no words were aligned.", "Ask with align=True, of a model with a measured aligner.")
        return save(self.pictures, path)

    def _repr_html_(self) -> str:
        return "".join(map(notebook, self.pictures)) or f"<p>{html.escape(self.text)}</p>"
