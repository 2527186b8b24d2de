"""What is to be seen in a picture of a scene, found by rule: colours apart from the background, pieces that hang together, outlines.

It knows nothing of how scenes are painted but their colours and sizes, and reads pictures that a model drew, soft edges included.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from .things import COLOURS, SHAPES, SIZES, Kind, Shape, Thing

AWAY = 70.0                              # from the background, in bytes: what belongs to a thing
LEAST = 0.008                            # of the picture's area: smaller pieces are specks
EDGE = 0.15                              # what a pixel beside a thing is filled with at least, to be its edge
ARM = 1 / 3
FINER = 4                                # outlines are made so many times finer than the picture

Picture = UInt8[np.ndarray, "h w 3"]
Mask = Bool[np.ndarray, "h w"]


def find(picture: Picture) -> tuple[Thing, ...]:
    """The things of a square picture, from the largest to the smallest. Of pieces that touch, two colours are two things."""
    pixels = picture.astype(np.float64)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(rim, axis=0)
    there = np.linalg.norm(pixels - ground, axis=-1) > AWAY
    named = _nearest(pixels)
    pieces = [mask for colour in range(len(COLOURS)) for mask in _pieces(there & (named == colour))]
    large = [mask for mask in pieces if mask.sum() >= LEAST * there.size and _inside(mask).any()]
    return tuple(_thing(mask, pixels, ground) for mask in sorted(large, key=lambda mask: -int(mask.sum())))


def _nearest(pixels: Float[np.ndarray, "h w 3"]) -> Int[np.ndarray, "h w"]:
    """Which colour each pixel is nearest to, in hue: soft edges are paler, not of another hue."""
    def chroma(colour: np.ndarray) -> np.ndarray:
        apart = colour - colour.mean(-1, keepdims=True)
        return apart / np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-9)

    known = chroma(np.array(list(COLOURS.values()), dtype=np.float64))
    return (chroma(pixels) @ known.T).argmax(-1)


def _pieces(mask: Mask) -> list[Mask]:
    """The parts of a mask that hang together, corners included."""
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:                                                      # each takes the largest number of its neighbours
        wide = np.pad(numbers, 1)
        rows, columns = mask.shape
        around = [wide[r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
        spread = np.where(mask, np.maximum.reduce(around), 0)
        if (spread == numbers).all():
            return [numbers == each for each in np.unique(numbers) if each]
        numbers = spread


def _inside(mask: Mask) -> Mask:
    """Places with others on all four sides; a soft edge, whose hue may be that of another colour, has none."""
    wide = np.pad(mask, 1)
    return mask & wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:]


def _thing(mask: Mask, pixels: Float[np.ndarray, "h w 3"], ground: Float[np.ndarray, " 3"]) -> Thing:
    seen = np.median(pixels[_inside(mask)], axis=0)
    away = seen - ground
    share = np.where(_wider(mask), (pixels - ground) @ away / (away @ away), 0).clip(0, 1)       # how much of a pixel the thing fills
    (top, high), (left, wide) = (_extent(share.max(axis)) for axis in (1, 0))
    colours = np.array(list(COLOURS.values()), dtype=np.float64)
    colour = list(COLOURS)[int(np.linalg.norm(colours - seen, axis=1).argmin())]
    side = len(mask)
    reach = (high + wide) / 4 / side
    size = min(SIZES, key=lambda name: abs(SIZES[name] - reach))
    shape = max(SHAPES, key=lambda name: _overlap(share, _outline(name, side, (top, left, high, wide))))
    return Thing(Kind(size, colour, shape), (left + wide / 2) / side, (top + high / 2) / side, reach)


def _wider(mask: Mask) -> Mask:
    """The places of a mask, and those beside them."""
    rows, columns = mask.shape
    wide = np.pad(mask, 1)
    return np.logical_or.reduce([wide[r : r + rows, c : c + columns] for r in range(3) for c in range(3)])


def _extent(filled: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """Where a thing begins along an axis, and how long it is, by how much of each pixel it fills at most: a first one half filled counts
    half."""
    there = np.flatnonzero(filled > 0.5)
    first, last = int(there[0]), int(there[-1])
    before = float(filled[first - 1]) if first else 0.0
    begin = first - before if before > EDGE else first + 1 - float(filled[first])
    after = float(filled[last + 1]) if last + 1 < len(filled) else 0.0
    end = last + 1 + after if after > EDGE else last + float(filled[last])
    return begin, end - begin


def _overlap(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> float:
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


def _outline(shape: Shape, side: int, box: tuple[float, float, float, float]) -> Float[np.ndarray, "h w"]:
    """How much of each pixel the shape fills whose box (top, left, height, width) is this."""
    top, left, high, wide = box
    y, x = (np.mgrid[0 : side * FINER, 0 : side * FINER] + 0.5) / FINER
    y, x = 2 * (y - top) / high - 1, 2 * (x - left) / wide - 1       # from -1 to 1 in the box
    box_of = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    match shape:
        case "circle":
            inside = x**2 + y**2 <= 1
        case "square":
            inside = box_of
        case "triangle":
            inside = box_of & (np.abs(x) <= (y + 1) / 2)
        case "cross":
            inside = box_of & ((np.abs(x) <= ARM) | (np.abs(y) <= ARM))
    return inside.reshape(side, FINER, side, FINER).mean((1, 3))
