"""Things of a scene: what they are, where they stand, and how two of them stand to each other."""

from __future__ import annotations

from typing import Literal, NamedTuple

Shape = Literal["circle", "square", "triangle", "cross"]
Relation = Literal["left", "right", "above", "below"]

SHAPES: tuple[Shape, ...] = ("circle", "square", "triangle", "cross")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 40, 44),
    "orange": (245, 140, 30),
    "yellow": (238, 210, 40),
    "green": (40, 160, 66),
    "blue": (48, 84, 216),
    "purple": (150, 58, 182),
}
SIZES: dict[str, float] = {"small": 0.09, "large": 0.17}             # half the width, as a share of the picture's side
RELATIONS: dict[Relation, Relation] = {"left": "right", "right": "left", "above": "below", "below": "above"}     # and what they are turned


class Kind(NamedTuple):
    """What a thing is."""

    size: str
    colour: str
    shape: Shape


class Thing(NamedTuple):
    """A thing of a scene. `x`, `y`: its middle, `reach`: half its width and height, as shares of the picture's side, from the top left."""

    kind: Kind
    x: float
    y: float
    reach: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.x - self.reach, self.y - self.reach, self.x + self.reach, self.y + self.reach


class Scene(NamedTuple):
    """Things that do not touch. `said`: which pairs of them are told of, (first, second): how the first stands to the second."""

    things: tuple[Thing, ...]
    said: tuple[tuple[int, int], ...]


def relation(a: Thing, b: Thing) -> Relation:
    """How `a` stands to `b`: along the axis on which they are further apart."""
    across, down = a.x - b.x, a.y - b.y
    if abs(across) > abs(down):
        return "left" if across < 0 else "right"
    return "above" if down < 0 else "below"
