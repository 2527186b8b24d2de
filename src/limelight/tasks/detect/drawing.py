"""What was found, drawn onto its picture: boxes with labels and scores, and where the places that found them looked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...data.boxes.marks import Corners
from ...inputs.pictures import Picture
from .detected import Detected, Found

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000", "#808000", "#000075")
DARK = 0.2                               # of the light, where nobody looked
LEAST = 320                              # pixels of the longer side below which a picture is made larger to be drawn on
TILE = 384                               # pixels that the longer side of a picture on a sheet has at most


def enlarged(picture: Picture, result: Detected) -> tuple[Picture, Detected]:
    """A picture so small that labels would hide it, made larger by a whole number, pixel by pixel, with what was found in it."""
    image, times = picture.image, math.ceil(LEAST / max(picture.image.size))
    if times <= 1:
        return picture, result
    larger = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    found = tuple(replace(one, box=_scaled(one.box, times)) for one in result.found)
    return replace(picture, image=larger), replace(result, found=found, size=(larger.height, larger.width))


def _scaled(box: Corners, times: int) -> Corners:
    left, top, right, bottom = box
    return left * times, top * times, right * times, bottom * times


def drawn(picture: Picture, result: Detected) -> Image.Image:
    """A copy of the picture with its boxes, the likeliest on top; a label has one colour."""
    return _boxed(picture.image.copy(), result.found, _labels(result))


def overlay(picture: Picture, one: Found, labels: Sequence[str] = ()) -> Image.Image:
    """A copy of the picture, as light at each cell of the grid as it was looked at for an object, with its box and the share of attention
    inside. Of one that was not looked at, as light as it is. `labels`: all that have a colour of their own, in order."""
    image = picture.image.copy()
    if one.looked is not None:
        shares = np.array(one.looked.grid, dtype=np.float32)
        light = Image.fromarray((255 * shares / max(float(shares.max()), 1e-12)).astype(np.uint8))
        down, across = one.looked.reach
        mask = Image.new("L", image.size, 0)
        mask.paste(light.resize((max(1, round(across * image.width)), max(1, round(down * image.height))), Image.Resampling.BICUBIC))
        image = Image.composite(image, image.point(lambda value: value * DARK), mask)
    return _boxed(image, [one], labels or [one.label], told="" if one.looked is None else f", {one.looked.trust:.0%} inside")


def sheet(picture: Picture, result: Detected) -> Image.Image:
    """The picture with all boxes, and beside it an overlay for each object; smaller than it is, where it is large."""
    tiles = [drawn(picture, result), *(overlay(picture, one, _labels(result)) for one in result.found)]
    scale = min(1.0, TILE / max(picture.image.size))
    wide, high = (max(1, round(side * scale)) for side in picture.image.size)
    columns = math.ceil(math.sqrt(len(tiles)))
    page = Image.new("RGB", (columns * wide, math.ceil(len(tiles) / columns) * high), "white")
    for i, tile in enumerate(tiles):
        page.paste(tile.resize((wide, high), Image.Resampling.LANCZOS), (i % columns * wide, i // columns * high))
    return page


def _labels(result: Detected) -> Sequence[str]:
    return sorted({one.label for one in result.found})


def _boxed(image: Image.Image, found: Sequence[Found], labels: Sequence[str], *, told: str = "") -> Image.Image:
    pen, short = ImageDraw.Draw(image), min(image.size)
    width, font = max(1, short // 200), ImageFont.load_default(max(10, short // 40))
    for one in reversed(found):
        left, top, right, bottom = one.box
        colour, said = COLOURS[labels.index(one.label) % len(COLOURS)], f"{one.label} {one.score:.2f}{told}"
        pen.rectangle((left, top, right, bottom), outline=colour, width=width)
        _, _, wide, high = pen.textbbox((0, 0), said, font=font)
        x, y = min(left, max(0, image.width - wide)), top - high if top >= high else top
        pen.rectangle((x, y, x + wide, y + high), fill=colour)
        pen.text((x, y), said, fill="white", font=font)
    return image
