"""Where a captioner looked, drawn onto the picture: what was not looked at lies in the dark."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...inputs.pictures import Picture, seen
from ...spec import Patches, Pictures
from .captioned import Captioned, Looked

DARK = 0.2                               # of the light, where nobody looked
TILE, LINE = 256, 18                     # pixels that the longer side of a picture on a sheet has, and a line under it


def overlay(picture: Picture, word: Looked, read: Pictures, squares: Patches) -> Image.Image:
    """A copy of the picture, as light at each square as it was looked at for a word; the square that was looked at most is all light.
    `read`, `squares`: how the model reads pictures."""
    shares = np.array(word.map, dtype=np.float32)
    light = Image.fromarray((255 * shares / max(float(shares.max()), 1e-12)).astype(np.uint8))
    left, top, right, bottom = _place(picture, read, squares)
    mask = Image.new("L", picture.image.size, 0)
    mask.paste(light.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.BICUBIC), (left, top))
    dark = picture.image.point(lambda value: value * DARK)
    return Image.composite(picture.image, dark, mask)


def _place(picture: Picture, read: Pictures, squares: Patches) -> tuple[int, int, int, int]:
    """Where on the picture the squares lie, in its own pixels; they may leave out its edges, or reach beyond them."""
    left, top, right, bottom = seen(picture.size, read)
    (rows, columns), size = squares.grid, squares.size
    across, down = (right - left) / squares.columns, (bottom - top) / squares.rows
    return round(left), round(top), round(left + across * columns * size), round(top + down * rows * size)


def sheet(picture: Picture, result: Captioned, read: Pictures, squares: Patches) -> Image.Image:
    """One picture of all words: the picture itself with the caption, then an overlay a word, with what the word loses without what was
    looked at, and without as much at random."""
    scale = min(1.0, TILE / max(picture.image.size))
    wide, high = (max(1, round(side * scale)) for side in picture.image.size)
    tiles = [(picture.image, result.text, "")]
    tiles += [(overlay(picture, word, read, squares), word.word, lost(word)) for word in result.words]
    columns = math.ceil(math.sqrt(len(tiles)))
    page = Image.new("RGB", (columns * wide, math.ceil(len(tiles) / columns) * (high + 2 * LINE)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(LINE * 2 // 3)
    for i, (image, *lines) in enumerate(tiles):
        x, y = i % columns * wide, i // columns * (high + 2 * LINE)
        page.paste(image.resize((wide, high), Image.Resampling.LANCZOS), (x, y))
        for n, line in enumerate(lines):
            pen.text((x + 2, y + high + n * LINE), _fitting(line, wide - 4, pen, font), fill="black", font=font)
    return page


def lost(word: Looked) -> str:
    """What a word loses of its log-probability without what was looked at most, and without as much at random, for people."""
    return f"{-word.fall:+.2f} (at random {-word.chance:+.2f})"


def _fitting(text: str, wide: int, pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    """As much of a line as there is room for, with three dots where that is not all."""
    if pen.textlength(text, font=font) <= wide:
        return text
    while text and pen.textlength(f"{text}...", font=font) > wide:
        text = text[:-1]
    return f"{text}..."
