"""Captioned: what a model wrote of a picture, and for each word where it looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..result import Cells, Result
from ..writing.generated import Candidate, Chosen

Map = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Looked:
    """A word with where the model looked as it wrote it. `span`: its characters in the caption. `map`: for each square of the picture, row
    by row, its share of the attention; `elsewhere`: what is left of it, for vectors that are no squares.

    `fall`: by how much less likely (natural logarithm) the word is once the squares that were looked at most are covered; `chance`: the
    same for as many squares at random. Only where the first is much the larger does the map show what the word was read off.
    """

    word: str
    span: tuple[int, int]
    map: Map
    elsewhere: float
    fall: float
    chance: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        shares = [[round(share, 6) for share in row] for row in self.map]
        measured = {"elsewhere": round(self.elsewhere, 6), "fall": round(self.fall, 4), "chance": round(self.chance, 4)}
        return {"word": self.word, "span": list(self.span), **measured, "map": shares}


@dataclass(frozen=True, kw_only=True)
class Captioned(Result):
    """The caption of a picture, with the prompt that it goes on from. `several`: whether all of `nbest` were asked for. `size`: rows and
    columns of the picture, in pixels. `words`: those that the model wrote, with where it looked, () where that was not asked for; `how`:
    which attention that is, and `trust`: what was measured of it."""

    text: str
    nbest: tuple[Candidate, ...]
    steps: tuple[Chosen, ...]
    size: tuple[int, int]
    prompt: str = ""
    several: bool = False
    words: tuple[Looked, ...] = ()
    how: str = ""
    trust: str = ""

    def __str__(self) -> str:
        return self.text

    def cells(self) -> Cells:
        """See Result."""
        return {"": [each.text for each in self.nbest] if self.several else self.text}

    def to_json(self) -> dict[str, Any]:
        """See Result; the caption is under the key of the old pipeline."""
        out = {
            "generated_text": self.text,
            **super().to_json(),
            "size": list(self.size),
            "nbest": [{"text": each.text, "score": round(each.score, 6)} for each in self.nbest],
            "steps": [{"piece": each.piece, "probability": round(each.probability, 6)} for each in self.steps],
        }
        if self.prompt:
            out["prompt"] = self.prompt
        if self.words:
            out |= {"words": [each.to_json() for each in self.words], "how": self.how, "trust": self.trust}
        return out
