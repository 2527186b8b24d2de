"""Changes: pictures made other than they were, with boxes that stay true, so that a model learns from more than there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from PIL import Image, ImageEnhance
from pydantic import Field

from ...inputs.pictures import Picture
from ...values import value
from .marks import Corners, Mark

Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]
Strength = Annotated[float, Field(ge=0, lt=1)]
HUES = 256                               # of a whole turn of colours, as Pillow has them
TURNS = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.TRANSPOSE)

Seen = tuple[Picture, tuple[Mark, ...]]


@value
class Changes:
    """How pictures are changed, each by chance. `sides`, `ends`, `corners`: how many of them are turned left for right, upside down, and
    about their diagonal (rows for columns). `cut`: of how many a part is taken, whose sides are each `least` of the picture's at least; a
    box of which less than `seen` is in it is dropped. `light`, `contrast`, `colour`: these are multiplied by 1 more or less up to so much;
    `hue`: colours are turned by up to this share of the circle."""

    sides: Share = 0.5
    ends: Share = 0.0
    corners: Share = 0.0
    cut: Share = 0.5
    least: Part = 0.6
    seen: Share = 0.25
    light: Strength = 0.2
    contrast: Strength = 0.2
    colour: Strength = 0.2
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0


def changed(picture: Picture, marks: Sequence[Mark], how: Changes, dice: np.random.Generator) -> Seen:
    """A picture and its marks, changed as `dice` fall: the same for the same numbers. It draws as many of them whatever is done."""
    *turns, cut = (dice.random(4) < (how.sides, how.ends, how.corners, how.cut)).tolist()
    part, tints = dice.random(4), 2 * dice.random(4) - 1
    seen: Seen = (picture, tuple(marks))
    for wanted, way in zip(turns, TURNS, strict=True):
        seen = flipped(*seen, way) if wanted else seen
    if cut:
        seen = taken(*seen, _part(seen[0].size, how.least, part), seen=how.seen)
    light, contrast, colour, hue = (np.array([how.light, how.contrast, how.colour, how.hue]) * tints).tolist()
    return tinted(seen[0], light=1 + light, contrast=1 + contrast, colour=1 + colour, hue=hue), seen[1]


def flipped(picture: Picture, marks: Sequence[Mark], way: Image.Transpose) -> Seen:
    """Left for right, upside down, or rows for columns. Raises ValueError for another way of turning."""
    rows, columns = picture.size

    def moved(box: Corners) -> Corners:
        left, top, right, bottom = box
        match way:
            case Image.Transpose.FLIP_LEFT_RIGHT:
                return columns - right, top, columns - left, bottom
            case Image.Transpose.FLIP_TOP_BOTTOM:
                return left, rows - bottom, right, rows - top
            case Image.Transpose.TRANSPOSE:
                return top, left, bottom, right
        raise ValueError(f"boxes are not turned by {way.name}")

    return replace(picture, image=picture.image.transpose(way)), tuple(replace(each, box=moved(each.box)) for each in marks)


def taken(picture: Picture, marks: Sequence[Mark], part: tuple[int, int, int, int], *, seen: float = 0.0) -> Seen:
    """A part of the picture (left, top, right, bottom), with boxes that end where it does; those with no area in it are dropped, and those
    with less than the share `seen` of their own."""
    left, top, right, bottom = map(float, part)
    kept: list[Mark] = []
    for each in marks:
        a, b, c, d = each.box
        box = (max(a - left, 0.0), max(b - top, 0.0), min(c, right) - left, min(d, bottom) - top)
        inside = max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
        if inside > 0 and inside >= seen * (c - a) * (d - b):
            kept.append(replace(each, box=box))
    return replace(picture, image=picture.image.crop(part)), tuple(kept)


def tinted(picture: Picture, *, light: float = 1.0, contrast: float = 1.0, colour: float = 1.0, hue: float = 0.0) -> Picture:
    """Each number multiplied by `light`, its distance from the picture's mean grey by `contrast`, from its own grey by `colour`; colours
    turned by the share `hue` of a circle."""
    image = picture.image
    for kind, strength in ((ImageEnhance.Brightness, light), (ImageEnhance.Contrast, contrast), (ImageEnhance.Color, colour)):
        image = image if strength == 1.0 else kind(image).enhance(strength)
    if turn := round(hue * HUES):
        hues, *rest = image.convert("HSV").split()
        image = Image.merge("HSV", (hues.point([(each + turn) % HUES for each in range(HUES)]), *rest)).convert("RGB")
    return replace(picture, image=image)


def _part(size: tuple[int, int], least: float, drawn: np.ndarray) -> tuple[int, int, int, int]:
    """Where a part begins and ends; `drawn`: four numbers from 0 to 1, of how large it is and where it lies."""
    rows, columns = size
    high, wide = (max(1, round(side * (least + (1 - least) * share))) for side, share in zip(size, drawn[:2].tolist(), strict=True))
    top, left = round((rows - high) * float(drawn[2])), round((columns - wide) * float(drawn[3]))
    return left, top, left + wide, top + high
