"""Generated: the result of a task whose answer is text that a model wrote."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...decode import Tally
from ...errors import InputError
from ...look.align import Alignment
from ...look.html import notebook, save
from ...look.picture import Picture
from ..result import Cells, Result


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


@dataclass(frozen=True, kw_only=True)
class Generated(Result):
    """A text that a model wrote. `several`: whether all of `nbest` were asked for. `led`: what the text goes on from, where it does.
    `parts`: into how many a long source was divided. `alignments`: one a sentence, empty where not asked for. `drafts`: how
    drafting went, where tokens were drafted."""

    text: str
    nbest: tuple[Candidate, ...]
    steps: tuple[Chosen, ...]
    several: bool = False
    led: str = ""
    parts: int = 1
    alignments: tuple[Alignment, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    drafts: Tally | None = None
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

    def cells(self) -> Cells:
        """See Result."""
        return {"": [c.text for c in self.nbest] if self.several else self.text}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        out = {
            self.keys.get("text", "text"): self.led + self.text,
            **({"continuation": self.text} if self.led else {}),
            **super().to_json(),
            "nbest": [{"text": c.text, "score": round(c.score, 6)} for c in self.nbest],
            "steps": [{"piece": s.piece, "probability": round(s.probability, 6)} for s in self.steps],
        }
        if self.drafts is not None:
            out["drafts"] = {"drafted": self.drafts.drafted, "accepted": self.drafts.accepted, "share": round(self.drafts.share, 6)}
        if self.parts > 1:
            out["parts"] = self.parts
        if self.alignments:
            out["alignment"] = self.alignment.to_json(self.pictures[0].trust if self.pictures else "")
        return out

    def save_html(self, path: str | Path) -> Path:
        """Write the pictures as one page that opens with the network off. Raises InputError where there are none, or it cannot be
        written."""
        if not self.pictures:
            raise InputError("there is nothing to draw: no words were aligned.", "Ask with align=True, of a model with a measured aligner.")
        return save(self.pictures, path)

    def _repr_html_(self) -> str:
        return "".join(map(notebook, self.pictures)) or f"<p>{html.escape(self.text)}</p>"
