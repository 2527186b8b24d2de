"""Extracted: the spans of a text that a model has a label for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from ..reading.marked import Mark, marked_html
from ..result import Cells, Result


class EntityCell(TypedDict):
    """A span, under the old pipeline's keys."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


class TokenCell(TypedDict):
    """A token that was not merged with its neighbours, under the old pipeline's keys."""

    entity: str
    score: float
    index: int
    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Entity:
    """A span of a text. `text`: its exact characters, `start` to `end` of the whole text; `index`: of a token that was not merged, its
    place among the ids of the whole text."""

    label: str
    text: str
    score: float
    start: int
    end: int
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data: an EntityCell, or a TokenCell."""
        if self.index is None:
            return {"entity_group": self.label, "score": self.score, "word": self.text, "start": self.start, "end": self.end}
        more = {"index": self.index, "word": self.text, "start": self.start, "end": self.end}
        return {"entity": self.label, "score": self.score, **more}


@dataclass(frozen=True, kw_only=True)
class Extracted(Result):
    """What was found in a text, in its order. `windows`: in how many the text was read."""

    entities: tuple[Entity, ...]
    windows: int = 1

    def __str__(self) -> str:
        width = max((len(each.label) for each in self.entities), default=0)
        return "\n".join(f"{each.label:<{width}}  {each.score:.4f}  {each.start}-{each.end}  {each.text}" for each in self.entities)

    def cells(self) -> Cells:
        """See Result."""
        return {"": [each.to_json() for each in self.entities]}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        return {"entities": [each.to_json() for each in self.entities], **super().to_json(), "windows": self.windows}

    @property
    def marks(self) -> list[Mark]:
        """The spans as what a text may be marked with."""
        return [Mark(each.start, each.end, each.label) for each in self.entities]

    def _repr_html_(self) -> str:
        return f"<p style='white-space: pre-wrap'>{marked_html(self.source, self.marks)}</p>"
