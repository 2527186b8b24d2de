"""Lessons of objects: pictures, changed anew each time, beside the boxes of what there is to see in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..inputs.objects import Objects
from ..inputs.pictures import Picture, read
from ..spec import Pictures
from .boxes import Changes, Mark, Marked, changed, lesson
from .shown import Painted

Example = Painted | Marked
PLAIN = Changes(sides=0.0, cut=0.0, light=0.0, contrast=0.0, colour=0.0)


@dataclass(frozen=True)
class BoxLessons:
    """Makes pictures with boxes into a lesson. `labels`: what is told apart; `pictures`: how they are made ready; `how`: how changed."""

    labels: tuple[str, ...]
    pictures: Pictures
    how: Changes

    def __call__(self, examples: Sequence[Example], random: np.random.Generator) -> Objects:
        """See data.boxes.lesson."""
        seen = [changed(*marked(each), self.how, random) for each in examples]
        return lesson([picture for picture, _ in seen], [marks for _, marks in seen], self.labels, self.pictures)


def marked(example: Example) -> tuple[Picture, tuple[Mark, ...]]:
    """A picture with its marks. Raises InputError for a file that cannot be read."""
    return read(example.path) if isinstance(example, Marked) else example.picture(), as_marked(example).marks


def as_marked(example: Example) -> Marked:
    """What is to be found in a picture; the things of a scene are labelled by their shapes."""
    if isinstance(example, Marked):
        return example
    edges = ((each.kind.shape, [edge * example.side for edge in each.box]) for each in example.scene.things)
    marks = tuple(Mark(shape, (left, top, right, bottom)) for shape, (left, top, right, bottom) in edges)
    return Marked(Path(example.name), (example.side, example.side), marks)
