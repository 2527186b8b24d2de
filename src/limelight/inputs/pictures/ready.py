"""A picture -> the numbers that a model wants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...spec import Pictures
from ..batch import Batch
from .reading import MOST_PIXELS, Picture

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def ready(pictures: Sequence[Picture], s: Pictures) -> Batch:
    """Pictures as `s` says -> a batch of them, (b 3 rows columns); where they differ in size the smaller ones get black to the right and
    below, and `keep` (b rows columns) is True on what is theirs. Raises InputError for one whose shape makes it too large."""
    made = [_numbers(each, s) for each in pictures]
    rows, columns = (max(each.shape[axis] for each in made) for axis in (1, 2))
    if all(each.shape[1:] == (rows, columns) for each in made):
        return Batch(torch.stack(made))
    values = torch.zeros(len(made), made[0].shape[0], rows, columns)
    keep: Bool[Tensor, "b r c"] = torch.zeros(len(made), rows, columns, dtype=torch.bool)
    for i, each in enumerate(made):
        values[i, :, : each.shape[1], : each.shape[2]] = each
        keep[i, : each.shape[1], : each.shape[2]] = True
    return Batch(values, keep)


def seen(size: tuple[int, int], s: Pictures) -> tuple[float, float, float, float]:
    """Which part of a picture of so many rows and columns the numbers are of: left, top, right and bottom in its own pixels. What lies
    outside of the picture is black."""
    rows, columns = size
    high, wide = s.size if s.size is not None else _kept_shape(rows, columns, s)
    crop = (high, wide) if s.crop is None else s.crop
    top, left = (high - crop[0]) // 2, (wide - crop[1]) // 2
    across, down = columns / wide, rows / high
    return left * across, top * down, (left + crop[1]) * across, (top + crop[0]) * down


def _numbers(picture: Picture, s: Pictures) -> Float[Tensor, "3 r c"]:
    image = _cropped(_resized(picture, s), s)
    x = torch.from_numpy(np.asarray(image).astype(np.float32)).permute(2, 0, 1) * s.scale
    if not s.mean:
        return x
    mean, std = (torch.tensor(each)[:, None, None] for each in (s.mean, s.std))
    return (x - mean) / std


def _resized(picture: Picture, s: Pictures) -> Image.Image:
    image = picture.image
    target = s.size if s.size is not None else _kept_shape(image.height, image.width, s)
    rows, columns = target
    if rows * columns > MOST_PIXELS:                                 # a line, made wide enough: 1 x 40,000 pixels at 224 are 2,007 million
        had = f"{picture.name} is {image.height:,} x {image.width:,} pixels"
        raise InputError(f"{had}; as the model wants it, it would have {rows:,} x {columns:,}.", "Cut it into pieces first.")
    return image if (rows, columns) == (image.height, image.width) else image.resize((columns, rows), FILTERS[s.filter])


def _kept_shape(rows: int, columns: int, s: Pictures) -> tuple[int, int]:
    """Rows and columns in the picture's own shape, but for what `multiple` takes off."""
    rows, columns = (max(s.multiple, each - each % s.multiple) for each in _in_shape(rows, columns, s))
    return rows, columns


def _in_shape(rows: int, columns: int, s: Pictures) -> tuple[int, int]:
    """The same in whole pixels, rounded as published processors do: one whose shorter side is right stays."""
    if s.shorter is None:
        return rows, columns
    short, long = min(rows, columns), max(rows, columns)
    wanted: float = s.shorter
    if s.longest is not None and long / short * wanted > s.longest:
        wanted = s.longest * short / long
    if short == round(wanted) and (s.multiple == 1 or rows <= columns):      # as the two kinds of processors that there are have it
        return rows, columns
    less, more = max(1, round(wanted)), max(1, int(wanted * long / short))
    return (less, more) if rows <= columns else (more, less)


def _cropped(image: Image.Image, s: Pictures) -> Image.Image:
    if s.crop is None:
        return image
    rows, columns = s.crop
    top, left = (image.height - rows) // 2, (image.width - columns) // 2
    return image.crop((left, top, left + columns, top + rows))       # outside of the picture is black
