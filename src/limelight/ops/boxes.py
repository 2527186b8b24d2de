"""Boxes in a picture. Two forms: corners (left, top, right, bottom), and centres (x, y, width, height); either in pixels or in shares."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """From centres."""
    middle, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat((middle - size / 2, middle + size / 2), -1)


def centres(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    """From corners."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return torch.cat(((first + last) / 2, last - first), -1)


def grid_centres(rows: int, columns: int) -> Float[Tensor, "n 2"]:
    """Where the middles of a grid's places stand, row by row: x and y in shares of the whole."""
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
    return torch.stack((x, y), -1).flatten(0, 1)


def areas(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Of corners; a box whose corners are the wrong way round has none."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def overlaps(a: Float[Tensor, "*#n 4"], b: Float[Tensor, "*#n 4"]) -> Float[Tensor, "*#n"]:
    """Intersection over union of boxes by corners, pair by pair (give a[:, None] and b for all pairs); 0 of two without an area."""
    shared, union = _shared(a, b)
    return shared / union.clamp(min=torch.finfo(union.dtype).tiny)


def general_overlaps(a: Float[Tensor, "*#n 4"], b: Float[Tensor, "*#n 4"]) -> Float[Tensor, "*#n"]:
    """Intersection over union, less the share of the smallest box around both that neither fills: it knows how far apart they are, too
    (Rezatofighi et al. 2019, algorithm 1). From -1 to 1; two equal boxes without an area are apart by nothing: 0."""
    shared, union = _shared(a, b)
    tiny = torch.finfo(union.dtype).tiny
    around = areas(torch.cat((torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])), -1))
    return shared / union.clamp(min=tiny) - (around - union) / around.clamp(min=tiny)


def suppress(boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"], *, most: float = 0.5) -> Int[Tensor, " k"]:
    """Which boxes (corners) stay, the likeliest first, when each takes away those after it that it overlaps by more than `most`
    (non-maximum suppression; Girshick et al. 2014, section 2.2). Of equal scores the earlier is the likelier."""
    order = scores.argsort(descending=True, stable=True)
    over = (overlaps(boxes[order, None], boxes[order][None]) > most).tolist()              # (n n)
    stay: list[int] = []
    for i in range(len(order)):
        if not any(over[j][i] for j in stay):
            stay.append(i)
    return order[stay]


def _shared(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The areas of what two boxes share, and of what they fill together."""
    shared = areas(torch.cat((torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])), -1))
    return shared, areas(a) + areas(b) - shared
