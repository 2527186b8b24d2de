"""Detected: what was found in a picture, in its own pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ...data.boxes.marks import Corners, Mark, Marked
from ...look.visible import visible
from ..result import Cells, Result

CORNERS = ("xmin", "ymin", "xmax", "ymax")       # as the old pipeline called them


class FoundCell(TypedDict):
    """An object in a table."""

    label: str
    score: float
    xmin: float
    ymin: float
    xmax: float
    ymax: float


@dataclass(frozen=True)
class Looked:
    """Where a place of the model looked in the last layer, the mean of all heads: shares on a `grid` over the picture, row by row. `reach`:
    how far that goes down and across, as shares of the picture. `trust`: the share of all its attention that lies within the box; one that
    looked everywhere alike has the box's own share of the picture."""

    grid: tuple[tuple[float, ...], ...]
    reach: tuple[float, float]
    trust: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        shares = [[round(share, 6) for share in row] for row in self.grid]
        return {"trust": round(self.trust, 4), "looked": shares, "reach": [round(each, 4) for each in self.reach]}


@dataclass(frozen=True)
class Found:
    """One object. `box`: left, top, right and bottom in pixels of the picture. `place`: which of the model's places found it; `looked`:
    where that place looked, where it was asked for."""

    label: str
    score: float
    box: Corners
    place: int
    looked: Looked | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, under the old pipeline's keys."""
        box = {name: round(value, 2) for name, value in zip(CORNERS, self.box, strict=True)}
        told = {"label": self.label, "score": self.score, "box": box, "place": self.place}
        return told if self.looked is None else told | self.looked.to_json()

    def cell(self) -> FoundCell:
        """The same in a table."""
        left, top, right, bottom = (round(edge, 2) for edge in self.box)
        return {"label": self.label, "score": self.score, "xmin": left, "ymin": top, "xmax": right, "ymax": bottom}


@dataclass(frozen=True, kw_only=True)
class Detected(Result):
    """The objects in a picture, the likeliest first. `size`: its rows and columns of pixels, as it is held."""

    found: tuple[Found, ...]
    size: tuple[int, int]

    @property
    def marked(self) -> Marked:
        """As data sets have it: see data.boxes, which writes COCO's JSON and VOC's XML of it."""
        return Marked(Path(self.source), self.size, tuple(Mark(one.label, one.box, one.score) for one in self.found))

    def __str__(self) -> str:
        lines = [f"{visible(one.label)}  {one.score:.4f}  {' '.join(f'{edge:.0f}' for edge in one.box)}" for one in self.found]
        return "\n".join(lines) or "nothing found"

    def cells(self) -> Cells:
        """See Result."""
        rows, columns = self.size
        return {"": [one.cell() for one in self.found], "height": rows, "width": columns}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        rows, columns = self.size
        return {"found": [one.to_json() for one in self.found], "height": rows, "width": columns, **super().to_json()}
