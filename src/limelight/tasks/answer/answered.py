"""Answered: where in a text the answer to a question stands, and in which sentence."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from ..reading.marked import Mark, marked_html
from ..result import Cells, Result


@dataclass(frozen=True)
class Passage:
    """An answer. `start` and `end`: its characters in the text; `sentence`: those of the sentence, or sentences, that it stands in.

    No answer is one, too: it has no text and stands nowhere (0, 0).
    """

    text: str
    score: float
    start: int
    end: int
    sentence: tuple[int, int] = (0, 0)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, under the old pipeline's keys."""
        return {"score": self.score, "start": self.start, "end": self.end, "answer": self.text}


@dataclass(frozen=True, kw_only=True)
class Answered(Result):
    """The answers to a question, best first: none where the text holds nothing to read. `source` is the question, `context` the text.

    `none`: how likely the model holds it that there is no answer, None where it cannot say; `windows`: in how many the text was read;
    `listed`: whether several answers were asked for.
    """

    context: str = field(repr=False)
    nbest: tuple[Passage, ...]
    none: float | None = None
    windows: int = 1
    listed: bool = False

    @property
    def best(self) -> Passage:
        """The best answer."""
        return self.nbest[0] if self.nbest else Passage("", 0.0, 0, 0)

    @property
    def text(self) -> str:
        """The best answer's text, "" for no answer."""
        return self.best.text

    @property
    def score(self) -> float:
        """The best answer's score."""
        return self.best.score

    @property
    def start(self) -> int:
        """Where the best answer begins, in characters of the text."""
        return self.best.start

    @property
    def end(self) -> int:
        """Where the best answer ends."""
        return self.best.end

    def __str__(self) -> str:
        return self.text

    def cells(self) -> Cells:
        """See Result."""
        if not self.listed:
            return {"": self.text, "score": self.score, "start": self.start, "end": self.end}
        return {
            "": [each.text for each in self.nbest],
            "score": [each.score for each in self.nbest],
            "start": [each.start for each in self.nbest],
            "end": [each.end for each in self.nbest],
        }

    def to_json(self) -> dict[str, Any]:
        """See Result. The text that the places are of is not said again; the sentences are."""
        nbest = [{**each.to_json(), "sentence": self._sentence(each)} for each in self.nbest]
        return {**self.best.to_json(), **super().to_json(), "none": self.none, "windows": self.windows, "nbest": nbest}

    def _sentence(self, passage: Passage) -> dict[str, Any]:
        a, b = passage.sentence
        return {"start": a, "end": b, "text": self.context[a:b]}

    def _repr_html_(self) -> str:
        if not self.text:
            return f"<p>{html.escape(self.source)} <em>no answer</em></p>"
        a, b = self.best.sentence
        mark = Mark(self.start - a, self.end - a, f"{self.score:.4f}")
        return f"<p>{html.escape(self.source)}</p><blockquote>{marked_html(self.context[a:b], [mark])}</blockquote>"
