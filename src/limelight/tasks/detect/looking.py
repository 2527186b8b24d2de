"""Where the place that found an object looked, on a grid over the picture, and how much of that lies within its box."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.boxes.marks import Corners
from ...look import View
from ...spec import Features, Patches, Stack
from .detected import Looked


def looked_from(view: View, row: int, place: int, places: int) -> Float[Tensor, " k"]:
    """The attention of a place that looks for objects, of one picture of a batch, the mean over heads. Such places are the last queries: of
    a decoder, all of them."""
    at = view.shape()[2] - places + place
    return view.weights(queries=slice(at, at + 1))[row].mean(0)[0].cpu()                  # (h 1 k) -> (k)


def on_grid(seen: Float[Tensor, " k"], reads: Stack, size: tuple[int, int], box: Corners) -> Looked | None:
    """The same on the picture, which is `size` (rows and columns of pixels) as the model reads it; edges of `box` are shares of that. A
    cell that the box cuts counts by its part inside. None of a model that has no grid over the picture."""
    match reads.input:
        case Features() as s:
            first, step, (rows, columns) = 0, 2**s.halvings, s.grid(*size)
        case Patches() as s:
            first, step, rows, columns = s.before, s.size, size[0] // s.size, size[1] // s.size
        case _:
            return None
    grid = seen[first : first + rows * columns].unflatten(0, (rows, columns))
    left, top, right, bottom = box
    down = _inside(rows, step, size[0], top * size[0], bottom * size[0])
    across = _inside(columns, step, size[1], left * size[1], right * size[1])
    reach = (rows * step / size[0], columns * step / size[1])
    return Looked(tuple(map(tuple, grid.tolist())), reach, float(down @ grid.double() @ across))


def _inside(count: int, step: int, length: int, low: float, high: float) -> Float[Tensor, " n"]:
    """The share of each of `count` cells, `step` pixels long, that lies from `low` to `high`; the last may end with the picture."""
    first = torch.arange(count, dtype=torch.float64) * step
    last = (first + step).clamp(max=length)
    return (last.clamp(max=high) - first.clamp(min=low)).clamp(min=0) / (last - first)
