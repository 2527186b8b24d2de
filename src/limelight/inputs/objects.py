"""Objects: what a model that finds them learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import InputError
from .batch import Batch


@dataclass(frozen=True, eq=False)
class Objects:
    """Pictures beside what there is to see in each: `labels`, the numbers of the objects' kinds, and `boxes`, as spec.Boxes has them:
    centre, width and height in shares of the picture's own size, without what is around it. A picture may have none.

    Raises InputError where these do not go together, and for boxes outside of the picture.
    """

    batch: Batch
    labels: tuple[Int[Tensor, " _"], ...]
    boxes: tuple[Float[Tensor, "_ 4"], ...]

    def __post_init__(self) -> None:
        if not len(self.batch) == len(self.labels) == len(self.boxes):
            have = f"{len(self.batch)} pictures, {len(self.labels)} of labels and {len(self.boxes)} of boxes"
            raise InputError(f"each picture has its labels and its boxes: got {have}.", "Give empty ones for a picture of nothing.")
        for i, (labels, boxes) in enumerate(zip(self.labels, self.boxes, strict=True)):
            if len(labels) != len(boxes):
                raise InputError(f"picture {i} has {len(labels)} labels and {len(boxes)} boxes.", "Give one label a box.")
            if not bool(((boxes >= 0) & (boxes <= 1)).all()):
                raise InputError(f"picture {i} has boxes that are no shares of it: got {boxes.min():.4g} to {boxes.max():.4g}.",
                                 "Divide x and width by its width, y and height by its height.")

    def to(self, device: torch.device | str) -> Objects:
        """The same on another device."""
        labels, boxes = (tuple(each.to(device, non_blocking=True) for each in part) for part in (self.labels, self.boxes))
        return Objects(self.batch.to(device), labels, boxes)
