"""Lessons: marked pictures as a model that finds objects learns from them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...errors import InputError, did_you_mean
from ...inputs.objects import Objects
from ...inputs.pictures import Picture, ready
from ...ops import areas, centres
from ...spec import Pictures
from .marks import Mark


def lesson(pictures: Sequence[Picture], marks: Sequence[Sequence[Mark]], labels: Sequence[str], s: Pictures) -> Objects:
    """Pictures, made ready as `s` says, beside the numbers of their marks' labels and their boxes, in shares of each picture.

    Boxes end where the picture does; what is hard is left out, and so is what has nothing in the picture. Raises InputError for a label
    that is not among `labels`, and for pictures that are cut when they are made ready, for then boxes would move.
    """
    if s.crop is not None:
        raise InputError(f"the model cuts pictures to {s.crop}, and boxes would move.", "Use a size, or a shorter side.")
    numbers = {label: number for number, label in enumerate(labels)}
    kinds, boxes = list[torch.Tensor](), list[torch.Tensor]()
    for picture, mine in zip(pictures, marks, strict=True):
        rows, columns = picture.size
        known = [each for each in mine if not each.hard]
        if odd := next((each.label for each in known if each.label not in numbers), None):
            raise InputError(f"{picture.name}: the model knows no {odd[:40]!r}.", did_you_mean(odd, labels))
        whole = torch.tensor([columns, rows, columns, rows], dtype=torch.float64)
        edges = torch.tensor([each.box for each in known], dtype=torch.float64).reshape(-1, 4)
        edges = torch.minimum(edges.clamp(min=0), whole) / whole
        there = areas(edges) > 0
        kinds.append(torch.tensor([numbers[each.label] for each in known], dtype=torch.long)[there])
        boxes.append(centres(edges[there]).float())
    return Objects(ready(pictures, s), tuple(kinds), tuple(boxes))
