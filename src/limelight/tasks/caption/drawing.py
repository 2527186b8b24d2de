"""Where a captioner looked, drawn onto the picture: what was not looked at lies in the dark."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...inputs.pictures import Picture, seen
from ...spec import Patches, Pictures
from .captioned import Captioned, Looked

DARK = 0.2                               # of the light, where nobody looked
TILE, LINE, GAP = 256, 18, 6             # pixels: the longer side of a picture on a sheet, a line under it, what is left between two


def overlay(picture: Picture, word: Looked, read: Pictures, squares: Patches) -> Image.Image:
    """A copy of the picture, as light at each square as it was looked at for a word; the square that was looked at most is all light.
    `read`, `squares`: how the model reads pictures."""
    shares = np.array(word.map, dtype=np.float32)
    light = Image.fromarray((255 * shares / max(float(shares.max()), 1e-12)).astype(np.uint8))
    left, top, right, bottom = place(picture, read, squares)
    mask = Image.new("L", picture.image.size, 0)
    mask.paste(light.resize((max(1, right - left), max(1, bottom - top)), Image.Resampling.BICUBIC), (left, top))
    dark = picture.image.point(lambda value: value * DARK)
    return Image.composite(picture.image, dark, mask)


def place(picture: Picture, read: Pictures, squares: Patches) -> tuple[int, int, int, int]:
    """Where on the picture the squares lie, in its own pixels; they may leave out its edges, or reach beyond them."""
    left, top, right, bottom = seen(picture.size, read)
    (rows, columns), size = squares.grid, squares.size
    across, down = (right - left) / squares.columns, (bottom - top) / squares.rows
    return round(left), round(top), round(left + across * columns * size), round(top + down * rows * size)


def sheet(picture: Picture, result: Captioned, read: Pictures, squares: Patches) -> Image.Image:
    """One picture of all words: the picture itself with the caption, then an overlay a word, with what the word loses without what was
    looked at, and without as much at random."""
    scale = TILE / max(picture.image.size)
    wide, high = (max(1, round(side * scale)) for side in picture.image.size)
    tiles = [(picture.image, result.text)]
    tiles += [(overlay(picture, word, read, squares), f"{word.word}\n{lost(word)}") for word in result.words]
    columns, room = math.ceil(math.sqrt(len(tiles))), high + 2 * LINE
    rows = math.ceil(len(tiles) / columns)
    page = Image.new("RGB", (columns * (wide + GAP) - GAP, rows * (room + GAP) - GAP), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(LINE * 2 // 3)
    for i, (image, said) in enumerate(tiles):
        x, y = i % columns * (wide + GAP), i // columns * (room + GAP)
        page.paste(image.resize((wide, high), Image.Resampling.LANCZOS), (x, y))
        for n, line in enumerate(_lines(said, lambda text: pen.textlength(text, font=font) <= wide)):
            pen.text((x, y + high + n * LINE), line, fill="black", font=font)
    return page


def _lines(text: str, fits: Callable[[str], bool]) -> list[str]:
    """A text in two lines, broken where it says so or between words; three dots stand for what there is no room for."""
    first, _, rest = text.partition("\n")
    if not rest and not fits(first) and " " in first:
        words = first.split(" ")
        keep = next((n for n in range(len(words) - 1, 0, -1) if fits(" ".join(words[:n]))), 1)
        first, rest = " ".join(words[:keep]), " ".join(words[keep:])
    return [_fitting(line, fits) for line in (first, rest)]


def _fitting(text: str, fits: Callable[[str], bool]) -> str:
    if fits(text):
        return text
    while text and not fits(f"{text}..."):
        text = text[:-1]
    return f"{text}..."


def lost(word: Looked) -> str:
    """What a word loses of its log-probability without what was looked at most, and without as much at random, for people."""
    return f"{-word.fall:+.2f} (at random {-word.chance:+.2f})"
