"""Marks: what there is to see in a picture, and where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...inputs.pictures import Picture, read

Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """A box around an object. `box`: left, top, right and bottom in pixels, counted from the picture's first corner. `score`: how sure is
    who found it; None where it is known. `hard`: a crowd, or what people can hardly tell: it is not learnt, and does not count in scores.

    Raises InputError for corners that are no numbers, or the wrong way round.
    """

    label: str
    box: Corners
    score: float | None = None
    hard: bool = False

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (all(map(math.isfinite, self.box)) and left <= right and top <= bottom):
            raise InputError(f"a box has left <= right and top <= bottom: got {self.box} of {self.label[:40]!r}.", "Which corner is first?")


@dataclass(frozen=True)
class Marked:
    """A picture's file, its rows and columns of pixels, and all that is marked in it."""

    path: Path
    size: tuple[int, int]
    marks: tuple[Mark, ...] = ()

    def picture(self) -> Picture:
        """As it is read. Raises InputError for one that cannot be, or that has another size than its marks are for."""
        found = read(self.path)
        self.check(found.size)
        return found

    def check(self, size: tuple[int, int]) -> None:
        """Raises InputError for a picture of another size: its boxes would be around something else."""
        if size != self.size:
            (rows, columns), (high, wide) = self.size, size
            said = f"{self.path}: its marks are for {rows} x {columns} pixels, and it has {high} x {wide}"
            raise InputError(f"{said}.", "Was it turned or resized after it was marked?")


@dataclass(frozen=True)
class Album:
    """Marked pictures in an order that does not change, and the labels of the whole set they are of, in its own order."""

    labels: tuple[str, ...]
    pictures: tuple[Marked, ...]
